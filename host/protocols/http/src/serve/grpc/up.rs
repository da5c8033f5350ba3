//! From a client to its service: the head, and messages, which are judged where a descriptor says what they are.

use bytes::{Bytes, BytesMut};
use palisade_policy::{Denial, RecordedResult, TooMuch};
use pingora_error::{Error, ErrorType};
use tokio::sync::SemaphorePermit;

use super::gathered::Gathered;
use super::ledger::From as Sender;
use super::sink::Sink;
use super::upstream::{Upstream, head_of};
use super::{Stop, Talk};
use crate::grpc::{
    Broken, Code, Coding, Described, Frames, Gather, Message, Part, Said, Told, Whole, framed,
    prefix, unpack,
};
use crate::response::Echo;
use crate::{Credential, Refused, Reply};

/// The message of a client that says one thing, which was allowed. It has its place until it is sent.
pub(super) struct Only<'a> {
    payload: Bytes,
    _place: SemaphorePermit<'a>,
}

impl Talk<'_> {
    /// Judges the call, and gives the number of what was allowed, and the only message where there is but one.
    pub(super) async fn open(&self) -> Result<(u64, Option<Only<'_>>), Stop> {
        let said = match &self.method {
            None => Said::Unread,
            Some(method) if method.is_client_streaming() => Said::Nothing,
            Some(method) => return self.open_with_message(method).await,
        };
        Ok((self.judge(said).await?.number, None))
    }

    /// A call whose client says one thing: it is judged whole before anything is sent.
    async fn open_with_message(&self, method: &Described) -> Result<(u64, Option<Only<'_>>), Stop> {
        let Gathered { whole, place, .. } = self.only_of_client().await?;
        let (said, payload) = self.read(method, whole)?;
        let allowed = self.judge(said).await?;
        Ok((allowed.number, Some(Only { payload, _place: place })))
    }

    /// Connects to the service and sends the call's head.
    pub(super) async fn connect(&self) -> Result<(Sink, Upstream, Echo), Stop> {
        let backend = &*self.session.backend;
        let credential = backend.credential().await.map_err(|why| {
            tracing::error!(session = self.session.id, why, "a credential cannot be read");
            self.told(Code::Unavailable, "the gateway has no credential for the service now")
        })?;
        let about = (self.method.is_none(), self.left());
        let head = head_of(backend, (&self.call, &self.head), &credential, about);
        let head = head.map_err(|error| {
            tracing::error!(session = self.session.id, %error, "a credential cannot be used");
            self.told(Code::Unavailable, "the gateway's credential cannot be used for this call")
        })?;
        let service = &self.connection.service;
        let opened = Upstream::send(service, (backend, &self.session.id), &head).await;
        let mut upstream = opened.map_err(|error| self.unreachable(&error))?;
        let session = upstream.session().map_err(|error| self.unreachable(&error))?;
        let stream = session.take_request_body_writer();
        let stream = stream.ok_or_else(|| self.told(Code::Internal, "the stream is over"))?;
        let sink = Sink::new(stream, service.runner.options.patience);
        let forms = match &credential {
            Credential::None => vec![],
            credential => credential.forms(),
        };
        Ok((sink, upstream, Echo::new(forms)))
    }

    /// Carries the client's messages; it ends where the call must.
    pub(super) async fn up(&self, sink: &Sink, only: Option<Only<'_>>) -> Stop {
        let carried = async {
            match (only, &self.method) {
                (Some(only), _) => self.give(sink, &only.payload).await,
                (None, Some(method)) => self.judge_each(sink, method).await,
                (None, None) => self.pass(sink).await,
            }
        };
        let carried = tokio::select! {
            carried = carried => carried,
            // Who is not done talking begins something with each message.
            ending = self.session.over() => Err(self.over(&ending)),
        };
        match carried {
            Err(stop) => stop,
            Ok(is_open) => {
                if is_open {
                    sink.finish();
                }
                // The service has the last word.
                std::future::pending().await
            }
        }
    }

    /// Sends a message on. Whether the service still takes some: why it does not, its answer says.
    async fn give(&self, sink: &Sink, payload: &[u8]) -> Result<bool, Stop> {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.ledger().note(Sender::Client, length);
        Ok(sink.send(framed(payload)).await.is_ok())
    }

    /// Judges each message as a command of its own before it is sent on.
    async fn judge_each(&self, sink: &Sink, method: &Described) -> Result<bool, Stop> {
        let (mut gather, mut came) = (self.gather(), Bytes::new());
        while let Some(next) = self.next_of_client(&mut gather, &mut came).await? {
            let Gathered { whole, place: _place, .. } = next;
            let (said, payload) = self.read(method, whole)?;
            let allowed = self.judge(said).await?;
            if !self.give(sink, &payload).await? {
                return Ok(false);
            }
            let tag = format!("sent, {} bytes", payload.len());
            let result = RecordedResult { tag, ..RecordedResult::default() };
            let told = self.session.teller.tell_result(allowed.number, &result);
            told.map_err(|failure| self.told(Code::Unavailable, failure.to_string()))?;
        }
        Ok(true)
    }

    /// Carries messages that nobody reads, as they come.
    async fn pass(&self, sink: &Sink) -> Result<bool, Stop> {
        let (mut frames, mut token) = (Frames::default(), self.session.token.passing());
        while let Some(came) = self.client.read().await {
            let mut rest = came.map_err(|_| Stop::Gone)?;
            let mut out = BytesMut::with_capacity(rest.len());
            while let Some(part) = frames.next(&mut rest).map_err(|why| self.broken(why))? {
                match part {
                    Part::Begins { compressed: true, .. }
                        if self.call.coding == Coding::Identity =>
                    {
                        return Err(self.told(Code::Internal, UNSAID).into());
                    }
                    Part::Begins { compressed, length } => {
                        self.ledger().note(Sender::Client, length);
                        out.extend_from_slice(&prefix(compressed, length));
                    }
                    Part::Piece(piece) => {
                        let piece = token.feed(piece).map_err(|_| self.repeats_token())?;
                        out.extend_from_slice(&piece);
                    }
                    // Nothing of a message waits for the next one.
                    Part::Ends => out.extend_from_slice(&token.finish()),
                }
            }
            if sink.send(out.freeze()).await.is_err() {
                return Ok(false);
            }
        }
        frames.finish().map_err(|why| self.broken(why))?;
        Ok(true)
    }

    /// Reads a message, and gives the bytes that it is sent as: those that were read.
    fn read(&self, method: &Described, whole: Whole) -> Result<(Said, Bytes), Stop> {
        let payload = self.plain(whole)?;
        if self.session.token.is_in_read(&payload) {
            return Err(self.repeats_token());
        }
        let message = Message::read(&method.request(), &payload);
        let message = message.map_err(|why| self.malformed(&why.to_string()))?;
        let contents = message.contents().map_err(|why| self.names_too_much(why))?;
        Ok((Said::Message(Box::new(message), Box::new(contents), payload.len()), payload))
    }

    /// A message as it was before it was compressed.
    fn plain(&self, whole: Whole) -> Result<Bytes, Stop> {
        if !whole.compressed {
            return Ok(whole.payload);
        }
        match self.call.coding {
            Coding::Identity => Err(self.told(Code::Internal, UNSAID).into()),
            Coding::Other => {
                let why =
                    "messages that are compressed otherwise than by gzip or deflate are not read";
                Err(self.told(Code::Unimplemented, why).into())
            }
            coding @ (Coding::Gzip | Coding::Deflate) => {
                let plain = unpack(coding, &whole.payload, self.limit());
                let plain = plain.ok_or_else(|| {
                    self.malformed(
                        "its compressed form is broken, or holds more than is read to judge it",
                    )
                });
                plain.map(Bytes::from)
            }
        }
    }

    pub(super) fn gather(&self) -> Gather {
        Gather::new(self.limit())
    }

    fn limit(&self) -> usize {
        self.connection.service.runner.options.body_limit
    }

    fn repeats_token(&self) -> Stop {
        let why = Refused::Token;
        self.refused(Code::InvalidArgument, why.rule(), &why.to_string())
    }

    /// A message that cannot be judged; the record has it.
    pub(super) fn malformed(&self, why: &str) -> Stop {
        self.refused(
            Code::InvalidArgument,
            "gateway.body",
            &format!("the message cannot be read: {why}"),
        )
    }

    /// A message that names more than is told; the record has it.
    fn names_too_much(&self, why: TooMuch) -> Stop {
        let reason = format!("the message names more than is told to judge it: {why}");
        self.refused(Code::ResourceExhausted, "gateway.body-limit", &reason)
    }

    pub(super) fn broken(&self, why: Broken) -> Stop {
        match why {
            Broken::Long(_) => {
                self.refused(Code::ResourceExhausted, "gateway.body-limit", &why.to_string())
            }
            Broken::Flag | Broken::Cut => {
                self.refused(Code::InvalidArgument, "gateway.framing", &why.to_string())
            }
        }
    }

    pub(super) fn refused(&self, code: Code, rule: &str, why: &str) -> Stop {
        let (reason, rule, hint) = (why.to_owned(), rule.to_owned(), String::new());
        let denial = Denial { reason, rule, hint };
        match self.refuse(&denial) {
            Stop::Told(told) => Stop::Told(told.with(code)),
            Stop::Gone => Stop::Gone,
        }
    }

    /// Why a service cannot be reached. The cause is for the operator's log.
    fn unreachable(&self, error: &Error) -> Stop {
        let session = &self.session.id;
        tracing::warn!(session, error = %error.etype().as_str(), "a call did not come through");
        let why = match error.etype() {
            ErrorType::InvalidCert | ErrorType::TLSHandshakeFailure => {
                "the service's certificate is not trusted, or it speaks no HTTP/2 by TLS"
            }
            ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => {
                "the service does not accept connections in time"
            }
            _ => "the service cannot be reached",
        };
        Told::of(&Reply::unavailable(502, why, session)).into()
    }
}

/// Nothing says how to read such a message.
const UNSAID: &str = "a message is compressed, and the metadata does not say how";
