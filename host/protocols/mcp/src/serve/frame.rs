//! Events as they are sent, and how much memory those take that nobody has read yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;

use crate::conversation::Stream;

/// How many bytes of events there are anywhere: kept, on their way to a reader, or at whoever writes them.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// An event that is counted as long as anybody has it.
struct Frame {
    text: String,
    counts: [Alive; 2],
}

impl Frame {
    fn new(text: String, counts: [&Alive; 2]) -> Self {
        let counts = counts.map(Clone::clone);
        for Alive(count) in &counts {
            count.fetch_add(text.len(), Relaxed);
        }
        Self { text, counts }
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
    Bytes::from_owner(Frame::new(text, counts))
}
