//! A request's head: refused where two readers could frame or understand it differently, and otherwise cut down to what goes
//! from end to end.
//!
//! What is left of the headers is what is judged, and what is sent; nothing of the message's framing is ever passed on.

mod names;
mod raw;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, Version};

use self::names::{HOP_BY_HOP, ONCE, OVERRIDES};
use crate::{Refused, Target};

pub use raw::check_raw;
pub(crate) use raw::{check_lines, is_token};

/// Most header lines.
const MOST_HEADERS: usize = 128;
/// Most bytes of all names and values.
const MOST_BYTES: usize = 64 * 1024;

/// What a request says before its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method, in upper case.
    pub method: Method,
    /// The canonical target.
    pub target: Target,
    /// The host that the client asked for, in lower case and without a port.
    pub host: String,
    /// The headers that go from end to end.
    pub headers: HeaderMap,
    /// How long the body is.
    pub length: Length,
    /// Whether it asks to become a WebSocket (RFC 6455 section 4.1).
    pub websocket: bool,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub expects: bool,
    /// Whether it would rather have an answer at once than wait for a person (RFC 7240 section 4.1).
    pub respond_async: bool,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none, or so many bytes.
    Known(u64),
    /// Until its end.
    Open,
}

/// A head as it was parsed, before anything of it is believed.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    /// The version.
    pub version: Version,
    /// The method.
    pub method: &'a Method,
    /// The target's bytes, as the client wrote them.
    pub target: &'a [u8],
    /// HTTP/2's `:authority`.
    pub authority: Option<&'a str>,
    /// Whether HTTP/2 says that there is no body.
    pub ends: bool,
    /// All headers.
    pub headers: &'a HeaderMap,
}

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    /// What is ambiguous, or not served.
    pub fn read(parsed: &Parsed<'_>) -> Result<Self, Refused> {
        check_version(parsed.version)?;
        check_method(parsed.method)?;
        check_headers(parsed.headers)?;
        let is_http2 = parsed.version == Version::HTTP_2;
        let length = length_of(parsed.headers, is_http2, parsed.ends)?;
        let websocket = upgrade_of(parsed.headers, is_http2)?;
        // The service as a whole (RFC 9112 section 3.2.4): no rule about paths is about it.
        if parsed.target == b"*" && parsed.method != Method::OPTIONS {
            return Err(Refused::Target("only OPTIONS is for all of a service"));
        }
        if websocket && (parsed.method != Method::GET || length != Length::Known(0)) {
            return Err(Refused::Upgrade("a WebSocket begins with a GET without a body"));
        }
        Ok(Self {
            method: parsed.method.clone(),
            target: Target::parse(parsed.target)?,
            host: host_of(parsed)?,
            headers: end_to_end(parsed.headers)?,
            length,
            websocket,
            expects: expects(parsed.headers)?,
            respond_async: listed(parsed.headers, HeaderName::from_static("prefer"))
                .any(|word| word.eq_ignore_ascii_case("respond-async")),
        })
    }
}

fn check_version(version: Version) -> Result<(), Refused> {
    if version == Version::HTTP_11 || version == Version::HTTP_2 {
        return Ok(());
    }
    Err(Refused::Version)
}

/// Methods are words in upper case: some servers take `get` for `GET`, which the policies would not.
fn check_method(method: &Method) -> Result<(), Refused> {
    match method.as_str() {
        "CONNECT" => Err(Refused::Method("CONNECT")),
        "TRACE" => Err(Refused::Method("TRACE")),
        "TRACK" => Err(Refused::Method("TRACK")),
        word if word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') => Ok(()),
        _ => Err(Refused::Head("the method is not in upper case")),
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refused> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > MOST_BYTES {
        return Err(Refused::Headers);
    }
    let is_twice = |name: &&&str| headers.get_all(**name).iter().nth(1).is_some();
    // Nearly no head has any name twice.
    let repeats = headers.len() > headers.keys_len();
    if let Some(name) = ONCE.iter().filter(|_| repeats).find(is_twice) {
        return Err(Refused::Repeated(name));
    }
    let overrides = headers.keys().find_map(|name| OVERRIDES.iter().find(|it| **it == *name));
    if let Some(name) = overrides {
        return Err(Refused::Override(name));
    }
    for (name, value) in headers {
        // CGI and its heirs read `a_b` and `a-b` as the same name, and some of them `a.b` too.
        if name.as_str().contains('_') {
            return Err(Refused::Head("a header's name has an underscore"));
        }
        if names::stands_for_another(name.as_str()) {
            return Err(Refused::Head("a header's name stands for another's to some servers"));
        }
        // All of it is looked at, so that many bytes are at a time: nearly no value has any.
        let is_control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        if value.as_bytes().iter().fold(false, |any, byte| any | is_control(byte)) {
            return Err(Refused::Head("a header's value has a control character"));
        }
    }
    match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None => Ok(()),
        Some(value) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
        Some(_) if aws_chunks(headers) => Ok(()),
        Some(_) => Err(Refused::Form("it is compressed")),
    }
}

/// Whether the body is in chunks of AWS's own form whose checksum stands behind them, and which nobody signed: those that are
/// signed one by one could not be passed on.
pub(crate) fn aws_chunks(headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, expected: &[u8]| {
        headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(expected))
    };
    is(CONTENT_ENCODING, b"aws-chunked")
        && is(HeaderName::from_static("x-amz-content-sha256"), STREAMS.as_bytes())
}

/// How a client of AWS says that of its body.
pub(crate) const STREAMS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// How long the body is (RFC 9112 section 6.3, RFC 9113 section 8.1.1).
fn length_of(headers: &HeaderMap, is_http2: bool, ends: bool) -> Result<Length, Refused> {
    let encoding = headers.get(TRANSFER_ENCODING);
    let length = headers.get(CONTENT_LENGTH);
    match (encoding, length) {
        (Some(_), _) if is_http2 => Err(Refused::Framing("a Transfer-Encoding in HTTP/2")),
        (Some(_), Some(_)) => Err(Refused::Framing("a Content-Length and a Transfer-Encoding")),
        (Some(encoding), None) if encoding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Length::Open)
        }
        (Some(_), None) => Err(Refused::Framing("a Transfer-Encoding other than chunked")),
        (None, Some(length)) => {
            let digits = length.as_bytes();
            if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Refused::Framing("the Content-Length is no number"));
            }
            let length = length.to_str().ok().and_then(|digits| digits.parse().ok());
            length.map(Length::Known).ok_or(Refused::Framing("the Content-Length is no number"))
        }
        (None, None) if is_http2 && !ends => Ok(Length::Open),
        (None, None) => Ok(Length::Known(0)),
    }
}

fn upgrade_of(headers: &HeaderMap, is_http2: bool) -> Result<bool, Refused> {
    if headers.contains_key("http2-settings") {
        return Err(Refused::Upgrade("HTTP/2 is begun without one"));
    }
    let Some(upgrade) = headers.get(UPGRADE) else { return Ok(false) };
    if is_http2 {
        return Err(Refused::Upgrade("there is none in HTTP/2"));
    }
    if !upgrade.as_bytes().eq_ignore_ascii_case(b"websocket") {
        return Err(Refused::Upgrade("only WebSocket is"));
    }
    if !listed(headers, CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade")) {
        return Err(Refused::Upgrade("the Connection header does not name it"));
    }
    Ok(true)
}

fn expects(headers: &HeaderMap) -> Result<bool, Refused> {
    match headers.get(EXPECT).map(|value| value.as_bytes()) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Refused::Expectation),
    }
}

/// The host that is asked for (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
fn host_of(parsed: &Parsed<'_>) -> Result<String, Refused> {
    let header = parsed.headers.get(HOST);
    let header = header.map(|host| host.to_str().map_err(|_| Refused::Head("the Host is no text")));
    let header = header.transpose()?;
    let host = match (parsed.authority, header) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            return Err(Refused::Head("the Host and the authority differ"));
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Refused::Head("there is no Host")),
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(Refused::Head("the Host is no name of a host"));
    }
    Ok(name.to_ascii_lowercase())
}

/// What is left without the hop's own headers (RFC 9110 section 7.6.1), those that the client calls so, and what it says of
/// the way before it: for the server the gateway is the client.
fn end_to_end(headers: &HeaderMap) -> Result<HeaderMap, Refused> {
    let named = listed(headers, CONNECTION).map(|name| HeaderName::from_bytes(name.as_bytes()));
    let named: Vec<HeaderName> = named
        .collect::<Result<_, _>>()
        .map_err(|_| Refused::Head("the Connection header names no header"))?;
    let goes_on = |name: &HeaderName| {
        let text = name.as_str();
        let is_dropped = HOP_BY_HOP.contains(&text) || names::is_dropped(text);
        !is_dropped && !named.contains(name)
    };
    let mut left = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers.iter().filter(|(name, _)| goes_on(name)) {
        left.append(name, value.clone());
    }
    Ok(left)
}

/// The words of a header that lists some.
fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
