//! Covers what detectors find in a JSON text, piece by piece, so that it stays JSON (RFC 8259).
//!
//! Strings are searched as they read, not as they are escaped; a number that is a hit becomes a string.
//! What is not covered stays byte for byte.

use crate::Scan;
use crate::detect::WHOLE;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::ops::Range;

/// See [`Scan::json`].
pub(crate) fn scan<'a>(scan: &Scan, text: &'a [u8]) -> Cow<'a, [u8]> {
    // An escape could hide any byte, and a name could make a secret of any value.
    let clean = !scan.may_find(text) && !scan.goes_by_name() && !text.contains(&b'\\');
    if scan.is_empty() || clean {
        return Cow::Borrowed(text);
    }
    if serde_json::from_slice::<IgnoredAny>(text).is_err() {
        return scan.text(text);
    }
    Document { scan, text, copied: 0, out: Vec::new() }.cover()
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing text to memory cannot fail; an empty string would be the safe answer if it did.
    let quoted = serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec());
    out.extend_from_slice(&quoted);
}

/// What a JSON string reads, where the text is one and can be read.
pub(crate) fn read_string(text: &[u8]) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !inner.contains(&b'\\') && !inner.contains(&b'"') {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(text).ok().map(Cow::Owned)
}

/// A piece of a JSON text that is neither white space nor punctuation.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    String,
    /// A number, `true`, `false` or `null`.
    Bare,
}

struct Document<'s, 'a> {
    scan: &'s Scan,
    text: &'a [u8],
    /// How much of the text is in `out` already, as it was or covered.
    copied: usize,
    out: Vec<u8>,
}

impl<'a> Document<'_, 'a> {
    fn cover(mut self) -> Cow<'a, [u8]> {
        let mut at = 0;
        let mut name: Option<Range<usize>> = None;
        while let Some((piece, range)) = self.next_piece(at) {
            at = range.end;
            let is_name = piece == Piece::String && self.is_name(at);
            self.cover_piece(piece, &range, name.take());
            name = is_name.then_some(range);
        }
        if self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.extend_from_slice(self.text.get(self.copied..).unwrap_or_default());
        Cow::Owned(self.out)
    }

    fn next_piece(&self, from: usize) -> Option<(Piece, Range<usize>)> {
        let rest = self.text.get(from..)?;
        let skipped = rest.iter().position(|byte| !b" \t\r\n,:[]{}".contains(byte))?;
        let piece = rest.get(skipped..)?;
        let start = from + skipped;
        if piece.first() == Some(&b'"') {
            return Some((Piece::String, start..start + string_length(piece)));
        }
        let length =
            piece.iter().position(|byte| b" \t\r\n,:[]{}\"".contains(byte)).unwrap_or(piece.len());
        Some((Piece::Bare, start..start + length))
    }

    /// Whether the string that ends here names the value behind it.
    fn is_name(&self, end: usize) -> bool {
        let rest = self.text.get(end..).unwrap_or_default();
        rest.iter().find(|byte| !b" \t\r\n".contains(byte)) == Some(&b':')
    }

    fn cover_piece(&mut self, piece: Piece, range: &Range<usize>, name: Option<Range<usize>>) {
        let raw = self.text.get(range.clone()).unwrap_or_default();
        let value = match piece {
            Piece::Bare if matches!(raw, b"true" | b"false" | b"null") => return,
            Piece::Bare => Cow::Borrowed(raw),
            Piece::String => match read_string(raw) {
                Some(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
                Some(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
                // Half of a surrogate pair, say: what cannot be read cannot be searched.
                None => return self.put(range, WHOLE),
            },
        };
        if let Some(mask) = name.and_then(|name| self.mask_by_name(name, &value)) {
            return self.put(range, mask);
        }
        if let Cow::Owned(covered) = self.scan.text(&value) {
            let text = String::from_utf8_lossy(&covered);
            self.put(range, &text);
        }
    }

    fn mask_by_name(&self, name: Range<usize>, value: &[u8]) -> Option<&'static str> {
        if !self.scan.goes_by_name() {
            return None;
        }
        let name = read_string(self.text.get(name)?)?;
        self.scan.mask_by_name(name.as_bytes(), value)
    }

    /// Writes a string in the place of a piece.
    fn put(&mut self, range: &Range<usize>, text: &str) {
        self.out.extend_from_slice(self.text.get(self.copied..range.start).unwrap_or_default());
        push_string(&mut self.out, text);
        self.copied = range.end;
    }
}

/// The length of the string that the bytes begin with, both quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let closing = bytes.iter().skip(1).position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(bytes.len(), |at| at + 2)
}

#[cfg(test)]
mod tests;
