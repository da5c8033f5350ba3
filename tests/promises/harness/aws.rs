//! AWS as moto plays it, which checks signatures, and its own clients.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use super::gateway::{Gateway, Settings, repository};
use super::process::free_port;
use super::python::installed;

static PEERS: LazyLock<PathBuf> =
    LazyLock::new(|| installed("peers-1", "tests/peers/requirements.txt"));

fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(arguments).env("PYTHONPATH", &*PEERS).env("PYTHONDONTWRITEBYTECODE", "1");
    // Nothing of whoever runs the tests counts.
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    command.env_remove("AWS_PROFILE");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_DEFAULT_REGION", "us-east-1");
    command
}

fn script(name: &str) -> String {
    repository().join("tests/peers").join(name).display().to_string()
}

/// A running AWS.
pub(crate) struct Aws {
    port: u16,
    id: String,
    secret: String,
    process: Child,
}

impl Aws {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = python(&[&script("aws.py"), &port.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let key: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it said {line:?}"));
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        Self { port, id: text("id"), secret: text("secret"), process }
    }

    /// A gateway before its services, which signs by this secret; its own where there is none.
    pub(crate) fn gateway(&self, secret: Option<&str>, policy: &str) -> Gateway {
        let mut more = "[[role]]\nname = \"cloud-agent\"\nconnections = [\"*\"]\n".to_owned();
        let secret = secret.unwrap_or(&self.secret);
        for service in ["s3", "dynamodb", "sts"] {
            more += &format!(
                r#"
[[connection]]
name = "{service}"
protocol = "http"
address = "http://127.0.0.1:{}"
login = {{ aws = {{ region = "us-east-1", service = "{service}" }} }}
username = "{}"
password = {{ exec = ["echo", "{secret}"] }}
"#,
                self.port, self.id
            );
        }
        let listen = "http = \"127.0.0.1:0\"".to_owned();
        Gateway::before(9, Settings { listen, more, ..Settings::policy(policy) })
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn as_agent(gateway: &Gateway, mut command: Command) -> Command {
    command.env("AWS_ACCESS_KEY_ID", "AKIADUMMY").env("AWS_SECRET_ACCESS_KEY", "dummy");
    command.env("AWS_SESSION_TOKEN", gateway.token("agent-7", "cloud-agent"));
    command.env("AWS_CA_BUNDLE", gateway.folder.path().join("data/tls-cert.pem"));
    command.current_dir(gateway.folder.path());
    command
}

/// The `aws` command line on its way to a service through a gateway.
pub(crate) fn aws_cli(gateway: &Gateway, service: &str, arguments: &[&str]) -> Command {
    let endpoint = format!("https://{}/c/{service}", gateway.address("http"));
    let whole = [&["-m", "awscli", "--endpoint-url", &endpoint], arguments].concat();
    as_agent(gateway, python(&whole))
}

/// The program that uses boto3.
pub(crate) fn boto(gateway: &Gateway) -> Command {
    let base = format!("https://{}/c", gateway.address("http"));
    as_agent(gateway, python(&[&script("boto.py"), &base]))
}
