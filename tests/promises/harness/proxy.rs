//! A gateway as a forward proxy, and clients that know nothing of it but what their environment says.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::gateway::{Gateway, Settings, repository};
use super::process::{Outcome, run};
use super::python::installed;

/// Where Python's clients are installed, once for all runs of the same requirements.
static CLIENTS: LazyLock<PathBuf> =
    LazyLock::new(|| installed("httpx-0.28.1", "tests/proxy/requirements.txt"));

/// A gateway that is a forward proxy before these connections, all of which `api-agent` reaches; `api-reader` reads there.
pub(crate) fn proxied(connections: &str, listen: &str, policy: &str) -> Gateway {
    let listen = match listen {
        "" => "http_proxy = \"127.0.0.1:0\"".to_owned(),
        listen => listen.to_owned(),
    };
    proxied_with(connections, Settings { listen, ..Settings::policy(policy) })
}

/// The same with more that is not as usual.
pub(crate) fn proxied_with(connections: &str, settings: Settings) -> Gateway {
    let more = format!(
        r#"
{connections}
[[role]]
name = "api-agent"
connections = ["*"]
[[role]]
name = "api-reader"
connections = ["*"]
read_only = ["*"]
"#
    );
    Gateway::before(9, Settings { more, ..settings })
}

/// A client of the proxy, as its environment makes it one.
pub(crate) struct Proxied<'a> {
    pub(crate) gateway: &'a Gateway,
    /// `http`, or `https` where the way to the proxy is by TLS.
    pub(crate) scheme: &'static str,
    /// Who it says that it is: `user:token`.
    pub(crate) login: String,
    /// Whom it trusts.
    pub(crate) trusted: PathBuf,
}

impl<'a> Proxied<'a> {
    /// One that names its connection, and trusts whom `palisade ca` prints.
    pub(crate) fn new(gateway: &'a Gateway, connection: &str, role: &str) -> Self {
        Self::with(gateway, &format!("{connection}:{}", gateway.token("agent-7", role)))
    }

    pub(crate) fn with(gateway: &'a Gateway, login: &str) -> Self {
        let printed = gateway.cli(&["ca"]);
        assert!(printed.ok, "{printed:?}");
        let trusted = gateway.folder.path().join("printed-ca.pem");
        std::fs::write(&trusted, printed.stdout).unwrap();
        Self { gateway, scheme: "http", login: login.to_owned(), trusted }
    }

    /// The proxy as the environment has it.
    fn proxy(&self) -> String {
        format!("{}://{}@{}", self.scheme, self.login, self.gateway.address("http_proxy"))
    }

    fn told(&self, command: &mut Command) {
        let proxy = self.proxy();
        for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
            command.env(name, &proxy);
        }
        command.env("no_proxy", "").env("NO_PROXY", "").env("SSL_CERT_FILE", &self.trusted);
    }

    /// curl asks for an address; gives the heads and the body.
    pub(crate) fn curl(&self, url: &str, options: &[&str]) -> Outcome {
        let mut curl = Command::new("curl");
        self.told(&mut curl);
        curl.args(["--silent", "--show-error", "--include", "--max-time", "60"]);
        curl.args(["--suppress-connect-headers", "--cacert"]).arg(&self.trusted);
        run(curl.args(options).arg(url))
    }

    /// A Python library asks for an address.
    pub(crate) fn python(&self, library: &str, url: &str) -> Outcome {
        let mut python = asks();
        self.told(&mut python);
        run(python.args([library, url]))
    }

    /// Asks TLS within a tunnel for a name; gives what is answered to a request there.
    pub(crate) fn tls(&self, target: &str, name: &str, request: &str) -> Outcome {
        let proxy = self.gateway.address("http_proxy");
        run(asks().args(["tls", &proxy, &self.login, target, name, request]))
    }
}

fn asks() -> Command {
    let mut python = Command::new("python3");
    python.arg(repository().join("tests/proxy/ask.py")).env("PYTHONPATH", &*CLIENTS);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}
