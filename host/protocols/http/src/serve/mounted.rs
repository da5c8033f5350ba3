//! Other protocols that are spoken within HTTP requests, on the same listener: whoever speaks them judges and records.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use palisade_policy::{Ending, NotAdmitted, Place};
use pingora_core::protocols::http::ServerSession;
use pingora_error::{ErrorType, OrErr};
use tokio::sync::{mpsc, watch};

use super::answer::{self, Framing};
use super::app::{Connection, gone};
use super::forward::Picked;
use super::{Login, request};
use crate::token::Written;
use crate::{Head, Refused, Reply};

/// A protocol that is spoken at some connections.
pub trait Mount: Send + Sync {
    /// Lets a client in for one request.
    ///
    /// # Errors
    /// What the client may know.
    fn enter(&self, login: &Login<'_>) -> Result<Arc<dyn Entered>, NotAdmitted>;

    /// The longest body that is read, in bytes.
    fn body_limit(&self) -> usize;
}

/// A client that was let in for one request.
#[async_trait]
pub trait Entered: Send + Sync {
    /// Answers the request. It is dropped when the client leaves.
    async fn answer(&self, asked: Asked<'_>) -> Answer;

    /// A place for the request's body, kept with it. Nothing where the client has as many as it may.
    fn place(&self) -> Option<Place>;

    /// Lets the client keep a tunnel open, for requests each of which is let in by itself. Nothing where it may not.
    fn stay(&self) -> Option<Stay>;
}

/// A client's leave to keep a tunnel open.
#[derive(Debug)]
pub struct Stay {
    /// Why it ends, when it is time.
    pub ends: watch::Receiver<Option<Ending>>,
    /// What is kept as long as the tunnel is.
    pub place: Place,
}

/// A request, below the connection's own prefix.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The canonical path.
    pub path: &'a str,
    /// The headers, the token's not among them.
    pub headers: &'a HeaderMap,
    /// The body, to be dropped as soon as it is read.
    pub body: Held,
}

/// A body in memory, with its place among those of its client.
#[derive(Debug, Default)]
pub struct Held {
    bytes: Bytes,
    _place: Option<Place>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, but for those of framing.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Pieces,
}

/// A body.
#[derive(Debug)]
pub enum Pieces {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, to the end of the channel, which is dropped when the client leaves.
    Stream(mpsc::Receiver<Bytes>),
}

impl Connection {
    /// Answers a request of another protocol.
    pub(super) async fn mounted(
        &self,
        http: &mut ServerSession,
        (mount, picked): (&dyn Mount, &Picked),
        login: &Login<'_>,
        head: &Head,
    ) -> pingora_error::Result<()> {
        let entered = match mount.enter(login) {
            Ok(entered) => entered,
            Err(refused) => {
                let reply = self.not_admitted(refused).await;
                return answer::reply(http, &reply).await;
            }
        };
        self.is_in();
        let endpoint = self.service.host.forward().and_then(|it| it.endpoint(login.connection));
        let origin = endpoint.as_ref().map(|(origin, _)| origin);
        if let Some(denial) = self.misled(picked, origin) {
            return self.last_words(http, &self.misled_reply(&denial, "")).await;
        }
        let _busy = self.way.busy();
        http.set_read_timeout(Some(self.service.runner.options.patience));
        let place = if http.is_body_empty() { None } else { Some(entered.place()) };
        if let Some(None) = place {
            let why = "as many requests of this client are under way as may be";
            return self.last_words(http, &Reply::unavailable(429, why, "")).await;
        }
        let body = whole(http, head, mount.body_limit()).await;
        let body = match body.and_then(|body| without(login.token, body)) {
            Ok(bytes) => Held { bytes, _place: place.flatten() },
            Err(refused) => return self.last_words(http, &Reply::refused(refused, "")).await,
        };
        let asked =
            Asked { method: &head.method, path: &head.target.path, headers: &head.headers, body };
        let answered = tokio::select! {
            answered = entered.answer(asked) => answered,
            gone = gone(http) => return Err(gone),
        };
        send(http, answered).await
    }
}

async fn send(http: &mut ServerSession, answered: Answer) -> pingora_error::Result<()> {
    let Answer { status, headers: told, body } = answered;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    for (name, value) in told {
        let value = HeaderValue::from_str(&value);
        let value = value.or_err(ErrorType::InvalidHTTPHeader, "a header of an answer")?;
        headers.insert(HeaderName::from_static(name), value);
    }
    let mut pieces = match body {
        Pieces::Whole(bytes) => {
            // Nothing follows a head of this status (RFC 9110 section 15.3.5).
            let framing = match status {
                StatusCode::NO_CONTENT => Framing::None,
                _ => Framing::Length(bytes.len() as u64),
            };
            answer::head(http, status, headers, framing).await?;
            if !bytes.is_empty() {
                answer::piece(http, bytes).await?;
            }
            return answer::end(http).await;
        }
        Pieces::Stream(pieces) => pieces,
    };
    answer::head(http, status, headers, Framing::Open).await?;
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            gone = gone(http) => return Err(gone),
        };
        match piece {
            Some(piece) => answer::piece(http, piece).await?,
            None => return answer::end(http).await,
        }
    }
}

/// The body, where it does not repeat the client's token, which goes no further.
fn without(token: &str, body: Bytes) -> Result<Bytes, Refused> {
    // In no form is it shorter, and most bodies are.
    let repeats = body.len() >= token.len() && Written::of(token).is_in_read(&body);
    if repeats { Err(Refused::Token) } else { Ok(body) }
}

/// All of the body, whatever it is.
async fn whole(http: &mut ServerSession, head: &Head, limit: usize) -> Result<Bytes, Refused> {
    let declared = http.req_header().headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Refused::TooLong(limit));
    }
    request::go_on(http, head).await?;
    let mut body = BytesMut::new();
    loop {
        let read = http.read_request_body().await;
        let read = read.map_err(|_| Refused::Body("it is malformed, or broke off"))?;
        let Some(part) = read else { return Ok(body.freeze()) };
        if body.len() + part.len() > limit {
            return Err(Refused::TooLong(limit));
        }
        body.extend_from_slice(&part);
    }
}
