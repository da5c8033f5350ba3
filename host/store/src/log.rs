//! The append path: one shared buffer, one write for everybody who waits, one active segment.
//!
//! ```text
//!  append ─▶ pending (short lock: number the event, add its frame)
//!         ─▶ writes  (a group: whoever leads writes all that is pending, and rolls a full segment)
//!         ─▶ Receipt ─▶ syncs (a group, on request: one fsync for all)
//! ```
//!
//! Positions count the bytes of all frames since the store was opened; they order the groups' work.
//! The first failed write or fsync ends the log: nothing is known of what reached the disk, so
//! nothing is accepted until the store is opened anew.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::closer::Closer;
use crate::folder::Folder;
use crate::frame::{Header, Payload};
use crate::group::Group;
use crate::index::{Index, Span, Spans};
use crate::recovery::Recovered;
use crate::{Durability, Options, SessionId, StoreError, raw};

/// A buffer that an unusually large event made larger than this is given back.
const SPARE_BYTES: usize = 1 << 20;

/// Says that an event was written to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "with `Durability::Disk` the event is on disk only after `Store::wait_durable`"]
pub struct Receipt {
    /// The event's number in its session, from 0.
    pub sequence: u64,
    pub(crate) position: u64,
}

/// The part of the store that takes events.
pub(crate) struct Log {
    folder: Folder,
    index: Arc<Index>,
    durability: Durability,
    segment_bytes: u64,
    pending: Mutex<Pending>,
    written: Mutex<Written>,
    writes: Group<Leader>,
    syncs: Group<()>,
    failure: OnceLock<String>,
}

/// Frames that are numbered but not written.
struct Pending {
    frames: Vec<u8>,
    position: u64,
    /// Where the next frame goes.
    segment: u64,
    offset: u64,
    /// The spans of `segment`.
    spans: Spans,
}

/// What the operating system has.
struct Written {
    file: Arc<File>,
    segment: u64,
    offset: u64,
    position: u64,
}

/// What only the writing thread needs.
struct Leader {
    spare: Vec<u8>,
    closer: Closer,
}

/// Where to read a session's events, as of one moment.
pub(crate) struct Located {
    /// Oldest segment first.
    pub(crate) spans: Vec<(u64, Span)>,
    /// The segment being written, and how far it is.
    pub(crate) active: (u64, u64),
}

impl Log {
    pub(crate) fn open(
        folder: Folder,
        index: Arc<Index>,
        recovered: Recovered,
        Options { durability, segment_bytes }: Options,
    ) -> Result<Self, StoreError> {
        let Recovered { active: segment, spans, end: offset, unclosed, .. } = recovered;
        let file = Arc::new(raw::open(&folder, segment)?);
        if durability == Durability::Disk {
            file.sync_all().map_err(StoreError::io("sync", &folder.raw(segment)))?;
            folder.sync()?;
        }
        let closer = Closer::start(folder.clone(), Arc::clone(&index))?;
        unclosed.into_iter().for_each(|segment| closer.close(segment));
        Ok(Self {
            folder,
            index,
            durability,
            segment_bytes,
            pending: Mutex::new(Pending { frames: vec![], position: 0, segment, offset, spans }),
            written: Mutex::new(Written { file, segment, offset, position: 0 }),
            writes: Group::new(0, Leader { spare: vec![], closer }),
            syncs: Group::new(0, ()),
            failure: OnceLock::new(),
        })
    }

    pub(crate) fn append(
        &self,
        session: SessionId,
        at_micros: u64,
        payload: &[u8],
    ) -> Result<Receipt, StoreError> {
        let payload = Payload::new(payload)?;
        let receipt = self.queue(session, at_micros, &payload)?;
        self.writes.reach(receipt.position, |leader| self.write_pending(leader))?;
        Ok(receipt)
    }

    pub(crate) fn is_durable(&self, receipt: Receipt) -> bool {
        self.durability == Durability::Process || self.syncs.reached(receipt.position)
    }

    pub(crate) fn wait_durable(&self, receipt: Receipt) -> Result<(), StoreError> {
        if self.durability == Durability::Process {
            return Ok(());
        }
        self.syncs.reach(receipt.position, |()| self.sync_written())
    }

    pub(crate) fn locate(&self, session: SessionId) -> Result<Located, StoreError> {
        let active = {
            let pending = self.pending()?;
            pending.spans.get(session).map(|span| (pending.segment, span))
        };
        // In this order: a segment that is rolled or closed meanwhile is found at its next place.
        let mut spans = self.index.of(session)?;
        spans.extend(active);
        let written = self.written();
        Ok(Located {
            spans: spans.into_iter().collect(),
            active: (written.segment, written.offset),
        })
    }

    /// Numbers an event and adds its frame to what is pending.
    fn queue(
        &self,
        session: SessionId,
        at_micros: u64,
        payload: &Payload<'_>,
    ) -> Result<Receipt, StoreError> {
        // What an earlier turn of the loop found outside the lock, and for which active segment.
        let mut found = None;
        loop {
            self.check()?;
            let mut pending = self.pending()?;
            let next = match (pending.spans.get(session), found) {
                (Some(span), _) => Some(span.end),
                (None, Some((segment, next))) if segment == pending.segment => Some(next),
                _ => None,
            };
            if let Some(sequence) = next {
                let header = Header { session, sequence, at_micros };
                return Ok(pending.push(header, payload));
            }
            let segment = pending.segment;
            drop(pending);
            found = Some((segment, self.index.next_sequence(session)?));
        }
    }

    /// Writes everything pending with one call, for this thread and all who wait.
    fn write_pending(&self, leader: &mut Leader) -> Result<u64, StoreError> {
        self.check()?;
        let (position, full) = self.take_pending(&mut leader.spare)?;
        let done = self.write(&leader.spare, position).and_then(|()| match full {
            Some(next) => self.roll(next, &leader.closer),
            None => Ok(()),
        });
        done.map_err(|error| self.fail(error))?;
        if leader.spare.capacity() > SPARE_BYTES {
            leader.spare = Vec::new();
        }
        Ok(position)
    }

    /// Swaps the pending frames into `frames`; names the next segment where these fill the active one.
    fn take_pending(&self, frames: &mut Vec<u8>) -> Result<(u64, Option<u64>), StoreError> {
        let mut pending = self.pending()?;
        frames.clear();
        std::mem::swap(&mut pending.frames, frames);
        if pending.offset < self.segment_bytes {
            return Ok((pending.position, None));
        }
        self.index.seal(pending.segment, std::mem::take(&mut pending.spans));
        pending.segment += 1;
        pending.offset = raw::HEADER_BYTES;
        Ok((pending.position, Some(pending.segment)))
    }

    fn write(&self, frames: &[u8], position: u64) -> Result<(), StoreError> {
        let (file, segment, offset) = {
            let written = self.written();
            (Arc::clone(&written.file), written.segment, written.offset)
        };
        if let Err(error) = (&*file).write_all(frames) {
            // Part of a frame may be in the file; where this fails too, the next opening cuts it.
            if let Err(error) = file.set_len(offset) {
                tracing::error!(segment, %error, "a partly written frame could not be taken back");
            }
            return Err(StoreError::io("write", &self.folder.raw(segment))(error));
        }
        let mut written = self.written();
        written.offset += frames.len() as u64;
        written.position = position;
        Ok(())
    }

    /// Goes on in segment `next` and hands the full one to the closer.
    fn roll(&self, next: u64, closer: &Closer) -> Result<(), StoreError> {
        if self.durability == Durability::Disk {
            // The group that syncs knows only the newest file.
            self.sync_written()?;
        }
        let file = Arc::new(raw::open(&self.folder, next)?);
        if self.durability == Durability::Disk {
            self.folder.sync()?;
        }
        let mut written = self.written();
        let full = written.segment;
        let position = written.position;
        *written = Written { file, segment: next, offset: raw::HEADER_BYTES, position };
        drop(written);
        closer.close(full);
        Ok(())
    }

    fn sync_written(&self) -> Result<u64, StoreError> {
        self.check()?;
        let (file, segment, position) = {
            let written = self.written();
            (Arc::clone(&written.file), written.segment, written.position)
        };
        let synced = file.sync_data().map_err(StoreError::io("sync", &self.folder.raw(segment)));
        synced.map_err(|error| self.fail(error))?;
        Ok(position)
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            Some(reason) => Err(StoreError::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    fn fail(&self, error: StoreError) -> StoreError {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        let reason = format!("{error}{}", cause.unwrap_or_default());
        tracing::error!(reason, "no more events are accepted until the store is opened anew");
        self.failure.get_or_init(|| reason);
        error
    }

    fn pending(&self) -> Result<MutexGuard<'_, Pending>, StoreError> {
        self.pending.lock().map_err(|_| StoreError::poisoned())
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Assigned in one step or two, both valid: a panic elsewhere does not make it wrong.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn push(&mut self, header: Header, payload: &Payload<'_>) -> Receipt {
        payload.encode(header, &mut self.frames);
        self.spans.add(header.session, header.sequence, self.offset);
        self.offset += payload.frame_bytes();
        self.position += payload.frame_bytes();
        Receipt { sequence: header.sequence, position: self.position }
    }
}

#[cfg(test)]
mod tests;
