//! A response on its way to a client: what of its head goes on, what of its body is covered, and what of it is recorded.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, LOCATION, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use palisade_mask::{MESSAGE, MessageMask};
use palisade_policy::{Denial, JournalFailure, Observation, RecordedField, RecordedResult, Shape};

use super::answer::Framing;
use super::sessions::Shared;
use super::upstream::Upstream;
use crate::body::essence;
use crate::response::{Echo, Public, Readable, keeps, mask, unreadable};
use crate::{Credential, Reply};

/// Headers of the hop, and one that leads around the gateway.
const HOP: [&str; 11] = [
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

/// A response as the client gets it.
pub(super) struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub framing: Framing,
    pub body: Source,
}

/// A response's body.
pub(super) enum Source {
    /// All of it; it is recorded.
    Whole(Bytes),
    /// As it comes.
    Stream(Box<Stream>),
}

/// A body that streams through.
pub(super) struct Stream {
    pub upstream: Upstream,
    pub echo: Echo,
    pub recording: Recording,
    ended: bool,
}

impl Stream {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> pingora_error::Result<Option<Bytes>> {
        while !self.ended {
            let piece = match self.upstream.session.read_response_body().await? {
                Some(piece) => self.echo.feed(&piece),
                None => {
                    self.ended = true;
                    self.echo.finish()
                }
            };
            if !piece.is_empty() {
                self.recording.note(&piece);
                return Ok(Some(piece.into()));
            }
        }
        Ok(None)
    }
}

/// What is recorded of a response.
pub(super) struct Recording {
    session: Arc<Shared>,
    number: u64,
    status: StatusCode,
    kind: String,
    limit: usize,
    kept: Vec<u8>,
    bytes: u64,
    masked: bool,
    observed: Arc<[Observation]>,
}

impl Recording {
    fn note(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let room = self.limit.saturating_sub(self.kept.len()).min(piece.len());
        self.kept.extend_from_slice(piece.get(..room).unwrap_or_default());
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn put(&self) -> Result<(), JournalFailure> {
        let truncated = self.bytes > self.kept.len() as u64;
        let text = match std::str::from_utf8(&self.kept) {
            Ok(text) => Some(text.to_owned()),
            // The limit may cut a character.
            Err(error) if truncated && error.error_len().is_none() => {
                let whole = self.kept.get(..error.valid_up_to()).unwrap_or_default();
                Some(String::from_utf8_lossy(whole).into_owned())
            }
            Err(_) => None,
        };
        let field = RecordedField {
            name: "body".to_owned(),
            type_name: self.kind.clone(),
            masked: self.masked,
            sources: None,
        };
        let rows = if self.bytes == 0 { vec![] } else { vec![vec![text]] };
        let result = RecordedResult {
            fields: vec![field],
            row_count: rows.len() as u64,
            rows,
            bytes: self.bytes,
            truncated,
            tag: self.status.to_string(),
            observed: Arc::clone(&self.observed),
        };
        self.session.gate().tell_result(self.number, &result)
    }
}

/// What is known of the request that a response is for.
pub(super) struct Asked<'a> {
    pub session: &'a Arc<Shared>,
    pub number: u64,
    pub method: &'a Method,
    pub credential: &'a Credential,
    pub public: Public<'a>,
    pub record_limit: usize,
    pub response_limit: usize,
}

impl Asked<'_> {
    /// Treats a response. Its upstream has sent the head.
    ///
    /// # Errors
    /// The answer in its place.
    pub(super) async fn treat(&self, mut upstream: Upstream) -> Result<Incoming, Reply> {
        let Some(head) = upstream.session.response_header() else {
            return Err(Reply::unavailable(502, "the service sent no head", &self.session.id));
        };
        let (status, mut headers) = (head.status, head.headers.clone());
        self.check(status, &headers)?;
        let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        let echo = Echo::new(self.credential.forms());
        self.clean(status, &mut headers, &echo)?;
        let framing = match (self.method, status) {
            (&Method::HEAD, _) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
                Framing::None
            }
            (_, _) => length.map_or(Framing::Open, Framing::Length),
        };
        let kind = headers.get(CONTENT_TYPE).and_then(essence).unwrap_or_default();
        let shape = match kind.as_str() {
            "" => Shape::ByteStream,
            kind => Shape::Document(kind.to_owned()),
        };
        let planned = self.session.gate().plan(&shape).map_err(|denial| self.withheld(&denial))?;
        let mut recording = Recording {
            session: Arc::clone(self.session),
            number: self.number,
            status,
            kind: kind.clone(),
            limit: self.record_limit,
            kept: vec![],
            bytes: 0,
            masked: !keeps(&planned),
            observed: Arc::clone(&planned.observed),
        };
        let is_empty = framing == Framing::None || framing == Framing::Length(0);
        if keeps(&planned) || is_empty {
            let body = Source::Stream(Box::new(Stream { upstream, echo, recording, ended: false }));
            return Ok(Incoming { status, headers, framing, body });
        }
        let mut whole = self.gather(&mut upstream).await?;
        echo.cover(&mut whole);
        let masked = mask(&self.session.masker, &planned, Readable::of(&kind), &whole);
        let masked = masked.map_err(|denial| self.withheld(&denial))?;
        recording.note(&masked);
        let recorded = recording.put();
        recorded
            .map_err(|failure| Reply::unavailable(502, &failure.to_string(), &self.session.id))?;
        // What says how the bytes were is no longer true.
        headers.remove("etag");
        headers.remove("digest");
        headers.remove("content-md5");
        headers.remove("accept-ranges");
        let framing = Framing::Length(masked.len() as u64);
        Ok(Incoming { status, headers, framing, body: Source::Whole(masked.into()) })
    }

    fn check(&self, status: StatusCode, headers: &HeaderMap) -> Result<(), Reply> {
        let refused =
            status == StatusCode::UNAUTHORIZED && !matches!(self.credential, Credential::None);
        if refused {
            self.session.backend.credential_refused();
            let why = "the service does not take the gateway's credential";
            return Err(Reply::unavailable(502, why, &self.session.id));
        }
        match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
            None => Ok(()),
            Some(value) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
            // It was not asked for, and what is compressed cannot be looked at.
            Some(_) => Err(self.withheld(&unreadable("the service compressed it"))),
        }
    }

    /// The headers as the client may see them.
    fn clean(&self, status: StatusCode, headers: &mut HeaderMap, echo: &Echo) -> Result<(), Reply> {
        let named: Vec<HeaderName> = headers
            .get_all("connection")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        named.into_iter().for_each(|name| drop(headers.remove(name)));
        HOP.iter().for_each(|name| drop(headers.remove(*name)));
        if matches!(self.credential, Credential::Cookie { .. }) {
            // It renews what the gateway let itself in with.
            headers.remove(SET_COOKIE);
        }
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
        self.mask_headers(headers, echo)
    }

    /// Values are treated as the policies plan for messages, under their headers' names.
    fn mask_headers(&self, headers: &mut HeaderMap, echo: &Echo) -> Result<(), Reply> {
        let mask = {
            let mut gate = self.session.gate();
            if gate.masks_nothing() && !echo.is_watchful() {
                return Ok(());
            }
            let planned = gate.plan(&Shape::Document(MESSAGE.to_owned()));
            let planned = planned.map_err(|denial| self.withheld(&denial))?;
            MessageMask::new(&planned.masking)
                .map_err(|error| self.withheld(&unreadable(&error.to_string())))?
        };
        let mut seen = self.session.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown = HeaderMap::with_capacity(headers.len());
        for (name, value) in &*headers {
            let mut bytes = value.as_bytes().to_vec();
            echo.cover(&mut bytes);
            let text = String::from_utf8_lossy(&bytes);
            let masker = &self.session.masker;
            let Some(text) = masker.message(&mask, &mut seen, name.as_str(), &text) else {
                continue;
            };
            if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
                shown.append(name.clone(), value);
            }
        }
        *headers = shown;
        Ok(())
    }

    async fn gather(&self, upstream: &mut Upstream) -> Result<Vec<u8>, Reply> {
        let mut whole = Vec::new();
        loop {
            match upstream.session.read_response_body().await {
                Ok(Some(piece)) if whole.len() + piece.len() > self.response_limit => {
                    return Err(self.withheld(&unreadable("it is too long")));
                }
                Ok(Some(piece)) => whole.extend_from_slice(&piece),
                Ok(None) => return Ok(whole),
                Err(_) => {
                    let why = "the service broke its response off";
                    return Err(Reply::unavailable(502, why, &self.session.id));
                }
            }
        }
    }

    fn withheld(&self, denial: &Denial) -> Reply {
        Reply::withheld(denial, &self.session.id)
    }
}
