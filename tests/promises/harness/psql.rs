//! psql, as an agent would run it.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::process::{Outcome, run};

/// psql with a token, towards a gateway.
#[derive(Clone)]
pub(crate) struct Psql {
    port: u16,
    token: String,
    user: String,
    sslmode: &'static str,
    options: Vec<(&'static str, String)>,
}

impl Psql {
    pub(crate) fn new(port: u16, token: &str) -> Self {
        Self {
            port,
            token: token.to_owned(),
            user: "orders".to_owned(),
            sslmode: "require",
            options: vec![],
        }
    }

    /// Picks another connection.
    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    pub(crate) fn sslmode(mut self, sslmode: &'static str) -> Self {
        self.sslmode = sslmode;
        self
    }

    /// An environment variable of libpq's.
    pub(crate) fn option(mut self, name: &'static str, value: &str) -> Self {
        self.options.push((name, value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new("psql");
        let target = format!(
            "host=127.0.0.1 port={} user={} dbname=orders sslmode={}",
            self.port, self.user, self.sslmode
        );
        command.args(["-X", "-A", "-t", "-F", "|", "-v", "VERBOSITY=verbose"]).arg(target);
        command.env("PGPASSWORD", &self.token).env("LC_ALL", "C.UTF-8");
        command.env("PGCONNECT_TIMEOUT", "30");
        for (name, value) in &self.options {
            command.env(name, value);
        }
        command
    }

    /// Runs each text as a command of its own, all in one session.
    pub(crate) fn run(&self, texts: &[&str]) -> Outcome {
        let mut command = self.command();
        for text in texts {
            command.args(["-c", text]);
        }
        run(&mut command)
    }

    /// Runs one text that must succeed, and gives its output.
    pub(crate) fn query(&self, text: &str) -> String {
        let outcome = self.run(&[text]);
        assert!(outcome.ok, "{text}: {}", outcome.stderr);
        outcome.stdout.trim_end().to_owned()
    }

    /// Runs one text that must fail, and gives its error.
    pub(crate) fn error(&self, text: &str) -> String {
        let outcome = self.run(&[text]);
        assert!(!outcome.ok, "{text} passed: {}", outcome.stdout);
        outcome.stderr
    }

    /// Starts psql with texts and does not wait for it.
    pub(crate) fn start(&self, texts: &[&str]) -> Child {
        let mut command = self.command();
        for text in texts {
            command.args(["-c", text]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts psql that reads commands as they are given.
    pub(crate) fn interactive(&self) -> Interactive {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Interactive { process: command.spawn().unwrap() }
    }
}

/// A psql that is open.
pub(crate) struct Interactive {
    process: Child,
}

impl Interactive {
    pub(crate) fn say(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Ends it, and gives what it printed.
    pub(crate) fn end(mut self) -> Outcome {
        drop(self.process.stdin.take());
        finish(self.process)
    }
}

/// Waits for a psql that was started.
pub(crate) fn finish(process: Child) -> Outcome {
    let output = process.wait_with_output().unwrap();
    Outcome {
        ok: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
