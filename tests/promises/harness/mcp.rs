//! An MCP client and servers, both made with the official SDK, and a gateway between them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::authority::Certificate;
use super::gateway::{Gateway, Settings, repository};
use super::process::{free_port, until};
use super::python::installed;

/// Where the SDK is installed, once for all runs of the same requirements.
static SDK: LazyLock<PathBuf> =
    LazyLock::new(|| installed("mcp-2.3.0", "tests/mcp/requirements.txt"));

/// The folder of the SDK, for servers' `PYTHONPATH`.
pub(crate) fn sdk() -> String {
    SDK.display().to_string()
}

/// The server that is made with it.
pub(crate) fn server_script() -> String {
    repository().join("tests/mcp/server.py").display().to_string()
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/mcp").join(script)).env("PYTHONPATH", &*SDK);
    command.env("PYTHONWARNINGS", "ignore").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The lines of a connection whose server the gateway starts.
pub(crate) fn program(name: &str, more: &str) -> String {
    format!(
        r#"
[[connection]]
name = "{name}"
protocol = "mcp"
command = ["python3", "{}"]
{more}
[connection.env]
PYTHONPATH = "{}"
PYTHONWARNINGS = "ignore"
PYTHONDONTWRITEBYTECODE = "1"
API_KEY = {{ env = "API_SECRET" }}
"#,
        repository().join("tests/mcp/server.py").display(),
        SDK.display(),
    )
}

/// A gateway before MCP servers, which `tool-agent` reaches.
pub(crate) fn tools(connections: &str, policy: &str) -> Gateway {
    let more = format!(
        r#"
{connections}
[[role]]
name = "tool-agent"
connections = ["*"]
[[role]]
name = "tool-reader"
connections = ["*"]
read_only = ["*"]
"#
    );
    let listen = "http = \"127.0.0.1:0\"".to_owned();
    Gateway::before(9, Settings { listen, more, ..Settings::policy(policy) })
}

/// A server by Streamable HTTP, which takes `Bearer upstream-token` alone.
pub(crate) struct ToolService {
    pub(crate) port: u16,
    process: Child,
}

impl ToolService {
    pub(crate) fn start() -> Self {
        Self::serve(&[], None)
    }

    /// One that speaks the newest revision alone.
    pub(crate) fn start_newest() -> Self {
        Self::serve(&[], Some(("NEWEST", "1")))
    }

    /// One that is reached by TLS, and shows this certificate.
    pub(crate) fn start_with_tls(shown: &Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file.display().to_string()
        };
        // It has read them once it listens.
        Self::serve(&[&file("cert.pem", &shown.certificate), &file("key.pem", &shown.key)], None)
    }

    fn serve(files: &[&str], variable: Option<(&str, &str)>) -> Self {
        let port = free_port();
        let mut command = python("server.py");
        command.args(["http", &port.to_string()]).args(files).envs(variable);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        until("the MCP service", || {
            assert!(process.try_wait().unwrap().is_none(), "the MCP service ended");
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { port, process }
    }
}

impl Drop for ToolService {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a client is made.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// `auto` for the newest revision, `legacy` for one that is begun by `initialize`.
    pub(crate) mode: &'static str,
    /// Whether it has a model that servers may ask.
    pub(crate) samples: bool,
}

/// A client.
pub(crate) struct Tools {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What it was told when the session began.
    pub(crate) ready: Value,
}

impl Tools {
    /// One in the newest revision.
    pub(crate) fn begin(gateway: &Gateway, connection: &str, token: &str) -> Self {
        Self::begin_with(gateway, connection, token, Form { mode: "auto", samples: false })
    }

    pub(crate) fn begin_with(gateway: &Gateway, connection: &str, token: &str, form: Form) -> Self {
        let url = format!("https://{}/c/{connection}/mcp", gateway.address("http"));
        let mut command = python("client.py");
        command.arg(url).env("TOKEN", token);
        command.env("CA", gateway.folder.path().join("data/tls-cert.pem"));
        command.env("MODE", form.mode).envs(form.samples.then_some(("SAMPLES", "1")));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut tools = Self { process, input, output, ready: Value::Null };
        tools.ready = tools.next();
        tools
    }

    /// The next line of what it has to say.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the client said {line:?}"))
    }

    /// Asks for something, which comes by [`next`](Self::next).
    pub(crate) fn send(&mut self, what: &Value) {
        writeln!(self.input, "{what}").unwrap();
    }

    /// Asks for something and waits for what comes of it.
    pub(crate) fn ask(&mut self, method: &str, arguments: Value) -> Value {
        self.send(&json!({ "do": method, "with": arguments }));
        loop {
            let said = self.next();
            if said.get("progress").is_none() {
                return said;
            }
        }
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("call_tool", json!({ "name": name, "arguments": arguments }))
    }

    /// The names of the tools that are listed.
    pub(crate) fn names(&mut self) -> Vec<String> {
        let listed = self.ask("list_tools", json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
