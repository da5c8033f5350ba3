//! The way to servers: programs that the gateway starts, and services by Streamable HTTP.

mod exchange;
mod garbled;
mod greet;
mod redact;
mod remote;
mod repeat;
mod sse;
mod stdio;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::connectors::http::Connector;
use pingora_core::utils::tls::{CertKey, WrappedX509};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

pub use self::greet::{Greeting, greet};
use self::redact::Redact;
use crate::conversation::Incoming;
use crate::message::{Id, Message, MessageRefused};

/// So many messages may wait for one server; one that reads none is given up.
const MOST_WAITING: usize = 1024;
/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// A program that speaks MCP on its standard input and output.
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(String, Zeroizing<String>)>,
    /// What of it is secret: where the program says it, it is covered.
    pub secrets: Vec<Zeroizing<String>>,
    /// Where it runs.
    pub folder: Option<PathBuf>,
}

/// A service that speaks Streamable HTTP.
pub struct Remote {
    /// Whether it is reached by TLS.
    pub tls: bool,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The path of its endpoint, with the query where it has one.
    pub path: String,
    /// The gateway's credential: headers that every request has.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// The forms in which the service could say the credential: there it is covered.
    pub secrets: Vec<Zeroizing<String>>,
    /// Who vouches for it; the system's authorities where left out.
    pub authorities: Option<Arc<[WrappedX509]>>,
    /// The gateway's own certificate.
    pub certificate: Option<Arc<CertKey>>,
}

/// How a server is reached.
#[derive(Debug)]
pub enum Transport {
    /// It is started.
    Launch(Launch),
    /// It is there.
    Remote(Remote),
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch").field("command", &self.command.first()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The servers of a connection.
#[async_trait]
pub trait Backend: Send + Sync {
    /// How the server at this place is reached, with its secrets read anew or kept for a while.
    ///
    /// # Errors
    /// Where a secret should have come from, and why it did not; never the secret.
    async fn transport(&self, server: usize) -> Result<Transport, String>;

    /// Told that the server refused the credential, so that one that was kept is read anew.
    fn credential_refused(&self, server: usize);
}

/// What all ways share.
#[derive(Clone)]
pub(crate) struct Ways {
    /// Connections to services, and their pool.
    pub(crate) connector: Arc<Connector>,
    /// The longest message, in bytes.
    pub(crate) message_bytes: usize,
    /// How long a service may take to accept a connection.
    pub(crate) dial: Duration,
}

/// Where a server's messages go.
pub(crate) struct Sink {
    pub(crate) server: usize,
    /// Its name, for the log.
    pub(crate) name: String,
    pub(crate) inbox: mpsc::Sender<(usize, Incoming)>,
    redact: Redact,
}

impl Sink {
    /// Gives a message to the session; false where it is over.
    async fn message(&self, mut message: Message) -> bool {
        self.redact.message(&mut message);
        self.inbox.send((self.server, Incoming::Message(message))).await.is_ok()
    }

    /// Tells of what is no message and came where this request's answer is waited for, unless it is nothing that anybody could
    /// wait for; false where the session is over.
    async fn garbled(&self, text: &[u8], refused: &MessageRefused, asked: Option<&Id>) -> bool {
        tracing::warn!(server = self.name, %refused, "a server sends what is no message");
        let Some(of) = garbled::answers(text) else { return true };
        let of = of.or_else(|| asked.cloned());
        self.inbox.send((self.server, Incoming::Garbled(of, refused.to_string()))).await.is_ok()
    }
}

/// A server of one session. Dropping it ends the server's part of the session.
pub(crate) struct Way {
    to: mpsc::Sender<Message>,
}

impl Way {
    /// Opens a way. What goes wrong, now or later, comes as [`Incoming::Lost`].
    pub(crate) fn open(
        backend: Arc<dyn Backend>,
        (server, name): (usize, String),
        inbox: mpsc::Sender<(usize, Incoming)>,
        ways: Ways,
    ) -> Self {
        let (to, from) = mpsc::channel(MOST_WAITING);
        tokio::spawn(async move {
            let lost = match backend.transport(server).await {
                Err(why) => why,
                Ok(transport) => {
                    let redact = Redact::new(&transport);
                    let sink = Sink { server, name, inbox: inbox.clone(), redact };
                    match transport {
                        Transport::Launch(launch) => {
                            stdio::run(launch, from, sink, ways.message_bytes).await
                        }
                        Transport::Remote(remote) => {
                            let refused = || backend.credential_refused(server);
                            remote::run(remote, from, sink, ways, &refused).await
                        }
                    }
                }
            };
            // A session that is over needs no telling.
            let _ = inbox.send((server, Incoming::Lost(lost))).await;
        });
        Self { to }
    }

    /// Sends a message; false where the server takes none.
    pub(crate) fn send(&self, message: Message) -> bool {
        self.to.try_send(message).is_ok()
    }
}
