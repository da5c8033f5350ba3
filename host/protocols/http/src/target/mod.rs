//! What a request is for: its path and query, made canonical once.
//!
//! What comes out is judged and what comes out is sent, so that no server reads another path than the policies did. What has no
//! single reading (dot segments, encoded slashes, what is encoded twice, path parameters) is refused rather than guessed.

mod query;

use std::borrow::Cow;

use crate::Refused;

pub use query::Query;

/// The longest target, in bytes (RFC 9110 section 4.1 asks for 8000 at least).
const LONGEST: usize = 16 * 1024;

/// Parameters by which a client asks a server to take another method than the request has.
const OVERRIDES: [&str; 4] = ["_method", "_HttpMethod", "X-HTTP-Method-Override", "X-HTTP-Method"];
/// The same, where their value is a method.
const VALUE_OVERRIDES: [&str; 2] = ["method", "http_method"];

/// Whether a value is a method by which a client would ask for something else, in whatever case.
pub(crate) fn is_method(value: &str) -> bool {
    let methods = ["DELETE", "GET", "PATCH", "POST", "PUT"];
    methods.iter().any(|method| value.eq_ignore_ascii_case(method))
}

/// So many bytes name no more than can be told, whatever they name.
const SURELY_TOLD: usize = 1024;

/// A canonical path and its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path, from its slash: escapes in upper case, nothing escaped that need not be.
    pub path: String,
    /// The query, where there is one.
    pub query: Option<Query>,
}

impl Target {
    /// Reads a target in origin form, or `*` (RFC 9112 section 3.2).
    ///
    /// # Errors
    /// What servers could read in different ways.
    pub fn parse(raw: &[u8]) -> Result<Self, Refused> {
        if raw.len() > LONGEST {
            return Err(Refused::Target("it is too long"));
        }
        if raw == b"*" {
            return Ok(Self { path: "*".to_owned(), query: None });
        }
        if raw.first() != Some(&b'/') {
            return Err(Refused::Target("it is not a path"));
        }
        if raw.contains(&b'#') {
            return Err(Refused::Target("it has a fragment"));
        }
        let (path, query) = match raw.iter().position(|byte| *byte == b'?') {
            Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at + 1..)),
            None => (raw, None),
        };
        let query = query.map(Query::parse).transpose()?;
        if let Some(query) = query.as_ref().filter(|_| raw.len() > SURELY_TOLD) {
            query.told()?;
        }
        let overrides = |(name, value): (&str, &str)| {
            let is = |known: &&&str| name.eq_ignore_ascii_case(known);
            // What is called a method may be one of payment.
            let values = VALUE_OVERRIDES.iter().filter(|_| is_method(value));
            OVERRIDES.iter().chain(values).find(is).copied()
        };
        if let Some(name) = query.as_ref().and_then(|query| query.pairs().find_map(overrides)) {
            return Err(Refused::Override(name));
        }
        Ok(Self { path: path_of(path)?, query })
    }

    /// The target as it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{}", self.path, query.text()),
            None => self.path.clone(),
        }
    }

    /// Escapes all but what is never escaped (RFC 3986 section 2.3), and the slashes between segments.
    pub fn escape_all(&mut self) {
        // It is canonical: every escape in it can be undone.
        if let Ok(path) = decode(self.path.as_bytes()) {
            self.path.clear();
            encode(&path, |byte| byte == b'/' || is_unreserved(byte), &mut self.path);
        }
        self.query.iter_mut().for_each(Query::escape_all);
    }

    /// The same without its first segments, which must be `prefix` (`/c/orders`).
    #[must_use]
    pub fn without(&self, prefix: &str) -> Option<Self> {
        let rest = self.path.strip_prefix(prefix)?;
        let path = match rest {
            "" => "/".to_owned(),
            rest if rest.starts_with('/') => rest.to_owned(),
            _ => return None,
        };
        Some(Self { path, query: self.query.clone() })
    }
}

/// A canonical path.
fn path_of(raw: &[u8]) -> Result<String, Refused> {
    let segments = raw.get(1..).unwrap_or_default().split(|byte| *byte == b'/');
    let mut path = String::with_capacity(raw.len());
    let mut segments = segments.peekable();
    while let Some(segment) = segments.next() {
        path.push('/');
        if segment.is_empty() && segments.peek().is_some() {
            return Err(Refused::Target("it has an empty segment"));
        }
        path.push_str(&segment_of(segment)?);
    }
    Ok(path)
}

/// One canonical segment. Its escapes must be text, and must not stand for what has a meaning in a path.
fn segment_of(raw: &[u8]) -> Result<Cow<'_, str>, Refused> {
    let plain = std::str::from_utf8(raw).ok().filter(|_| raw.iter().copied().all(is_pchar));
    if let Some(plain) = plain.filter(|plain| !is_dots(plain)) {
        return Ok(Cow::Borrowed(plain));
    }
    let decoded = decode(raw)?;
    let text = std::str::from_utf8(&decoded)
        .map_err(|_| Refused::Target("an escape in the path is no UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(Refused::Target("the path holds a control character"));
    }
    if text.contains(['/', '\\']) {
        return Err(Refused::Target("the path holds an escaped slash, or a backslash"));
    }
    if text.contains(';') {
        return Err(Refused::Target("the path has parameters (`;`)"));
    }
    if holds_escape(text) {
        return Err(Refused::Target("the path is escaped twice"));
    }
    // Some servers cut off what ends a segment in a file's name.
    if is_dots(text) {
        return Err(Refused::Target("the path has dot segments"));
    }
    let mut out = String::with_capacity(raw.len());
    encode(text.as_bytes(), is_pchar, &mut out);
    Ok(Cow::Owned(out))
}

/// Whether a segment is `.` or `..`, also with white space behind it.
fn is_dots(segment: &str) -> bool {
    let segment = segment.trim_end();
    !segment.is_empty() && segment.len() <= 2 && segment.bytes().all(|byte| byte == b'.')
}

/// Whether a text that was decoded once could be decoded again.
fn holds_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| match three {
        [b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// Undoes escapes once (RFC 3986 section 2.1).
fn decode(raw: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if byte <= b' ' || byte >= 0x7f {
                return Err(Refused::Target("it holds a byte that must be escaped"));
            }
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| {
            let digit = byte.and_then(|byte| char::from(byte).to_digit(16));
            digit.and_then(|digit| u8::try_from(digit).ok())
        };
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let (Some(high), Some(low)) = (high, low) else {
            return Err(Refused::Target("it holds a % that escapes nothing"));
        };
        out.push(high << 4 | low);
    }
    Ok(out)
}

/// Escapes what is not kept.
fn encode(text: &[u8], keep: impl Fn(u8) -> bool, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    for &byte in text {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// `pchar` of RFC 3986 section 3.3, without `;`.
fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

#[cfg(test)]
mod tests;
