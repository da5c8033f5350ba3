//! A WebSocket, once both sides have agreed on it: every message of the client's is a command, every message of the service's
//! is masked and recorded, and what controls the connection is the gateway's own on both sides.

mod heard;

use std::collections::VecDeque;
use std::pin::{Pin, pin};

use bytes::Bytes;
use palisade_policy::{Denial, Ending};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::client::HttpSession;
use ring::rand::{SecureRandom, SystemRandom};

use self::heard::Heard;
use super::app::Connection;
use super::exchange::Run;
use super::request::{self, Held, Judged, Settled};
use super::underway::Underway;
use super::upstream::Upstream;
use super::{Options, answer};
use crate::websocket::{Malformed, Message, Messages, Opcode, write};
use crate::{Refused, Reply, Request};

/// Messages that wait behind one that is held.
const MOST_WAITING: usize = 64;
/// Most bytes of a reason (RFC 6455 section 5.5).
const LONGEST_REASON: usize = 123;
/// The connection is over as it should be, the peer leaves, it broke a rule, the server failed (section 7.4.1).
const NORMAL: u16 = 1000;
const AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const FAILED: u16 = 1011;

impl Connection {
    /// Opens a WebSocket, and carries it to its end.
    pub(super) async fn open_socket(
        &self,
        http: &mut ServerSession,
        run: &Run<'_>,
    ) -> pingora_error::Result<()> {
        let runner = &self.service.runner;
        let underway = Underway::of(run);
        let opened = async {
            let credential = runner.credential(run).await?;
            let upstream = runner.send(run, &credential, None).await?;
            Ok((upstream, credential))
        };
        let (mut upstream, credential) = match opened.await {
            Ok(opened) => opened,
            Err(reply) => {
                underway.failed(&reply);
                return self.last_words(http, &reply).await;
            }
        };
        let head = upstream.session.response_header();
        let headers = head.map(|head| (head.status, head.headers.clone()));
        let agreed = headers.filter(|(status, headers)| {
            // What an extension does to frames was not asked for, and could not be read.
            *status == http::StatusCode::SWITCHING_PROTOCOLS
                && !headers.contains_key("sec-websocket-extensions")
        });
        let Some((_, headers)) = agreed else {
            upstream.session.shutdown().await;
            let why = "the service opens no WebSocket here";
            let reply = Reply::unavailable(502, why, &run.session.id);
            underway.failed(&reply);
            return self.last_words(http, &reply).await;
        };
        let kept = ["sec-websocket-accept", "sec-websocket-protocol"];
        let headers = headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        answer::switching(http, &headers).await?;
        underway.begun();
        let heard = Heard::new(run, &credential, &runner.options);
        let mut socket = Socket::new(http, &mut upstream, (run, &runner.options), heard);
        let end = socket.carry().await;
        socket.close(end).await;
        upstream.session.shutdown().await;
        http.set_keepalive(None);
        Ok(())
    }
}

/// Why a socket ends.
enum End {
    /// One side is gone, or cannot be written to.
    Gone,
    /// With a code and a reason for the client, and a code for the service.
    Closed(u16, String, u16),
}

impl End {
    fn by_policy(reason: &str) -> Self {
        Self::Closed(POLICY, reason.to_owned(), AWAY)
    }

    fn over(ending: &Ending) -> Self {
        Self::Closed(if ending.stopping { AWAY } else { POLICY }, ending.text(), AWAY)
    }
}

/// A socket that is open.
struct Socket<'a> {
    http: &'a mut ServerSession,
    upstream: &'a mut Upstream,
    run: &'a Run<'a>,
    from_client: Messages,
    from_service: Messages,
    /// What the client said behind a message that is held.
    waiting: VecDeque<(Opcode, Bytes)>,
    waiting_bytes: usize,
    limit: usize,
    heard: Heard<'a>,
    random: SystemRandom,
}

impl<'a> Socket<'a> {
    fn new(
        http: &'a mut ServerSession,
        upstream: &'a mut Upstream,
        (run, options): (&'a Run<'a>, &Options),
        heard: Heard<'a>,
    ) -> Self {
        if let HttpSession::H1(upstream) = &mut upstream.session {
            upstream.maybe_upgrade_body_writer();
        }
        Self {
            http,
            upstream,
            run,
            from_client: Messages::new(true, options.body_limit),
            from_service: Messages::new(false, options.response_limit),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            limit: options.body_limit,
            heard,
            random: SystemRandom::new(),
        }
    }

    /// Carries messages until either side ends.
    async fn carry(&mut self) -> End {
        let session = self.run.session;
        let mut over = pin!(session.over());
        let mut held = None;
        loop {
            let went_on = match self.judge_waiting(&mut held).await {
                Ok(()) => self.step(&mut held, over.as_mut()).await,
                Err(end) => Err(end),
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// Waits for whatever comes first.
    async fn step(
        &mut self,
        held: &mut Option<(Opcode, Held)>,
        over: Pin<&mut impl Future<Output = Ending>>,
    ) -> Result<(), End> {
        let decided = async {
            match held {
                Some((_, held)) => held.decision.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = over => Err(End::over(&ending)),
            decision = decided => match held.take() {
                Some((opcode, held)) => {
                    self.send_on(opcode, held.settled(self.run.session, decision)).await
                }
                None => Ok(()),
            },
            read = self.http.read_request_body() => match read {
                Ok(Some(piece)) => self.client_said(&piece).await,
                _ => Err(End::Gone),
            },
            read = self.upstream.session.read_response_body() => match read {
                Ok(Some(piece)) => self.service_said(&piece).await,
                _ => Err(End::Gone),
            },
        }
    }

    /// Judges what the client said, in order, up to what has to wait.
    async fn judge_waiting(&mut self, held: &mut Option<(Opcode, Held)>) -> Result<(), End> {
        let session = self.run.session;
        while held.is_none()
            && let Some((opcode, bytes)) = self.waiting.pop_front()
        {
            if let Some(ending) = session.ending() {
                // What is not judged is not under way.
                return Err(End::over(&ending));
            }
            self.waiting_bytes -= bytes.len();
            if session.token.is_in_read(&bytes) {
                let denial = Refused::Token.denial();
                // What it says is on no record.
                let request = Request::message(&self.run.request.head, Bytes::new());
                session.gate().refuse(&request.command(session.backend.templates()), &denial);
                self.send_on(opcode, Err(denial)).await?;
            }
            let request = Request::message(&self.run.request.head, bytes);
            if let Err(why) = request.check_unread() {
                let denial = why.denial();
                let command = request.command(session.backend.templates());
                session.gate().refuse(&command, &denial);
                self.send_on(opcode, Err(denial)).await?;
            }
            match request::judge(session, request).await {
                Judged::Waiting(waits) => *held = Some((opcode, waits)),
                Judged::Allowed(allowed, request) => {
                    self.send_on(opcode, Ok((allowed, request))).await?;
                }
                Judged::Denied(denial) => self.send_on(opcode, Err(denial)).await?,
            }
        }
        Ok(())
    }

    /// Sends on what may run; whoever said what may not is shown out.
    async fn send_on(&mut self, opcode: Opcode, judged: Settled) -> Result<(), End> {
        match judged {
            Ok((_, request)) => self.tell_service(opcode, request.body_bytes()).await,
            Err(Denial { reason, rule, hint }) => {
                Err(End::by_policy(format!("{reason} ({rule}) {hint}").trim_end()))
            }
        }
    }

    /// Takes what the client sent.
    async fn client_said(&mut self, piece: &[u8]) -> Result<(), End> {
        // What waits now, waits behind a message that is held.
        if self.waiting.len() > MOST_WAITING || self.waiting_bytes > self.limit {
            return Err(End::by_policy("too much came while a message waits"));
        }
        self.from_client.feed(piece);
        while let Some(message) = self.from_client.next().map_err(client_broke)? {
            let (opcode, bytes) = match message {
                Message::Text(text) => (Opcode::Text, Bytes::from(text)),
                Message::Binary(bytes) => (Opcode::Binary, Bytes::from(bytes)),
                Message::Ping(payload) => {
                    self.tell_client(Opcode::Pong, &payload).await?;
                    // The service hears that somebody is there, and nothing else.
                    self.tell_service(Opcode::Ping, &[]).await?;
                    continue;
                }
                Message::Pong(_) => continue,
                Message::Close(code) => {
                    let code = code.map_or(NORMAL, |(code, _)| code);
                    return Err(End::Closed(code, String::new(), code));
                }
            };
            self.waiting_bytes += bytes.len();
            self.waiting.push_back((opcode, bytes));
        }
        Ok(())
    }

    /// Takes what the service sent.
    async fn service_said(&mut self, piece: &[u8]) -> Result<(), End> {
        self.from_service.feed(piece);
        while let Some(message) = self.from_service.next().map_err(service_broke)? {
            let (opcode, said) = match message {
                Message::Text(text) => (Opcode::Text, self.heard.text(text).await),
                Message::Binary(bytes) => (Opcode::Binary, self.heard.bytes(bytes).await),
                Message::Ping(payload) => {
                    self.tell_service(Opcode::Pong, &payload).await?;
                    self.tell_client(Opcode::Ping, &[]).await?;
                    continue;
                }
                Message::Pong(_) => continue,
                Message::Close(code) => {
                    let (code, reason) = code.unwrap_or((NORMAL, String::new()));
                    let reason = self.heard.text(reason).await.unwrap_or_default();
                    let reason = String::from_utf8(reason).unwrap_or_default();
                    return Err(End::Closed(code, reason, code));
                }
            };
            match said {
                Ok(said) => self.tell_client(opcode, &said).await?,
                Err(denial) => return Err(End::Closed(FAILED, denial.reason, AWAY)),
            }
        }
        Ok(())
    }

    async fn tell_client(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), End> {
        let mut frame = Vec::with_capacity(payload.len() + 10);
        write(opcode, payload, None, &mut frame);
        let sent = answer::piece(self.http, frame.into()).await;
        sent.map_err(|_| End::Gone)
    }

    async fn tell_service(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), End> {
        let mut mask = [0; 4];
        self.random.fill(&mut mask).map_err(|_| End::Gone)?;
        let mut frame = Vec::with_capacity(payload.len() + 14);
        write(opcode, payload, Some(mask), &mut frame);
        if matches!(opcode, Opcode::Text | Opcode::Binary) {
            self.heard.bytes_in += payload.len() as u64;
        }
        let sent = self.upstream.session.write_request_body(frame.into(), false).await;
        sent.map_err(|_| End::Gone)
    }

    /// Tells both sides, and the record.
    async fn close(mut self, end: End) {
        if let End::Closed(code, reason, to_service) = &end {
            // Whoever is gone needs no telling.
            let _ = self.tell_client(Opcode::Close, &closing(*code, reason)).await;
            let _ = self.tell_service(Opcode::Close, &closing(*to_service, "")).await;
        }
        let how = match &end {
            End::Gone => "one side left".to_owned(),
            End::Closed(code, reason, _) if reason.is_empty() => format!("closed, {code}"),
            End::Closed(code, reason, _) => format!("closed, {code} {reason}"),
        };
        self.heard.how = how;
        let _ = self.http.write_response_body(Bytes::new(), true).await;
    }
}

/// The end of a socket whose client breaks the protocol.
fn client_broke(why: Malformed) -> End {
    End::Closed(why.code(), why.to_string(), AWAY)
}

fn service_broke(why: Malformed) -> End {
    End::Closed(
        FAILED,
        format!("the service's side of the WebSocket is unreadable: {why}"),
        why.code(),
    )
}

/// What a frame says that closes the connection.
fn closing(code: u16, reason: &str) -> Vec<u8> {
    let end = (0..=reason.len().min(LONGEST_REASON)).rev().find(|&at| reason.is_char_boundary(at));
    let reason = reason.get(..end.unwrap_or(0)).unwrap_or_default();
    [code.to_be_bytes().as_slice(), reason.as_bytes()].concat()
}
