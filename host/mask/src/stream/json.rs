//! Masks one JSON text (RFC 8259) as it comes.
//!
//! What the text is made of is followed by a stack, without recursion: each open object or array has a frame with the
//! treatment of what is in it. A piece (string, number, word) is judged when it is there as a whole; one that goes on in
//! the next chunk is held.

mod keys;
mod lex;
mod structure;
mod value;

pub(crate) use self::keys::Spare;
use self::keys::{Lent, Own, Present};
use self::lex::Seen;
use super::{MaskStream, Masks, Trouble, Unreadable};
use crate::cover::CoverAll;
use crate::document::{Chosen, Path, Saved};
use crate::scan::Scan;

/// A string that nobody looks into is passed on in parts once so much of it is held.
const FLOW: usize = 16 * 1024;
/// The byte order mark that may precede a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a byte ends a number or word.
#[inline]
fn ends_bare(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'[' | b']' | b'{' | b'}' | b'"')
}

/// Masks one JSON text. An empty one is taken too.
#[derive(Debug)]
pub struct JsonStream {
    masks: Masks,
    /// Whether each line is a text of its own.
    lines: bool,
    expect: Expect,
    frames: Vec<Frame>,
    path: Path,
    keys: Lent,
    present: Present,
    /// The folded name of the last key, where paths matter.
    key: String,
    /// The treatment of the next value.
    next: Chosen,
    /// The detectors that know the next value by its key.
    knowing: Scan,
    covering: Option<Covering>,
    held: Held,
    /// What a string reads.
    text: Vec<u8>,
    /// What stands in a piece's place.
    put: Vec<u8>,
    /// Where the chunk begins.
    base: u64,
    /// How much of a byte order mark the text begins with.
    mark: usize,
    covered: u64,
    /// A string was read within an object or array: this is JSON, not something that begins like it.
    is_json: bool,
    failed: Option<Unreadable>,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of the array.
    FirstValue,
    Key,
    /// A key, or the end of the object.
    FirstKey,
    Colon,
    /// A comma, or the end of the object or array.
    Next,
    Done,
}

/// An open object or array.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_object: bool,
    /// The treatment of what is in it and has no rule of its own.
    inner: Chosen,
    /// The detectors that know the elements by the key of the array.
    knowing: Scan,
    /// The path around it.
    around: Saved,
    own: Own,
}

/// An object or array that is being covered.
#[derive(Debug)]
struct Covering {
    /// How many frames are around it.
    depth: usize,
    cover: CoverAll,
}

/// A piece that is not complete.
#[derive(Debug, Default)]
struct Held {
    piece: Piece,
    /// What is held of it.
    bytes: Vec<u8>,
    /// Parts of it, with the opening quote, have been passed on.
    flows: bool,
    /// Where it begins.
    at: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Piece {
    #[default]
    None,
    String(Seen),
    Bare,
}

/// A chunk, and how far it is read and copied.
struct Cursor<'c> {
    chunk: &'c [u8],
    /// Where the piece begins that is being read.
    at: usize,
    /// INVARIANT: what is before this is out, covered or held; `copied <= at`.
    copied: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }
}

impl JsonStream {
    /// Begins a text.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        let keys = Lent::of(&masks.plan);
        Self {
            masks,
            lines: false,
            expect: Expect::Value,
            frames: Vec::new(),
            path: Path::default(),
            keys,
            present: Present::default(),
            key: String::new(),
            next: Chosen::default(),
            knowing: Scan::default(),
            covering: None,
            held: Held::default(),
            text: Vec::new(),
            put: Vec::new(),
            base: 0,
            mark: 0,
            covered: 0,
            is_json: false,
            failed: None,
        }
    }

    /// Begins a text of which each line is one.
    pub(super) fn of_lines(masks: Masks) -> Self {
        Self { lines: true, ..Self::new(masks) }
    }

    /// Begins another text.
    pub(super) fn reset(&mut self) {
        self.begin_document();
        self.frames.clear();
        self.path.clear();
        self.present = Present::default();
        self.covering = None;
        self.held.clear();
        (self.base, self.mark, self.is_json, self.failed) = (0, 0, false, None);
    }

    /// Whether what was read is JSON beyond its first sign.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    fn fail(&mut self, trouble: Trouble, at: usize) -> Unreadable {
        let begun = !matches!(self.held.piece, Piece::None);
        let at = if begun { self.held.at } else { self.base + at as u64 };
        let failed = Unreadable { trouble, at };
        self.failed = Some(failed);
        failed
    }

    fn run(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        if self.base < MARK.len() as u64 {
            self.skip_mark(cursor)?;
        }
        if !matches!(self.held.piece, Piece::None) && !self.continue_held(cursor, out)? {
            return Ok(());
        }
        while let Some(byte) = cursor.chunk.get(cursor.at) {
            match byte {
                b'"' => self.string_here(cursor, out)?,
                b',' => self.comma(cursor)?,
                b':' => self.colon(cursor)?,
                b'{' => self.open(cursor, true, out)?,
                b'[' => self.open(cursor, false, out)?,
                b'}' => self.close(cursor, true, out)?,
                b']' => self.close(cursor, false, out)?,
                b' ' | b'\t' | b'\r' => cursor.at += 1,
                b'\n' => self.line_end(cursor)?,
                _ => self.bare_here(cursor, out)?,
            }
        }
        self.flush(cursor, cursor.chunk.len(), out);
        Ok(())
    }

    /// Takes a byte order mark at the very beginning.
    fn skip_mark(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        let begun = self.base == self.mark as u64;
        while let Some(byte) = cursor.chunk.get(cursor.at).filter(|_| begun) {
            if MARK.get(self.mark) != Some(byte) {
                return if self.is_in_mark() { Err(Trouble::Syntax) } else { Ok(()) };
            }
            (self.mark, cursor.at) = (self.mark + 1, cursor.at + 1);
        }
        Ok(())
    }

    fn is_in_mark(&self) -> bool {
        (1..MARK.len()).contains(&self.mark)
    }

    /// Writes what passes as it came, or takes it into the cover.
    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.covering {
            None => out.extend_from_slice(bytes),
            Some(covering) => covering.cover.update(bytes),
        }
    }

    fn flush(&mut self, cursor: &mut Cursor<'_>, upto: usize, out: &mut Vec<u8>) {
        self.emit(cursor.chunk.get(cursor.copied..upto).unwrap_or_default(), out);
        cursor.copied = upto;
    }

    /// Whether it matters which kinds of bytes a string holds that begins or goes on here: a key is known as a whole.
    fn tells_kinds(&self) -> bool {
        !matches!(self.expect, Expect::Key | Expect::FirstKey)
    }

    fn string_here(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut seen = Seen::default();
        let inside = cursor.chunk.get(cursor.at + 1..).unwrap_or_default();
        let kinds = self.tells_kinds();
        let Some(length) = seen.look(inside, kinds)? else {
            return self.hold(cursor, Piece::String(seen), out);
        };
        let end = cursor.at + 1 + length;
        let raw = cursor.chunk.get(cursor.at..end).unwrap_or_default();
        let replaced = self.string(raw, seen)?;
        self.pass(cursor, end, replaced, out);
        Ok(())
    }

    fn bare_here(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let rest = cursor.rest();
        let Some(length) = rest.iter().position(|byte| ends_bare(*byte)) else {
            return self.hold(cursor, Piece::Bare, out);
        };
        let end = cursor.at + length;
        let replaced = self.bare(cursor.chunk.get(cursor.at..end).unwrap_or_default())?;
        self.pass(cursor, end, replaced, out);
        Ok(())
    }

    /// Goes behind a piece that was judged; where it is replaced, what is put in its place is out.
    #[inline]
    fn pass(&mut self, cursor: &mut Cursor<'_>, end: usize, replaced: bool, out: &mut Vec<u8>) {
        if replaced {
            self.flush(cursor, cursor.at, out);
            self.write_put(out);
            cursor.copied = end;
        }
        cursor.at = end;
    }

    fn write_put(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.put);
        self.covered += 1;
    }

    /// Holds a piece that goes on in the next chunk.
    fn hold(
        &mut self,
        cursor: &mut Cursor<'_>,
        piece: Piece,
        out: &mut Vec<u8>,
    ) -> Result<(), Trouble> {
        self.flush(cursor, cursor.at, out);
        self.held.at = self.base + cursor.at as u64;
        self.held.piece = piece;
        self.held.bytes.extend_from_slice(cursor.rest());
        (cursor.at, cursor.copied) = (cursor.chunk.len(), cursor.chunk.len());
        self.relieve(out)
    }

    /// Goes on with the piece that is held; whether it is complete.
    fn continue_held(
        &mut self,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Trouble> {
        let rest = cursor.rest();
        let kinds = self.tells_kinds();
        let length = match &mut self.held.piece {
            Piece::String(seen) => seen.look(rest, kinds)?,
            _ => rest.iter().position(|byte| ends_bare(*byte)),
        };
        let taken = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        self.held.bytes.extend_from_slice(taken);
        cursor.at += taken.len();
        cursor.copied = cursor.at;
        if length.is_none() {
            self.relieve(out)?;
            return Ok(false);
        }
        self.complete_held(out)?;
        Ok(true)
    }

    /// Judges the piece that is held, which is complete.
    fn complete_held(&mut self, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let bytes = std::mem::take(&mut self.held.bytes);
        let replaced = match self.held.piece {
            Piece::String(seen) if self.held.flows => self.end_of_string(&bytes, seen),
            Piece::String(seen) => self.string(&bytes, seen),
            _ => self.bare(&bytes),
        }?;
        if replaced {
            self.write_put(out)
        } else {
            self.emit(&bytes, out)
        }
        self.held.bytes = bytes;
        self.held.clear();
        Ok(())
    }

    /// Sees to it that what is held does not grow without limit.
    fn relieve(&mut self, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let (length, limit) = (self.held.bytes.len(), self.masks.limits.held);
        if length <= FLOW.min(limit) && !self.held.flows {
            return Ok(());
        }
        match self.held.piece {
            Piece::String(seen) if self.flows(length)? => self.flow(seen, out),
            _ if length > limit => Err(Trouble::TooLong),
            _ => Ok(()),
        }
    }
}

impl MaskStream for JsonStream {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut cursor = Cursor { chunk, at: 0, copied: 0 };
        if let Err(trouble) = self.run(&mut cursor, out) {
            return Err(self.fail(trouble, cursor.at));
        }
        self.base += chunk.len() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let ended = match self.held.piece {
            Piece::None => Ok(()),
            Piece::Bare => self.complete_held(out),
            Piece::String(_) => Err(Trouble::Unterminated),
        };
        let is_whole = self.frames.is_empty()
            && !self.is_in_mark()
            && matches!(self.expect, Expect::Done | Expect::Value);
        let whole = if is_whole { Ok(()) } else { Err(Trouble::Unterminated) };
        ended.and(whole).map_err(|trouble| self.fail(trouble, 0))
    }

    fn covered(&self) -> u64 {
        self.covered
    }
}

impl Held {
    fn clear(&mut self) {
        self.piece = Piece::None;
        self.bytes.clear();
        self.flows = false;
    }
}

#[cfg(test)]
mod tests;
