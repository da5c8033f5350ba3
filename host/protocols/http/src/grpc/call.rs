//! A call's head: which method of which service, until when, and how its messages are put.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::{Head, Refused, Route};

/// The metadata by which a client that can name no host and no path picks its connection.
const CONNECTION: HeaderName = HeaderName::from_static("palisade-connection");
/// Until when.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// How compressed messages are.
pub(crate) const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// How they may be.
const ACCEPT: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// How messages are compressed that say that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// None is.
    Identity,
    /// By gzip (RFC 1952).
    Gzip,
    /// By zlib (RFC 1950), by the name of what is in it.
    Deflate,
    /// In a way that the gateway does not undo.
    Other,
}

impl Coding {
    /// What a head says of the messages that follow it.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut said = headers.get_all(ENCODING).iter().map(HeaderValue::as_bytes);
        match (said.next(), said.next()) {
            (None | Some(b"identity"), None) => Self::Identity,
            (Some(b"gzip"), None) => Self::Gzip,
            (Some(b"deflate"), None) => Self::Deflate,
            _ => Self::Other,
        }
    }
}

/// A call, before any message of it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The service: `orders.v1.Orders`.
    pub(crate) service: String,
    /// The method: `Get`.
    pub(crate) method: String,
    /// How long the client waits.
    pub(crate) timeout: Option<Duration>,
    pub(crate) coding: Coding,
    /// Whether its messages are those of Protocol Buffers.
    pub(crate) is_proto: bool,
    /// The media type, as it is sent on.
    pub(crate) kind: HeaderValue,
    /// The client's own metadata, the token's not among them.
    pub(crate) metadata: HeaderMap,
}

impl Call {
    /// Reads a call's head.
    ///
    /// # Errors
    /// What is no call, or one that servers could take for another.
    pub(crate) fn read(head: &Head, is_http2: bool) -> Result<Self, Refused> {
        if !is_http2 {
            return Err(Refused::Version);
        }
        if head.method != Method::POST {
            return Err(Refused::Method("other than POST, which gRPC has not,"));
        }
        let kind = head.headers.get(CONTENT_TYPE);
        let kind = kind.filter(|kind| is_grpc(kind));
        let kind = kind.ok_or(Refused::Form("it is no gRPC: application/grpc"))?.clone();
        let (service, method) = method_of(head)?;
        for name in [TIMEOUT, ENCODING, ACCEPT] {
            if head.headers.get_all(&name).iter().nth(1).is_some() {
                return Err(Refused::Head("metadata of gRPC's own is there twice"));
            }
        }
        let coding = Coding::of(&head.headers);
        let timeout = head.headers.get(TIMEOUT).map(timeout).transpose()?;
        let is_proto = matches!(kind.as_bytes(), b"application/grpc" | b"application/grpc+proto");
        let mut metadata = head.headers.clone();
        for name in [CONTENT_TYPE, TIMEOUT, ENCODING, ACCEPT, CONNECTION] {
            metadata.remove(name);
        }
        Ok(Self { service, method, timeout, coding, is_proto, kind, metadata })
    }

    /// What policies see, and what is sent: `/orders.v1.Orders/Get`.
    pub(crate) fn path(&self) -> String {
        format!("/{}/{}", self.service, self.method)
    }

    /// How compressed messages are, for the service.
    pub(crate) fn encoding(&self, head: &Head) -> Option<(HeaderName, HeaderValue)> {
        head.headers.get(ENCODING).map(|value| (ENCODING, value.clone()))
    }
}

/// Whether it is a call's media type, to the letter.
pub(crate) fn is_grpc(kind: &HeaderValue) -> bool {
    let Some(rest) = kind.as_bytes().strip_prefix(b"application/grpc") else { return false };
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    match rest.split_first() {
        None => true,
        Some((b'+', suffix)) => !suffix.is_empty() && suffix.iter().all(fits),
        Some(_) => false,
    }
}

/// Two words, of letters that nobody escapes.
fn method_of(head: &Head) -> Result<(String, String), Refused> {
    let wrong = Refused::Target("a call is of /package.Service/Method");
    if head.target.query.is_some() {
        return Err(wrong);
    }
    let path = head.target.path.strip_prefix('/').ok_or(wrong)?;
    let (service, method) = path.split_once('/').ok_or(wrong)?;
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !service.split('.').all(is_word) || !is_word(method) {
        return Err(wrong);
    }
    Ok((service.to_owned(), method.to_owned()))
}

/// Up to eight digits and a unit.
fn timeout(value: &HeaderValue) -> Result<Duration, Refused> {
    let wrong = Refused::Head("the grpc-timeout is none");
    let (unit, digits) = value.as_bytes().split_last().ok_or(wrong)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong);
    }
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    let number = number.ok_or(wrong)?;
    Ok(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Err(wrong),
    })
}

/// What is left of a client's time, as its header says it.
pub(crate) fn time_left(left: Duration) -> HeaderValue {
    let millis = left.as_millis();
    let text = match millis {
        0..=99_999_999 => format!("{}m", millis.max(1)),
        _ => format!("{}S", (millis / 1000).min(99_999_999)),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("1m"))
}

impl Route {
    /// The connection of a call: as of any request, or by the metadata `palisade-connection` with the whole path. Where both
    /// name one they must agree.
    #[must_use]
    pub(crate) fn of_call(head: &mut Head, domain: Option<&str>) -> Option<Self> {
        let by_request = Self::of(head, domain);
        let kind = head.headers.get(CONTENT_TYPE);
        if !kind.is_some_and(is_grpc) || !head.headers.contains_key(CONNECTION) {
            return by_request;
        }
        let mut names = head.headers.get_all(CONNECTION).iter();
        let name = names.next().and_then(|name| name.to_str().ok()).map(str::to_owned);
        let another = names.next().is_some();
        head.headers.remove(CONNECTION);
        let name = name.filter(|name| !name.is_empty() && !another)?;
        match by_request.filter(|route| route.prefix.is_empty()) {
            Some(route) if route.connection == name => Some(route),
            Some(_) => None,
            None => {
                let target = head.target.clone();
                Some(Self { connection: name, prefix: String::new(), target })
            }
        }
    }
}
