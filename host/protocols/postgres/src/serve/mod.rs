//! One client's connection from its first byte to its last.
//!
//! ```text
//!   opening (TLS, version) ─▶ token ─▶ Host::admit ─▶ server login ─▶ session (relay::drive)
//!                    └─ CancelRequest ─▶ Cancels ─▶ the session, or the server
//! ```

mod cancels;
mod connect;
mod entrance;
mod service;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use palisade_policy::{Ended, Ending, GateSession, NotAdmitted};
use palisade_relay::{Link, Secure};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::catalog::Catalog;
use crate::login::{LoginMethod, TlsMode, TokenSource};

pub use cancels::Cancels;
pub use connect::{ConnectError, connect};
pub use service::Service;

/// Limits and switches of the service.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether tokens may be sent without TLS.
    pub insecure: bool,
    /// How clients hand their tokens over that do not say which way they want.
    pub login_method: LoginMethod,
    /// Longest message from either peer, in bytes.
    pub frame_limit: u32,
    /// How much of each result is recorded, in bytes.
    pub record_limit: usize,
    /// How long a client may take until it is let in.
    pub login_time: Duration,
    /// How long the server may take to let the gateway in.
    pub dial_time: Duration,
    /// How long a client that is owed something may read nothing.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            insecure: false,
            login_method: LoginMethod::default(),
            frame_limit: 64 * 1024 * 1024,
            record_limit: 64 * 1024,
            login_time: Duration::from_secs(30),
            dial_time: Duration::from_secs(15),
            patience: Duration::from_secs(600),
        }
    }
}

/// What a client gave to be let in.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The connection that it picked: its user name.
    pub connection: &'a str,
    /// The database that it asked for; the user name where it asked for none.
    pub database: &'a str,
    /// What it gave to show who it is: its password, or what it carried as a bearer.
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
    /// The server behind the connection.
    pub backend: Arc<dyn Backend>,
    /// What is known of the server's relations.
    pub catalog: Arc<Catalog>,
    /// Why the session ends, when it is time.
    pub ends: watch::Receiver<Option<Ending>>,
    /// Whether the session only reads.
    pub read_only: bool,
    /// The key of the session's pseudonyms.
    pub mask_key: [u8; 32],
}

/// What the service needs of the gateway.
pub trait Host: Send + Sync {
    /// Decides whether a client may have a session, and opens its record.
    ///
    /// # Errors
    /// What the client may know.
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted>;

    /// Where a client that asks for it gets a token; `None` where there is no such place. Whoever asks is not known.
    fn token_source(&self) -> Option<TokenSource>;

    /// Told of a client that was turned away before it gave a token, with the cause.
    fn turned_away(&self, client: SocketAddr, cause: &str);

    /// Told when an admitted session is over, also when it never reached the server.
    fn ended(&self, session: &str, ended: &Ended);
}

/// A server behind a connection.
#[async_trait]
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Opens a plain connection to it.
    async fn dial(&self) -> io::Result<Link>;

    /// How a step to TLS is done.
    fn secure(&self) -> Secure;

    /// How the link is protected.
    fn tls_mode(&self) -> TlsMode;

    /// Whether nobody can listen to the link even without TLS: a loopback address.
    fn is_private(&self) -> bool;

    /// The user name at the server.
    fn username(&self) -> &str;

    /// The database at the server.
    fn database(&self) -> &str;

    /// The password, read anew for each login.
    ///
    /// # Errors
    /// Where it should have come from, and why it did not. Never the password.
    async fn password(&self) -> Result<Zeroizing<String>, String>;

    /// Told that the server refused the password, so that one that was kept is read anew.
    fn password_refused(&self) {}
}
