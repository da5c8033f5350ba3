//! From a service to its client: the head, the messages, masked where a policy says so, and the trailers.

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use palisade_policy::Denial;
use pingora_core::protocols::http::v2::client::Http2Session;
use pingora_error::Error;

use super::ledger::From as Sender;
use super::metadata;
use super::upstream::Upstream;
use super::{Planned, Stop, Talk, undescribed};
use crate::Reply;
use crate::grpc::{
    Broken, Code, Coding, Described, ENCODING, Frames, Gather, Part, STATUS, Told, Whole, Withheld,
    framed, is_grpc, name, prefix, unpack,
};
use crate::response::{Echo, unreadable};

/// Tells the names of fields whose values were left out.
const WITHHELD: HeaderName = HeaderName::from_static("palisade-withheld");

impl Talk<'_> {
    /// Carries the answer to its trailers.
    pub(super) async fn down(
        &self,
        upstream: &mut Upstream,
        planned: &mut Planned,
        mut echo: Echo,
    ) -> Result<(), Stop> {
        let session = upstream.session().map_err(|error| self.reset(&error))?;
        session.read_response_header().await.map_err(|error| self.reset(&error))?;
        let headers = self.head_of(session)?;
        let coding = Coding::of(&headers);
        let mut withheld = Withheld::new();
        if headers.contains_key(STATUS) {
            // The head is all there is.
            return self.finish(headers, (&echo, planned.cover.is_some()), &withheld).await;
        }
        let shown = metadata::shown(self.session, headers, &echo).await;
        let mut shown = shown.map_err(|denial| self.withheld(&denial))?;
        // What is sent is not compressed.
        shown.remove(ENCODING);
        self.client.begin(shown).map_err(|_| Stop::Gone)?;
        if planned.cover.is_some() || coding != Coding::Identity {
            self.whole(session, (planned, coding), &echo, &mut withheld).await?;
        } else {
            self.as_they_come(session, planned, &mut echo).await?;
        }
        let trailers = session.read_trailers().await.map_err(|error| self.reset(&error))?;
        let trailers = trailers.filter(|trailers| trailers.contains_key(STATUS));
        let trailers = trailers.ok_or_else(|| {
            self.told(Code::Internal, "the service ended its answer without a status")
        })?;
        self.finish(trailers, (&echo, planned.cover.is_some()), &withheld).await
    }

    /// The head of what is an answer to a call.
    fn head_of(&self, session: &Http2Session) -> Result<HeaderMap, Stop> {
        let head = session.response_header();
        let head = head.ok_or_else(|| self.told(Code::Internal, "the service sent no head"))?;
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(self.not_let_in());
        }
        if head.status != StatusCode::OK {
            let why = format!("the service answers with HTTP's {}", head.status.as_u16());
            return Err(self.told(Code::of_service(head.status), why).into());
        }
        let mut kinds = head.headers.get_all(CONTENT_TYPE).iter();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) if is_grpc(kind) => Ok(head.headers.clone()),
            _ => Err(self.told(Code::Internal, "the service's answer is no gRPC").into()),
        }
    }

    /// Messages that are not looked into but for the gateway's credential.
    async fn as_they_come(
        &self,
        session: &mut Http2Session,
        planned: &mut Planned,
        echo: &mut Echo,
    ) -> Result<(), Stop> {
        let mut frames = Frames::default();
        while let Some(came) = self.read_more(session).await? {
            self.follow(planned).await?;
            if planned.cover.is_some() {
                let why = "a policy that came meanwhile covers what is being sent";
                return Err(self.withheld(&unreadable(why)));
            }
            let mut rest = came.clone();
            let mut out = BytesMut::with_capacity(came.len());
            while let Some(part) = frames.next(&mut rest).map_err(|why| self.service_broke(why))? {
                match part {
                    Part::Begins { compressed: true, .. } => return Err(self.compressed()),
                    Part::Begins { compressed, length } => {
                        self.ledger().note(Sender::Service, length);
                        out.extend_from_slice(&prefix(compressed, length));
                    }
                    Part::Piece(piece) => out.extend_from_slice(&echo.feed(piece)),
                    // Nothing of a message waits for the next one: the client may have to answer first.
                    Part::Ends => out.extend_from_slice(&echo.finish()),
                }
            }
            self.client.send(out.freeze()).await.map_err(|_| Stop::Gone)?;
        }
        frames.finish().map_err(|why| self.service_broke(why))
    }

    /// Messages that are gathered one by one, since they are to be covered, or were compressed, which nobody asked for.
    async fn whole(
        &self,
        session: &mut Http2Session,
        (planned, coding): (&mut Planned, Coding),
        echo: &Echo,
        withheld: &mut Withheld,
    ) -> Result<(), Stop> {
        let response = self.method.as_ref().map(Described::response);
        let mut gather = Gather::new(self.response_limit());
        let mut came = Bytes::new();
        while let Some(next) = self.next_of_service(session, &mut gather, &mut came).await? {
            let (whole, _place) = next;
            let mut payload = self.unpacked(whole, coding)?;
            self.follow(planned).await?;
            echo.cover(&mut payload);
            let covered = match (&planned.cover, &response) {
                (Some(cover), Some(response)) => cover.message(response, &payload, withheld),
                (Some(_), None) => Err(undescribed()),
                (None, _) => Ok(payload),
            };
            let covered = covered.map_err(|denial| self.withheld(&denial))?;
            let length = u32::try_from(covered.len()).unwrap_or(u32::MAX);
            self.ledger().note(Sender::Service, length);
            self.client.send(framed(&covered)).await.map_err(|_| Stop::Gone)?;
        }
        Ok(())
    }

    /// A message of the service's as it was before it was compressed; it goes on plain.
    fn unpacked(&self, whole: Whole, coding: Coding) -> Result<Vec<u8>, Stop> {
        match (whole.compressed, coding) {
            (false, _) => Ok(whole.payload.to_vec()),
            (true, Coding::Gzip | Coding::Deflate) => {
                let plain = unpack(coding, &whole.payload, self.response_limit());
                let why = "its compressed form is broken, or holds more than is read to cover it";
                plain.ok_or_else(|| self.withheld(&unreadable(why)))
            }
            (true, Coding::Identity | Coding::Other) => Err(self.compressed()),
        }
    }

    fn response_limit(&self) -> usize {
        self.connection.service.runner.options.response_limit
    }

    pub(super) async fn read_more(
        &self,
        session: &mut Http2Session,
    ) -> Result<Option<Bytes>, Stop> {
        session.read_response_body().await.map_err(|error| self.reset(&error))
    }

    /// Ends the answer as the service does, once that is on record.
    async fn finish(
        &self,
        trailers: HeaderMap,
        (echo, masked): (&Echo, bool),
        withheld: &Withheld,
    ) -> Result<(), Stop> {
        let status = trailers.get(STATUS).and_then(|status| status.to_str().ok()?.parse().ok());
        let Some(status) = status else {
            let why = "the service's status is none";
            return Err(self.told(Code::Internal, why).into());
        };
        if status == Code::Unauthenticated as u32 && echo.looks() {
            return Err(self.not_let_in());
        }
        let shown = metadata::shown(self.session, trailers, echo).await;
        let mut shown = shown.map_err(|denial| self.withheld(&denial))?;
        let names = withheld.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if let (Ok(names), false) = (HeaderValue::from_str(&names), names.is_empty()) {
            shown.insert(WITHHELD, names);
        }
        let end = format!("{status} {}", name(status));
        if let Err(failure) = self.record(&end, masked) {
            // Nothing is whole that is not on record.
            return Err(self.told(Code::Unavailable, failure.to_string()).into());
        }
        // Whoever is gone has nothing of it.
        let _ = self.client.end(shown);
        Ok(())
    }

    fn not_let_in(&self) -> Stop {
        self.session.backend.credential_refused();
        let why = "the service does not take the gateway's credential";
        Told::of(&Reply::unavailable(502, why, &self.session.id)).into()
    }

    fn withheld(&self, denial: &Denial) -> Stop {
        self.denied(denial)
    }

    fn compressed(&self) -> Stop {
        self.withheld(&unreadable(
            "the service compresses in a way that is not read, or does not say how",
        ))
    }

    pub(super) fn service_broke(&self, why: Broken) -> Stop {
        match why {
            Broken::Long(_) => self.withheld(&unreadable(&why.to_string())),
            _ => self.told(Code::Internal, format!("the service's answer: {why}")).into(),
        }
    }

    /// What a service's broken stream is to its client.
    fn reset(&self, error: &Error) -> Stop {
        let cause = error.root_cause().downcast_ref::<h2::Error>();
        let reason = cause.filter(|cause| cause.is_reset()).and_then(h2::Error::reason);
        let code = reason.map_or(Code::Unavailable, Code::of_reset);
        self.told(code, "the service broke the call off").into()
    }
}
