//! From a client's bytes to a judged request.

use std::sync::Arc;

use bytes::BytesMut;
use http::Method;
use http::header::{CONTENT_TYPE, IF_RANGE, RANGE};
use palisade_policy::{
    Allowed, Asked, Command, Decision, Denial, GateSession, HoldNotice, Later, Moment, Operations,
    Waiting,
};
use pingora_core::protocols::http::ServerSession;

use super::sessions::Shared;
use super::validators;
use crate::body::check_pair;
use crate::head::aws_chunks;
use crate::token::Written;
use crate::{Body, Head, Kind, Length, Parsed, Refused, Reply, Request, check_raw};

/// The largest room that is made for a body before it comes, in bytes.
const LARGEST_AT_ONCE: u64 = 64 * 1024;

/// What became of a question.
pub(super) enum Judged {
    /// It may run, as this request.
    Allowed(Allowed, Box<Request>),
    /// It may not.
    Denied(Denial),
    /// The answer comes later; then it may run as this request.
    Waiting(Held),
}

/// A request that waits.
pub(super) struct Held {
    pub notices: Vec<HoldNotice>,
    pub decision: Later<Decision>,
    pub request: Box<Request>,
}

/// What was decided of a request: it may run as this one, or may not.
pub(super) type Settled = Result<(Allowed, Box<Request>), Denial>;

impl Held {
    /// What is decided in the end.
    pub(super) async fn decided(mut self, session: &Shared) -> Settled {
        let decision = self.decision.as_mut().await;
        self.settled(session, decision)
    }

    /// What becomes of it by this decision.
    pub(super) fn settled(self, session: &Shared, decision: Decision) -> Settled {
        match decision {
            Decision::Allow(allowed) => may_run(session, allowed, self.request),
            Decision::Deny(denial) => Err(denial),
        }
    }
}

/// Reads a head that pingora has parsed, and looks at its bytes as well.
pub(super) fn read_head(http: &mut ServerSession) -> Result<Head, Refused> {
    let is_http2 = http.is_http2();
    if !is_http2 {
        check_raw(&http.to_h1_raw())?;
    }
    let ends = is_http2 && http.is_body_empty();
    let head = http.req_header();
    let authority = head.uri.authority().filter(|_| is_http2);
    Head::read(&Parsed {
        version: head.version,
        method: &head.method,
        target: head.raw_path(),
        authority: authority.map(http::uri::Authority::as_str),
        ends,
        headers: &head.headers,
    })
}

/// Reads as much of the body as is judged.
///
/// # Errors
/// What cannot be judged.
pub(super) async fn read_body(
    http: &mut ServerSession,
    (head, token): (&Head, &Written),
    limit: usize,
) -> Result<Body, Refused> {
    check_query(head)?;
    if head.length == Length::Known(0) {
        Kind::of_none(head.headers.get(CONTENT_TYPE))?;
        return Ok(Body::none());
    }
    let kind = Kind::of(head.headers.get(CONTENT_TYPE))?;
    if kind == Kind::Opaque || aws_chunks(&head.headers) {
        return Ok(Body::Unread(head.length));
    }
    let room = match head.length {
        Length::Known(length) if length > limit as u64 => return Err(Refused::TooLong(limit)),
        Length::Known(length) => length.min(LARGEST_AT_ONCE),
        Length::Open => 0,
    };
    go_on(http, head).await?;
    let mut body = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0));
    loop {
        let read = http.read_request_body().await;
        let read = read.map_err(|_| Refused::Body("it is malformed, or broke off"))?;
        let Some(part) = read else { break };
        if body.len() + part.len() > limit {
            return Err(Refused::TooLong(limit));
        }
        body.extend_from_slice(&part);
    }
    if token.is_in_read(&body) {
        return Err(Refused::Token);
    }
    Body::read(kind, body.freeze())
}

/// Refuses a query by whose pairs servers read the request otherwise: they look there for what stands in forms as well.
fn check_query(head: &Head) -> Result<(), Refused> {
    let mut pairs = head.target.query.iter().flat_map(|query| query.pairs());
    let checked = pairs.try_for_each(|(name, value)| check_pair(name, value.as_bytes()));
    checked.map_err(|refused| match refused {
        Refused::Body(why) => Refused::Target(why),
        other => other,
    })
}

/// Tells a client that waits for it to send the body.
pub(super) async fn go_on(http: &mut ServerSession, head: &Head) -> Result<(), Refused> {
    if !head.expects {
        return Ok(());
    }
    let told = http.write_continue_response().await;
    told.map_err(|_| Refused::Body("the client is gone"))
}

/// Judges a request: at once where it is known what its policies say.
pub(super) async fn judge(session: &Arc<Shared>, request: Request) -> Judged {
    let mut question = Question::new(session, request);
    let recalled = question.recall(session);
    let answer = match recalled {
        Some(answer) => answer,
        None => session.question_apart(|gate| question.ask(session, gate)).await,
    };
    question.settled(session, answer)
}

/// A request that is not judged yet.
struct Question {
    request: Box<Request>,
    command: Arc<Command>,
    /// Whether what comes back may be masked: then all of it must come back.
    whole: bool,
}

impl Question {
    fn new(session: &Shared, request: Request) -> Self {
        let command = Arc::default();
        let mut question = Self { request: Box::new(request), command, whole: false };
        let whole = {
            let mut gate = session.gate();
            gate.renew();
            !gate.masks_nothing()
        };
        question.read(session, whole);
        question
    }

    /// Reads what the request would do.
    fn read(&mut self, session: &Shared, whole: bool) {
        if whole {
            // A part of a document cannot be read, and so not masked.
            self.request.head.headers.remove(RANGE);
            self.request.head.headers.remove(IF_RANGE);
        }
        self.whole = whole;
        self.command = Arc::new(self.request.command(session.backend.templates()));
    }

    /// Refuses what the gateway itself does, by the newest policies.
    fn come(&mut self, session: &Shared, gate: &mut GateSession) -> Result<(), Denial> {
        if !self.whole && !gate.masks_nothing() {
            // Another set of policies came into force just now.
            self.read(session, true);
        }
        let head = &self.request.head;
        let query = head.target.query.as_ref();
        let guess = || self.whole.then(|| validators::guess(&head.headers, query)).flatten();
        if let Some(denial) = refusal(session, &self.request).or_else(guess) {
            gate.refuse(&self.command, &denial);
            return Err(denial);
        }
        Ok(())
    }

    /// Judges it without asking any policy; nothing where one must be asked.
    fn recall(&mut self, session: &Shared) -> Option<Answer> {
        let mut gate = session.gate();
        gate.renew();
        match self.come(session, &mut gate) {
            Ok(()) if gate.knows(&self.command) => Some(Ok(self.put(session, &mut gate))),
            Ok(()) => None,
            Err(denial) => Some(Err(denial)),
        }
    }

    /// Judges it.
    fn ask(&mut self, session: &Shared, gate: &mut GateSession) -> Answer {
        self.come(session, gate)?;
        Ok(self.put(session, gate))
    }

    /// Puts it to a gate.
    fn put(&self, session: &Shared, gate: &mut GateSession) -> Asked {
        let templates = session.backend.templates();
        let again = |text: &str| match self.request.rewritten(text) {
            Ok(rewritten) => Arc::new(rewritten.command(templates)),
            Err(_) => Arc::new(Command {
                text: text.to_owned(),
                operations: Operations::default(),
                complete: false,
            }),
        };
        gate.ask(&self.command, Moment::Run, &again)
    }

    /// What becomes of it, once the gate has spoken and nobody holds it.
    fn settled(self, session: &Shared, answer: Answer) -> Judged {
        let request = self.request;
        match answer {
            Err(denial) | Ok(Asked::Decided(Decision::Deny(denial))) => Judged::Denied(denial),
            Ok(Asked::Decided(Decision::Allow(allowed))) => {
                match may_run(session, allowed, request) {
                    Ok((allowed, request)) => Judged::Allowed(allowed, request),
                    Err(denial) => Judged::Denied(denial),
                }
            }
            Ok(Asked::Waiting(Waiting { notices, decision })) => {
                Judged::Waiting(Held { notices, decision, request })
            }
        }
    }
}

/// What a gate says of a request, or the gateway itself before it.
type Answer = Result<Asked, Denial>;

/// Records a refusal of the gateway's own, of a request whose body was not read.
pub(super) fn refuse(session: &Shared, head: &Head, denial: &Denial) {
    let request = Request { head: head.clone(), body: Body::Unread(head.length) };
    let command = request.command(session.backend.templates());
    session.gate().refuse(&command, denial);
}

/// The request that an allowed command stands for: the one that was asked about, or what a policy made of it.
fn may_run(
    session: &Shared,
    allowed: Allowed,
    request: Box<Request>,
) -> Result<(Allowed, Box<Request>), Denial> {
    if !allowed.rewritten {
        return Ok((allowed, request));
    }
    let rewritten = request.rewritten(&allowed.command.text).map_err(|refused| Denial {
        reason: format!("a policy rewrote the request into one that cannot be sent: {refused}"),
        rule: "gateway.rewrite".to_owned(),
        hint: "Tell whoever operates the gateway.".to_owned(),
    })?;
    match refusal(session, &rewritten) {
        Some(denial) => {
            session.gate().refuse(&allowed.command, &denial);
            Err(denial)
        }
        None => Ok((allowed, Box::new(rewritten))),
    }
}

/// What the gateway itself refuses.
fn refusal(session: &Shared, request: &Request) -> Option<Denial> {
    let head = &request.head;
    let denial = |reason: &str, rule: &str, hint: &str| {
        let (reason, rule, hint) = (reason.to_owned(), rule.to_owned(), hint.to_owned());
        Some(Denial { reason, rule, hint })
    };
    if session.read_only && (!is_safe(&head.method) || request.may_mutate()) {
        let reason = format!("this session only reads, and this would do more: {}", head.method);
        let hint = "It takes a role that may write here.";
        return denial(&reason, "gateway.read-only", hint);
    }
    if head.websocket && (session.read_only || !session.backend.websocket()) {
        let reason = "WebSockets are not open on this connection for this session";
        return denial(reason, "gateway.websocket", "Use plain requests.");
    }
    None
}

/// Methods that only read (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// The answer to what was denied.
pub(super) fn denied(denial: &Denial, session: &Shared) -> Reply {
    Reply::denied(denial, &session.id)
}
