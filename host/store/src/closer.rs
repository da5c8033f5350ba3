//! Closes segments in the background: index to the engine, frames to compressed blocks.
//!
//! Every step leaves a state that the next opening understands: the raw segment is removed last, after
//! its packed form and its spans have reached the disk.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::StoreError;
use crate::folder::Folder;
use crate::index::Index;
use crate::packed;

/// The thread that closes segments, one at a time, in order. Dropping it waits for what is queued.
#[derive(Debug)]
pub(crate) struct Closer {
    queue: Option<Sender<u64>>,
    thread: Option<JoinHandle<()>>,
}

impl Closer {
    pub(crate) fn start(folder: Folder, index: Arc<Index>) -> Result<Self, StoreError> {
        let (queue, segments) = mpsc::channel();
        let path = folder.path().to_owned();
        let thread = thread::Builder::new()
            .name("segment-closer".into())
            .spawn(move || run(&folder, &index, &segments))
            .map_err(StoreError::io("start a thread for", &path))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a segment whose spans were sealed. Does not wait.
    pub(crate) fn close(&self, segment: u64) {
        if let Some(queue) = &self.queue
            && queue.send(segment).is_err()
        {
            tracing::error!(segment, "segment stays uncompressed: its closer is gone");
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that closes segments panicked");
        }
    }
}

fn run(folder: &Folder, index: &Index, segments: &Receiver<u64>) {
    let mut left = VecDeque::new();
    for segment in segments {
        close_and_retry(folder, index, segment, &mut left);
    }
}

/// Closes a segment; where that works, one of those that are left is tried again. One that never can be closed keeps the
/// others back no longer than a try.
fn close_and_retry(folder: &Folder, index: &Index, segment: u64, left: &mut VecDeque<u64>) {
    if !close_or_say(folder, index, segment) {
        return left.push_back(segment);
    }
    let again = left.pop_front();
    left.extend(again.filter(|segment| !close_or_say(folder, index, *segment)));
}

/// Whether it is closed. A raw segment is as good as a packed one, only larger; the next opening tries again too.
fn close_or_say(folder: &Folder, index: &Index, segment: u64) -> bool {
    let closed = close(folder, index, segment);
    if let Err(error) = &closed {
        let error: &(dyn std::error::Error + 'static) = error;
        tracing::error!(segment, error, "segment stays uncompressed");
    }
    closed.is_ok()
}

fn close(folder: &Folder, index: &Index, segment: u64) -> Result<(), StoreError> {
    index.persist(segment)?;
    packed::pack(folder, segment)?;
    let raw = folder.raw(segment);
    fs::remove_file(&raw).map_err(StoreError::io("remove", &raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::active::Active;
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
            drop(Active::open(&folder, segment, raw::HEADER_BYTES).unwrap());
            index.seal(segment, Spans::default());
        }
        let mut left = VecDeque::new();
        close_and_retry(&folder, &index, 1, &mut left);
        assert_eq!(left, [1]);
        fs::remove_dir(folder.partial(1)).unwrap();
        close_and_retry(&folder, &index, 2, &mut left);
        assert!(left.is_empty() && folder.packed(1).exists() && folder.packed(2).exists());
    }
}
