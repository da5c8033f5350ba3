//! Masks server-sent events (`text/event-stream`, HTML, section 9.2) as they come.
//!
//! An event is judged when its empty line is there. Its `data:` lines are joined as a reader joins them, and masked as JSON
//! if they are that, else as text; the other fields are searched one by one. Secrets that are cut over several events are
//! not found, but for private keys.

use super::members::Members;
use super::text::Secrets;
use super::{JsonStream, MaskStream, Masks, Trouble, Unreadable};
use crate::cell::{CellForm, CellMask, Treated};
use std::borrow::Cow;

/// The byte order mark that may precede the first event.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Masks events.
#[derive(Debug)]
pub struct EventStream {
    masks: Masks,
    json: JsonStream,
    secrets: Secrets,
    /// The event that is not complete.
    held: Vec<u8>,
    /// Where it begins.
    at: u64,
    /// The line that is read has a byte.
    in_line: bool,
    /// The last byte was a CR: an LF behind it ends the same line.
    after_cr: bool,
    covered: u64,
    failed: Option<Unreadable>,
}

/// A line of an event.
#[derive(Clone, Copy, Debug)]
struct Line<'e> {
    /// The field's name with its colon and the space behind it.
    head: &'e [u8],
    value: &'e [u8],
    /// CR, LF or both; nothing where the stream ends in the line.
    end: &'e [u8],
    field: Field,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    /// `event`, `id` and `retry`, which steer the reader.
    Steering,
    /// Comments, and what no reader knows.
    Other,
}

impl EventStream {
    /// Begins before the first event.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        Self {
            json: JsonStream::new(masks.clone()),
            secrets: Secrets::new(masks.plan.rest().scan),
            masks,
            held: Vec::new(),
            at: 0,
            in_line: false,
            after_cr: false,
            covered: 0,
            failed: None,
        }
    }

    fn run(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
        while let Some((first, behind)) = chunk.split_first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                self.end_line_twice(out);
                chunk = behind;
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', chunk);
            let (part, rest) =
                chunk.split_at_checked(end.map_or(chunk.len(), |at| at + 1)).unwrap_or_default();
            self.held.extend_from_slice(part);
            chunk = rest;
            self.in_line |= end != Some(0);
            if self.held.len() > self.masks.limits.held {
                return Err(Trouble::TooLong);
            }
            if end.is_some() {
                self.after_cr = part.ends_with(b"\r");
                if !std::mem::take(&mut self.in_line) {
                    self.release(out)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the LF behind a CR, which may have ended an event.
    fn end_line_twice(&mut self, out: &mut Vec<u8>) {
        if self.held.is_empty() {
            out.push(b'\n');
            self.at += 1;
        } else {
            self.held.push(b'\n');
        }
    }

    /// Judges the event that is held.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let held = std::mem::take(&mut self.held);
        let mark = if self.at == 0 && held.starts_with(MARK) { MARK.len() } else { 0 };
        let (mark, event) = held.split_at_checked(mark).unwrap_or_default();
        out.extend_from_slice(mark);
        let lines: Vec<_> = lines(event).collect();
        let data = self.data(&lines)?;
        self.check_others(&lines)?;
        let mut first = true;
        for line in &lines {
            match (line.field, &data) {
                (Field::Data, Some(masked)) => {
                    // All of it stands where the first of its lines was.
                    if std::mem::take(&mut first) {
                        write_data(line, masked, out);
                        self.covered += 1;
                    }
                }
                (Field::Data, None) => line.write(line.value, out),
                (Field::Steering | Field::Other, _) => self.write_field(line, out),
            }
        }
        self.at += held.len() as u64;
        self.held = held;
        self.held.clear();
        Ok(())
    }

    /// What takes the place of an event's data, if anything does.
    fn data(&mut self, lines: &[Line<'_>]) -> Result<Option<Vec<u8>>, Trouble> {
        let parts: Vec<_> =
            lines.iter().filter(|line| line.field == Field::Data).map(|line| line.value).collect();
        let data = parts.join(&b'\n');
        let mut masked = Vec::new();
        self.json.reset();
        let read = self.json.feed(&data, &mut masked).and_then(|()| self.json.finish(&mut masked));
        match read {
            Ok(()) => return Ok((masked != data).then_some(masked)),
            // Some reader might read it as JSON nevertheless, and then other keys than by text are found.
            Err(unreadable) if self.json.is_json() || !is_of_form(unreadable.trouble) => {
                return Err(unreadable.trouble);
            }
            Err(_) => masked.clear(),
        }
        let rest = self.masks.plan.rest();
        if rest.cover.is_some() {
            return Ok(Some(self.treat(rest, &data).unwrap_or_default()));
        }
        if Members::of(&self.masks).is_some_and(|mut members| members.find(&data).is_some()) {
            return Err(Trouble::Member);
        }
        Ok(match self.secrets.all(&data) {
            Cow::Borrowed(_) => None,
            Cow::Owned(covered) => Some(covered),
        })
    }

    /// Refuses what some reader may take for a covered member in the lines besides data, where that is not covered anyway.
    fn check_others(&self, lines: &[Line<'_>]) -> Result<(), Trouble> {
        let Some(mut members) = Members::of(&self.masks) else { return Ok(()) };
        let covers = self.masks.plan.rest().cover.is_some();
        let shown = |line: &&Line<'_>| match line.field {
            Field::Data => false,
            Field::Steering => true,
            Field::Other => !covers || line.value.is_empty(),
        };
        let mut after_comment = false;
        for line in lines.iter().filter(shown) {
            // The colon that begins a comment belongs to no name in the one before.
            let is_comment = line.head.starts_with(b":");
            if is_comment && after_comment {
                members.begin();
            }
            after_comment = is_comment;
            if [line.head, line.value, b"\n"].iter().any(|part| members.find(part).is_some()) {
                return Err(Trouble::Member);
            }
        }
        Ok(())
    }

    fn write_field(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let rest = self.masks.plan.rest();
        let scan = CellMask { cover: None, scan: rest.scan };
        let mask = if line.field == Field::Other && !line.value.is_empty() { rest } else { &scan };
        let treated = self.treat(mask, line.value);
        self.covered += u64::from(treated.is_some());
        line.write(treated.as_deref().unwrap_or(line.value), out);
    }

    /// What takes the place of a text, if anything does.
    fn treat(&self, mask: &CellMask, text: &[u8]) -> Option<Vec<u8>> {
        let mut treated = Vec::new();
        match self.masks.masker.treat(mask, CellForm::Text, text, &mut treated) {
            Treated::Unchanged => None,
            Treated::Changed | Treated::Null => Some(treated),
        }
    }

    fn fail(&mut self, trouble: Trouble) -> Unreadable {
        let failed = Unreadable { trouble, at: self.at };
        self.failed = Some(failed);
        failed
    }
}

/// Whether the trouble is that something is not JSON at all.
fn is_of_form(trouble: Trouble) -> bool {
    matches!(
        trouble,
        Trouble::Syntax | Trouble::Trailing | Trouble::Unterminated | Trouble::NotUtf8
    )
}

/// The lines of an event, with their ends.
fn lines(event: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut rest = event;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(length)?;
        let end = if behind.starts_with(b"\r\n") { 2 } else { behind.len().min(1) };
        let (end, next) = behind.split_at_checked(end)?;
        rest = next;
        Some(Line::new(text, end))
    })
}

impl<'e> Line<'e> {
    fn new(text: &'e [u8], end: &'e [u8]) -> Self {
        let colon = memchr::memchr(b':', text);
        let name = text.get(..colon.unwrap_or(text.len())).unwrap_or_default();
        let field = match name {
            b"data" => Field::Data,
            b"event" | b"id" | b"retry" => Field::Steering,
            _ => Field::Other,
        };
        let head = match colon {
            // The name is a reader's to know, or may be a secret like the rest.
            _ if field == Field::Other && !name.is_empty() => 0,
            Some(colon) if text.get(colon + 1) == Some(&b' ') => colon + 2,
            Some(colon) => colon + 1,
            None => text.len(),
        };
        let (head, value) = text.split_at_checked(head).unwrap_or_default();
        Self { head, value, end, field }
    }

    fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        for part in [self.head, value, self.end] {
            out.extend_from_slice(part);
        }
    }
}

/// Writes data in place of the line where it began, in as many lines as it has.
fn write_data(line: &Line<'_>, data: &[u8], out: &mut Vec<u8>) {
    let head = if line.head.ends_with(b"data") { b"data:" } else { line.head };
    let end = if line.end.is_empty() { b"\n" } else { line.end };
    for (index, part) in data.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(end);
        }
        out.extend_from_slice(head);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(line.end);
}

impl MaskStream for EventStream {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.run(chunk, out).map_err(|trouble| self.fail(trouble))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        // Readers differ in what they make of an event without its empty line.
        self.release(out).map_err(|trouble| self.fail(trouble))
    }

    fn covered(&self) -> u64 {
        self.covered
    }
}

#[cfg(test)]
mod tests;
