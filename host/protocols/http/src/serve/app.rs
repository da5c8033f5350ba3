//! The service: each request of each connection, from its head to the end of its response.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use palisade_policy::{Ending, JournalFailure};
use pingora_core::apps::{
    HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp,
};
use pingora_core::connectors::http::Connector;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::H2Options;
use pingora_core::server::ShutdownWatch;
use tokio::sync::{oneshot, watch};

use super::addresses::Addresses;
use super::answer::Framing;
use super::exchange::{Run, Runner};
use super::forward::{Picked, Way};
use super::gathered::gathered;
use super::incoming::{Incoming, is_denial};
use super::pending;
use super::request::{self, Judged};
use super::sessions::{Sessions, Use};
use super::underway::Underway;
use super::{Host, Login, Options, answer, later};
use crate::{Body, Head, Length, Refused, Reply, Request, Route};

/// How long a connection is kept for the next request, in seconds.
const KEPT: u64 = 75;
/// The same.
const KEPT_TIME: Duration = Duration::from_secs(KEPT);
/// Most requests at the same time of one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// Most bytes of the headers of an HTTP/2 request.
const MOST_HEADER_BYTES: u32 = 64 * 1024;

/// What may be on its way by an HTTP/2 connection, in bytes: requests that wait keep none of the others waiting.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// The service that speaks HTTP to clients.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

pub(super) struct Inner {
    pub(super) host: Arc<dyn Host>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) runner: Runner,
    server_options: HttpServerOptions,
    /// The same for who speaks HTTP/2 in clear.
    http2_options: HttpServerOptions,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("options", &self.0.runner.options).finish_non_exhaustive()
    }
}

impl Service {
    /// A service.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, options: Options) -> Self {
        let sessions = Arc::new(Sessions::new(Arc::clone(&host), options.idle_time));
        let runner =
            Runner { options, connector: Connector::new(None), addresses: Addresses::default() };
        let mut server_options = HttpServerOptions::default();
        server_options.h2_idle_timeout = Some(KEPT_TIME);
        let mut http2_options = server_options.clone();
        http2_options.h2c = true;
        Self(Arc::new(Inner { host, sessions, runner, server_options, http2_options }))
    }

    /// Serves one connection to its end. It is given up when `pushed_out` ends, until a client of it is let in.
    pub async fn serve(
        &self,
        stream: Stream,
        client: SocketAddr,
        stop: watch::Receiver<bool>,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        self.serve_by(Way::Direct { http2: false }, stream, client, stop, pushed_out).await;
    }

    /// The same for a client that speaks HTTP/2 in clear: it begins with its preface ([`begins_http2`](super::begins_http2)).
    pub async fn serve_http2(
        &self,
        stream: Stream,
        client: SocketAddr,
        stop: watch::Receiver<bool>,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        self.serve_by(Way::Direct { http2: true }, stream, client, stop, pushed_out).await;
    }

    /// The same for requests that come by this way.
    pub(super) async fn serve_by(
        &self,
        way: Way,
        stream: Stream,
        client: SocketAddr,
        stop: watch::Receiver<bool>,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        let (let_in, is_in) = oneshot::channel();
        let connection = Arc::new(Connection {
            service: Arc::clone(&self.0),
            client,
            let_in: Mutex::new(Some(let_in)),
            way,
        });
        let unwanted = async {
            tokio::select! {
                // Whoever is in is not pushed out any more.
                _ = is_in => std::future::pending().await,
                () = pushed_out => {}
            }
        };
        let served = async {
            let stream = match connection.way {
                Way::Proxy => connection.tunnelled(stream, &stop).await,
                Way::Direct { .. } | Way::Tunnel(_) => Some(stream),
            };
            let mut stream = stream.map(gathered);
            while let Some(open) = stream.take() {
                stream = connection.process_new(open, &stop).await;
            }
        };
        tokio::select! {
            () = served => {}
            () = unwanted => {
                self.0.host.turned_away(client, "its place was given to others who log in");
            }
        }
    }
}

/// One client's connection.
pub(super) struct Connection {
    pub(super) service: Arc<Inner>,
    pub(super) client: SocketAddr,
    /// Told once when a client is let in.
    pub(super) let_in: Mutex<Option<oneshot::Sender<()>>>,
    /// How its requests come.
    pub(super) way: Way,
}

#[async_trait]
impl HttpServerApp for Connection {
    async fn process_new_http(
        self: &Arc<Self>,
        mut http: ServerSession,
        _: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let options = &self.service.runner.options;
        http.set_read_timeout(Some(options.head_time));
        http.set_write_timeout(Some(options.patience));
        // A head that comes byte by byte is given up as well.
        let read =
            pingora_timeout::timeout(KEPT_TIME + options.head_time, http.read_request()).await;
        match read {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) | Err(_) => return None,
            Ok(Err(error)) => {
                self.malformed(&mut http, &error).await;
                return None;
            }
        }
        http.set_abort_on_close(true);
        if http.get_keepalive().is_some() {
            http.set_keepalive(Some(KEPT));
        }
        if self.answer(&mut http).await.is_err() {
            // What was begun cannot be ended well, and must not look as if it were.
            http.shutdown().await;
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&http);
        let reusable = http.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        let service = &self.service;
        let http2 = matches!(self.way, Way::Direct { http2: true });
        Some(if http2 { &service.http2_options } else { &service.server_options })
    }

    fn h2_options(&self) -> Option<H2Options> {
        let mut options = H2Options::new();
        options.max_concurrent_streams(MOST_STREAMS);
        options.max_header_list_size(MOST_HEADER_BYTES);
        options.initial_connection_window_size(CONNECTION_WINDOW);
        Some(options)
    }
}

impl Connection {
    /// A head that pingora could not read.
    async fn malformed(&self, http: &mut ServerSession, error: &pingora_error::Error) {
        if *error.etype() == pingora_error::ErrorType::InvalidHTTPHeader {
            self.service.host.turned_away(self.client, "a head that is no HTTP");
            // There is no request that an answer could be for; pingora has a head for that.
            let reply = Reply::refused(Refused::Head("it is no HTTP, or has too many lines"), "");
            let _ = http.respond_error_with_body(400, reply.body).await;
        }
        http.shutdown().await;
    }

    /// Answers a request; an error says that the connection is of no use any more.
    async fn answer(&self, http: &mut ServerSession) -> pingora_error::Result<()> {
        let (mut head, address) = match self.read_head(http) {
            Ok(read) => read,
            Err(refused) => {
                self.service.host.turned_away(self.client, &refused.to_string());
                return self.last_words(http, &Reply::refused(refused, "")).await;
            }
        };
        let picked = match self.picked(http, &mut head, address).await {
            Ok(picked) => picked,
            Err(reply) => return answer::reply(http, &reply).await,
        };
        let Picked { token, route, .. } = &picked;
        head.target = route.target.clone();
        let login = Login { connection: &route.connection, token, client_address: self.client };
        if let Some(mount) = self.service.host.mount(&route.connection) {
            return self.mounted(http, (&*mount, &picked), &login, &head).await;
        }
        let session = match self.enter(&login).await {
            Ok(session) => session,
            Err(reply) => return answer::reply(http, &reply).await,
        };
        if let Err(refused) = session.token.withhold(&mut head) {
            request::refuse(&session, &head, &refused.denial());
            return self.last_words(http, &Reply::refused(refused, &session.id)).await;
        }
        if let Some(denial) = self.misled(&picked, Some(session.backend.origin())) {
            request::refuse(&session, &head, &denial);
            let reply = self.misled_reply(&denial, &session.id);
            return self.last_words(http, &reply).await;
        }
        if let Some(descriptors) = session.backend.grpc() {
            return self.call(http, &session, descriptors, head).await;
        }
        let before = (http.body_bytes_read(), http.body_bytes_sent());
        let outcome = tokio::select! {
            outcome = self.serve(http, &session, route, head) => Ok(outcome),
            ending = session.over_at_once() => Err(ending),
        };
        let count = |now: usize, before: usize| now.saturating_sub(before) as u64;
        session.count(
            count(http.body_bytes_read(), before.0),
            count(http.body_bytes_sent(), before.1),
        );
        match outcome {
            Ok(outcome) => outcome,
            Err(ending) => self.over(http, &ending, &session.id).await,
        }
    }

    /// A session that ended while its request was under way.
    async fn over(
        &self,
        http: &mut ServerSession,
        ending: &Ending,
        session: &str,
    ) -> pingora_error::Result<()> {
        // That it may go on is no answer yet.
        if http.response_written().is_some_and(|head| !head.status.is_informational()) {
            return pingora_error::Error::e_explain(
                pingora_error::ErrorType::ConnectionClosed,
                "the session is over",
            );
        }
        self.last_words(http, &Reply::over(ending, session)).await
    }

    /// A response that is withheld since it cannot be recorded.
    async fn unrecorded(
        &self,
        http: &mut ServerSession,
        failure: &JournalFailure,
        session: &str,
    ) -> pingora_error::Result<()> {
        let reply = Reply::unavailable(502, &failure.to_string(), session);
        self.last_words(http, &reply).await
    }

    /// An answer behind which nothing of the connection can be read any more.
    pub(super) async fn last_words(
        &self,
        http: &mut ServerSession,
        reply: &Reply,
    ) -> pingora_error::Result<()> {
        http.set_keepalive(None);
        answer::reply(http, reply).await
    }

    /// Lets whoever asks in.
    pub(super) async fn enter(&self, login: &Login<'_>) -> Result<Use, Reply> {
        match self.service.sessions.enter(login).await {
            Ok(session) => {
                self.is_in();
                Ok(session)
            }
            Err(refused) => Err(self.not_admitted(refused).await),
        }
    }

    /// Whoever speaks on this connection is let in, and is not pushed out any more.
    pub(super) fn is_in(&self) {
        let let_in = self.let_in.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nobody waits for it where the connection is being given up.
        let_in.map(|let_in| let_in.send(()));
    }

    /// One request of a session.
    async fn serve(
        &self,
        http: &mut ServerSession,
        session: &Use,
        route: &Route,
        head: Head,
    ) -> pingora_error::Result<()> {
        if let Some(id) = head.target.path.strip_prefix(pending::PATH) {
            return later::fetch(http, session, &head, id).await;
        }
        http.set_read_timeout(Some(self.service.runner.options.patience));
        // Held as long as the body is.
        let Ok(_place) = session.bodies.try_acquire() else {
            let why = "as many requests of this session are under way as may be";
            return self.last_words(http, &Reply::unavailable(429, why, &session.id)).await;
        };
        let respond_async = head.respond_async;
        let judged = tokio::select! {
            // First: what is known at once waits for nothing, and costs no more than it did.
            biased;
            judged = self.judged(http, session, head) => judged,
            // What is not judged is not under way.
            ending = session.told_to_end() => Err(Reply::over(&ending, &session.id)),
        };
        let judged = match judged {
            Ok(judged) => judged,
            Err(reply) => return self.last_words(http, &reply).await,
        };
        let held = match judged {
            Judged::Denied(denial) => {
                return answer::reply(http, &request::denied(&denial, session)).await;
            }
            Judged::Allowed(allowed, request) => {
                return self.run(http, session, route, (&allowed, &request)).await;
            }
            Judged::Waiting(held) => held,
        };
        let is_read =
            !matches!(&held.request.body, Body::Unread(Length::Open | Length::Known(1..)));
        if respond_async && is_read && !held.notices.is_empty() && !held.request.head.websocket {
            return self.answer_later(http, session, route, held).await;
        }
        let left = async { if is_read { gone(http).await } else { std::future::pending().await } };
        let decided = tokio::select! {
            decided = held.decided(session) => decided,
            gone = left => return Err(gone),
            // What waits is not under way yet.
            ending = session.over() => return self.over(http, &ending, &session.id).await,
        };
        match decided {
            Ok((allowed, request)) => self.run(http, session, route, (&allowed, &request)).await,
            Err(denial) => answer::reply(http, &request::denied(&denial, session)).await,
        }
    }

    /// Reads as much of a request as is judged, and judges it, if its session has not ended meanwhile.
    ///
    /// # Errors
    /// What its client is told where it cannot be judged.
    async fn judged(
        &self,
        http: &mut ServerSession,
        session: &Use,
        head: Head,
    ) -> Result<Judged, Reply> {
        let limit = self.service.runner.options.body_limit;
        let body = match request::read_body(http, (&head, &session.token), limit).await {
            Ok(body) => body,
            Err(refused) => {
                request::refuse(session, &head, &refused.denial());
                return Err(Reply::refused(refused, &session.id));
            }
        };
        if let Some(ending) = session.ending() {
            // The end of the body and that of the session came together.
            return Err(Reply::over(&ending, &session.id));
        }
        Ok(request::judge(session, Request { head, body }).await)
    }

    /// Runs an allowed request, and sends the client its response.
    async fn run(
        &self,
        http: &mut ServerSession,
        session: &Use,
        route: &Route,
        (allowed, request): (&palisade_policy::Allowed, &Request),
    ) -> pingora_error::Result<()> {
        let run = Run { session, allowed, request, prefix: &route.prefix };
        let runner = &self.service.runner;
        if request.head.websocket {
            return self.open_socket(http, &run).await;
        }
        let outcome = match &request.body {
            Body::Unread(length) if *length != Length::Known(0) => {
                let underway = Underway::of(&run);
                if let Err(refused) = request::go_on(http, &request.head).await {
                    let reply = Reply::refused(refused, &session.id);
                    underway.failed(&reply);
                    return self.last_words(http, &reply).await;
                }
                underway.begun();
                runner.run(&run, Some(http)).await
            }
            _ => tokio::select! {
                outcome = runner.run(&run, None) => outcome,
                gone = gone(http) => return Err(gone),
            },
        };
        match outcome {
            Ok(incoming) => self.send(http, incoming, (session, allowed.number)).await,
            Err(reply) => answer::reply(http, &reply).await,
        }
    }

    /// Sends a response, and has it on record when it ends.
    async fn send(
        &self,
        http: &mut ServerSession,
        incoming: Incoming,
        (session, number): (&Use, u64),
    ) -> pingora_error::Result<()> {
        let Incoming { status, headers, framing, body: mut stream, .. } = incoming;
        // What is whole is on record before it is sent; what comes piece by piece, as far as it was sent.
        let mut is_recorded = stream.is_whole();
        if is_recorded && let Err(failure) = stream.recording.put() {
            return self.unrecorded(http, &failure, &session.id).await;
        }
        answer::head(http, status, headers, framing).await?;
        let carried = async {
            while let Some(piece) = stream.next().await? {
                if !is_recorded && framing == Framing::Length(stream.recording.bytes) {
                    // No client has all of it before it is on record.
                    is_recorded = true;
                    stream.recording.put().map_err(unrecorded)?;
                }
                answer::piece(http, piece).await?;
            }
            Ok(())
        };
        let carried: pingora_error::Result<()> = carried.await;
        let recorded = if is_recorded { Ok(()) } else { stream.recording.put() };
        if let Err(error) = carried {
            let cause = error.root_cause().to_string();
            let what = if is_denial(&error) { cause } else { error.etype().as_str().to_owned() };
            // The response is on record as far as it came.
            let _ = session.teller.tell_error(number, "502", &format!("broke off: {what}"));
            stream.upstream.session.shutdown().await;
            return Err(error);
        }
        stream.upstream.release(&self.service.runner.connector).await;
        if let Err(failure) = recorded {
            // Nothing is whole that is not on record.
            return Err(unrecorded(failure));
        }
        answer::end(http).await
    }
}

/// The error that ends a response which cannot be recorded.
fn unrecorded(failure: JournalFailure) -> Box<pingora_error::Error> {
    pingora_error::Error::explain(pingora_error::ErrorType::InternalError, failure.to_string())
}

/// Ends when the client leaves. Its request must have been read to the end.
pub(super) async fn gone(http: &mut ServerSession) -> Box<pingora_error::Error> {
    loop {
        match http.read_body_or_idle(true).await {
            Err(error) => return error,
            Ok(Some(_)) => {}
            Ok(None) => {
                return pingora_error::Error::explain(
                    pingora_error::ErrorType::ConnectionClosed,
                    "the client left",
                );
            }
        }
    }
}
