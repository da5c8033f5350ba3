//! Streamable HTTP as a server (revision 2025-11-25, Transports), apart from whatever serves HTTP: a request comes as its
//! method, headers and body, and goes as a status, headers and pieces of a body.
//!
//! ```text
//!   POST ─▶ messages ─▶ session (one task) ─▶ conversation ─▶ servers
//!                          │
//!   GET  ◀── events ── outbox: by stream, numbered, the last of them kept to go on from
//! ```

mod direct;
mod frame;
mod outbox;
mod request;
mod session;
mod stateless;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use palisade_policy::{Ended, Ending, Place};
use pingora_core::connectors::http::Connector;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{OnceCell, mpsc, watch};

use self::session::{Event, Live};
use crate::conversation::{LARGEST_CAPABILITIES, Opening};
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, INVALID_PARAMS, Id, Message, RpcError};
use crate::upstream::{Backend, Ways};

/// Limits and switches of the service.
#[derive(Clone, Debug)]
pub struct Options {
    /// Origins whose pages may speak to the gateway; no page may where none is listed.
    pub origins: Vec<String>,
    /// The longest message, in bytes.
    pub message_bytes: usize,
    /// How much of what was sent is kept of each session, for clients whose stream breaks off, in bytes.
    pub replay_bytes: usize,
    /// How often those are told who wait.
    pub tick: Duration,
    /// For so many ticks a call waits for a client that left its stream.
    pub patience: u32,
    /// For so many ticks a session lasts of which nothing is heard.
    pub idle: u32,
    /// So many sessions may one client have at the same time: each has a program of its own for each server.
    pub sessions: usize,
    /// How long servers may take until the session can begin.
    pub start: Duration,
    /// How long a service may take to accept a connection.
    pub dial: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: vec![],
            message_bytes: 4 << 20,
            replay_bytes: 1 << 20,
            tick: Duration::from_secs(5),
            patience: 12,
            idle: 360,
            sessions: 32,
            start: Duration::from_secs(30),
            dial: Duration::from_secs(15),
        }
    }
}

/// What a client gets that is let in.
pub struct Admission {
    /// The session's beginning.
    pub opening: Opening,
    /// The servers of the connection.
    pub backend: Arc<dyn Backend>,
    /// Why the session ends, when it is time.
    pub ends: watch::Receiver<Option<Ending>>,
    /// What is kept until the host was told of the session's end.
    pub place: Place,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission").field("opening", &self.opening).finish_non_exhaustive()
    }
}

/// Whoever sent a request, who is known already.
pub trait Guest: Send + Sync {
    /// Who it is and where it is let in, in words that are the same for the same alone: a session is theirs.
    fn owner(&self) -> String;

    /// Whose sessions are counted together, by whatever tokens they come: more tokens of theirs are no more sessions.
    fn bearer(&self) -> String;

    /// Opens a session for them, and its record.
    ///
    /// # Errors
    /// The status of the response, and what they may know of why not.
    fn admit(&self) -> Result<Admission, (u16, String)>;
}

/// What the service needs of the gateway.
pub trait Host: Send + Sync {
    /// Told when an admitted session is over.
    fn ended(&self, session: &str, ended: &Ended);
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Body,
}

/// A response's body.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Pieces, as they come, to the end of the channel. Dropping it says that the client left.
    Stream(mpsc::Receiver<Bytes>),
}

/// The service.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    host: Arc<dyn Host>,
    options: Options,
    ways: Ways,
    sessions: Mutex<BTreeMap<String, Arc<Live>>>,
    /// Those that requests without a session share, by whose they are and what their clients can do.
    shared: Mutex<BTreeMap<String, Arc<OnceCell<Arc<Live>>>>>,
}

/// What a session begins by.
enum Beginning {
    /// The client's `initialize`, with its id and params.
    Initialize(Id, Json),
    /// The first request that has no session, with the client's capabilities.
    Stateless(Json),
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Service {
    /// A service.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, options: Options) -> Self {
        let ways = Ways {
            connector: Arc::new(Connector::new(None)),
            message_bytes: options.message_bytes,
            dial: options.dial,
        };
        let (sessions, shared) = Default::default();
        Self(Arc::new(Inner { host, options, ways, sessions, shared }))
    }

    /// The longest body that is read.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.0.options.message_bytes
    }

    /// Answers a request of somebody who is let in. Its body is empty where it has none, and dropped once it is handed over.
    pub async fn handle(
        &self,
        guest: &dyn Guest,
        method: &Method,
        headers: &HeaderMap,
        body: impl AsRef<[u8]> + Send,
    ) -> Reply {
        match self.answer(guest, method, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn answer(
        &self,
        guest: &dyn Guest,
        method: &Method,
        headers: &HeaderMap,
        body: impl AsRef<[u8]> + Send,
    ) -> Result<Reply, Reply> {
        request::check_origin(headers, &self.0.options.origins)?;
        let stateless = stateless::is_meant(headers) && !headers.contains_key(request::SESSION);
        match *method {
            Method::GET | Method::DELETE if stateless => Err(not_allowed("POST")),
            Method::POST => self.post(guest, headers, body).await,
            Method::GET => {
                request::accepts(headers, &["text/event-stream"])?;
                let live = self.session(guest, headers)?;
                let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
                live.listen(last).map(stream).ok_or_else(|| {
                    problem(400, "there is no such event: the session does not know its stream")
                })
            }
            Method::DELETE => {
                let live = self.session(guest, headers)?;
                live.tell(Event::Close).await;
                Ok(Reply { status: 204, headers: vec![], body: Body::Whole(Bytes::new()) })
            }
            _ => Err(not_allowed("POST, GET, DELETE")),
        }
    }

    async fn post(
        &self,
        guest: &dyn Guest,
        headers: &HeaderMap,
        body: impl AsRef<[u8]> + Send,
    ) -> Result<Reply, Reply> {
        request::is_json(headers)?;
        request::accepts(headers, &["application/json", "text/event-stream"])?;
        if headers.get(request::SESSION).is_none() {
            return match request::first(headers, body.as_ref())? {
                request::First::Initialize(id, params) => {
                    self.begin(guest, id, params, body.as_ref().len()).await
                }
                request::First::Stateless(message) => {
                    self.post_stateless(guest, headers, (message, body)).await
                }
            };
        }
        let live = self.session(guest, headers)?;
        let bytes = body.as_ref().len();
        let messages = Message::read(body.as_ref(), live.revision().has_batches())
            .map_err(|refused| rpc(400, &refused.answer()))?;
        let requests = messages.iter().filter(|it| matches!(it, Message::Request { .. })).count();
        let opened = (requests > 0).then(|| live.open(requests));
        let number = opened.as_ref().map_or(0, |(number, _)| *number);
        let event = Event::Client { stream: number, messages, bytes, mirrored: vec![] };
        if !live.tell(event).await {
            return Err(gone());
        }
        Ok(match opened {
            Some((_, events)) => stream(events),
            None => Reply { status: 202, headers: vec![], body: Body::Whole(Bytes::new()) },
        })
    }

    /// Begins a session. It is there once its servers are.
    async fn begin(
        &self,
        guest: &dyn Guest,
        id: Id,
        params: Json,
        bytes: usize,
    ) -> Result<Reply, Reply> {
        if params.get("capabilities").is_some_and(|it| it.size() > LARGEST_CAPABILITIES) {
            let error = RpcError::new(INVALID_PARAMS, TOO_CAPABLE);
            return Err(rpc(400, &Message::Error { id: Some(id), error }));
        }
        let beginning = Beginning::Initialize(id.clone(), params);
        let (name, answer) = self.begin_one(guest, &id, beginning, bytes).await?;
        let is_begun = matches!(answer, Message::Result { .. });
        let mut reply = rpc(if is_begun { 200 } else { 502 }, &answer);
        if is_begun {
            reply.headers.push((request::SESSION, name));
        }
        Ok(reply)
    }

    /// Begins a session, and gives its name and what came of it.
    async fn begin_one(
        &self,
        guest: &dyn Guest,
        id: &Id,
        beginning: Beginning,
        bytes: usize,
    ) -> Result<(String, Message), Reply> {
        let failed = |status, why: &str| {
            let error = RpcError::new(INTERNAL_ERROR, why);
            rpc(status, &Message::Error { id: Some(id.clone()), error })
        };
        let (owner, bearer) = (guest.owner(), guest.bearer());
        let own = self.lock().values().filter(|live| live.bearer == bearer).count();
        if own >= self.0.options.sessions {
            return Err(failed(429, "you have as many sessions here as you may have; end one"));
        }
        let mut random = [0; 32];
        let filled = SystemRandom::new().fill(&mut random);
        filled.map_err(|_| failed(503, "there are no random numbers"))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let admission = guest.admit().map_err(|(status, why)| failed(status, &why))?;
        let inner = Arc::clone(&self.0);
        let begun =
            session::begin(inner, name.clone(), (owner, bearer), admission, beginning, bytes);
        let answer = begun.await.map_err(|_| failed(502, "the session ended before it began"))?;
        Ok((name, answer))
    }

    /// The session that a request is of, if it is theirs who sent it.
    fn session(&self, guest: &dyn Guest, headers: &HeaderMap) -> Result<Arc<Live>, Reply> {
        let name = headers.get(request::SESSION).and_then(|name| name.to_str().ok());
        let name = name.ok_or_else(|| problem(400, "the header Mcp-Session-Id is missing"))?;
        let live = self.lock().get(name).cloned();
        // Nobody learns whether somebody else has a session of this name.
        let is_theirs =
            |live: &Arc<Live>| live.owner == guest.owner() && !live.revision().is_stateless();
        let live = live.filter(is_theirs).ok_or_else(gone)?;
        request::check_version(headers, live.revision())?;
        Ok(live)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Live>>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no session begins for a client that says too much of itself.
const TOO_CAPABLE: &str = "the client's capabilities are longer than are kept";

/// A message as a response.
fn rpc(status: u16, message: &Message) -> Reply {
    Reply {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: Body::Whole(Bytes::from(message.json().to_text())),
    }
}

/// A response about the request itself.
fn problem(status: u16, what: &str) -> Reply {
    let error = RpcError::new(crate::message::INVALID_REQUEST, what);
    rpc(status, &Message::Error { id: None, error })
}

fn not_allowed(methods: &str) -> Reply {
    let mut reply = problem(405, "MCP is spoken by POST, and within a session by GET and DELETE");
    reply.headers.push(("allow", methods.to_owned()));
    reply
}

fn gone() -> Reply {
    problem(
        404,
        "there is no such session: it may have ended, by itself or with its servers; begin one by `initialize`",
    )
}

fn stream(events: mpsc::Receiver<Bytes>) -> Reply {
    Reply {
        status: 200,
        headers: vec![
            ("content-type", "text/event-stream".to_owned()),
            ("cache-control", "no-cache, no-transform".to_owned()),
        ],
        body: Body::Stream(events),
    }
}

#[cfg(test)]
mod tests;
