//! Answers for clients that do not wait: where to ask, what to say meanwhile, and the request run once when it is decided.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Method;
use pingora_core::protocols::http::ServerSession;

use super::answer;
use super::app::{Connection, Inner};
use super::exchange::Run;
use super::incoming::{Incoming, Stream, is_denial};
use super::pending::{self, Answer, Kept};
use super::request::{self, Held};
use super::sessions::{Shared, Use};
use crate::{Head, Reply, Route};

impl Connection {
    /// Tells the client where to ask, and runs the request once it is decided.
    pub(super) async fn answer_later(
        &self,
        http: &mut ServerSession,
        session: &Use,
        route: &Route,
        held: Held,
    ) -> pingora_error::Result<()> {
        let kept = session.pending.keep(held.request.size(), |id| {
            let location = format!("{}{}{id}", route.prefix, pending::PATH);
            Reply::held(&held.notices, &location, &session.id)
        });
        let Some((id, reply)) = kept else {
            let why = "as many requests wait for approval as may";
            return answer::reply(http, &Reply::unavailable(429, why, &session.id)).await;
        };
        let service = Arc::clone(&self.service);
        let (session, prefix) = (session.again(), route.prefix.clone());
        tokio::spawn(async move {
            let answer = service.run_later(&session, held, &prefix).await;
            let most = service.runner.options.response_limit;
            session.pending.done(&id, answer, most);
        });
        answer::reply(http, &reply).await
    }
}

impl Inner {
    /// Waits for a request's decision, and runs it.
    async fn run_later(&self, session: &Arc<Shared>, held: Held, prefix: &str) -> Answer {
        let decided = tokio::select! {
            decided = held.decided(session) => decided,
            // What waits is not under way yet.
            ending = session.over() => return Answer::Reply(Reply::over(&ending, &session.id)),
        };
        let (allowed, request) = match decided {
            Ok(decided) => decided,
            Err(denial) => return Answer::Reply(request::denied(&denial, session)),
        };
        let run = Run { session, allowed: &allowed, request: &request, prefix };
        let outcome = tokio::select! {
            outcome = self.run_whole(&run) => outcome,
            ending = session.over_at_once() => Err(Reply::over(&ending, &session.id)),
        };
        outcome.unwrap_or_else(Answer::Reply)
    }

    /// Runs a request. Its response is kept whole.
    ///
    /// # Errors
    /// What the client is told in its place.
    async fn run_whole(&self, run: &Run<'_>) -> Result<Answer, Reply> {
        let incoming = self.runner.run(run, None).await?;
        let Incoming { status, headers, body, covering, .. } = incoming;
        let mut stream = *body;
        let read = whole(&mut stream, self.runner.options.response_limit).await;
        let recorded = stream.recording.put().map_err(|_| "the response cannot be recorded");
        match read.and_then(|bytes| recorded.map(|()| bytes)) {
            Ok(bytes) => {
                let covering = [covering, stream.covering];
                let number = run.allowed.number;
                stream.upstream.release(&self.runner.connector).await;
                Ok(Answer::Response(Box::new(Kept { number, status, headers, bytes, covering })))
            }
            Err(why) => {
                // The response is on record as far as it came.
                let _ = run.session.teller.tell_error(run.allowed.number, "502", why);
                stream.upstream.session.shutdown().await;
                Err(Reply::unavailable(502, why, &run.session.id))
            }
        }
    }
}

/// A body to its end.
///
/// # Errors
/// Why it cannot be kept.
async fn whole(stream: &mut Stream, most: usize) -> Result<Bytes, &'static str> {
    let mut whole = BytesMut::new();
    loop {
        match stream.next().await {
            Ok(Some(piece)) if whole.len() + piece.len() > most => {
                return Err("the response is too long to be kept");
            }
            Ok(Some(piece)) => whole.extend_from_slice(&piece),
            Ok(None) => return Ok(whole.freeze()),
            Err(error) if is_denial(&error) => {
                return Err("the response must be masked, and cannot be");
            }
            Err(_) => return Err("the service broke its response off"),
        }
    }
}

/// What became of a request that was held.
pub(super) async fn fetch(
    http: &mut ServerSession,
    session: &Shared,
    head: &Head,
    id: &str,
) -> pingora_error::Result<()> {
    let found = (head.method == Method::GET).then(|| session.pending.fetch(id)).flatten();
    match found {
        Some(Answer::Reply(reply)) => answer::reply(http, &reply).await,
        Some(Answer::Response(response)) => hand_out(http, session, *response).await,
        None => {
            let why = "nothing waits here, or its answer was fetched already";
            answer::reply(http, &Reply::unavailable(404, why, &session.id)).await
        }
    }
}

/// Sends what was kept, where the policies of now plan for it as those did that it was covered by.
async fn hand_out(
    http: &mut ServerSession,
    session: &Shared,
    response: Kept,
) -> pingora_error::Result<()> {
    let Kept { number, status, headers, bytes, covering } = response;
    for mut covering in covering {
        if let Err(denial) = covering.check(session).await {
            let reply = Reply::withheld(&denial, &session.id);
            // It is withheld either way.
            let _ = session.teller.tell_error(number, "502", &reply.reason);
            return answer::reply(http, &reply).await;
        }
    }
    let framing = answer::Framing::Length(bytes.len() as u64);
    answer::head(http, status, headers, framing).await?;
    if !bytes.is_empty() {
        answer::piece(http, bytes).await?;
    }
    answer::end(http).await
}
