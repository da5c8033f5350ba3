//! The client's token wherever else the client wrote it: it lets in here alone, and goes no further.
//!
//! It is taken out of headers, cookies and queries, where nothing is lost with it; what else repeats it is refused.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;
use zeroize::Zeroizing;

use super::OWN;
use crate::response::overlap;
use crate::{Head, Refused, Target};

/// The forms in which a token may stand in a text: as it is, and in Base64 as a part of whatever is encoded with it.
pub(crate) struct Written {
    /// The token itself is the first.
    forms: Vec<Zeroizing<Vec<u8>>>,
    /// None of them is shorter, in bytes.
    shortest: usize,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

impl Written {
    /// The forms of a token.
    pub(crate) fn of(token: &str) -> Self {
        let mut forms = vec![Zeroizing::new(token.as_bytes().to_vec())];
        for before in 0..3 {
            forms.extend([&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|it| within(it, token, before)));
        }
        forms.dedup();
        // A token of hardly any letters is found in anything, and one of none everywhere.
        forms.retain(|form| !form.is_empty());
        let shortest = forms.iter().map(|form| form.len()).min().unwrap_or(usize::MAX);
        Self { forms, shortest }
    }

    /// Takes the token out of a head.
    ///
    /// # Errors
    /// Where it is part of the path, which is left without it all the same, so that it is on no record.
    pub(crate) fn withhold(&self, head: &mut Head) -> Result<(), Refused> {
        head.headers.remove(OWN);
        self.clean_headers(&mut head.headers);
        let Target { path, query } = &mut head.target;
        if let Some(pairs) = query {
            pairs.retain(|name, value| {
                !self.is_in(name.as_bytes()) && !self.is_in(value.as_bytes())
            });
            if pairs.is_empty() {
                *query = None;
            }
        }
        if self.is_in(path.as_bytes()) {
            "/".clone_into(path);
            return Err(Refused::Token);
        }
        Ok(())
    }

    /// Whether it is in there, in any form; escapes are undone once.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        if text.len() < self.shortest {
            return false;
        }
        self.shows(text) || text.contains(&b'%') && self.shows(&unescaped(text))
    }

    /// Whether one of its forms is in there.
    fn shows(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| memmem::find(text, form).is_some())
    }

    /// Whether it is in there as it is: what streams through unread is looked through once.
    pub(crate) fn is_plainly_in(&self, text: &[u8]) -> bool {
        text.len() >= self.shortest
            && self.forms.first().is_some_and(|token| memmem::find(text, token).is_some())
    }

    /// Whether it is in a body or a message that is read, in any form, also where that is escaped as in a form, a text of JSON,
    /// or JSON in a form.
    pub(crate) fn is_in_read(&self, text: &[u8]) -> bool {
        // What one reader takes for an escape is plain to the other.
        let plain = text.contains(&b'%').then(|| unescaped(text));
        let mut texts =
            [Some(text), plain.as_ref().map(|plain| plain.as_slice())].into_iter().flatten();
        texts.any(|text| self.shows(text) || text.contains(&b'\\') && self.is_in(&of_json(text)))
    }

    /// Looks for it in what passes piece by piece.
    pub(crate) fn passing(&self) -> Passing<'_> {
        Passing { written: self, held: Zeroizing::default() }
    }

    fn clean_headers(&self, headers: &mut HeaderMap) {
        // Nearly no value is as long as a token.
        let shows = |(_, value): &(&HeaderName, &HeaderValue)| self.is_in(value.as_bytes());
        while let Some(name) = headers.iter().find(shows).map(|(name, _)| name.clone()) {
            let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
            headers.remove(&name);
            for value in values {
                if let Some(left) = self.left_of(&name, value) {
                    headers.append(&name, left);
                }
            }
        }
    }

    /// What is left of a header's value; nothing of one that is not a list.
    fn left_of(&self, name: &HeaderName, value: HeaderValue) -> Option<HeaderValue> {
        if !self.is_in(value.as_bytes()) {
            return Some(value);
        }
        let between = match *name {
            COOKIE => "; ",
            SEC_WEBSOCKET_PROTOCOL => ", ",
            _ => return None,
        };
        let parts = value.to_str().ok()?.split(between.trim_end()).map(str::trim);
        let kept: Vec<&str> =
            parts.filter(|part| !part.is_empty() && !self.is_in(part.as_bytes())).collect();
        let left = kept.join(between);
        // Parts that show it only where they are joined again go as well.
        let is_left = !left.is_empty() && !self.is_in(left.as_bytes());
        HeaderValue::from_str(&left).ok().filter(|_| is_left)
    }
}

/// A stream that is looked through as it passes. What may be the token's beginning waits for the next piece.
#[derive(Debug)]
pub(crate) struct Passing<'a> {
    written: &'a Written,
    held: Zeroizing<Vec<u8>>,
}

impl Passing<'_> {
    /// The next piece.
    ///
    /// # Errors
    /// Where the token ends in it: then not all of it was sent.
    pub(crate) fn feed(&mut self, piece: Bytes) -> Result<Bytes, Refused> {
        let Some(token) = self.written.forms.first() else { return Ok(piece) };
        let piece = match self.held.is_empty() {
            true => piece,
            false => Bytes::from([self.held.as_slice(), &piece[..]].concat()),
        };
        if self.written.is_plainly_in(&piece) {
            return Err(Refused::Token);
        }
        let goes = piece.len() - overlap(&piece, token);
        self.held.clear();
        self.held.extend_from_slice(piece.get(goes..).unwrap_or_default());
        Ok(piece.slice(..goes))
    }

    /// What waited, where nothing can follow it.
    pub(crate) fn finish(&mut self) -> Bytes {
        let held = Bytes::copy_from_slice(&self.held);
        self.held.clear();
        held
    }
}

/// What is sure of the Base64 of a text that has the token after so many bytes of a group of three.
fn within(engine: &impl Engine, token: &str, before: usize) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(vec![0; before]);
    text.extend_from_slice(token.as_bytes());
    let mut encoded = Zeroizing::new(engine.encode(text.as_slice()).into_bytes());
    // Six bits a letter: the first have some of what is before, the last may have some of what is behind.
    if !text.len().is_multiple_of(3) {
        encoded.pop();
    }
    let shared = (before * 4).div_ceil(3).min(encoded.len());
    encoded.drain(..shared);
    encoded
}

/// A text with its escapes undone once (RFC 3986 section 2.1); what is none stays.
fn unescaped(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *byte == b'%');
        let escape = digits.and_then(|(digits, left)| {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let [high, low] = digits else { return None };
            Some((u8::try_from(digit(high)? << 4 | digit(low)?).ok()?, left))
        });
        let (byte, left) = escape.unwrap_or((*byte, after));
        out.push(byte);
        rest = left;
    }
    out
}

/// A text with the escapes of JSON's texts undone once (RFC 8259 section 7), those of letters that no token has aside.
fn of_json(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let after = escape.get(1..).unwrap_or_default();
        let digits = after.strip_prefix(b"u00").and_then(|after| after.split_at_checked(2));
        let letter = digits.and_then(|(digits, left)| {
            let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            Some((byte, left))
        });
        // Of all others, the one that is escaped stays: `\/`.
        let Some((byte, left)) = letter.or_else(|| after.split_first().map(|(b, left)| (*b, left)))
        else {
            return out;
        };
        out.push(byte);
        rest = left;
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests;
