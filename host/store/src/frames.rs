//! Walks over the frames of a segment, whichever form the segment is in.

use crate::StoreError;
use crate::frame::{self, Header, Look};

/// Where the bytes of a segment's frames come from, in order.
pub(crate) trait Source {
    /// Appends the next stretch of bytes to `buffer`; false at the end.
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, StoreError>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, StoreError> {
        (**self).fill(buffer)
    }
}

/// A frame as it lies in the segment.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: Header,
    pub(crate) payload: &'a [u8],
    /// The whole frame, header included.
    pub(crate) bytes: &'a [u8],
    /// Where it begins, counted in the segment's uncompressed form.
    pub(crate) offset: u64,
}

/// The frames of one segment from some offset on.
pub(crate) struct Frames<S> {
    source: S,
    segment: u64,
    /// Bytes read and not yet handed out begin at `used`, which lies at `offset` in the segment.
    buffer: Vec<u8>,
    used: usize,
    offset: u64,
}

impl<S: Source> Frames<S> {
    /// `source` gives the bytes of `segment` from `offset`, which must be the start of a frame.
    pub(crate) fn new(source: S, segment: u64, offset: u64) -> Self {
        Self { source, segment, buffer: Vec::new(), used: 0, offset }
    }

    /// Where the next frame begins, or where the frames end.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame; `None` where the segment ends after a whole one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where the next bytes are no whole frame: `offset` stays there.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>, StoreError> {
        let Some((header, payload)) = self.complete()? else { return Ok(None) };
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let bytes = rest.get(..frame::HEADER_BYTES + payload).unwrap_or_default();
        let payload = bytes.get(frame::HEADER_BYTES..).unwrap_or_default();
        let frame = Frame { header, payload, bytes, offset: self.offset };
        self.used += bytes.len();
        self.offset += bytes.len() as u64;
        Ok(Some(frame))
    }

    /// Reads on until a whole frame is at hand: its header and its payload's length.
    fn complete(&mut self) -> Result<Option<(Header, usize)>, StoreError> {
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            let torn = !rest.is_empty();
            match frame::look(rest) {
                Look::Whole(header, payload) => return Ok(Some((header, payload.len()))),
                Look::Bad(what) => return Err(self.damaged(what)),
                Look::Partial => {}
            }
            if !self.refill()? {
                let torn = torn.then(|| self.damaged("a frame ends too early"));
                return torn.map_or(Ok(None), Err);
            }
        }
    }

    fn refill(&mut self) -> Result<bool, StoreError> {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.source.fill(&mut self.buffer)
    }

    fn damaged(&self, what: &'static str) -> StoreError {
        StoreError::Damaged { segment: self.segment, offset: self.offset, what }
    }
}
