//! Events as they are sent, and how much memory those take that nobody has read yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;

use crate::conversation::Stream;

/// So many bytes of all streams of a session may wait to be read, besides what is kept of them, and one message more.
pub(super) const MOST_UNREAD_OF_ALL: usize = 32 << 20;

/// How many bytes of events there are anywhere: kept, on their way to a reader, or at whoever writes them.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// What is counted in two places as long as anybody has it.
pub(super) struct Frame {
    text: String,
    counts: [Alive; 2],
}

impl Frame {
    pub(super) fn new(text: String, counts: [&Alive; 2]) -> Self {
        let counts = counts.map(Clone::clone);
        for Alive(count) in &counts {
            count.fetch_add(text.len(), Relaxed);
        }
        Self { text, counts }
    }

    /// It as the whole of a response.
    pub(super) fn whole(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// It as an event that nobody goes on by, counted as it was.
    pub(super) fn event(self) -> Bytes {
        let [one, other] = &self.counts;
        Self::new(format!("data: {}\n\n", self.text), [one, other]).whole()
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        for Alive(count) in &self.counts {
            count.fetch_sub(self.text.len(), Relaxed);
        }
    }
}

/// An event, by which a client can go on, counted in two places.
pub(super) fn event((stream, number): (Stream, u64), text: &str, counts: [&Alive; 2]) -> Bytes {
    let text = format!("id: {stream}-{number}\ndata: {text}\n\n");
    Frame::new(text, counts).whole()
}
