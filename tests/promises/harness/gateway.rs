//! The real binary, running on a configuration of the test's own.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::postgres::{PASSWORD, Postgres};
use super::process::{Outcome, run, until};
use super::psql::Psql;

/// What differs from the usual configuration.
pub(crate) struct Settings {
    /// Policy files: text of a policy file each, or `None` for the shipped baseline.
    pub(crate) policy: Option<String>,
    /// Whether tokens may be sent without TLS, for clients that speak none.
    pub(crate) insecure: bool,
    /// How the server is reached.
    pub(crate) server_tls: &'static str,
    /// Whether policies follow their files.
    pub(crate) watch: bool,
    /// What is logged; the usual where left out.
    pub(crate) log: Option<&'static str>,
    /// More lines under `[listen]`.
    pub(crate) listen: String,
    /// More lines under `[policies]`.
    pub(crate) policy_lines: String,
    /// More lines for the configuration file.
    pub(crate) more: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: None,
            insecure: false,
            server_tls: "prefer",
            watch: false,
            log: None,
            listen: String::new(),
            policy_lines: String::new(),
            more: String::new(),
        }
    }
}

impl Settings {
    /// Tokens may be sent without TLS.
    pub(crate) fn insecure() -> Self {
        Self { insecure: true, ..Self::default() }
    }

    /// This policy file instead of the baseline.
    pub(crate) fn policy(text: &str) -> Self {
        Self { policy: Some(text.to_owned()), ..Self::default() }
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    log: Option<&'static str>,
    process: Child,
}

impl Gateway {
    pub(crate) fn start(postgres: &Postgres, settings: Settings) -> Self {
        Self::before(postgres.port, settings)
    }

    /// One whose PostgreSQL connections lead to a port where nothing need be.
    pub(crate) fn before(port: u16, settings: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        write_configuration(folder.path(), port, &settings);
        let (process, port) = serve(folder.path(), settings.watch, settings.log);
        Self { folder, port, log: settings.log, process }
    }

    /// Ends it without any chance to clean up, and starts it anew on the same data.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        (self.process, self.port) = serve(self.folder.path(), false, self.log);
    }

    /// Starts it anew on the same data, after it ended.
    pub(crate) fn restart(&mut self) {
        (self.process, self.port) = serve(self.folder.path(), false, self.log);
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        terminate(&mut self.process);
    }

    /// Ends it without any chance to clean up.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Runs a command of the CLI as whoever can read the data folder.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Outcome {
        run(cli(self.folder.path()).args(arguments))
    }

    /// Runs a command of the CLI as the bearer of a token.
    pub(crate) fn cli_as(&self, token: &str, arguments: &[&str]) -> Outcome {
        run(cli(self.folder.path()).args(arguments).env("PALISADE_TOKEN", token))
    }

    /// Runs a command with `--json`, which must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let outcome = run(cli(self.folder.path()).args(arguments).arg("--json"));
        assert!(outcome.ok, "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stdout))
    }

    /// A token for a subject with a role.
    pub(crate) fn token(&self, subject: &str, role: &str) -> String {
        self.token_for(subject, role, "15m")
    }

    pub(crate) fn token_for(&self, subject: &str, role: &str, ttl: &str) -> String {
        let outcome = self.cli(&["token", "--subject", subject, "--role", role, "--ttl", ttl]);
        assert!(outcome.ok, "{}", outcome.stderr);
        outcome.stdout.trim().to_owned()
    }

    /// psql as the agent that most tests speak of.
    pub(crate) fn agent(&self) -> Psql {
        Psql::new(self.port, &self.token("agent-7", "support-agent"))
    }

    /// The one hold that waits, once it does.
    pub(crate) fn hold(&self) -> Value {
        until("a hold", || {
            self.json(&["approvals", "list"]).into_iter().find(|hold| hold["state"] == "open")
        })
    }

    /// Grants what is held, as somebody who may.
    pub(crate) fn approve(&self, hold: &Value) {
        let token = self.token("boss", "approver");
        let id = hold["id"].as_str().unwrap();
        let approved = self.cli_as(&token, &["approvals", "approve", id]);
        assert!(approved.ok, "{approved:?}");
    }

    /// Waits until a session that is open has begun its first command.
    pub(crate) fn wait_for_a_first_command(&self) {
        until("a first command", || {
            let sessions = self.json(&["sessions", "list"]);
            let begun = |it: &Value| it["state"] == "open" && it["commands"] == 1;
            sessions.iter().any(begun).then_some(())
        });
    }

    /// Everything that happened in the newest session.
    pub(crate) fn events(&self) -> Vec<Value> {
        let sessions = self.json(&["sessions", "list"]);
        let Some(newest) = sessions.first() else { return vec![] };
        self.events_of(newest["id"].as_str().unwrap())
    }

    /// Everything that happened in a session.
    pub(crate) fn events_of(&self, session: &str) -> Vec<Value> {
        let shown = self.json(&["sessions", "show", session]);
        shown[0]["events"].as_array().expect("its events").clone()
    }

    /// What it counts, as a watcher reads it.
    pub(crate) fn metrics(&self) -> String {
        self.ask("/v1/metrics", &self.token("watcher", "administrator"))
    }

    /// What the admin API answers to whoever has no command line of ours: head and body.
    pub(crate) fn ask(&self, path: &str, token: &str) -> String {
        let listening = self.folder.path().join("data/listening.json");
        let listening: Value = serde_json::from_slice(&std::fs::read(listening).unwrap()).unwrap();
        let mut stream = TcpStream::connect(listening["admin"].as_str().unwrap()).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// What it answers to a JSON body, head and all, as an administrator sees it.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let listening = self.folder.path().join("data/listening.json");
        let listening: Value = serde_json::from_slice(&std::fs::read(listening).unwrap()).unwrap();
        let mut stream = TcpStream::connect(listening["admin"].as_str().unwrap()).unwrap();
        let token = self.token("ada", "administrator");
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Where it listens, by the name of what is spoken there.
    pub(crate) fn address(&self, what: &str) -> String {
        let listening = self.folder.path().join("data/listening.json");
        let listening: Value = serde_json::from_slice(&std::fs::read(listening).unwrap()).unwrap();
        listening[what].as_str().unwrap().to_owned()
    }

    /// What it said on its standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Every byte that it keeps, its log included, as text.
    pub(crate) fn everything_kept(&self) -> String {
        let mut kept = String::new();
        gather(self.folder.path(), &mut kept);
        kept
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}", self.log());
        }
        terminate(&mut self.process);
    }
}

/// The CLI with a gateway's configuration.
pub(crate) fn cli(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.arg("--config").arg(folder.join("palisade.toml"));
    command.env("API_SECRET", super::web::SECRET);
    command.env("ORDERS_PASSWORD", PASSWORD).env_remove("PALISADE_TOKEN").env("NO_COLOR", "1");
    command
}

fn terminate(process: &mut Child) {
    // One that has ended may have left its number to another.
    if process.try_wait().is_ok_and(|ended| ended.is_some()) {
        return;
    }
    let _ = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    let _ = process.wait();
}

fn serve(folder: &Path, watch: bool, filter: Option<&str>) -> (Child, u16) {
    let listening = folder.join("data/listening.json");
    let _ = std::fs::remove_file(&listening);
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let mut command = cli(folder);
    command
        .arg("serve")
        .args(watch.then_some("--watch"))
        .args(filter.into_iter().flat_map(|filter| ["--log", filter]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.unwrap());
    let mut process = command.spawn().unwrap();
    let address = until("the gateway to listen", || {
        if let Some(status) = process.try_wait().unwrap() {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("the gateway ended with {status}:\n{log}");
        }
        let text = std::fs::read_to_string(&listening).ok()?;
        let addresses: Value = serde_json::from_str(&text).ok()?;
        Some(addresses["postgres"].as_str()?.to_owned())
    });
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    (process, port)
}

fn write_configuration(folder: &Path, port: u16, settings: &Settings) {
    let policy = match &settings.policy {
        None => repository().join("policies/baseline.toml"),
        Some(text) => {
            std::fs::write(folder.join("policy.toml"), text).unwrap();
            folder.join("policy.toml")
        }
    };
    let mut text = format!(
        r#"
data_dir = "data"
[listen]
postgres = "127.0.0.1:0"
admin = "127.0.0.1:0"
insecure = {}
{}
[[connection]]
name = "orders"
protocol = "postgres"
address = "127.0.0.1:{port}"
database = "orders"
username = "svc_orders"
password = {{ env = "ORDERS_PASSWORD" }}
tls = "{}"
labels = {{ env = "prod" }}
[[connection]]
name = "payments"
protocol = "postgres"
address = "127.0.0.1:{port}"
database = "orders"
username = "svc_orders"
password = {{ env = "ORDERS_PASSWORD" }}
tls = "disable"
[[role]]
name = "support-agent"
connections = ["orders"]
[[role]]
name = "approver"
connections = ["orders"]
approves = ["*"]
[[role]]
name = "auditor"
audits = ["*"]
[[role]]
name = "administrator"
administers = true
[policies]
files = ["{}"]
{}
"#,
        settings.insecure,
        settings.listen,
        settings.server_tls,
        policy.display(),
        settings.policy_lines,
    );
    let _ = writeln!(text, "{}", settings.more);
    std::fs::write(folder.join("palisade.toml"), text).unwrap();
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn gather(folder: &Path, kept: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, kept);
        } else if let Ok(bytes) = std::fs::read(&path) {
            kept.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}
