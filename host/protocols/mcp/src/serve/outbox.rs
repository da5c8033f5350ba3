//! What a client is sent: by stream, in numbered events, the last of which are kept for clients whose stream breaks off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use palisade_policy::{Denial, Edition};
use tokio::sync::mpsc;

use super::direct::{Direct, Piece};
use super::frame::{Alive, MOST_UNREAD_OF_ALL, event};
use crate::conversation::{Stream, denied};
use crate::message::{Id, Message};

/// The stream of what belongs to no request.
pub(super) const UNASKED: Stream = 0;
/// So many events may wait for a client to read them; one that reads too slowly has its stream broken off.
const MOST_WAITING: usize = 64;
/// So many bytes of one stream may wait besides what is kept, and one event more, which may be as large as a message may be.
const MOST_UNREAD: usize = 1 << 20;
/// So many streams are kept without a look.
const FEW: usize = 64;
/// What stands in the place of an event that is not sent once more.
const LOST: &[u8] = b": the policies changed since\n\n";

/// The streams of one session.
pub(super) struct Outbox {
    streams: BTreeMap<Stream, Line>,
    last: Stream,
    sent: VecDeque<Sent>,
    bytes: usize,
    limit: usize,
    /// What of all events is kept, or was not read yet.
    alive: Alive,
    /// With so many streams it is looked which of them are of use.
    most: usize,
    /// Whether streams begin with an event to resume from.
    pub(super) primes: bool,
    pub(super) bytes_out: u64,
    over: bool,
    /// What servers asked of the client, which was not told it once more.
    unasked: Vec<Id>,
    /// The streams of requests without a session.
    direct: Direct,
}

/// One stream.
#[derive(Default)]
struct Line {
    /// Answers that are still to come.
    due: usize,
    events: u64,
    /// What of its events is kept, or was not read yet.
    alive: Alive,
    /// The last event that a reader was given.
    given: u64,
    reader: Option<mpsc::Sender<Bytes>>,
    /// For so many ticks nobody has read it.
    unread: u32,
}

/// An event that was sent.
struct Sent {
    stream: Stream,
    number: u64,
    frame: Bytes,
    /// What it was masked by.
    edition: Edition,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            streams: [(UNASKED, Line { due: 1, ..Line::default() })].into(),
            last: UNASKED,
            sent: VecDeque::new(),
            bytes: 0,
            limit,
            alive: Alive::default(),
            most: FEW,
            primes: false,
            bytes_out: 0,
            over: false,
            unasked: vec![],
            direct: Direct::default(),
        }
    }

    /// Opens a stream for the one answer of a request without a session.
    pub(super) fn open_direct(&mut self) -> (Stream, mpsc::Receiver<Piece>) {
        self.last += 1;
        let pieces = self.direct.open(self.last);
        if self.over {
            self.direct.end();
        }
        (self.last, pieces)
    }

    /// Opens a stream for so many answers.
    pub(super) fn open(&mut self, due: usize) -> (Stream, mpsc::Receiver<Bytes>) {
        let (reader, events) = mpsc::channel(MOST_WAITING);
        self.last += 1;
        if self.primes {
            // The first of an empty channel.
            let _ = reader.try_send(Bytes::from(format!("id: {}-0\ndata:\n\n", self.last)));
        }
        let reader = (!self.over).then_some(reader);
        self.streams.insert(self.last, Line { due, reader, ..Line::default() });
        (self.last, events)
    }

    /// Sends a message by a stream; what belongs to none goes by the one that is there for that.
    pub(super) fn send(&mut self, stream: Option<Stream>, message: &Message, edition: Edition) {
        let stream = stream.unwrap_or(UNASKED);
        if let Some(length) = self.direct.send(stream, message) {
            self.bytes_out += u64::try_from(length).unwrap_or(u64::MAX);
            return;
        }
        let text = message.json().to_text();
        self.bytes_out += u64::try_from(text.len()).unwrap_or(u64::MAX);
        let Some(line) = self.streams.get_mut(&stream) else { return };
        line.events += 1;
        let number = line.events;
        // An event that is kept and waits is one: what is kept takes no more than its limit.
        let waits = line.alive.bytes() > self.limit.saturating_add(MOST_UNREAD)
            || self.alive.bytes() > self.limit.saturating_add(MOST_UNREAD_OF_ALL);
        let frame = event((stream, number), &text, [&line.alive, &self.alive]);
        let reader = line.reader.as_ref().filter(|_| !waits);
        match reader.map(|reader| reader.try_send(frame.clone())) {
            Some(Ok(())) => line.given = number,
            Some(Err(_)) | None => line.reader = None,
        }
        self.keep(Sent { stream, number, frame, edition });
    }

    fn keep(&mut self, sent: Sent) {
        self.bytes += sent.frame.len();
        self.sent.push_back(sent);
        while self.bytes > self.limit
            && let Some(oldest) = self.sent.pop_front()
        {
            self.bytes -= oldest.frame.len();
        }
        if self.streams.len() > self.most {
            // A stream is known as long as it has something to come, or to be read again.
            let read_again: BTreeSet<Stream> = self.sent.iter().map(|it| it.stream).collect();
            self.streams.retain(|stream, line| {
                line.due > 0 || line.reader.is_some() || read_again.contains(stream)
            });
            self.most = FEW.max(self.streams.len() * 2);
        }
    }

    /// One of a stream's requests has its answer, or gets none; after the last the stream ends.
    pub(super) fn done(&mut self, stream: Stream) {
        self.direct.done(stream);
        if let Some(line) = self.streams.get_mut(&stream) {
            line.due = line.due.saturating_sub(1);
            if line.due == 0 {
                line.reader = None;
            }
        }
    }

    /// Goes on with a stream behind an event, or with the one of what belongs to no request. What was masked by something else
    /// than what counts now is not sent once more: of answers it is said that they are withheld.
    pub(super) fn listen(
        &mut self,
        last_event: Option<&str>,
        newest: Edition,
    ) -> Option<mpsc::Receiver<Bytes>> {
        let (stream, after) = match last_event {
            None => (UNASKED, None),
            Some(id) => {
                let (stream, number) = id.split_once('-')?;
                (stream.parse().ok()?, Some(number.parse::<u64>().ok()?))
            }
        };
        let line = self.streams.get_mut(&stream)?;
        // Without an event to go on from, what nobody was given yet is new.
        let after = after.unwrap_or(line.given);
        let missed = self.sent.iter_mut().filter(|it| it.stream == stream && it.number > after);
        let (mut again, mut unasked) = (Vec::new(), Vec::new());
        for sent in missed {
            if sent.edition != newest {
                self.bytes -= sent.frame.len();
                unasked.extend(sent.withhold(newest));
                self.bytes += sent.frame.len();
            }
            again.push(sent.frame.clone());
        }
        self.unasked.append(&mut unasked);
        let missed = again;
        let (reader, events) = mpsc::channel(MOST_WAITING + missed.len());
        for frame in missed {
            // There is room for all of them.
            let _ = reader.try_send(frame);
        }
        line.unread = 0;
        line.given = line.events;
        line.reader = (line.due > 0 && !self.over).then_some(reader);
        Some(events)
    }

    /// What servers asked that the client is not told any more, since this was asked last.
    pub(super) fn take_unasked(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.unasked)
    }

    /// Keeps quiet streams alive, and gives those whose client left so many ticks ago.
    pub(super) fn tick(&mut self, patience: u32) -> Vec<Stream> {
        let mut left = self.direct.tick();
        for (stream, line) in &mut self.streams {
            let alive = Bytes::from_static(b": the gateway waits\n\n");
            let is_read = match &line.reader {
                None => false,
                // A client that reads slowly is there.
                Some(reader) => {
                    !matches!(reader.try_send(alive), Err(mpsc::error::TrySendError::Closed(_)))
                }
            };
            if is_read {
                line.unread = 0;
                continue;
            }
            line.reader = None;
            line.unread = line.unread.saturating_add(1);
            if line.unread == patience && line.due > 0 && *stream != UNASKED {
                left.push(*stream);
            }
        }
        left
    }

    /// Whether any stream is read.
    pub(super) fn is_read(&self) -> bool {
        let is_read = |line: &Line| line.reader.as_ref().is_some_and(|it| !it.is_closed());
        !self.direct.is_empty() || self.streams.values().any(is_read)
    }

    /// Ends all streams.
    pub(super) fn end(&mut self) {
        self.over = true;
        self.direct.end();
        self.streams.values_mut().for_each(|line| line.reader = None);
    }
}

impl Sent {
    /// Puts something in its place that says no more than that it is lost. Gives the id of a request that is not made now.
    fn withhold(&mut self, newest: Edition) -> Option<Id> {
        self.edition = newest;
        let text = std::str::from_utf8(&self.frame).ok().and_then(|it| it.split_once("\ndata: "));
        let told = text.and_then(|(_, text)| Message::read(text.as_bytes(), false).ok()?.pop());
        self.frame = Bytes::from_static(LOST);
        let id = match told? {
            Message::Result { id, .. } | Message::Error { id: Some(id), .. } => id,
            Message::Request { id, .. } => return Some(id),
            Message::Notification { .. } | Message::Error { id: None, .. } => return None,
        };
        let error = denied(&Denial {
            rule: "gateway.mask".to_owned(),
            reason: "the result is withheld: the policies changed since".to_owned(),
            hint: "Ask once more.".to_owned(),
        });
        let text = Message::Error { id: Some(id), error }.json().to_text();
        let uncounted = Alive::default();
        self.frame = event((self.stream, self.number), &text, [&uncounted, &uncounted]);
        None
    }
}

#[cfg(test)]
mod tests;
