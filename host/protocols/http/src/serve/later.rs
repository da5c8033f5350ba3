//! Answers for clients that do not wait: where to ask, what to say meanwhile, and the request run once when it is decided.

use std::sync::Arc;

use bytes::BytesMut;
use http::Method;
use pingora_core::protocols::http::ServerSession;

use super::answer;
use super::app::{Connection, Inner};
use super::exchange::Run;
use super::incoming::Incoming;
use super::pending::{self, Answer};
use super::request::{self, Held};
use super::sessions::{Shared, Use};
use crate::{Head, Refused, Reply, Route};

impl Connection {
    /// Tells the client where to ask, and runs the request once it is decided.
    pub(super) async fn answer_later(
        &self,
        http: &mut ServerSession,
        session: &Use,
        route: &Route,
        held: Held,
    ) -> pingora_error::Result<()> {
        let kept = session.pending.keep(|id| {
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
            let answer = tokio::select! {
                answer = service.run_later(&session, held, &prefix) => answer,
                ending = session.over() => Answer::Reply(Reply::over(&ending, &session.id)),
            };
            let most = service.runner.options.response_limit;
            session.pending.done(&id, answer, most);
        });
        answer::reply(http, &reply).await
    }
}

impl Inner {
    /// Waits for a request's decision, and runs it. Its response is kept whole.
    async fn run_later(&self, session: &Arc<Shared>, held: Held, prefix: &str) -> Answer {
        let (allowed, request) = match held.decided(session).await {
            Ok(decided) => decided,
            Err(denial) => return Answer::Reply(request::denied(&denial, session)),
        };
        let run = Run { session, allowed: &allowed, request: &request, prefix };
        let Incoming { status, headers, body: mut stream, .. } =
            match self.runner.run(&run, None).await {
                Ok(incoming) => incoming,
                Err(reply) => return Answer::Reply(reply),
            };
        let mut whole = BytesMut::new();
        let unavailable = |why: &str| Answer::Reply(Reply::unavailable(502, why, &session.id));
        loop {
            match stream.next().await {
                Ok(Some(piece))
                    if whole.len() + piece.len() > self.runner.options.response_limit =>
                {
                    return unavailable("the response is too long to be kept");
                }
                Ok(Some(piece)) => whole.extend_from_slice(&piece),
                Ok(None) => break,
                Err(_) => return unavailable("the service broke its response off"),
            }
        }
        if stream.recording.put().is_err() {
            return unavailable("the response cannot be recorded");
        }
        stream.upstream.release(&self.runner.connector).await;
        Answer::Response(status, headers, whole.freeze())
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
        Some(Answer::Response(status, headers, bytes)) => {
            let framing = answer::Framing::Length(bytes.len() as u64);
            answer::head(http, status, headers, framing).await?;
            if !bytes.is_empty() {
                answer::piece(http, bytes).await?;
            }
            answer::end(http).await
        }
        None => {
            let refused = Refused::Target("nothing waits here, or its answer was fetched");
            let reply = Reply { status: 404, ..Reply::refused(refused, &session.id) };
            answer::reply(http, &reply).await
        }
    }
}
