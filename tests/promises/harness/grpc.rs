//! A gRPC client and a service, both made with grpcio, and a gateway between them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::authority::{Authority, Certificate};
use super::gateway::{Gateway, Settings, repository};
use super::process::run;
use super::python::installed;

/// Where grpcio is installed, and `shop.pb` made of `shop.proto`, once for all runs of the same requirements.
static SDK: LazyLock<PathBuf> =
    LazyLock::new(|| installed("grpcio-1.85.3", "tests/grpc/requirements.txt"));

/// What the shop's messages are, as protoc describes them.
static SHOP: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = SDK.join("shop");
    std::fs::create_dir_all(&folder).unwrap();
    let draft = tempfile::TempDir::new_in(&folder).unwrap();
    let made = draft.path().join("shop.pb");
    let mut protoc = Command::new("python3");
    protoc.args(["-m", "grpc_tools.protoc", "--include_imports", "-I"]);
    protoc.arg(repository().join("tests/grpc")).env("PYTHONPATH", &*SDK);
    let outcome =
        run(protoc.arg(format!("--descriptor_set_out={}", made.display())).arg("shop.proto"));
    assert!(outcome.ok, "protoc: {}{}", outcome.stdout, outcome.stderr);
    std::fs::rename(made, folder.join("shop.pb")).unwrap();
    folder.join("shop.pb")
});

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/grpc").join(script)).env("PYTHONPATH", &*SDK);
    command.env("SHOP", &*SHOP).env("PYTHONWARNINGS", "ignore").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The line by which a connection knows the shop's messages.
pub(crate) fn descriptors() -> String {
    format!("descriptors = \"{}\"", descriptor_file())
}

/// The file of the shop's descriptors.
pub(crate) fn descriptor_file() -> String {
    SHOP.display().to_string()
}

/// A running shop.
pub(crate) struct Shop {
    scheme: &'static str,
    port: u16,
    process: Child,
    output: BufReader<ChildStdout>,
    _files: Option<tempfile::TempDir>,
}

impl Shop {
    /// One that speaks HTTP/2 in clear.
    pub(crate) fn start() -> Self {
        Self::run("http", python("server.py"), None)
    }

    /// One that shows a certificate, and asks for one of this authority where there is one.
    pub(crate) fn start_with_tls(shown: &Certificate, clients: Option<&Authority>) -> Self {
        let files = tempfile::TempDir::new().unwrap();
        let mut command = python("server.py");
        for (name, text) in [("cert.pem", &shown.certificate), ("key.pem", &shown.key)] {
            std::fs::write(files.path().join(name), text).unwrap();
            command.arg(files.path().join(name));
        }
        command.args(clients.map(Authority::file));
        Self::run("https", command, Some(files))
    }

    fn run(scheme: &'static str, mut command: Command, files: Option<tempfile::TempDir>) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut shop = Self { scheme, port: 0, process, output, _files: files };
        shop.port = shop.line().parse().unwrap();
        shop
    }

    /// The next line of what it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the shop ended");
        line.trim_end().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A gateway before a shop, with these lines of its connection; `shop-agent` reaches it, `shop-reader` reads there.
pub(crate) fn shop(shop: &Shop, lines: &str, policy: &str) -> Gateway {
    let address = shop.url();
    let connection = format!(
        "[[connection]]\nname = \"shop\"\nprotocol = \"grpc\"\naddress = \"{address}\"\n{lines}"
    );
    before_shops(&connection, policy)
}

/// A gateway with these connections and the roles of a shop.
pub(crate) fn before_shops(connections: &str, policy: &str) -> Gateway {
    let more = format!(
        r#"
{connections}
[[role]]
name = "shop-agent"
connections = ["shop"]
[[role]]
name = "shop-reader"
connections = ["shop"]
read_only = ["shop"]
"#
    );
    let listen = "http = \"127.0.0.1:0\"\nhttp_domain = \"gateway.example\"".to_owned();
    Gateway::before(9, Settings { listen, more, insecure: true, ..Settings::policy(policy) })
}

/// A client with a channel.
pub(crate) struct Caller {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Caller {
    /// One that comes by TLS, with its token as its credentials, and asks for the host of the shop.
    pub(crate) fn new(gateway: &Gateway, role: &str) -> Self {
        Self::with(gateway, &gateway.token("agent-7", role), &[])
    }

    /// One with variables of its own; `CA` empty is for one that comes in clear.
    pub(crate) fn with(gateway: &Gateway, token: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = python("client.py");
        command.arg(gateway.address("http")).env("TOKEN", token);
        command.env("CA", gateway.folder.path().join("data/tls-cert.pem"));
        if !variables.iter().any(|(name, _)| *name == "CONNECTION") {
            command.env("AUTHORITY", "shop.gateway.example");
        }
        for (name, value) in variables {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// Asks for something, which comes by [`next`](Self::next).
    pub(crate) fn send(&mut self, what: &Value) {
        writeln!(self.input, "{what}").unwrap();
    }

    /// What came of something that was asked for.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the client said {line:?}"))
    }

    /// Calls a method with a message, or many.
    pub(crate) fn call(&mut self, method: &str, send: Value) -> Value {
        self.ask(json!({ "call": method, "send": send }))
    }

    /// The same with all that is to be said of the call.
    pub(crate) fn ask(&mut self, what: Value) -> Value {
        self.send(&what);
        self.next()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
