//! Which segments hold a session's events, and from where.
//!
//! A session has one span for each segment that it appears in. The spans of a segment stay in memory
//! while it is raw, and go to the key-value engine once, when it is closed: appending an event
//! never touches the engine. After a crash they are read again from the raw segments themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::bytes::Reader;
use crate::engine::Engine;
use crate::frames::{Frame, Frames, Source};
use crate::session::BySession;
use crate::{SessionId, StoreError};

/// One session's events in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where the first frame begins.
    pub(crate) offset: u64,
    /// The first frame's sequence number.
    pub(crate) first: u64,
    /// The sequence number after the last frame's.
    pub(crate) end: u64,
}

/// The spans of one segment.
#[derive(Debug, Default)]
pub(crate) struct Spans(BySession<Span>);

impl Spans {
    pub(crate) fn get(&self, session: SessionId) -> Option<Span> {
        self.0.get(&session).copied()
    }

    /// Takes note of a frame.
    pub(crate) fn add(&mut self, session: SessionId, sequence: u64, offset: u64) {
        let new = Span { offset, first: sequence, end: sequence };
        self.0.entry(session).or_insert(new).end = sequence.saturating_add(1);
    }

    /// Takes note of all frames up to the first that is not readable, which is the error.
    pub(crate) fn add_all<S: Source>(&mut self, frames: &mut Frames<S>) -> Result<(), StoreError> {
        while let Some(Frame { header, offset, .. }) = frames.next()? {
            self.add(header.session, header.sequence, offset);
        }
        Ok(())
    }
}

/// The spans of all segments but the one being appended to.
#[derive(Debug)]
pub(crate) struct Index {
    engine: Arc<Engine>,
    /// session (16 bytes) and segment (8), both big-endian so that they sort → offset, first, end.
    spans: sled::Tree,
    /// Segments whose spans are all in the engine.
    complete: sled::Tree,
    /// Spans of closed segments that are not in the engine yet.
    sealed: Mutex<BTreeMap<u64, Arc<Spans>>>,
}

impl Index {
    pub(crate) fn open(engine: Arc<Engine>) -> Result<Self, StoreError> {
        let spans = engine.tree("events/spans")?;
        let complete = engine.tree("events/complete")?;
        Ok(Self { engine, spans, complete, sealed: Mutex::default() })
    }

    /// Takes over the spans of a segment that is not appended to any more.
    pub(crate) fn seal(&self, segment: u64, spans: Spans) {
        self.sealed().insert(segment, Arc::new(spans));
    }

    /// Writes a sealed segment's spans to the engine, where they survive a power failure.
    pub(crate) fn persist(&self, segment: u64) -> Result<(), StoreError> {
        let sealed = self.sealed().get(&segment).map(Arc::clone);
        if let Some(spans) = sealed {
            self.write(segment, &spans)?;
            // Only now: a reader looks here first and in the engine second, so it misses nothing.
            self.sealed().remove(&segment);
        }
        Ok(())
    }

    fn write(&self, segment: u64, spans: &Spans) -> Result<(), StoreError> {
        for (session, span) in &spans.0 {
            self.spans.insert(key(*session, segment), value(*span))?;
        }
        self.complete.insert(segment.to_be_bytes(), &[])?;
        self.engine.sync()
    }

    /// Whether the engine has all spans of a segment.
    pub(crate) fn is_complete(&self, segment: u64) -> Result<bool, StoreError> {
        Ok(self.complete.contains_key(segment.to_be_bytes())?)
    }

    /// Where a session's events are, oldest segment first, the active segment left out.
    pub(crate) fn of(&self, session: SessionId) -> Result<BTreeMap<u64, Span>, StoreError> {
        let mut found = BTreeMap::new();
        for (segment, spans) in self.sealed().iter() {
            found.extend(spans.get(session).map(|span| (*segment, span)));
        }
        for entry in self.spans.scan_prefix(session.0.to_be_bytes()) {
            let (key, value) = entry?;
            let (segment, span) = parse(&key, &value)?;
            found.entry(segment).or_insert(span);
        }
        Ok(found)
    }

    /// The sequence number that follows a session's events, the active segment's left out.
    ///
    /// A segment whose spans could not be persisted stays sealed behind newer ones that were.
    pub(crate) fn next_sequence(&self, session: SessionId) -> Result<u64, StoreError> {
        let newest = |(segment, spans): (&u64, &Arc<Spans>)| Some((*segment, spans.get(session)?));
        let sealed = self.sealed().iter().rev().find_map(newest);
        let persisted = self.spans.scan_prefix(session.0.to_be_bytes()).next_back();
        let persisted = match persisted {
            Some(entry) => {
                let (key, value) = entry?;
                Some(parse(&key, &value)?)
            }
            None => None,
        };
        let newest = sealed.into_iter().chain(persisted).max_by_key(|(segment, _)| *segment);
        Ok(newest.map_or(0, |(_, span)| span.end))
    }

    fn sealed(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Spans>>> {
        // The map is whole at every moment: a panic elsewhere does not make it wrong.
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(session: SessionId, segment: u64) -> Vec<u8> {
    let mut key = session.0.to_be_bytes().to_vec();
    key.extend_from_slice(&segment.to_be_bytes());
    key
}

fn value(span: Span) -> Vec<u8> {
    [span.offset.to_le_bytes(), span.first.to_le_bytes(), span.end.to_le_bytes()].concat()
}

fn parse(key: &[u8], value: &[u8]) -> Result<(u64, Span), StoreError> {
    let segment = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    let mut reader = Reader(value);
    match (segment, reader.u64(), reader.u64(), reader.u64()) {
        (Some(segment), Some(offset), Some(first), Some(end)) => {
            Ok((segment, Span { offset, first, end }))
        }
        _ => Err(StoreError::Index),
    }
}

#[cfg(test)]
mod tests;
