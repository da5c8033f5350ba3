//! HashiCorp Vault as its client sees it: a login, and a field of a secret in a KV engine (version 2).
//!
//! [KV v2 read](https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version),
//! [AppRole login](https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle),
//! [JWT login](https://developer.hashicorp.com/vault/api-docs/auth/jwt#jwt-login).

mod answer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use palisade_identity::{CredentialUnreadable, SecretString};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use self::answer::{Auth, Secret};
use crate::reference::VaultPlace;
use crate::server::{Method, VaultServer, VaultUnusable};

/// How long a request may take in all.
const TIME: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const LARGEST: u64 = 1 << 20;
/// How long a client token is used that has no end of its own.
const ENDLESS: Duration = Duration::from_secs(60 * 60);

/// Why the vault gave no secret. Names status and path, never contents.
#[derive(Debug, thiserror::Error)]
pub enum VaultFailed {
    /// What the gateway logs in by is not to be had.
    #[error("cannot log in at the vault: {0}")]
    Credential(#[from] CredentialUnreadable),
    /// It cannot be asked.
    #[error("the vault at {address} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        why: &'static str,
    },
    /// It said no.
    #[error("the vault answered {status} to {path}: {meaning}", meaning = meaning(*.status))]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        path: String,
    },
    /// It said something else than what was asked for.
    #[error("the vault's answer to {0} is not understood")]
    Answer(String),
    /// The secret has no such field, or one that is no text.
    #[error("the secret at {path} has no text in its field `{field}`")]
    NoField {
        /// The secret's path.
        path: String,
        /// The field.
        field: String,
    },
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "the login is refused, or the request is not understood",
        403 => "the login is refused, or it may not read that",
        404 => "there is no such secret",
        429 | 473 => "it is a standby, or asked too often",
        503 => "it is sealed, or down for maintenance",
        _ => "it cannot answer",
    }
}

/// A field of a secret, and the way there.
#[derive(Debug)]
pub(crate) struct Kv {
    agent: Agent,
    base: String,
    namespace: Option<String>,
    method: Method,
    path: String,
    field: String,
    lease: Mutex<Option<Lease>>,
}

/// A client token and when it ends.
#[derive(Debug)]
struct Lease {
    token: SecretString,
    until: Instant,
}

impl Kv {
    pub(crate) fn new(
        place: &VaultPlace,
        shared: Option<&VaultServer>,
    ) -> Result<Self, VaultUnusable> {
        place.check(shared)?;
        let own = place.own_server()?;
        let server = own.as_ref().or(shared).ok_or(VaultUnusable::NoServer)?;
        let mount = place.mount.as_deref().unwrap_or(&server.mount);
        Ok(Self {
            agent: agent(server.ca.as_deref())?,
            base: server.base()?,
            namespace: server.namespace.clone(),
            method: server.method()?,
            path: format!("{}/data/{}", escaped(mount), escaped(&place.path)),
            field: place.field.clone(),
            lease: Mutex::default(),
        })
    }

    /// Reads the field, logging in where there is no good client token.
    pub(crate) fn read(&self) -> Result<SecretString, VaultFailed> {
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lease.as_ref().filter(|known| Instant::now() < known.until) {
            match self.field(&known.token) {
                // It may have been revoked before its time.
                Err(VaultFailed::Status { status: 403, .. }) => *lease = None,
                answered => return answered,
            }
        }
        let new = self.log_in()?;
        let read = self.field(&new.token);
        *lease = Some(new);
        read
    }

    fn log_in(&self) -> Result<Lease, VaultFailed> {
        let (mount, body) = match &self.method {
            // It may have been renewed where it comes from, so it is read for each secret.
            Method::Token(token) => {
                return Ok(Lease { token: token.read()?, until: Instant::now() });
            }
            Method::AppRole(method) => {
                let secret = method.secret_id.read()?;
                (
                    &method.mount,
                    body(&[("role_id", &method.role_id), ("secret_id", secret.expose())]),
                )
            }
            Method::Jwt(method) => {
                let jwt = method.jwt.read()?;
                (&method.mount, body(&[("role", &method.role), ("jwt", jwt.expose())]))
            }
        };
        let path = format!("auth/{}/login", escaped(mount));
        let mut request = self.agent.post(format!("{}/v1/{path}", self.base));
        request = request.header("content-type", "application/json");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let answer = self.body(&path, request.send(body.as_slice()))?;
        let Auth { token, seconds } = Auth::read(&answer).ok_or(VaultFailed::Answer(path))?;
        let time = if seconds == 0 { ENDLESS } else { Duration::from_secs(seconds) };
        // Given up a little before its end, so that it does not end on the way.
        Ok(Lease { token, until: Instant::now() + time * 9 / 10 })
    }

    fn field(&self, token: &SecretString) -> Result<SecretString, VaultFailed> {
        let request = self.agent.get(format!("{}/v1/{}", self.base, self.path));
        let mut request = request.header("x-vault-token", token.expose());
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let answer = self.body(&self.path, request.call())?;
        let secret = Secret::read(&answer).ok_or(VaultFailed::Answer(self.path.clone()))?;
        secret.field(&self.field).ok_or_else(|| VaultFailed::NoField {
            path: self.path.clone(),
            field: self.field.clone(),
        })
    }

    fn body(
        &self,
        path: &str,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultFailed> {
        let mut answer = answer.map_err(|error| VaultFailed::Unreachable {
            address: self.base.clone(),
            why: why(&error),
        })?;
        if answer.status() != 200 {
            let status = answer.status().as_u16();
            return Err(VaultFailed::Status { status, path: path.to_owned() });
        }
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        body.map(Zeroizing::new).map_err(|_| VaultFailed::Answer(path.to_owned()))
    }
}

/// A client that follows no redirect and uses no proxy, so that a token goes where it is meant to go.
fn agent(ca: Option<&Path>) -> Result<Agent, VaultUnusable> {
    let roots = match ca {
        None => RootCerts::WebPki,
        Some(file) => {
            let unusable = || VaultUnusable::Authority(file.to_owned());
            let authorities = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
            let authorities: Vec<CertificateDer<'_>> = authorities.map_err(|_| unusable())?;
            if authorities.is_empty() {
                return Err(unusable());
            }
            let owned = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
            RootCerts::new_with_certs(&authorities.iter().map(owned).collect::<Vec<_>>())
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider);
    let config = Agent::config_builder()
        .timeout_global(Some(TIME))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(tls.build());
    Ok(config.build().into())
}

/// A JSON object of texts. Nothing but the buffer holds them, and that is wiped.
fn body(pairs: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // The longest escape of a byte takes six.
    let most: usize = pairs.iter().map(|(key, value)| (key.len() + value.len()) * 6 + 8).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(most));
    for (index, (key, value)) in pairs.iter().enumerate() {
        body.push(if index == 0 { b'{' } else { b',' });
        // Writing texts to memory does not fail.
        let _ = serde_json::to_writer(&mut *body, key);
        body.push(b':');
        let _ = serde_json::to_writer(&mut *body, value);
    }
    body.push(b'}');
    body
}

/// A path for a URL.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Words of our own: an error's own text may quote what was sent.
fn why(error: &ureq::Error) -> &'static str {
    use std::io::ErrorKind::{ConnectionRefused, InvalidData, UnexpectedEof};
    match error {
        ureq::Error::Timeout(_) => "it does not answer in time",
        ureq::Error::HostNotFound => "its name does not resolve",
        ureq::Error::Io(cause) => match cause.kind() {
            ConnectionRefused => "nobody listens there",
            InvalidData => "its certificate is not trusted, or it speaks no TLS",
            UnexpectedEof => "it closed the connection",
            _ => "the connection failed",
        },
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => "its certificate is not trusted",
        ureq::Error::Http(_) => "what it is to be told is no text for a header",
        _ => "it does not speak HTTP as expected",
    }
}

#[cfg(test)]
mod tests;
