//! The API on pingora's HTTP server.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response};
use pingora_core::protocols::http::ServerSession;
use serde_json::Value;

use crate::busy::{Busy, Place};
use crate::connection::LetIn;
use crate::openapi::description;
use crate::rate::{Rates, client_at};
use crate::routes::{self, BODY_TIME, Body, Input};
use crate::{Gateway, Problem, entry, exchange};

/// The form of what is counted.
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Where the API's description is.
const DESCRIPTION: &str = "/openapi.json";
/// The room that is made for a body before it comes, at most: that of the largest JSON.
const LARGEST_AT_ONCE: usize = 64 * 1024;
/// How long a caller may pause while it sends.
const READ_TIME: Duration = Duration::from_secs(30);
/// How fast an answer must be read, in bytes a second.
const LEAST_RATE: usize = 128 * 1024;

/// What is sent.
enum Answer {
    Json(String),
    Metrics(String),
    /// Why there is no token, as OAuth tells it.
    Refused(u16, String),
}

/// The API of one gateway.
pub struct Admin<G> {
    gateway: Arc<G>,
    own_hosts: Vec<String>,
    /// By addresses, for callers of whom nothing is known yet.
    rates: Rates<IpAddr>,
    /// By callers: nobody without their tokens uses up what is theirs.
    callers: Rates<String>,
    busy: Busy,
}

impl<G> std::fmt::Debug for Admin<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("own_hosts", &self.own_hosts).finish_non_exhaustive()
    }
}

impl<G: Gateway> Admin<G> {
    /// The API of this gateway. Requests to hosts other than loopback and `own_hosts` (names or addresses, without
    /// ports) are refused.
    #[must_use]
    pub fn new(gateway: Arc<G>, own_hosts: Vec<String>) -> Self {
        let (rates, callers, busy) = Default::default();
        Self { gateway, own_hosts, rates, callers, busy }
    }

    /// Takes a request off the caller's budget, or off that of the client's address, and gives it a place.
    fn spend(&self, token: Option<&str>, client: SocketAddr) -> Result<Place, Problem> {
        let (now, address) = (Instant::now(), client_at(client.ip()));
        let payer = token.and_then(|token| self.gateway.payer(token));
        let spent = match payer.clone() {
            Some(caller) => self.callers.spend(caller, now),
            None => self.rates.spend(address, now),
        };
        spent.map_err(|wait| {
            Problem::too_many(format!("wait {} ms before you ask again", wait.as_millis().max(1)))
        })?;
        let busy = self.busy.enter(payer.unwrap_or_else(|| address.to_string()));
        busy.ok_or_else(|| Problem::too_many("as many of your requests are under way as may be"))
    }

    /// Whether a request is meant for this API, and comes from no page of somebody else's.
    fn check_source(&self, request: &Parts) -> Result<(), Problem> {
        if request.uri.authority().is_some() {
            return Err(Problem::bad_request("absolute request targets are not answered"));
        }
        entry::check_source(&request.headers, &self.own_hosts)
    }

    async fn answer(&self, session: &mut ServerSession, let_in: &LetIn) -> Result<Answer, Problem> {
        let client = session.client_addr().and_then(|client| client.as_inet().copied());
        let client = client.ok_or_else(|| Problem::forbidden("the client has no address"))?;
        let request = session.req_header();
        if request.uri.path() == exchange::PATH && request.method == Method::POST {
            return self.exchange(session, client, let_in).await;
        }
        let_in.keep(self.spend(entry::bearer(&request.headers), client)?);
        self.check_source(request)?;
        if request.uri.path() == DESCRIPTION && request.method == Method::GET {
            // It is the same for everybody, and tells nothing of what runs here.
            return Ok(Answer::Json(description()));
        }
        let token = entry::bearer(&request.headers).ok_or_else(Problem::unauthorized)?;
        let caller = self.gateway.caller(token, client)?;
        let_in.tell();
        let (route, id) = routes::find(&request.method, request.uri.path())?;
        entry::check_type(&request.headers, route.body)?;
        let query = request.uri.query().unwrap_or_default().to_owned();
        if route.body == Body::Wasm && !self.gateway.may_send_files(&caller) {
            return Err(Problem::forbidden("only a role with `administers = true` may do that"));
        }
        let body = read_body(session, route.body.limit(), route.body.time()).await?;
        // A body takes its time: what the token was worth before it is not what it is worth now.
        let token =
            entry::bearer(&session.req_header().headers).ok_or_else(Problem::unauthorized)?;
        let caller = self.gateway.caller(token, client)?;
        let ask = (route.ask)(Input { id, query, body })?;
        Ok(match self.gateway.answer(&caller, ask).await? {
            // A text alone is no object that anybody asked for: it has a form of its own.
            Value::String(text) => Answer::Metrics(text),
            value => Answer::Json(value.to_string()),
        })
    }

    /// A token for a token, which is in the body: who asks is known when that is there, and has to make room until then. What is
    /// wrong is told as OAuth tells it.
    async fn exchange(
        &self,
        session: &mut ServerSession,
        client: SocketAddr,
        let_in: &LetIn,
    ) -> Result<Answer, Problem> {
        let request = session.req_header();
        self.check_source(request)?;
        entry::check_form(&request.headers)?;
        let body = read_body(session, exchange::LARGEST, BODY_TIME).await?;
        let request = exchange::request(&body);
        let token = request.as_ref().ok().map(|request| request.subject_token.as_str());
        let_in.keep(self.spend(token, client)?);
        let answered = match request {
            Ok(request) => self.gateway.exchange(client, request).await,
            Err(problem) => Err(problem),
        };
        Ok(match answered {
            Ok(value) => {
                let_in.tell();
                Answer::Json(value.to_string())
            }
            Err(problem) => Answer::Refused(problem.status(), problem.body().to_string()),
        })
    }

    /// The response to a request.
    pub(crate) async fn response(
        &self,
        session: &mut ServerSession,
        let_in: &LetIn,
    ) -> Response<Vec<u8>> {
        session.set_read_timeout(Some(READ_TIME));
        // Who does not read would keep the answer in memory, and the connection, for as long as they like.
        session.set_min_send_rate(Some(LEAST_RATE));
        // A connection for each request: one that is kept would keep a place that others wait for.
        session.set_keepalive(None);
        match self.answer(session, let_in).await {
            Ok(Answer::Metrics(text)) => response(200, OPENMETRICS, text),
            Ok(Answer::Json(text)) => response(200, "application/json", text),
            Ok(Answer::Refused(status, text)) => response(status, "application/json", text),
            Err(problem) => {
                let text = serde_json::to_string(&problem).unwrap_or_default();
                response(problem.status, "application/problem+json", text)
            }
        }
    }
}

/// Reads the whole body, but never more than `limit` bytes and what one read brings, and for no longer than `time`.
async fn read_body(
    session: &mut ServerSession,
    limit: usize,
    time: Duration,
) -> Result<Bytes, Problem> {
    let announced = session.req_header().headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Problem::too_large(limit));
    }
    // Room for what was announced, so that the buffer never moves and leaves a copy of a secret behind.
    let room = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = BytesMut::with_capacity(room.min(LARGEST_AT_ONCE));
    within(time, async {
        loop {
            let read = session.read_request_body().await;
            let read = read.map_err(|_| Problem::bad_request("the body could not be read"))?;
            let Some(part) = read else { return Ok(body.freeze()) };
            if body.len() + part.len() > limit {
                return Err(Problem::too_large(limit));
            }
            body.extend_from_slice(&part);
        }
    })
    .await
}

/// A caller that sends a byte now and then would keep its place, and what it began as, for as long as it likes.
async fn within<T>(
    time: Duration,
    reading: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let read = tokio::time::timeout(time, reading).await;
    read.unwrap_or_else(|_| Err(Problem::too_slow(time)))
}

fn response(status: u16, content_type: &str, body: String) -> Response<Vec<u8>> {
    let mut builder = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, body.len())
        .header(CACHE_CONTROL, "no-store")
        .header("x-content-type-options", "nosniff");
    if status == 401 {
        builder = builder.header(WWW_AUTHENTICATE, "Bearer");
    }
    builder.body(body.into_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = std::future::pending::<Result<(), Problem>>();
        assert_eq!(within(BODY_TIME, endless).await.unwrap_err().status, 408);
        assert_eq!(within(BODY_TIME, async { Ok(7) }).await, Ok(7));
    }
}
