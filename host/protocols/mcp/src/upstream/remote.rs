//! A server that is a service: Streamable HTTP (revision 2025-11-25, Transports), spoken as a client.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method};
use pingora_core::protocols::ALPN;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::exchange::{Exchange, Kind};
use super::repeat::Repeats;
use super::sse::Events;
use super::{GRACE, Remote, Sink, Ways};
use crate::message::{INTERNAL_ERROR, Id, Message, RpcError};

/// How often a stream that broke off is gone on with.
const MOST_RESUMES: usize = 3;
/// How long it waits before.
const PAUSE: Duration = Duration::from_millis(500);
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// Headers that repeat what a request without a session says.
type Repeated = Vec<(String, String)>;

/// Why a request has no answer.
pub(super) enum Failed {
    /// The service says that there is no such session any more.
    Gone,
    /// It does not take the gateway's credential.
    Credential,
    /// Something else, in words that hold no secret.
    Other(String),
}

impl From<Box<Error>> for Failed {
    fn from(error: Box<Error>) -> Self {
        Self::Other(format!("it cannot be reached: {}", error.etype().as_str()))
    }
}

/// One session at a service.
struct Session {
    remote: Remote,
    ways: Ways,
    sink: Sink,
    /// What the service calls it.
    id: Mutex<Option<HeaderValue>>,
    version: Mutex<Option<HeaderValue>>,
    repeats: Repeats,
    /// What keeps its connections apart from others in the pool.
    pool: u64,
}

static POOLS: AtomicU64 = AtomicU64::new(1);

/// A request under way, and whether it is one of a session.
type Asked = (AbortHandle, bool);
type Exchanges = JoinSet<std::result::Result<(), Failed>>;

/// Carries messages until the session is over, or the service is lost. Gives the reason.
pub(super) async fn run(
    remote: Remote,
    mut from: mpsc::Receiver<Message>,
    sink: Sink,
    ways: Ways,
    refused: &(dyn Fn() + Send + Sync),
) -> String {
    let (id, version, repeats) = Default::default();
    let pool = POOLS.fetch_add(1, Relaxed);
    let session = Arc::new(Session { remote, ways, sink, id, version, repeats, pool });
    let mut exchanges = JoinSet::new();
    let mut asked: BTreeMap<Id, Asked> = BTreeMap::new();
    let reason = loop {
        tokio::select! {
            message = from.recv() => {
                let Some(message) = message else { break None };
                let is_begun = is_begun(&message);
                if let Message::Request { id, .. } = &message {
                    let (session, id) = (Arc::clone(&session), id.clone());
                    let repeated = session.repeats.of(&message);
                    let (key, has_session) = (id.clone(), repeated.is_none());
                    let asking = async move { session.ask(&id, &message, repeated).await };
                    let asking = exchanges.spawn(asking);
                    asked.retain(|_, (asking, _)| !asking.is_finished());
                    asked.insert(key, (asking, has_session));
                    continue;
                }
                if let Some(id) = cancelled(&message) {
                    cancel(&session, message, asked.remove(&id), &mut exchanges);
                    continue;
                }
                // What comes behind must find the service told.
                match session.post(&message).await {
                    Ok(exchange) => exchange.release(&session.ways).await,
                    Err(failed) => break Some(failed),
                }
                if is_begun {
                    let session = Arc::clone(&session);
                    exchanges.spawn(async move { session.listen().await });
                }
            }
            ended = exchanges.join_next(), if !exchanges.is_empty() => {
                if let Some(Ok(Err(failed))) = ended {
                    break Some(failed);
                }
            }
        }
    };
    exchanges.shutdown().await;
    match reason {
        None => {
            let _ = tokio::time::timeout(GRACE, session.delete()).await;
            "the session is over".to_owned()
        }
        Some(Failed::Gone) => "its session there is over".to_owned(),
        Some(Failed::Credential) => {
            refused();
            "it does not take the gateway's credential".to_owned()
        }
        Some(Failed::Other(why)) => why,
    }
}

/// Cancels a request. Its answer is read no more either way.
fn cancel(
    session: &Arc<Session>,
    message: Message,
    asked: Option<Asked>,
    exchanges: &mut Exchanges,
) {
    if let Some((asking, has_session)) = asked {
        asking.abort();
        if !has_session {
            // Leaving its stream is what cancels it.
            return;
        }
    }
    // Nothing waits for a service that does not take it, and all else that it works on goes on.
    let session = Arc::clone(session);
    exchanges.spawn(async move {
        match session.post(&message).await {
            Ok(exchange) => exchange.release(&session.ways).await,
            Err(Failed::Other(_)) => {}
            Err(failed @ (Failed::Gone | Failed::Credential)) => return Err(failed),
        }
        Ok(())
    });
}

fn is_begun(message: &Message) -> bool {
    matches!(message, Message::Notification { method, .. } if method == "notifications/initialized")
}

/// The request that a message cancels.
fn cancelled(message: &Message) -> Option<Id> {
    match message {
        Message::Notification { method, params } if method == "notifications/cancelled" => {
            params.get("requestId").and_then(Id::read)
        }
        _ => None,
    }
}

impl Session {
    /// Sends a request and passes on all that comes back. An error is the session's; a request's own is its answer.
    async fn ask(
        &self,
        id: &Id,
        message: &Message,
        repeated: Option<Repeated>,
    ) -> std::result::Result<(), Failed> {
        let answered = match self.post_with(message, repeated).await {
            Ok(exchange) => self.receive(exchange, Some(id)).await,
            Err(failed) => Err(failed),
        };
        let why = match answered {
            Ok(true) => return Ok(()),
            Ok(false) => "the server sent no answer".to_owned(),
            Err(Failed::Other(why)) => why,
            Err(failed) => return Err(failed),
        };
        let error = RpcError::new(INTERNAL_ERROR, why);
        self.sink.message(Message::Error { id: Some(id.clone()), error }).await;
        Ok(())
    }

    /// Keeps the stream open by which the service speaks unasked, where it has one.
    async fn listen(&self) -> std::result::Result<(), Failed> {
        let mut last = None;
        for _ in 0..=MOST_RESUMES {
            let Ok(exchange) = self.exchange(Method::GET, None, last.as_deref()).await else {
                break;
            };
            if exchange.kind() != Kind::Events {
                break;
            }
            let (ended, id) = self.events(exchange, None, last.take()).await;
            last = id;
            if ended.is_err() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn delete(&self) {
        let known = lock(&self.id).is_some();
        if known && let Ok(exchange) = self.exchange(Method::DELETE, None, None).await {
            exchange.release(&self.ways).await;
        }
    }

    /// Sends a message. What is no request has no answer.
    async fn post(&self, message: &Message) -> std::result::Result<Exchange, Failed> {
        self.post_with(message, None).await
    }

    async fn post_with(
        &self,
        message: &Message,
        repeated: Option<Repeated>,
    ) -> std::result::Result<Exchange, Failed> {
        let body = message.json().to_text();
        self.exchange(Method::POST, Some((body.as_bytes(), repeated)), None).await
    }

    /// Passes on what comes back. Gives whether the request was answered.
    async fn receive(
        &self,
        mut exchange: Exchange,
        id: Option<&Id>,
    ) -> std::result::Result<bool, Failed> {
        if exchange.kind() == Kind::Json {
            let body = exchange.whole(self.ways.message_bytes).await?;
            exchange.release(&self.ways).await;
            let messages =
                Message::read(&body, true).map_err(|error| Failed::Other(error.to_string()))?;
            let mut answered = false;
            for message in messages {
                answered |= self.pass(message, id).await;
            }
            return Ok(answered);
        }
        if exchange.kind() != Kind::Events {
            return Ok(false);
        }
        let mut last = None;
        for _ in 0..=MOST_RESUMES {
            let (answered, at) = self.events(exchange, id, last).await;
            if answered? {
                return Ok(true);
            }
            let Some(at) = at else { return Ok(false) };
            tokio::time::sleep(PAUSE).await;
            exchange = self.exchange(Method::GET, None, Some(&at)).await?;
            if exchange.kind() != Kind::Events {
                return Ok(false);
            }
            last = Some(at);
        }
        Ok(false)
    }

    /// Passes on a stream's messages to its end. Gives whether the request was answered, and where to go on from.
    async fn events(
        &self,
        mut exchange: Exchange,
        id: Option<&Id>,
        last: Option<String>,
    ) -> (std::result::Result<bool, Failed>, Option<String>) {
        let mut events = Events::new(self.ways.message_bytes);
        let mut answered = false;
        let at = |events: &Events| events.last_id().map(str::to_owned).or_else(|| last.clone());
        loop {
            // A stream that breaks off can be gone on with.
            let Ok(Some(piece)) = exchange.http.read_response_body().await else { break };
            let whole = match events.feed(&piece) {
                Ok(whole) => whole,
                Err(error) => return (Err(Failed::Other(error.to_string())), None),
            };
            for event in whole.into_iter().filter(|event| !event.data.is_empty()) {
                match Message::read(event.data.as_bytes(), true) {
                    Ok(messages) => {
                        for message in messages {
                            answered |= self.pass(message, id).await;
                        }
                    }
                    Err(refused) => {
                        self.sink.garbled(event.data.as_bytes(), &refused, id).await;
                    }
                }
            }
            if answered {
                break;
            }
        }
        exchange.release(&self.ways).await;
        (Ok(answered), at(&events))
    }

    /// Passes a message on. Gives whether it is the answer that is waited for.
    async fn pass(&self, message: Message, asked: Option<&Id>) -> bool {
        let is_answer = match &message {
            Message::Result { id, result } => {
                self.repeats.learn(result);
                if let Some(version) = result.str_at("protocolVersion")
                    && let Ok(version) = HeaderValue::from_str(version)
                {
                    lock(&self.version).get_or_insert(version);
                }
                Some(id) == asked
            }
            Message::Error { id, .. } => id.as_ref() == asked,
            Message::Request { .. } | Message::Notification { .. } => false,
        };
        self.sink.message(message).await;
        is_answer
    }

    async fn exchange(
        &self,
        method: Method,
        body: Option<(&[u8], Option<Repeated>)>,
        last_event: Option<&str>,
    ) -> std::result::Result<Exchange, Failed> {
        let (mut http, peer) = self.connect().await?;
        let has_session = !matches!(body, Some((_, Some(_))));
        let head = self.head(method, body.as_ref(), last_event)?;
        http.write_request_header(Box::new(head)).await?;
        if let Some((body, _)) = body {
            http.write_request_body(bytes::Bytes::copy_from_slice(body), true).await?;
        }
        http.finish_request_body().await?;
        loop {
            http.read_response_header().await?;
            if !http.response_header().is_some_and(|head| head.status.is_informational()) {
                break;
            }
        }
        let Some(head) = http.response_header() else {
            return Err(Failed::Other("it sent no response".to_owned()));
        };
        if let Some(id) = head.headers.get(SESSION).filter(|_| has_session) {
            lock(&self.id).get_or_insert_with(|| id.clone());
        }
        match head.status.as_u16() {
            200..300 => Ok(Exchange { http, peer }),
            401 | 403 => Err(Failed::Credential),
            404 if has_session && lock(&self.id).is_some() => Err(Failed::Gone),
            // The answer says why.
            400 | 404 if !has_session => Ok(Exchange { http, peer }),
            status => {
                http.shutdown().await;
                Err(Failed::Other(format!("it answered with the status {status}")))
            }
        }
    }

    async fn connect(&self) -> Result<(HttpSession, HttpPeer)> {
        let Remote { tls, host, port, .. } = &self.remote;
        let looked_up = tokio::net::lookup_host((host.as_str(), *port));
        let failed = || Error::explain(ErrorType::ConnectError, "its name has no address");
        let looked_up = tokio::time::timeout(self.ways.dial, looked_up).await;
        let mut addresses = looked_up.map_err(|_| failed())?.map_err(|_| failed())?;
        let address = addresses.next().ok_or_else(failed)?;
        let mut peer = HttpPeer::new(address, *tls, host.clone());
        // No two sessions share a connection.
        peer.group_key = self.pool;
        peer.options.ca.clone_from(&self.remote.authorities);
        peer.client_cert_key.clone_from(&self.remote.certificate);
        peer.options.connection_timeout = Some(self.ways.dial);
        peer.options.total_connection_timeout = Some(self.ways.dial);
        peer.options.alpn = ALPN::H1;
        let (http, _reused) = self.ways.connector.get_http_session(&peer).await?;
        Ok((http, peer))
    }

    fn head(
        &self,
        method: Method,
        body: Option<&(&[u8], Option<Repeated>)>,
        last_event: Option<&str>,
    ) -> Result<RequestHeader> {
        let mut head = RequestHeader::build(method, self.remote.path.as_bytes(), Some(12))?;
        let host = &self.remote.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        head.insert_header(HOST, format!("{host}:{}", self.remote.port))?;
        head.insert_header(USER_AGENT, concat!("palisade/", env!("CARGO_PKG_VERSION")))?;
        head.insert_header(ACCEPT_ENCODING, "identity")?;
        match body {
            Some((body, _)) => {
                head.insert_header(ACCEPT, "application/json, text/event-stream")?;
                head.insert_header(CONTENT_TYPE, "application/json")?;
                head.insert_header(CONTENT_LENGTH, body.len())?;
            }
            None => head.insert_header(ACCEPT, "text/event-stream")?,
        }
        match body {
            Some((_, Some(repeated))) => {
                for (name, value) in repeated {
                    head.insert_header(name.clone(), value.as_str())?;
                }
            }
            _ => {
                for (name, value) in [(SESSION, &self.id), (VERSION, &self.version)] {
                    if let Some(value) = lock(value).clone() {
                        head.insert_header(name, value)?;
                    }
                }
            }
        }
        if let Some(last) = last_event {
            head.insert_header(LAST_EVENT, last)?;
        }
        for (name, value) in &self.remote.headers {
            head.insert_header(name.clone(), value.as_str())?;
        }
        Ok(head)
    }
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
