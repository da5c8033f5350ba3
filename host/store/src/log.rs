//! The append path: one lock, under which an event is numbered and copied to where a killing cannot reach it.
//!
//! ```text
//!  append ─▶ tail   (a short lock: number the event, copy its frame into the active segment)
//!         ─▶ Receipt ─▶ syncs (a group, on request: one fsync for all)
//! ```
//!
//! Positions count the bytes of all frames since the store was opened; they order the group's work.
//! The first failed write or fsync ends the log: nothing is known of what reached the disk, so
//! nothing is accepted until the store is opened anew.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::active::Active;
use crate::ahead::Ahead;
use crate::closer::Closer;
use crate::folder::Folder;
use crate::frame::{Header, Payload};
use crate::group::Group;
use crate::index::{Index, Span, Spans};
use crate::recovery::Recovered;
use crate::{Durability, Options, SessionId, StoreError, raw};

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
    tail: Mutex<Tail>,
    syncs: Group<()>,
    /// Held over each sync and what it says: an error of the disk's is told once for each open file, and whoever was told must
    /// have passed it on before another sync is believed.
    syncing: Mutex<()>,
    failure: OnceLock<String>,
    ahead: Arc<Ahead>,
    /// Last: what is dropped before it is closed by it.
    closer: Closer,
}

/// Where the log grows.
struct Tail {
    active: Active,
    /// The spans of the active segment.
    spans: Spans,
    /// How many bytes were appended since the store was opened.
    position: u64,
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
        let Recovered { active: segment, spans, end, unclosed, .. } = recovered;
        let ahead = Arc::new(Ahead::start());
        let active = Active::open(&folder, segment, end, &ahead)?;
        if durability == Durability::Disk {
            active.file.sync_all().map_err(StoreError::io("sync", &folder.raw(segment)))?;
            folder.sync()?;
        }
        let closer = Closer::start(folder.clone(), Arc::clone(&index))?;
        unclosed.into_iter().for_each(|segment| closer.close(segment));
        Ok(Self {
            folder,
            index,
            durability,
            segment_bytes,
            tail: Mutex::new(Tail { active, spans, position: 0 }),
            syncs: Group::new(0, ()),
            syncing: Mutex::default(),
            failure: OnceLock::new(),
            ahead,
            closer,
        })
    }

    pub(crate) fn append(
        &self,
        session: SessionId,
        at_micros: u64,
        payload: &[u8],
    ) -> Result<Receipt, StoreError> {
        let payload = Payload::new(payload)?;
        // What an earlier turn of the loop found outside the lock, and for which active segment.
        let mut found = None;
        loop {
            let mut tail = self.tail()?;
            // Under the lock: whoever waited for it behind the first failure must not write after it.
            self.check()?;
            let next = match (tail.spans.get(session), found) {
                (Some(span), _) => Some(span.end),
                (None, Some((segment, next))) if segment == tail.active.segment => Some(next),
                _ => None,
            };
            if let Some(sequence) = next {
                let header = Header { session, sequence, at_micros };
                return self.write(&mut tail, header, &payload).map_err(|error| self.fail(error));
            }
            let segment = tail.active.segment;
            drop(tail);
            found = Some((segment, self.index.next_sequence(session)?));
        }
    }

    pub(crate) fn is_durable(&self, receipt: Receipt) -> bool {
        self.durability == Durability::Process || self.syncs.reached(receipt.position)
    }

    pub(crate) fn wait_durable(&self, receipt: Receipt) -> Result<(), StoreError> {
        if self.durability == Durability::Process {
            return Ok(());
        }
        self.syncs.reach(receipt.position, |()| self.sync())
    }

    pub(crate) fn locate(&self, session: SessionId) -> Result<Located, StoreError> {
        let (here, active) = {
            let tail = self.tail()?;
            (tail.spans.get(session), (tail.active.segment, tail.active.end))
        };
        // In this order: a segment that is rolled or closed meanwhile is found at its next place.
        let mut spans = self.index.of(session)?;
        spans.extend(here.map(|span| (active.0, span)));
        Ok(Located { spans: spans.into_iter().collect(), active })
    }

    /// Appends a frame and, where it fills the segment, goes on in the next one.
    fn write(
        &self,
        tail: &mut Tail,
        header: Header,
        payload: &Payload<'_>,
    ) -> Result<Receipt, StoreError> {
        let Active { segment, end: offset, .. } = tail.active;
        let written = tail.active.append([&payload.head(header), payload.bytes()]);
        // The path is put together only where it is told.
        written.map_err(|error| StoreError::io("write", &self.folder.raw(segment))(error))?;
        tail.spans.add(header.session, header.sequence, offset);
        tail.position += payload.frame_bytes();
        let receipt = Receipt { sequence: header.sequence, position: tail.position };
        if tail.active.end >= self.segment_bytes {
            self.roll(tail)?;
        }
        Ok(receipt)
    }

    /// Goes on in the next segment and hands the full one to the closer.
    fn roll(&self, tail: &mut Tail) -> Result<(), StoreError> {
        let full = tail.active.segment;
        if self.durability == Durability::Disk {
            // The group that syncs knows only the newest file.
            self.sync_file(&tail.active.file, full)?;
        }
        let next = Active::open(&self.folder, full + 1, raw::HEADER_BYTES, &self.ahead)?;
        if self.durability == Durability::Disk {
            self.folder.sync()?;
        }
        // Before the next one is: a reader looks in the index for what is not in the active segment.
        self.index.seal(full, std::mem::take(&mut tail.spans));
        drop(std::mem::replace(&mut tail.active, next));
        self.closer.close(full);
        Ok(())
    }

    /// Syncs all that was appended so far.
    fn sync(&self) -> Result<u64, StoreError> {
        let (file, segment, position) = {
            let tail = self.tail()?;
            (Arc::clone(&tail.active.file), tail.active.segment, tail.position)
        };
        self.sync_file(&file, segment)?;
        Ok(position)
    }

    fn sync_file(&self, file: &File, segment: u64) -> Result<(), StoreError> {
        let _turn = self.syncing.lock().map_err(|_| StoreError::poisoned())?;
        self.check()?;
        let synced = file.sync_data().map_err(StoreError::io("sync", &self.folder.raw(segment)));
        synced.map_err(|error| self.fail(error))
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
        if self.failure.set(reason.clone()).is_ok() {
            tracing::error!(reason, "no more events are accepted until the store is opened anew");
        }
        error
    }

    fn tail(&self) -> Result<MutexGuard<'_, Tail>, StoreError> {
        self.tail.lock().map_err(|_| StoreError::poisoned())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // What nobody waited for.
        if self.durability == Durability::Disk
            && let Err(error) = self.sync()
        {
            tracing::error!(%error, "the last events may not be on disk");
        }
    }
}

#[cfg(test)]
mod tests;
