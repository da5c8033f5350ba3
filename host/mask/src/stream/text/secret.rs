//! Secrets in a text that comes in parts: which part may be judged alone, and where a private key ends.

use super::{Cut, MARGIN};
use crate::detect::hint::text_goes_on;
use crate::detect::{END_OF_KEY, OPEN_QUOTATION};
use crate::scan::Scan;
use std::borrow::Cow;
use std::ops::Range;

/// How much of a key is held to find its end, which is much shorter.
const TAIL: usize = 128;

/// Detectors on their way through a text.
#[derive(Debug)]
pub(in crate::stream) struct Secrets {
    scan: Scan,
    /// Those of them that find private keys.
    keys: Scan,
    passwords: Scan,
    key: Key,
}

/// Whether the text so far ends within a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    No,
    /// All up to its last line belongs to it.
    Open,
    /// All that follows belongs to it.
    Endless,
}

impl Secrets {
    pub(in crate::stream) fn new(scan: Scan) -> Self {
        Self { scan, keys: scan.of_private_keys(), passwords: scan.of_passwords(), key: Key::No }
    }

    pub(super) fn is_in_key(&self) -> bool {
        self.key != Key::No
    }

    /// The detectors that may find something in a part of the text.
    pub(super) fn suspects(&self, part: &[u8]) -> Scan {
        self.scan.left_for(part)
    }

    /// Covers what is found in a part of the text, by these detectors at first; what is judged next begins behind it.
    pub(super) fn judge<'p>(&mut self, part: &'p [u8], suspects: Scan) -> Cow<'p, [u8]> {
        if suspects.is_empty() {
            return Cow::Borrowed(part);
        }
        if !suspects.and(self.keys).is_empty() {
            self.key = self.key_at_end(part).map_or(Key::No, |(key, _)| key);
        }
        self.scan.text(part)
    }

    /// Covers what is found in a part that nothing of this text follows closely, and ends a key that it began with.
    pub(in crate::stream) fn all<'p>(&mut self, part: &'p [u8]) -> Cow<'p, [u8]> {
        let skipped = if self.is_in_key() { self.skip_key(part, true) } else { 0 };
        let rest = part.get(skipped..).unwrap_or_default();
        match self.judge(rest, self.suspects(rest)) {
            Cow::Borrowed(rest) if skipped > 0 => Cow::Owned(rest.to_vec()),
            judged => judged,
        }
    }

    /// How much of the text belongs to the key that is open; what may be the begin of its end is left, but for the last.
    pub(super) fn skip_key(&mut self, text: &[u8], last: bool) -> usize {
        let end = END_OF_KEY.as_ref().filter(|_| self.key == Key::Open);
        if let Some(found) = end.and_then(|end| end.find(text)) {
            self.key = Key::No;
            return found.end();
        }
        let may_end = end.is_some() && !last;
        if may_end { text.len().saturating_sub(TAIL) } else { text.len() }
    }

    /// The private key that reaches to the end of a part and goes on behind it, and where it begins.
    fn key_at_end(&self, part: &[u8]) -> Option<(Key, usize)> {
        let last = self.keys.ranges(part).pop().filter(|hit| hit.end == part.len())?;
        let text = part.get(last.clone())?;
        let closed = END_OF_KEY.as_ref().is_some_and(|end| end.is_match(text));
        match text {
            _ if text.starts_with(b"PuTTY") => Some((Key::Endless, last.start)),
            _ if text.starts_with(b"-----BEGIN") && !closed => Some((Key::Open, last.start)),
            _ => None,
        }
    }

    /// Judges a whole window that ends within a private key; its end may have begun in the window.
    pub(super) fn key_fills(&self, window: &[u8]) -> Option<Cut> {
        let (_, start) = self.key_at_end(window)?;
        let taken = window.len().saturating_sub(TAIL).max(start + 1);
        Some(Cut { judged: window.len(), taken, suspects: self.scan })
    }

    /// What is found in a text, where it is.
    pub(super) fn hits(&self, text: &[u8]) -> Vec<Range<usize>> {
        self.scan.ranges(text)
    }

    /// Whether something at the end of these lines may be the begin of a secret that goes on in the next.
    pub(super) fn goes_on(&self, lines: &[u8], suspects: Scan) -> bool {
        let quote = || OPEN_QUOTATION.as_ref().is_some_and(|open| open.is_match(lines));
        self.name_goes_on(lines) || (!suspects.and(self.passwords).is_empty() && quote())
    }

    /// Whether the text ends with the name of a secret, whose value may follow.
    pub(super) fn name_goes_on(&self, text: &[u8]) -> bool {
        let end = text.get(text.len().saturating_sub(MARGIN)..).unwrap_or_default();
        self.scan.has_any(text_goes_on(end))
    }
}
