//! A server that answers as HashiCorp Vault does, as far as the gateway asks.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::authority::Certificate;

/// What the server knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knows {
    /// Fields of KV secrets, by path.
    pub(crate) secrets: BTreeMap<String, Value>,
    /// A token that may read them.
    pub(crate) token: String,
    /// The secret id of the role `gateway`.
    pub(crate) secret_id: String,
    /// The JWT of the role `gateway`.
    pub(crate) jwt: String,
}

/// A running server.
pub(crate) struct Vault {
    scheme: &'static str,
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Vault {
    pub(crate) fn start(knows: Knows) -> Self {
        Self::serve("http", move |stream| answer(stream, &knows))
    }

    /// One that shows this certificate.
    pub(crate) fn start_with_tls(knows: Knows, shown: &Certificate) -> Self {
        let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
        Self::serve("https", move |stream| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            answer(StreamOwned::new(session, stream), &knows)
        })
    }

    /// What cannot be understood is no question.
    fn serve(
        scheme: &'static str,
        answer: impl Fn(TcpStream) -> Option<String> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (told, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(line) = answer(stream) {
                    told.lock().unwrap().push(line);
                }
            }
        });
        Self { scheme, address, asked, stop, serving: Some(serving) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How often this was asked for: a method and a path.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.starts_with(what)).count()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn answer(stream: impl Read + Write, knows: &Knows) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-vault-token" => value.trim().clone_into(&mut token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = judge(first.trim_end(), &token, &body, knows);
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = reader.into_inner();
    stream.write_all(format!("{head}{answer}").as_bytes()).ok()?;
    stream.flush().ok()?;
    Some(first)
}

fn judge(first: &str, token: &str, body: &Value, knows: &Knows) -> (u16, Value) {
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let login = json!({"auth": {"client_token": knows.token, "lease_duration": 3600}});
    // What a server may quote in its errors must get nowhere.
    let refused = (400, json!({"errors": [format!("invalid: {body}")]}));
    match (method, path) {
        ("POST", "/v1/auth/approle/login") => {
            let good = body["role_id"] == "gateway" && body["secret_id"] == knows.secret_id;
            if good { (200, login) } else { refused }
        }
        ("POST", "/v1/auth/jwt/login") => {
            let good = body["role"] == "gateway" && body["jwt"] == knows.jwt;
            if good { (200, login) } else { refused }
        }
        ("GET", _) if token != knows.token => (403, json!({"errors": [token]})),
        ("GET", path) => {
            let secret = path.strip_prefix("/v1/secret/data/").and_then(|it| knows.secrets.get(it));
            let found = secret.map(|data| json!({"data": {"data": data, "metadata": {}}}));
            found.map_or((404, json!({"errors": []})), |found| (200, found))
        }
        _ => (405, json!({"errors": []})),
    }
}
