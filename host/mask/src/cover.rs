//! Covers a value whole, whatever it contains.

use palisade_policy::Cover;
use ring::hmac;

/// In place of what a partial cover hides; of one length, so that it does not tell how much it hides.
const STARS: &str = "****";
/// A partial cover hides at least so many characters, and at least half of the value; else it hides all of it.
const FEWEST_HIDDEN: usize = 4;
/// How much of the keyed hash a pseudonym shows, in bytes.
const PSEUDONYM_BYTES: usize = 8;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Its cover was appended to the buffer.
    Value,
    /// The format's nothing takes its place; the buffer is as it was.
    Null,
}

/// Carries covers out for one session.
#[derive(Clone, Debug)]
pub struct Masker {
    key: hmac::Key,
}

impl Masker {
    /// A masker whose pseudonyms depend on this key: random, and one for each session.
    #[must_use]
    pub fn new(session_key: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &session_key) }
    }

    /// Appends what the cover leaves of a value to `out`, as plain text.
    pub fn apply_cover(&self, cover: &Cover, value: &[u8], out: &mut Vec<u8>) -> Covered {
        match cover {
            Cover::Nullify => return Covered::Null,
            Cover::Replace(text) => out.extend_from_slice(text.as_bytes()),
            Cover::Pseudonym => self.push_pseudonym(value, out),
            Cover::Partial(first, last) => push_partial(*first, *last, value, out),
        }
        Covered::Value
    }

    fn push_pseudonym(&self, value: &[u8], out: &mut Vec<u8>) {
        let mut hash = self.begin_pseudonym();
        hash.update(value);
        push_tag(&hash, out);
    }

    fn begin_pseudonym(&self) -> hmac::Context {
        hmac::Context::with_key(&self.key)
    }

    /// Begins to cover something of any length, of which nothing is kept.
    pub(crate) fn cover_all(&self, cover: &Cover) -> CoverAll {
        match cover {
            Cover::Nullify => CoverAll::Null,
            Cover::Replace(text) => CoverAll::Text(text.clone()),
            Cover::Partial(..) => CoverAll::Text(STARS.to_owned()),
            Cover::Pseudonym => CoverAll::Pseudonym(Box::new(self.begin_pseudonym())),
        }
    }
}

/// A cover of something that comes in pieces. What a partial cover would show of it is hidden too.
#[derive(Clone, Debug)]
pub(crate) enum CoverAll {
    Null,
    Text(String),
    Pseudonym(Box<hmac::Context>),
}

impl CoverAll {
    /// Takes the next piece in.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        if let Self::Pseudonym(hash) = self {
            hash.update(piece);
        }
    }

    /// Appends the cover of all pieces to `out`, as plain text.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) -> Covered {
        match self {
            Self::Null => return Covered::Null,
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Pseudonym(hash) => push_tag(hash, out),
        }
        Covered::Value
    }
}

/// `p_` and 16 hex digits of HMAC-SHA-256: equal for equal values of one session, and nothing without its key.
fn push_tag(hash: &hmac::Context, out: &mut Vec<u8>) {
    let tag = hash.clone().sign();
    out.extend_from_slice(b"p_");
    for byte in tag.as_ref().iter().take(PSEUDONYM_BYTES) {
        out.extend([hex(byte >> 4), hex(byte & 0xf)]);
    }
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

fn push_partial(first: u32, last: u32, value: &[u8], out: &mut Vec<u8>) {
    // What is no text has no characters to show.
    let (head, tail) = std::str::from_utf8(value)
        .ok()
        .and_then(|text| shown(first as usize, last as usize, text))
        .unwrap_or(("", ""));
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(STARS.as_bytes());
    out.extend_from_slice(tail.as_bytes());
}

/// The first and the last so many characters, where enough stays hidden between them.
fn shown(first: usize, last: usize, text: &str) -> Option<(&str, &str)> {
    let length = text.chars().count();
    let hidden = length.checked_sub(first)?.checked_sub(last)?;
    if hidden < FEWEST_HIDDEN || hidden < length.div_ceil(2) {
        return None;
    }
    let boundary = |character| text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
    Some((text.get(..boundary(first))?, text.get(boundary(length - last)..)?))
}

#[cfg(test)]
mod tests;
