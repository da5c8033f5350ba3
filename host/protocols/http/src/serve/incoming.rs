//! A response on its way to a client: what of its head goes on, what of its body is covered, and what of it is recorded.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, LOCATION,
    SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use palisade_mask::DocumentMask;
use palisade_policy::{Denial, Masking, Observation, Planned, Shape};
use pingora_error::{Error, ErrorType};

use super::answer::Framing;
use super::covering::Covering;
use super::recording::Recording;
use super::sessions::Shared;
use super::upstream::Upstream;
use crate::body::{essence, is_plainly_typed};
use crate::response::{
    Decoder, Echo, HEADERS, Mask, Public, Undecodable, machine, mask_headers, unreadable,
};
use crate::{Credential, Reply};

/// How much of a masked response is judged before its head is sent, in bytes.
const AHEAD: usize = 64 * 1024;
/// The name of the error that ends a response which cannot be masked.
const UNMASKABLE: &str = "Unmaskable";

/// Headers of the hop, and one that leads around the gateway.
pub(super) const HOP: [&str; 11] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "proxy-authenticate",
    "alt-svc",
    "refresh",
];

/// What of a response's headers goes from end to end: not the hop's own, and not those that it calls so (RFC 9110 section 7.6.1).
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    let mut left = HeaderMap::with_capacity(headers.keys_len() + 1);
    for (name, value) in headers {
        if !HOP.contains(&name.as_str()) && !named.contains(name) {
            left.append(name, value.clone());
        }
    }
    left
}

/// A response as the client gets it.
pub(super) struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub framing: Framing,
    pub body: Box<Stream>,
    /// What its headers were covered by.
    pub covering: Covering,
}

/// A body that streams through.
pub(super) struct Stream {
    pub upstream: Upstream,
    decoder: Option<Decoder>,
    echo: Echo,
    mask: Option<Mask>,
    pub recording: Recording,
    /// What was read and judged before the head was sent.
    ready: BytesMut,
    ended: bool,
    /// Some responses last for days.
    pub covering: Covering,
}

impl Stream {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> pingora_error::Result<Option<Bytes>> {
        if !self.ready.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ready).freeze()));
        }
        while !self.ended {
            let piece = self.piece().await?;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Whether all of it is here and judged.
    pub(super) fn is_whole(&self) -> bool {
        self.ended
    }

    /// Reads on and gives what of it is judged, which may be nothing yet.
    async fn piece(&mut self) -> pingora_error::Result<Bytes> {
        let came = self.upstream.session.read_response_body().await?;
        self.covering.check(&self.recording.session).await.map_err(broken_off)?;
        self.ended = came.is_none();
        let plain = match (&mut self.decoder, &came) {
            (Some(decoder), Some(came)) => decoder.feed(came).map(Bytes::from),
            (Some(decoder), None) => decoder.finish().map(Bytes::from),
            (None, _) => Ok(came.unwrap_or_default()),
        };
        let plain = plain.map_err(|why| broken_off(compressed(why)))?;
        let mut piece = self.echo.feed(plain);
        let rest = if self.ended { self.echo.finish() } else { vec![] };
        if !rest.is_empty() {
            piece = [&piece[..], &rest[..]].concat().into();
        }
        if let Some(mask) = &mut self.mask {
            let mut judged = mask.feed(&piece).map_err(broken_off)?;
            if self.ended {
                mask.finish(&mut judged).map_err(broken_off)?;
            }
            piece = judged.into();
        }
        self.recording.note(&piece);
        Ok(piece)
    }

    /// Reads so much that a response which cannot be read is most often found out before anything of it is sent.
    async fn begin(&mut self) -> pingora_error::Result<()> {
        let eager = self.mask.as_ref().is_none_or(|mask| mask.eager);
        let enough = if eager { 1 } else { AHEAD };
        while !self.ended && self.ready.len() < enough {
            let piece = self.piece().await?;
            self.ready.extend_from_slice(&piece);
        }
        Ok(())
    }
}

/// The denial of what was compressed and cannot be read.
fn compressed(why: Undecodable) -> Denial {
    unreadable(&why.to_string())
}

/// The denial of a response goes with the error that ends it.
fn broken_off(denial: Denial) -> Box<Error> {
    Error::because(ErrorType::Custom(UNMASKABLE), denial.reason.clone(), Unmaskable(denial))
}

/// Whether it is a denial that ended a response.
pub(super) fn is_denial(error: &Error) -> bool {
    *error.root_etype() == ErrorType::Custom(UNMASKABLE)
}

/// A response that turned out not to be maskable.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.reason)]
struct Unmaskable(Denial);

/// What is known of the request that a response is for.
pub(super) struct Asked<'a> {
    pub session: &'a Arc<Shared>,
    pub number: u64,
    pub method: &'a Method,
    /// The target, as it was judged.
    pub target: &'a str,
    pub credential: &'a Credential,
    /// Whether it stored what the client has, as that is.
    pub stores: bool,
    pub public: Public<'a>,
    pub record_limit: usize,
    pub response_limit: usize,
}

impl Asked<'_> {
    /// Treats a response. Its upstream has sent the head.
    ///
    /// # Errors
    /// The answer in its place.
    pub(super) async fn treat(&self, upstream: Upstream) -> Result<Incoming, Reply> {
        let Some(head) = upstream.session.response_header() else {
            return Err(Reply::unavailable(502, "the service sent no head", &self.session.id));
        };
        let (status, mut headers) = (head.status, end_to_end(&head.headers));
        // The request may have waited for a person, and the policies are others now.
        let edition = self.session.gate().renew();
        self.check(status)?;
        let decoder = self.decoder(&head.headers)?;
        headers.remove(CONTENT_ENCODING);
        let length = head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
        let is_plain = is_plainly_typed(&head.headers);
        let echo = Echo::new(self.credential.forms());
        let masking = self.clean(status, &mut headers, &echo).await?;
        let covering = Covering { edition, shape: Shape::Document(HEADERS.to_owned()), masking };
        let framing = match (self.method, status) {
            (&Method::HEAD, _) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
                Framing::None
            }
            (_, _) => length.map_or(Framing::Open, Framing::Length),
        };
        let kind = headers.get(CONTENT_TYPE).and_then(essence).unwrap_or_default();
        let shape = shape_of(&kind);
        let planned = self.session.plan(&shape).await.map_err(|denial| self.withheld(&denial))?;
        let plan = self.session.plans.of(&planned.masking);
        let plan = plan.map_err(|denial| self.withheld(&denial))?;
        let changes = (plan.is_some(), decoder.is_some());
        self.validators(status, &mut headers, (&head.headers, edition), changes);
        if *self.method == Method::HEAD && decoder.is_none() {
            // Where nothing would change what a GET gives: clients ask for its length.
            let length = length.filter(|_| plan.is_none());
            headers.extend(length.map(|length: u64| (CONTENT_LENGTH, length.into())));
        }
        let is_empty = framing == Framing::None || framing == Framing::Length(0);
        let plan = plan.filter(|_| !is_empty);
        let mask = self.mask((&planned, plan), status, is_plain, &kind)?;
        let recording = self.recording(status, kind, (mask.is_some(), &planned.observed));
        let changed = mask.is_some() || decoder.is_some() && !is_empty;
        let stream = Stream {
            upstream,
            decoder,
            echo,
            mask,
            recording,
            ready: BytesMut::new(),
            ended: false,
            covering: Covering { edition, shape, masking: planned.masking },
        };
        let body = Box::new(stream);
        let incoming = Incoming { status, headers, framing, body, covering };
        if changed { self.begun(incoming).await } else { Ok(incoming) }
    }

    /// What will be on record of it.
    fn recording(
        &self,
        status: StatusCode,
        kind: String,
        (masked, observed): (bool, &Arc<[Observation]>),
    ) -> Recording {
        Recording {
            session: Arc::clone(self.session),
            number: self.number,
            status,
            kind,
            limit: self.record_limit,
            kept: vec![],
            bytes: 0,
            masked,
            observed: Arc::clone(observed),
            settled: false,
        }
    }

    /// What masks the body, where it must be.
    fn mask(
        &self,
        (planned, plan): (&Planned, Option<Arc<DocumentMask>>),
        status: StatusCode,
        is_plain: bool,
        kind: &str,
    ) -> Result<Option<Mask>, Reply> {
        let withheld = |denial| self.withheld(&denial);
        let Some(plan) = plan else { return Ok(None) };
        if status == StatusCode::PARTIAL_CONTENT {
            return Err(self.withheld(&unreadable("it is a part of something")));
        }
        if !is_plain {
            let why = "its type or charset can be read in two ways";
            return Err(self.withheld(&unreadable(why)));
        }
        let masker = &self.session.masker;
        let mask = machine(plan, &planned.masking, masker, kind, self.response_limit);
        mask.map(Some).map_err(withheld)
    }

    /// A response that leaves otherwise than it came, once its beginning is judged: its length is no longer true.
    async fn begun(&self, mut incoming: Incoming) -> Result<Incoming, Reply> {
        incoming.framing = Framing::Open;
        let stream = &mut incoming.body;
        if let Err(error) = stream.begin().await {
            stream.recording.settled = true;
            stream.upstream.session.shutdown().await;
            let why = error.root_cause().downcast_ref::<Unmaskable>();
            return Err(match why {
                Some(Unmaskable(denial)) => self.withheld(denial),
                None => {
                    let why = "the service broke its response off";
                    Reply::unavailable(502, why, &self.session.id)
                }
            });
        }
        if stream.ended {
            // It is all there.
            incoming.framing = Framing::Length(stream.ready.len() as u64);
        }
        Ok(incoming)
    }

    fn check(&self, status: StatusCode) -> Result<(), Reply> {
        if status.is_informational() {
            // Nobody asked for another protocol.
            let why = "the service changes to another protocol unasked";
            return Err(Reply::unavailable(502, why, &self.session.id));
        }
        let refused =
            status == StatusCode::UNAUTHORIZED && !matches!(self.credential, Credential::None);
        if refused {
            self.session.backend.credential_refused();
            let why = "the service does not take the gateway's credential";
            return Err(Reply::unavailable(502, why, &self.session.id));
        }
        Ok(())
    }

    /// What undoes a coding, which the client does not hear of.
    fn decoder(&self, headers: &HeaderMap) -> Result<Option<Decoder>, Reply> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let (coding, another) = (codings.next(), codings.next().is_some());
        let decoder = match another {
            true => Err(Undecodable::Coding),
            false => Decoder::of(coding),
        };
        decoder.map_err(|why| self.withheld(&compressed(why)))
    }

    /// The headers as the client may see them; gives what they are covered by.
    async fn clean(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        echo: &Echo,
    ) -> Result<Arc<Masking>, Reply> {
        if matches!(self.credential, Credential::Cookie { .. }) {
            // It renews what the gateway let itself in with.
            headers.remove(SET_COOKIE);
        }
        self.keep_cookies(headers);
        for name in [LOCATION, CONTENT_LOCATION] {
            let Some(value) = headers.remove(&name) else { continue };
            let shown = value.to_str().ok().and_then(|value| self.public.location(value));
            match shown.and_then(|shown| HeaderValue::from_str(&shown).ok()) {
                Some(shown) => drop(headers.insert(name, shown)),
                None if status.is_redirection() && name == LOCATION => {
                    return Err(self.withheld(&Denial {
                        reason: "the service redirects to another place than the connection's"
                            .to_owned(),
                        rule: "gateway.redirect".to_owned(),
                        hint: "Ask for the place itself, by a connection that leads there."
                            .to_owned(),
                    }));
                }
                None => {}
            }
        }
        self.mask_headers(headers, echo).await
    }

    /// Cookies stay with the connection.
    fn keep_cookies(&self, headers: &mut HeaderMap) {
        // Nobody sends those of RFC 2965 any more, and some would take them.
        headers.remove("set-cookie2");
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let cookies = headers.get_all(SET_COOKIE).iter();
        let cookies: Vec<_> = cookies.filter_map(|value| self.public.cookie(value)).collect();
        headers.remove(SET_COOKIE);
        headers.extend(cookies.into_iter().map(|value| (SET_COOKIE, value)));
    }

    /// Values are treated as the policies plan for a document whose keys are the headers' names.
    async fn mask_headers(
        &self,
        headers: &mut HeaderMap,
        echo: &Echo,
    ) -> Result<Arc<Masking>, Reply> {
        for value in headers.values_mut().filter(|value| echo.is_in(value.as_bytes())) {
            let mut bytes = value.as_bytes().to_vec();
            echo.cover(&mut bytes);
            // Stars in the place of bytes are a value again.
            *value = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static(""));
        }
        let withheld = |denial| self.withheld(&denial);
        if self.session.gate().masks_nothing() {
            return Ok(Arc::default());
        }
        let shape = Shape::Document(HEADERS.to_owned());
        let planned = self.session.plan(&shape).await.map_err(withheld)?;
        let plan = self.session.plans.of(&planned.masking).map_err(withheld)?;
        let Some(plan) = plan else { return Ok(planned.masking) };
        let masker = &self.session.masker;
        let shown = mask_headers(headers, plan, &planned.masking, masker).map_err(withheld)?;
        if let Some(shown) = shown {
            *headers = shown;
        }
        Ok(planned.masking)
    }

    fn withheld(&self, denial: &Denial) -> Reply {
        Reply::withheld(denial, &self.session.id)
    }
}

/// What policies plan for of a body of this type.
fn shape_of(kind: &str) -> Shape {
    match kind {
        // Whatever reads it may take it for anything.
        "" => Shape::Document("application/octet-stream".to_owned()),
        kind => Shape::Document(kind.to_owned()),
    }
}
