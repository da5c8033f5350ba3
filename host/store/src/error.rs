//! What can go wrong, in words an operator can act on; never the content of a record.

use std::io;
use std::path::{Path, PathBuf};

use crate::SessionId;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process (or another `Store` in this one) has the directory open.
    #[error("{} is held by another process", dir.display())]
    Locked {
        /// The directory given to `Store::open`.
        dir: PathBuf,
    },
    /// The operating system refused a file operation.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file or directory it was done to.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// An earlier write failed. Nothing is accepted until the store is opened anew.
    #[error("the store stopped after a failure: {reason}")]
    Failed {
        /// The first failure.
        reason: String,
    },
    /// The key-value engine failed.
    #[error("the key-value engine failed")]
    Engine(#[from] sled::Error),
    /// An entry of the index has a form that the store does not write.
    #[error("the index has an entry that is not readable")]
    Index,
    /// A document could not be turned into JSON or back. Its content is left out on purpose.
    #[error("document {id} of {collection} is not readable ({reason})")]
    Document {
        /// The collection's name.
        collection: String,
        /// The document's id.
        id: String,
        /// The kind of mistake.
        reason: &'static str,
    },
    /// A document or an event is larger than the store takes.
    #[error("{bytes} bytes are more than the limit of {limit}")]
    TooLarge {
        /// The size of what was given.
        bytes: usize,
        /// The largest size that is taken.
        limit: usize,
    },
    /// The bytes of a segment are not what was written.
    #[error("segment {segment} is damaged at offset {offset}: {what}")]
    Damaged {
        /// The segment's number.
        segment: u64,
        /// Where the unreadable frame or block begins, counted in the segment's uncompressed form.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Events that were once stored are not there, for instance after a cut in an earlier recovery.
    #[error("events {from} to {to} of session {session} are missing (segment {segment})")]
    Missing {
        /// The session.
        session: SessionId,
        /// The segment being read when the gap was seen.
        segment: u64,
        /// The first missing sequence number.
        from: u64,
        /// The last missing sequence number.
        to: u64,
    },
    /// A segment was written by a version of the store that this one does not know.
    #[error("{} has format version {version}, which is unknown", path.display())]
    Version {
        /// The segment's file.
        path: PathBuf,
        /// The version it claims.
        version: u32,
    },
}

impl StoreError {
    /// A closure for `map_err` that names the operation and the file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// A thread panicked while it held what this call needs: its state is not to be trusted.
    pub(crate) fn poisoned() -> Self {
        Self::Failed { reason: "a thread panicked while writing".into() }
    }
}
