//! An HTTP service of the test's own, and curl, which asks for it through a gateway.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::authority::{Authority, Certificate};
use super::gateway::{Gateway, Settings};
use super::process::{Outcome, run};

/// What the service asks for, and no client has.
pub(crate) const SECRET: &str = "swordfish-of-the-service";

/// A request, as the service got it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The method and the target.
    pub(crate) line: String,
    /// Its headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What the service answers.
pub(crate) type Script = fn(&Asked) -> String;

/// A running service.
pub(crate) struct Web {
    scheme: &'static str,
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

/// A whole response.
pub(crate) fn ok(kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

impl Web {
    pub(crate) fn start(script: Script) -> Self {
        Self::serve(("http", "127.0.0.1"), None, script)
    }

    /// One that shows a certificate, and asks for one of this authority where there is one.
    pub(crate) fn start_with_tls(
        shown: &Certificate,
        clients: Option<&Authority>,
        script: Script,
    ) -> Self {
        Self::start_at("127.0.0.1", shown, clients, script)
    }

    /// The same where this host leads.
    pub(crate) fn start_at(
        host: &str,
        shown: &Certificate,
        clients: Option<&Authority>,
        script: Script,
    ) -> Self {
        let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let pem = std::fs::read(authority.file()).unwrap();
                roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = builder.with_single_cert(vec![certificate], key).unwrap();
        Self::serve(("https", host), Some(Arc::new(config)), script)
    }

    fn serve(
        (scheme, host): (&'static str, &str),
        tls: Option<Arc<ServerConfig>>,
        script: Script,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, stop) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (told, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (told, tls) = (Arc::clone(&told), tls.clone());
                // It ends when the gateway does.
                std::thread::spawn(move || match tls {
                    None => converse(stream, script, &told),
                    Some(tls) => {
                        let session = ServerConnection::new(tls).unwrap();
                        converse(StreamOwned::new(session, stream), script, &told);
                    }
                });
            }
        });
        Self { scheme, address, asked, stop, serving: Some(serving) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// What it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

/// Answers one request after another.
fn converse(stream: impl Read + Write, script: Script, told: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let answer = script(&asked);
        told.lock().unwrap().push(asked);
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
        let _ = reader.get_mut().flush();
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut asked = Asked::default();
    reader.read_line(&mut asked.line).ok().filter(|read| *read > 0)?;
    asked.line.truncate(asked.line.trim_end().trim_end_matches(" HTTP/1.1").len());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// A gateway before a service, which it lets itself in at by this `login`; `api-agent` reaches it, `api-reader` reads there.
pub(crate) fn api(web: &Web, login: &str, policy: &str) -> Gateway {
    api_at(&web.url(), login, policy)
}

/// The same before whatever is at an address.
pub(crate) fn api_at(url: &str, login: &str, policy: &str) -> Gateway {
    let more = format!(
        r#"
[[connection]]
name = "api"
protocol = "http"
address = "{url}"
{login}
[[role]]
name = "api-agent"
connections = ["api"]
[[role]]
name = "api-reader"
connections = ["api"]
read_only = ["api"]
"#
    );
    let listen = "http = \"127.0.0.1:0\"\nhttp_domain = \"gateway.example\"".to_owned();
    Gateway::before(9, Settings { listen, more, ..Settings::policy(policy) })
}

/// curl on its way to a gateway.
pub(crate) struct Curl<'a> {
    gateway: &'a Gateway,
    token: String,
}

impl<'a> Curl<'a> {
    pub(crate) fn new(gateway: &'a Gateway, role: &str) -> Self {
        Self { gateway, token: gateway.token("agent-7", role) }
    }

    pub(crate) fn with(gateway: &'a Gateway, token: &str) -> Self {
        Self { gateway, token: token.to_owned() }
    }

    /// Asks for a path of the connection `api`, with more options of curl's; gives the head and the body.
    pub(crate) fn ask(&self, path: &str, options: &[&str]) -> Outcome {
        run(self.command(&format!("/c/api{path}"), options).arg("--include"))
    }

    /// The same while it runs.
    pub(crate) fn start(&self, path: &str, options: &[&str]) -> Child {
        let mut command = self.command(&format!("/c/api{path}"), options);
        command.arg("--include").stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn command(&self, path: &str, options: &[&str]) -> Command {
        let address = self.gateway.address("http");
        let port = address.rsplit(':').next().unwrap();
        let certificate = self.gateway.folder.path().join("data/tls-cert.pem");
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--path-as-is", "--max-time", "60", "--cacert"])
            .arg(certificate)
            .args(["--resolve", &format!("api.gateway.example:{port}:127.0.0.1")])
            .args(["--header", &format!("Authorization: Bearer {}", self.token)])
            .args(options)
            .arg(match path.starts_with("https://") {
                true => path.replace("PORT", port),
                false => format!("https://{address}{path}"),
            });
        command
    }
}
