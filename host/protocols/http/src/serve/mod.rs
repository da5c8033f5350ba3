//! Requests from their first byte to the last of their responses.
//!
//! ```text
//!   head ─▶ route, token ─▶ Host::admit ─▶ body ─▶ Command ─▶ Gate ─▶ credential ─▶ service
//!    │refused   (once for a session)         │refused      ├─ deny: 403       response ─▶ mask ─▶ record ─▶ client
//!    ▼                                       ▼             └─ hold: waits, or 202
//! ```
//!
//! The connections are pingora's: its HTTP/1.1 and HTTP/2 on both sides, its TLS, its pool. What lies between a request and its
//! response is ours: pingora's own proxy sends a response's head before anybody could refuse its body, and repeats no body
//! beyond 64 KiB that was read to be judged.

mod addresses;
mod answer;
mod app;
mod asking;
mod covering;
mod exchange;
mod forward;
mod gathered;
mod greet;
mod grpc;
mod incoming;
mod later;
mod mounted;
mod pending;
mod preface;
mod recording;
mod request;
mod sessions;
mod socket;
mod underway;
mod upstream;
mod validators;
mod wrapped;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use palisade_policy::{Ended, Ending, GateSession, NotAdmitted, Place};
use pingora_core::utils::tls::{CertKey, WrappedX509};
use tokio::sync::watch;

use crate::{Credential, Descriptors, Templates};

pub use app::Service;
pub use forward::Forward;
pub use greet::greet;
pub use mounted::{Answer, Asked, Entered, Held, Mount, Pieces, Stay};
pub use preface::begins_http2;

/// Limits and switches of the service.
#[derive(Clone, Debug)]
pub struct Options {
    /// The domain below which hosts are connections (`gateway.example`).
    pub domain: Option<String>,
    /// The longest body that is read to be judged, in bytes.
    pub body_limit: usize,
    /// The longest value that is held to be masked, and the longest response that is kept for later, in bytes.
    pub response_limit: usize,
    /// How much of each response is recorded, in bytes.
    pub record_limit: usize,
    /// How long a client may take to send a head.
    pub head_time: Duration,
    /// How long a service may take to accept a connection.
    pub dial_time: Duration,
    /// How long a peer that is waited for may send or read nothing, and how long a call's message that is gathered may take to
    /// come whole.
    pub patience: Duration,
    /// How long a session of the record lasts without a request.
    pub idle_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domain: None,
            body_limit: 1 << 20,
            response_limit: 8 << 20,
            record_limit: 64 << 10,
            head_time: Duration::from_secs(30),
            dial_time: Duration::from_secs(15),
            patience: Duration::from_secs(600),
            idle_time: Duration::from_secs(300),
        }
    }
}

/// What a client gave to be let in.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The connection that it picked.
    pub connection: &'a str,
    /// Its token.
    pub token: &'a str,
    /// Where it comes from.
    pub client_address: SocketAddr,
}

impl std::fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// What a client gets that is let in.
#[derive(Debug)]
pub struct Admission {
    /// The session's gate.
    pub gate: GateSession,
    /// The service behind the connection.
    pub backend: Arc<dyn Backend>,
    /// Why the session ends, when it is time.
    pub ends: watch::Receiver<Option<Ending>>,
    /// Whether the session only reads.
    pub read_only: bool,
    /// The key of the session's pseudonyms.
    pub mask_key: [u8; 32],
    /// What is kept until the host was told of the session's end.
    pub place: Place,
}

/// What the service needs of the gateway.
pub trait Host: Send + Sync {
    /// Decides whether a client may have a session, and opens its record.
    ///
    /// # Errors
    /// What the client may know.
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted>;

    /// The protocol that is spoken at a connection of this name within HTTP, where it is another.
    fn mount(&self, connection: &str) -> Option<Arc<dyn Mount>> {
        let _ = connection;
        None
    }

    /// What it takes to be a forward proxy, where the gateway is one.
    fn forward(&self) -> Option<&dyn Forward> {
        None
    }

    /// Told of a client that was turned away before it gave a token, with the cause.
    fn turned_away(&self, client: SocketAddr, cause: &str);

    /// Told when an admitted session is over.
    fn ended(&self, session: &str, ended: &Ended);
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether it is reached by TLS.
    pub tls: bool,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// All of it as text, which each request needs.
    text: Arc<str>,
}

impl Origin {
    /// An origin. Its text leaves the port out where it is the scheme's own.
    #[must_use]
    pub fn new(tls: bool, host: String, port: u16) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let port_text = match (tls, port) {
            (true, 443) | (false, 80) => String::new(),
            (_, port) => format!(":{port}"),
        };
        let text = format!("{scheme}://{open}{host}{close}{port_text}").into();
        Self { tls, host, port, text }
    }

    /// What its `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.split_once("//").map_or("", |(_, authority)| authority)
    }

    /// The origin as text: `https://api.example`.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

/// How the way to a service is secured.
#[derive(Clone, Default)]
pub struct Trust {
    /// Who vouches for the service; the system's authorities where left out.
    pub authorities: Option<Arc<[WrappedX509]>>,
    /// The gateway's own certificate.
    pub certificate: Option<Arc<CertKey>>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

/// A service behind a connection.
#[async_trait]
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Where it is.
    fn origin(&self) -> &Origin;

    /// How the way there is secured.
    fn trust(&self) -> &Trust;

    /// The templates of its paths.
    fn templates(&self) -> &Templates;

    /// Whether clients may open WebSockets there.
    fn websocket(&self) -> bool;

    /// Whether tunnels of clients of the forward proxy pass there unread.
    fn is_blind(&self) -> bool {
        false
    }

    /// What its messages are, where it speaks gRPC: then nothing else passes.
    fn grpc(&self) -> Option<&Descriptors> {
        None
    }

    /// What keeps its connections apart from those of others in the pool.
    fn pool(&self) -> u64;

    /// The credential, read anew or kept for a while.
    ///
    /// # Errors
    /// Where it should have come from, and why it did not. Never the credential.
    async fn credential(&self) -> Result<Credential, String>;

    /// Told that the service refused the credential, so that one that was kept is read anew.
    fn credential_refused(&self) {}
}

#[cfg(test)]
mod tests;
