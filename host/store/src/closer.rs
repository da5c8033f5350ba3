//! Closes segments in the background: index to the engine, frames to compressed blocks.
//!
//! Every step leaves a state that the next opening understands: the raw segment is removed last, after
//! its packed form and its spans have reached the disk.
//!
//! Nobody waits for it, so it keeps out of the way of those that somebody waits for: it has the lowest priority, and
//! rests between blocks as long as no other segment is due.

mod pace;

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

pub(crate) use self::pace::Pace;
use crate::StoreError;
use crate::folder::Folder;
use crate::index::Index;
use crate::packed;

/// The thread that closes segments, one at a time, in order. Dropping it waits for what is queued.
#[derive(Debug)]
pub(crate) struct Closer {
    queue: Option<Sender<u64>>,
    pace: Arc<Pace>,
    thread: Option<JoinHandle<()>>,
}

impl Closer {
    pub(crate) fn start(folder: Folder, index: Arc<Index>) -> Result<Self, StoreError> {
        let (queue, segments) = mpsc::channel();
        let path = folder.path().to_owned();
        let pace = Arc::new(Pace::default());
        let closing = Closing { folder, index, pace: Arc::clone(&pace) };
        let thread = thread::Builder::new()
            .name("segment-closer".into())
            .spawn(move || closing.run(&segments))
            .map_err(StoreError::io("start a thread for", &path))?;
        Ok(Self { queue: Some(queue), pace, thread: Some(thread) })
    }

    /// Queues a segment whose spans were sealed. Does not wait.
    pub(crate) fn close(&self, segment: u64) {
        self.pace.add_one();
        if let Some(queue) = &self.queue
            && queue.send(segment).is_err()
        {
            tracing::error!(segment, "segment stays uncompressed: its closer is gone");
        }
        self.wake();
    }

    /// It may rest although it must not any more.
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.queue = None;
        self.pace.hurry();
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that closes segments panicked");
        }
    }
}

/// What the thread works with.
struct Closing {
    folder: Folder,
    index: Arc<Index>,
    pace: Arc<Pace>,
}

impl Closing {
    fn run(&self, segments: &Receiver<u64>) {
        pace::let_others_go_first();
        let mut left = VecDeque::new();
        for segment in segments {
            self.pace.take_one();
            self.close_and_retry(segment, &mut left);
        }
    }

    /// Closes a segment; where that works, one of those that are left is tried again. One that never can be closed keeps the
    /// others back no longer than a try.
    fn close_and_retry(&self, segment: u64, left: &mut VecDeque<u64>) {
        if !self.close_or_say(segment) {
            return left.push_back(segment);
        }
        let again = left.pop_front();
        left.extend(again.filter(|segment| !self.close_or_say(*segment)));
    }

    /// Whether it is closed. A raw segment is as good as a packed one, only larger; the next opening tries again too.
    fn close_or_say(&self, segment: u64) -> bool {
        let closed = self.close(segment);
        if let Err(error) = &closed {
            let error: &(dyn std::error::Error + 'static) = error;
            tracing::error!(segment, error, "segment stays uncompressed");
        }
        closed.is_ok()
    }

    fn close(&self, segment: u64) -> Result<(), StoreError> {
        self.index.persist(segment)?;
        packed::pack(&self.folder, segment, &self.pace)?;
        let raw = self.folder.raw(segment);
        fs::remove_file(&raw).map_err(StoreError::io("remove", &raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::active::Active;
    use crate::ahead::Ahead;
    use crate::engine::Engine;
    use crate::index::Spans;
    use crate::{Durability, raw};

    #[test]
    fn a_segment_that_could_not_be_closed_is_closed_with_a_later_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().join("segments")).unwrap();
        let lock = fs::File::create(dir.path().join("lock")).unwrap();
        let engine = Engine::open(dir.path().join("index"), Durability::Process, lock).unwrap();
        let index = Arc::new(Index::open(Arc::new(engine)).unwrap());
        // What is in the way of the first one goes before the second is closed.
        fs::create_dir(folder.partial(1)).unwrap();
        for segment in [1, 2] {
            drop(
                Active::open(&folder, segment, raw::HEADER_BYTES, &Arc::new(Ahead::start()))
                    .unwrap(),
            );
            index.seal(segment, Spans::default());
        }
        let mut left = VecDeque::new();
        let closing = Closing { folder: folder.clone(), index, pace: Arc::default() };
        closing.close_and_retry(1, &mut left);
        assert_eq!(left, [1]);
        fs::remove_dir(folder.partial(1)).unwrap();
        closing.close_and_retry(2, &mut left);
        assert!(left.is_empty() && folder.packed(1).exists() && folder.packed(2).exists());
    }
}
