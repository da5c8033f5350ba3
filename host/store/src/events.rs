//! Reads a session's events, in order, from every segment that holds some, whichever form it is in.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::File;
use std::io;

use crate::folder::Folder;
use crate::frame::Header;
use crate::frames::{Frames, Source};
use crate::index::Span;
use crate::log::Located;
use crate::{SessionId, StoreError, packed, raw};

/// An event as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the session, from 0, without gaps.
    pub sequence: u64,
    /// When it was, in microseconds since the Unix epoch, as the caller of `append` said.
    pub at_micros: u64,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// The events of a session, as of the moment `Store::events` was called.
///
/// Holds no lock: appending and closing segments go on meanwhile. An error stands for the events that it
/// hides: after [`StoreError::Damaged`] those that follow in the same segment are left out, and the iterator
/// goes on with the next segment.
pub struct Events {
    folder: Folder,
    session: SessionId,
    spans: VecDeque<(u64, Span)>,
    active: (u64, u64),
    /// The sequence number of the next event.
    expected: u64,
    reading: Option<Reading>,
    /// An event that was read, behind the report of a gap before it.
    behind_gap: Option<Event>,
}

/// A segment being read.
struct Reading {
    segment: u64,
    end: u64,
    frames: Frames<Box<dyn Source + Send>>,
}

impl Events {
    pub(crate) fn new(folder: Folder, session: SessionId, located: Located, from: u64) -> Self {
        let Located { spans, active } = located;
        let spans = spans.into_iter().filter(|(_, span)| span.end > from).collect();
        Self { folder, session, spans, active, expected: from, reading: None, behind_gap: None }
    }

    /// The number of the next event: that of the last one and one, or where what an error hid has ended.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.expected
    }

    fn step(&mut self) -> Result<Option<Event>, StoreError> {
        if let Some(event) = self.behind_gap.take() {
            return Ok(Some(event));
        }
        loop {
            let Some(mut reading) = self.reading.take() else {
                let Some((segment, span)) = self.spans.pop_front() else { return Ok(None) };
                self.reading = self.open(segment, span)?;
                continue;
            };
            match self.read(&mut reading) {
                Ok(Some(event)) => {
                    let segment = reading.segment;
                    let more = reading.end > event.sequence.saturating_add(1);
                    self.reading = more.then_some(reading);
                    return self.in_order(event, segment);
                }
                Ok(None) => self.finish(&reading)?,
                Err(error) => {
                    self.expected = reading.end;
                    return Err(error);
                }
            }
        }
    }

    /// Hands an event out, the gap before it first.
    fn in_order(&mut self, event: Event, segment: u64) -> Result<Option<Event>, StoreError> {
        let (from, sequence) = (self.expected, event.sequence);
        self.expected = sequence.saturating_add(1);
        if from == sequence {
            return Ok(Some(event));
        }
        self.behind_gap = Some(event);
        Err(StoreError::Missing { session: self.session, segment, from, to: sequence - 1 })
    }

    /// The next frame of the session from `expected` on.
    fn read(&self, reading: &mut Reading) -> Result<Option<Event>, StoreError> {
        while let Some(frame) = reading.frames.next()? {
            let header = frame.header;
            if header.session == self.session && header.sequence >= self.expected {
                let payload = frame.payload.to_vec();
                let (sequence, at_micros) = (header.sequence, header.at_micros);
                return Ok(Some(Event { sequence, at_micros, payload }));
            }
        }
        Ok(None)
    }

    /// A segment ended before the session's last event in it. In the active one that is not written yet.
    fn finish(&mut self, reading: &Reading) -> Result<(), StoreError> {
        let (segment, from) = (reading.segment, self.expected);
        if segment >= self.active.0 {
            return Ok(());
        }
        self.expected = reading.end;
        Err(StoreError::Missing { session: self.session, segment, from, to: reading.end - 1 })
    }

    /// Opens a segment in the form that it has now; `None` where nothing of it is written yet.
    fn open(&mut self, segment: u64, span: Span) -> Result<Option<Reading>, StoreError> {
        let (active, written) = self.active;
        if segment > active {
            return Ok(None);
        }
        let end = if segment == active { written } else { u64::MAX };
        let frames = open_frames(&self.folder, segment, span.offset, end);
        match frames {
            Ok(frames) => Ok(Some(Reading { segment, end: span.end, frames })),
            Err(error) => {
                self.expected = span.end;
                Err(error)
            }
        }
    }
}

impl Iterator for Events {
    type Item = Result<Event, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Events");
        debug.field("session", &self.session).field("next", &self.expected);
        debug.finish_non_exhaustive()
    }
}

/// Reads the events of several sessions that were appended so far, in the order in which they were, each segment once. What is
/// damaged is left out, with what follows it in its segment.
pub(crate) fn read_together(
    folder: &Folder,
    located: Vec<(SessionId, Located)>,
    mut each: impl FnMut(SessionId, Event),
) {
    let sessions: HashSet<_> = located.iter().map(|(session, _)| *session).collect();
    // From where each segment is read, and up to where.
    let mut segments = BTreeMap::new();
    for (_, Located { spans, active }) in located {
        for (segment, span) in spans {
            let end = if segment == active.0 { active.1 } else { u64::MAX };
            let (from, until) = segments.entry(segment).or_insert((span.offset, end));
            (*from, *until) = (span.offset.min(*from), end.max(*until));
        }
    }
    for (segment, (offset, end)) in segments {
        let read = open_frames(folder, segment, offset, end).and_then(|mut frames| {
            while let Some(frame) = frames.next()? {
                let Header { session, sequence, at_micros } = frame.header;
                if sessions.contains(&session) {
                    each(session, Event { sequence, at_micros, payload: frame.payload.to_vec() });
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            tracing::warn!(segment, %error, "what follows in this segment is left out");
        }
    }
}

type AnyFrames = Frames<Box<dyn Source + Send>>;

/// A segment changes from raw to packed once, the packed form appearing before the raw one goes:
/// where neither was found in that order, the packed one is there by now.
fn open_frames(
    folder: &Folder,
    segment: u64,
    offset: u64,
    end: u64,
) -> Result<AnyFrames, StoreError> {
    if let Some(frames) = open_packed(folder, segment, offset)? {
        return Ok(frames);
    }
    if let Some(frames) = open_raw(folder, segment, offset, end)? {
        return Ok(frames);
    }
    let neither = StoreError::Damaged { segment, offset: 0, what: "the segment's file is gone" };
    open_packed(folder, segment, offset)?.ok_or(neither)
}

fn open_packed(
    folder: &Folder,
    segment: u64,
    offset: u64,
) -> Result<Option<AnyFrames>, StoreError> {
    let path = folder.packed(segment);
    let Some(file) = open_file(&path)? else { return Ok(None) };
    let source = packed::source(file, &path, segment, offset)?;
    Ok(Some(Frames::new(Box::new(source), segment, offset)))
}

fn open_raw(
    folder: &Folder,
    segment: u64,
    offset: u64,
    end: u64,
) -> Result<Option<AnyFrames>, StoreError> {
    let path = folder.raw(segment);
    let Some(file) = open_file(&path)? else { return Ok(None) };
    let what = "the header is not that of the segment";
    let source = raw::source(file, &path, segment, (offset, end))?;
    let source = source.ok_or(StoreError::Damaged { segment, offset: 0, what })?;
    Ok(Some(Frames::new(Box::new(source), segment, offset)))
}

fn open_file(path: &std::path::Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path)(error)),
    }
}

#[cfg(test)]
mod tests;
