//! Masks any text as it comes: detectors look into it, or all of it is covered.
//!
//! A line is judged when it is there as a whole; with the next ones, where its end may be the begin of a secret that goes
//! on there (`password:` and its value in the next line, a quotation that is not closed).
//! At most [`WINDOW`] bytes are held: a longer line is judged in parts, cut at white space, a comma or a semicolon where
//! no hit lies across and at least [`MARGIN`] bytes behind were looked at; where there is no such place, the text is
//! refused. So a secret is found whole if it has no break inside or is not longer than the margin. Of private keys only
//! the begin must be found; they are covered to their end, however far that is.

mod secret;

pub(super) use self::secret::Secrets;

use super::members::Members;
use super::{MaskStream, Masks, Trouble, Unreadable};
use crate::cover::{CoverAll, Covered};
use crate::scan::Scan;
use std::borrow::Cow;

/// How much is held at most, in bytes, where the limit is no less.
const WINDOW: usize = 64 * 1024;
/// How much of what follows a cut within a line is looked at before, in bytes.
const MARGIN: usize = 1024;
/// How many places within a line are tried.
const TRIES: usize = 64;

/// Masks a text.
#[derive(Debug)]
pub struct TextStream {
    mode: Mode,
    /// What is not judged yet.
    held: Vec<u8>,
    /// No line that ends before this place of what is held is looked at again.
    looked: usize,
    window: usize,
    /// Where what is held begins.
    at: u64,
    covered: u64,
    members: Option<Members>,
    failed: Option<Unreadable>,
}

#[derive(Debug)]
enum Mode {
    Pass,
    /// All of it is covered, once there is any.
    Cover {
        cover: CoverAll,
        any: bool,
    },
    Scan(Secrets),
}

impl TextStream {
    /// Begins a text.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        let rest = masks.plan.rest();
        let mode = match &rest.cover {
            Some(cover) => Mode::Cover { cover: masks.masker.cover_all(cover), any: false },
            None if rest.scan.is_empty() => Mode::Pass,
            None => Mode::Scan(Secrets::new(rest.scan)),
        };
        let window = masks.limits.held.min(WINDOW);
        let members = Members::of(&masks).filter(|_| !matches!(mode, Mode::Cover { .. }));
        let (held, failed) = Default::default();
        Self { mode, held, looked: 0, window, at: 0, covered: 0, members, failed }
    }

    /// Judges what can be judged of what is held.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let Mode::Scan(secrets) = &mut self.mode else { return Ok(()) };
        let mut start = 0;
        let ended = loop {
            let Some(rest) = self.held.get(start..) else { break Ok(()) };
            if secrets.is_in_key() {
                let skipped = secrets.skip_key(rest, false);
                start += skipped;
                if secrets.is_in_key() {
                    break Ok(());
                }
                continue;
            }
            let window = rest.get(..self.window).unwrap_or(rest);
            let is_full = rest.len() >= self.window;
            let Some(cut) = next_cut(secrets, window, &mut self.looked, is_full) else {
                break if is_full { Err(Trouble::TooLong) } else { Ok(()) };
            };
            let part = window.get(..cut.judged).unwrap_or_default();
            let judged = secrets.judge(part, cut.suspects);
            self.covered += u64::from(matches!(judged, Cow::Owned(_)));
            out.extend_from_slice(&judged);
            start += cut.taken;
            self.looked = 0;
        };
        self.held.drain(..start);
        self.at += start as u64;
        ended
    }
}

/// How much is judged next.
struct Cut {
    judged: usize,
    /// How much of that is not looked at again.
    taken: usize,
    /// The detectors that may find something in it.
    suspects: Scan,
}

/// The end of the first line that nothing goes on behind, or a place within a line that fills the window.
fn next_cut(secrets: &Secrets, window: &[u8], looked: &mut usize, is_full: bool) -> Option<Cut> {
    while let Some(found) = memchr::memchr(b'\n', window.get(*looked..).unwrap_or_default()) {
        let end = *looked + found + 1;
        let line = window.get(..end).unwrap_or_default();
        let suspects = secrets.suspects(line);
        if !secrets.goes_on(line, suspects) {
            return Some(Cut { judged: end, taken: end, suspects });
        }
        // Twice as far each time, or the time would grow with the square of what is held.
        *looked = end * 2;
    }
    if !is_full {
        *looked = window.len().max(*looked);
        return None;
    }
    if let Some(judged) = secrets.key_fills(window) {
        return Some(judged);
    }
    let hits = secrets.hits(window);
    let room = window.len().saturating_sub(MARGIN.min(window.len() / 2));
    let head = window.get(..room).unwrap_or_default();
    let is_break = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b';');
    let places = head.iter().enumerate().rev().filter(|(_, byte)| is_break(byte));
    let places = places.map(|(at, _)| at + 1).take(TRIES);
    let lies_across = |at: usize| hits.iter().any(|hit| hit.start < at && at < hit.end);
    let goes_on = |at: usize| secrets.name_goes_on(head.get(..at).unwrap_or_default());
    let place = places.into_iter().find(|&at| !lies_across(at) && !goes_on(at))?;
    let suspects = secrets.suspects(head.get(..place)?);
    Some(Cut { judged: place, taken: place, suspects })
}

impl MaskStream for TextStream {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let member = self.members.as_mut().and_then(|members| members.find(chunk));
        // What is before it goes on as it would have if it had come alone.
        let chunk = chunk.get(..member.unwrap_or(chunk.len())).unwrap_or_default();
        match &mut self.mode {
            Mode::Pass => out.extend_from_slice(chunk),
            Mode::Cover { cover, any } => {
                cover.update(chunk);
                *any |= !chunk.is_empty();
            }
            Mode::Scan(_) => {
                // In pieces, so that no more is held than the window and one of them.
                for piece in chunk.chunks(self.window.max(1)) {
                    self.held.extend_from_slice(piece);
                    if let Err(trouble) = self.release(out) {
                        let failed = Unreadable { trouble, at: self.at };
                        self.failed = Some(failed);
                        return Err(failed);
                    }
                }
            }
        }
        if member.is_some() {
            let failed = Unreadable { trouble: Trouble::Member, at: self.at };
            self.failed = Some(failed);
            return Err(failed);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        match &mut self.mode {
            Mode::Pass => {}
            Mode::Cover { cover, any } => {
                if *any && cover.finish(out) == Covered::Value {
                    self.covered += 1;
                }
            }
            Mode::Scan(secrets) => {
                let judged = secrets.all(&self.held);
                self.covered += u64::from(matches!(judged, Cow::Owned(_)));
                out.extend_from_slice(&judged);
            }
        }
        self.held.clear();
        Ok(())
    }

    fn covered(&self) -> u64 {
        self.covered
    }
}

#[cfg(test)]
mod tests;
