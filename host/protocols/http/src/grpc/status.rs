//! How a call ends: gRPC's status codes, and what the gateway's own answers are as one.

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::Reply;

/// The header that says how a call ended.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// And in words, with `%` before what is no ASCII.
pub(crate) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// What stands for a status of HTTP that the gateway itself answers with.
    pub(crate) fn of(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            400 | 405 | 417 => Self::InvalidArgument,
            413 | 429 | 431 => Self::ResourceExhausted,
            404 | 415 | 505 => Self::Unimplemented,
            499 => Self::Cancelled,
            408 => Self::DeadlineExceeded,
            500 => Self::Internal,
            502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// What stands for a status of HTTP that a service answers with in the place of gRPC.
    pub(crate) fn of_service(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// What stands for a stream that a service has reset.
    pub(crate) fn of_reset(reason: h2::Reason) -> Self {
        match reason {
            h2::Reason::CANCEL => Self::Cancelled,
            h2::Reason::REFUSED_STREAM => Self::Unavailable,
            h2::Reason::ENHANCE_YOUR_CALM => Self::ResourceExhausted,
            h2::Reason::INADEQUATE_SECURITY => Self::PermissionDenied,
            _ => Self::Internal,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        name(self as u32)
    }
}

/// The name of a code.
pub(crate) fn name(code: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("a code that there is not")
}

/// How the gateway itself ends a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) reason: String,
    rule: String,
    hint: String,
    session: String,
}

impl Told {
    pub(crate) fn new(code: Code, reason: impl Into<String>, session: &str) -> Self {
        let (rule, hint) = (String::new(), String::new());
        Self { code, reason: reason.into(), rule, hint, session: session.to_owned() }
    }

    /// An answer of the gateway's as the end of a call.
    pub(crate) fn of(reply: &Reply) -> Self {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        Self {
            code: Code::of(reply.status),
            reason: reply.reason.clone(),
            rule: reply.rule.clone(),
            hint: text("hint").to_owned(),
            session: text("session").to_owned(),
        }
    }

    /// The same by another code.
    pub(crate) fn with(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The trailers that end a call.
    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(STATUS, HeaderValue::from(self.code as u32));
        let mut message = self.reason.clone();
        let more = [("rule", &self.rule), ("session", &self.session)];
        let more = more.into_iter().filter(|(_, text)| !text.is_empty());
        let more: Vec<String> = more.map(|(name, text)| format!("{name} {text}")).collect();
        if !more.is_empty() {
            message.push_str(&format!(" ({})", more.join(", ")));
        }
        if !self.hint.is_empty() {
            message.push_str(&format!(". {}", self.hint));
        }
        let names = ["palisade-rule", "palisade-hint", "palisade-session"];
        for (name, text) in names.into_iter().zip([&self.rule, &self.hint, &self.session]) {
            if let (Ok(value), false) = (HeaderValue::from_str(&escape(text)), text.is_empty()) {
                trailers.insert(name, value);
            }
        }
        if let Ok(value) = HeaderValue::from_str(&escape(&message)) {
            trailers.insert(MESSAGE, value);
        }
        trailers
    }

    /// The head that is the whole of an answer.
    pub(crate) fn alone(&self) -> HeaderMap {
        let mut headers = self.trailers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers
    }
}

/// A message as its header holds it.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// A message as its header says it; what is no escape stays as it is, as the specification asks.
pub(crate) fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *byte == b'%');
        let decoded = digits.and_then(|(digits, left)| {
            let digits = std::str::from_utf8(digits).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            Some((u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?, left))
        });
        let (byte, left) = decoded.unwrap_or((*byte, after));
        out.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&out).into_owned()
}
