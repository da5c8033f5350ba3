//! What becomes of strings, numbers and words.

use super::lex::{Seen, decode, is_number, whole_characters};
use super::{Expect, JsonStream};
use crate::cell::{CellForm, Treated};
use crate::cover::Masker;
use crate::detect::{WHOLE, kind};
use crate::document::Prepared;
use crate::json::push_string;
use crate::stream::Trouble;
use palisade_policy::Cover;
use std::borrow::Cow;

impl JsonStream {
    /// Judges a string, as it is written with its quotes; whether it is replaced by what is in `put`.
    #[inline]
    pub(super) fn string(&mut self, raw: &[u8], seen: Seen) -> Result<bool, Trouble> {
        let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        match self.expect {
            Expect::Key | Expect::FirstKey => self.key(inside, raw.len()),
            Expect::Value | Expect::FirstValue => {
                self.is_json |= !self.frames.is_empty();
                self.after_value();
                self.text_value(raw, inside, seen)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn key(&mut self, inside: &[u8], length: usize) -> Result<bool, Trouble> {
        let (plan, limits) = (&*self.masks.plan, &self.masks.limits);
        if length > limits.held {
            return Err(Trouble::TooLong);
        }
        let Some(frame) = self.frames.last_mut() else { return Err(Trouble::Syntax) };
        let key = self.keys.keys.find(plan, inside)?;
        self.present.add(&mut frame.own, key.hash, limits.keys)?;
        self.expect = Expect::Colon;
        self.is_json = true;
        if self.covering.is_some() {
            return Ok(false);
        }
        self.next = match key.candidates.as_slice() {
            [] => frame.inner,
            candidates => plan.at_key(frame.inner, candidates, &self.path, &key.folded),
        };
        if plan.goes_by_path() {
            self.key.clone_from(&key.folded);
        }
        self.knowing = key.knowing.and(plan.get(self.next).mask.scan);
        let scan = plan.get(frame.inner).mask.scan;
        if key.suspects.and(scan).is_empty() {
            return Ok(false);
        }
        self.text.clear();
        decode(inside, true, &mut self.text)?;
        Ok(put_found(scan.text(&self.text), &mut self.put))
    }

    #[inline]
    fn text_value(&mut self, raw: &[u8], inside: &[u8], seen: Seen) -> Result<bool, Trouble> {
        if self.covering.is_some() {
            self.check(inside, seen)?;
            return Ok(false);
        }
        let prepared = self.masks.plan.get(self.next);
        let mask = &prepared.mask;
        let is_long = raw.len() > self.masks.limits.held;
        if mask.cover.is_none() {
            if is_long && !mask.scan.is_empty() {
                return Err(Trouble::TooLong);
            }
            let suspect = seen.escaped
                || !self.knowing.is_empty()
                || mask.scan.may_find_in(seen.kinds, inside);
            if !suspect {
                whole_text(inside, seen)?;
                return Ok(false);
            }
        }
        let text = if seen.escaped {
            self.text.clear();
            decode(inside, true, &mut self.text)?;
            self.text.as_slice()
        } else {
            whole_text(inside, seen)?;
            inside
        };
        if mask.cover.is_some() {
            put_cover(&self.masks.masker, prepared, raw, is_long, &mut self.put);
            return Ok(true);
        }
        if let Some(known) = self.knowing.mask_if_named(text) {
            self.put.clear();
            push_string(&mut self.put, known);
            return Ok(true);
        }
        Ok(put_found(mask.scan.text(text), &mut self.put))
    }

    /// Judges a number or word.
    pub(super) fn bare(&mut self, raw: &[u8]) -> Result<bool, Trouble> {
        if !matches!(self.expect, Expect::Value | Expect::FirstValue) {
            return Err(self.unexpected());
        }
        if raw.len() > self.masks.limits.held {
            return Err(Trouble::TooLong);
        }
        let is_word = matches!(raw, b"true" | b"false" | b"null");
        if !is_word && !is_number(raw) {
            return Err(Trouble::Syntax);
        }
        self.after_value();
        if self.covering.is_some() {
            return Ok(false);
        }
        let prepared = self.masks.plan.get(self.next);
        let mask = &prepared.mask;
        if mask.cover.is_some() {
            put_cover(&self.masks.masker, prepared, raw, false, &mut self.put);
            return Ok(true);
        }
        if is_word {
            return Ok(false);
        }
        if let Some(known) = self.knowing.mask_if_named(raw) {
            self.put.clear();
            push_string(&mut self.put, known);
            return Ok(true);
        }
        Ok(put_found(mask.scan.text(raw), &mut self.put))
    }

    /// Whether a string, of which so much is held, may go on in parts: what it is does not matter to what becomes of it.
    pub(super) fn flows(&self, length: usize) -> Result<bool, Trouble> {
        match self.expect {
            Expect::Key | Expect::FirstKey => return Ok(false),
            Expect::Value | Expect::FirstValue => {}
            _ => return Err(self.unexpected()),
        }
        let mask = &self.masks.plan.get(self.next).mask;
        let passes = mask.cover.is_none() && mask.scan.is_empty();
        let is_covered = mask.cover.as_ref().is_some_and(is_blind);
        let is_long = mask.cover.is_some() && length > self.masks.limits.held;
        Ok(self.held.flows || self.covering.is_some() || passes || is_covered || is_long)
    }

    /// Passes on, or covers, what is held of a string, but for an escape or character that is not complete.
    pub(super) fn flow(&mut self, seen: Seen, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut bytes = std::mem::take(&mut self.held.bytes);
        let quote = usize::from(!self.held.flows);
        let inside = bytes.get(quote..).unwrap_or_default();
        self.text.clear();
        let taken = if seen.escaped {
            decode(inside, false, &mut self.text)?
        } else {
            whole_characters(inside, false)?
        };
        if !self.is_covered_alone() {
            self.emit(bytes.get(..quote + taken).unwrap_or_default(), out);
        }
        bytes.drain(..quote + taken);
        self.held.bytes = bytes;
        self.held.flows = true;
        Ok(())
    }

    /// Judges a string of which parts were passed on, by its last part with the closing quote.
    pub(super) fn end_of_string(&mut self, part: &[u8], seen: Seen) -> Result<bool, Trouble> {
        let inside = part.get(..part.len().saturating_sub(1)).unwrap_or_default();
        self.check(inside, seen)?;
        self.is_json |= !self.frames.is_empty();
        self.after_value();
        if !self.is_covered_alone() {
            return Ok(false);
        }
        let prepared = self.masks.plan.get(self.next);
        put_cover(&self.masks.masker, prepared, b"\"\"", true, &mut self.put);
        Ok(true)
    }

    /// Whether the value is to be covered, and is not part of something that is.
    fn is_covered_alone(&self) -> bool {
        self.covering.is_none() && self.masks.plan.get(self.next).mask.cover.is_some()
    }

    /// Whether a string can be read.
    fn check(&mut self, inside: &[u8], seen: Seen) -> Result<(), Trouble> {
        if seen.escaped {
            self.text.clear();
            decode(inside, true, &mut self.text)?;
            return Ok(());
        }
        whole_text(inside, seen)
    }
}

/// Whether a string without escapes is UTF-8.
#[inline]
fn whole_text(inside: &[u8], seen: Seen) -> Result<(), Trouble> {
    if seen.kinds & kind::BEYOND != 0 {
        whole_characters(inside, true)?;
    }
    Ok(())
}

/// Whether a cover is the same for every value.
fn is_blind(cover: &Cover) -> bool {
    matches!(cover, Cover::Replace(_) | Cover::Nullify)
}

/// Puts a value's cover in its place; one of a value that was too long to hold shows nothing of it.
fn put_cover(masker: &Masker, prepared: &Prepared, raw: &[u8], is_long: bool, put: &mut Vec<u8>) {
    put.clear();
    if let Some(blind) = &prepared.blind {
        return put.extend_from_slice(blind);
    }
    if is_long {
        return push_string(put, WHOLE);
    }
    match masker.treat(&prepared.mask, CellForm::JsonText, raw, put) {
        Treated::Changed => {}
        Treated::Null | Treated::Unchanged => put.extend_from_slice(b"null"),
    }
}

/// Writes what a scan covered; whether it did.
fn put_found(scanned: Cow<'_, [u8]>, put: &mut Vec<u8>) -> bool {
    let Cow::Owned(covered) = scanned else { return false };
    put.clear();
    push_string(put, &String::from_utf8_lossy(&covered));
    true
}
