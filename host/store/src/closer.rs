//! Closes segments in the background: index to the engine, frames to compressed blocks.
//!
//! Every step leaves a state that the next opening understands: the raw segment is removed last, after
//! its packed form and its spans have reached the disk.

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
    for segment in segments {
        // A raw segment is as good as a packed one, only larger: the next opening tries again.
        if let Err(error) = close(folder, index, segment) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(segment, error, "segment stays uncompressed");
        }
    }
}

fn close(folder: &Folder, index: &Index, segment: u64) -> Result<(), StoreError> {
    index.persist(segment)?;
    packed::pack(folder, segment)?;
    let raw = folder.raw(segment);
    fs::remove_file(&raw).map_err(StoreError::io("remove", &raw))
}
