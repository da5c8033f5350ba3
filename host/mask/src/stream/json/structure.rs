//! Objects and arrays: what may follow what, and where a cover begins and ends.

use super::{Covering, Cursor, Expect, Frame, JsonStream};
use crate::cover::Covered;
use crate::document::Chosen;
use crate::json::push_string;
use crate::scan::Scan;
use crate::stream::Trouble;

impl JsonStream {
    /// Begins the first or, of lines, the next text.
    pub(super) fn begin_document(&mut self) {
        self.expect = Expect::Value;
        self.next = Chosen::default();
        self.knowing = Scan::default();
    }

    /// What is wrong where something else was expected.
    pub(super) fn unexpected(&self) -> Trouble {
        if self.expect == Expect::Done { Trouble::Trailing } else { Trouble::Syntax }
    }

    pub(super) fn open(
        &mut self,
        cursor: &mut Cursor<'_>,
        is_object: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Trouble> {
        if !matches!(self.expect, Expect::Value | Expect::FirstValue) {
            return Err(self.unexpected());
        }
        if self.frames.len() >= self.masks.limits.depth {
            return Err(Trouble::TooDeep);
        }
        let around = self.path.save();
        if self.covering.is_none() {
            self.begin_cover(cursor, out);
        }
        let inner = if self.covering.is_none() { self.go_in(is_object) } else { self.next };
        // A key names what is in an array right under it, but not what has keys of its own.
        let scan = if is_object { Scan::default() } else { self.masks.plan.get(inner).mask.scan };
        let knowing = self.knowing.and(scan);
        self.frames.push(Frame { is_object, inner, knowing, around, own: self.present.open() });
        (self.next, self.knowing) = (inner, knowing);
        self.expect = if is_object { Expect::FirstKey } else { Expect::FirstValue };
        cursor.at += 1;
        Ok(())
    }

    /// Covers what begins here, if that is to be covered whole.
    fn begin_cover(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
        let prepared = self.masks.plan.get(self.next);
        if let Some(cover) = prepared.mask.cover.as_ref().filter(|_| prepared.whole) {
            let cover = self.masks.masker.cover_all(cover);
            self.flush(cursor, cursor.at, out);
            self.covering = Some(Covering { depth: self.frames.len(), cover });
        }
    }

    /// Follows the path into an object or array; gives the treatment of what is in it.
    fn go_in(&mut self, is_object: bool) -> Chosen {
        let plan = &self.masks.plan;
        if !plan.goes_by_path() {
            return self.next;
        }
        if self.frames.last().is_some_and(|frame| frame.is_object) {
            self.path.push_key(&self.key);
        }
        if is_object {
            return self.next;
        }
        self.path.push_element();
        plan.at_elements(self.next, &self.path)
    }

    pub(super) fn close(
        &mut self,
        cursor: &mut Cursor<'_>,
        is_object: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Trouble> {
        let empty = if is_object { Expect::FirstKey } else { Expect::FirstValue };
        let ends = self.expect == Expect::Next || self.expect == empty;
        let frame = self.frames.last().filter(|frame| ends && frame.is_object == is_object);
        let Some(Frame { around, own, .. }) = frame.copied() else {
            return Err(self.unexpected());
        };
        self.frames.pop();
        self.path.restore(around);
        self.present.close(own);
        self.after_value();
        cursor.at += 1;
        if self.covering.as_ref().is_some_and(|covering| covering.depth == self.frames.len()) {
            self.end_cover(cursor, out);
        }
        Ok(())
    }

    fn end_cover(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
        self.flush(cursor, cursor.at, out);
        let Some(covering) = self.covering.take() else { return };
        self.put.clear();
        let mut plain = Vec::new();
        match covering.cover.finish(&mut plain) {
            Covered::Null => self.put.extend_from_slice(b"null"),
            Covered::Value => push_string(&mut self.put, &String::from_utf8_lossy(&plain)),
        }
        self.write_put(out);
    }

    #[inline]
    pub(super) fn after_value(&mut self) {
        self.expect = if self.frames.is_empty() { Expect::Done } else { Expect::Next };
    }

    #[inline]
    pub(super) fn comma(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        let frame = self.frames.last().filter(|_| self.expect == Expect::Next);
        let Some(Frame { is_object, inner, knowing, .. }) = frame.copied() else {
            return Err(self.unexpected());
        };
        if is_object {
            self.expect = Expect::Key;
        } else {
            self.expect = Expect::Value;
            (self.next, self.knowing) = (inner, knowing);
        }
        cursor.at += 1;
        Ok(())
    }

    #[inline]
    pub(super) fn colon(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        if self.expect != Expect::Colon {
            return Err(self.unexpected());
        }
        self.expect = Expect::Value;
        cursor.at += 1;
        Ok(())
    }

    /// The end of a line is white space, or the end of the text where each line is one.
    pub(super) fn line_end(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        if self.lines {
            let between = self.frames.is_empty();
            if !between || !matches!(self.expect, Expect::Done | Expect::Value) {
                return Err(Trouble::Unterminated);
            }
            self.begin_document();
        }
        cursor.at += 1;
        Ok(())
    }
}
