//! Clients and services of the web in Python.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use super::gateway::{Gateway, repository};
use super::process::{Outcome, run};
use super::python::installed;

static PACKAGES: LazyLock<PathBuf> =
    LazyLock::new(|| installed("web-2", "tests/web/requirements.txt"));

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/web").join(script));
    command.env("PYTHONPATH", &*PACKAGES).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A service of WebSockets on the package `websockets`.
pub(crate) struct Talker {
    pub(crate) port: u16,
    said: BufReader<ChildStdout>,
    process: Child,
}

impl Talker {
    pub(crate) fn start() -> Self {
        let mut command = python("socket_service.py");
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("it said {line:?}"));
        Self { port, said, process }
    }

    /// Ends it, and gives what it heard.
    pub(crate) fn heard(mut self) -> Vec<String> {
        drop(self.process.stdin.take());
        let heard = self.said.by_ref().lines().map(Result::unwrap).collect();
        let _ = self.process.wait();
        heard
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A script that asks a path of the connection `api`, by this scheme, as `api-agent`.
pub(crate) fn asks(
    gateway: &Gateway,
    (script, scheme): (&str, &str),
    path: &str,
    arguments: &[&str],
) -> Outcome {
    let mut command = python(script);
    command.arg(format!("{scheme}://{}/c/api{path}", gateway.address("http"))).args(arguments);
    command.env("TOKEN", gateway.token("agent-7", "api-agent"));
    command.env("SSL_CERT_FILE", gateway.folder.path().join("data/tls-cert.pem"));
    run(&mut command)
}
