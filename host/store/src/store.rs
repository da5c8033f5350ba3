//! The store as its user sees it: opening a directory, and what can be asked of it.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::documents::Collection;
use crate::engine::Engine;
use crate::events::{self, Event, Events};
use crate::folder::{Folder, sync_dir};
use crate::index::Index;
use crate::log::{Log, Receipt};
use crate::recovery::{Recovery, recover};
use crate::{SessionId, StoreError};

/// What a write that returned is safe from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The killing of the process: the bytes are with the operating system.
    #[default]
    Process,
    /// A power failure too: the bytes are on the disk once [`Store::wait_durable`] returned.
    Disk,
}

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What a write that returned is safe from.
    pub durability: Durability,
    /// A segment that has grown to this many bytes is closed and compressed.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::Process, segment_bytes: 64 << 20 }
    }
}

/// An open store. Clones are handles to the same one; the last to go closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    log: Log,
    engine: Arc<Engine>,
    folder: Folder,
    recovery: Recovery,
}

impl Store {
    /// Opens the store in `dir`, making it where there is none (readable by its owner only).
    ///
    /// What a crash left half done is finished or undone first: see [`Store::recovery`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where the store is open elsewhere; [`StoreError::Version`] and
    /// [`StoreError::Damaged`] where a closed segment cannot be used; failures of the file system and the engine.
    pub fn open(dir: &Path, options: Options) -> Result<Self, StoreError> {
        create_private(dir)?;
        let engine = Engine::open(dir.join("index"), options.durability, lock(dir)?)?;
        let engine = Arc::new(engine);
        let folder = Folder::open(dir.join("segments"))?;
        if options.durability == Durability::Disk {
            sync_dir(dir)?;
        }
        let index = Arc::new(Index::open(Arc::clone(&engine))?);
        let mut recovered = recover(&folder, &index)?;
        let recovery = std::mem::take(&mut recovered.report);
        let log = Log::open(folder.clone(), index, recovered, options)?;
        Ok(Self { inner: Arc::new(Inner { log, engine, folder, recovery }) })
    }

    /// What was found wrong with the segments when the store was opened.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.inner.recovery
    }

    /// The collection of this name, made where there is none.
    ///
    /// # Errors
    ///
    /// Failures of the engine.
    pub fn collection<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Collection<T>, StoreError> {
        Collection::open(Arc::clone(&self.inner.engine), name)
    }

    /// Appends an event to a session; `at_micros` is its time, in microseconds since the Unix epoch.
    ///
    /// When this returns, the event survives the killing of the process. It blocks for a copy into the page
    /// cache under a lock that others wait for (less than a microsecond; a write(2) on file systems that cannot
    /// promise room), for the file system's promise of more where that was not made ahead, and for the disk only where a full
    /// segment is followed by a new one with `Durability::Disk`. The number of a session that the active segment
    /// does not hold yet is looked up in the index first.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`]. [`StoreError::Io`] where the write failed, and the event is not stored, or where it filled
    /// a segment that no other could follow: whoever got the error must not act on it either way. From then on every
    /// append is refused with [`StoreError::Failed`] until the store is opened anew.
    pub fn append(
        &self,
        session: SessionId,
        at_micros: u64,
        event: &[u8],
    ) -> Result<Receipt, StoreError> {
        self.inner.log.append(session, at_micros, event)
    }

    /// Whether an event is as durable as the store was asked to make it: with `Durability::Process`, always.
    #[must_use]
    pub fn is_durable(&self, receipt: Receipt) -> bool {
        self.inner.log.is_durable(receipt)
    }

    /// Returns once [`Store::is_durable`], at once where it is already.
    ///
    /// With `Durability::Disk` it blocks for an fsync, milliseconds, which serves all who wait at the same time:
    /// async callers ask `is_durable` first and call this where blocking is allowed. A receipt means nothing
    /// to another `Store` than the one that gave it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where the fsync failed, and from then on [`StoreError::Failed`], as for `append`.
    pub fn wait_durable(&self, receipt: Receipt) -> Result<(), StoreError> {
        self.inner.log.wait_durable(receipt)
    }

    /// The events of a session that were appended so far, from the sequence number `from` on.
    ///
    /// Those of a page are `events(session, from)?.take(limit)`; the next page begins after the last one's
    /// sequence number. Reading blocks for the disk. A session without events gives none.
    ///
    /// # Errors
    ///
    /// Failures of the engine. Damage in the segments is reported by the iterator.
    pub fn events(&self, session: SessionId, from: u64) -> Result<Events, StoreError> {
        let located = self.inner.log.locate(session)?;
        Ok(Events::new(self.inner.folder.clone(), session, located, from))
    }

    /// Reads the events of several sessions that were appended so far, in the order in which they were, and each segment once however
    /// many of them it holds. What is damaged is left out, with what follows it in its segment.
    ///
    /// # Errors
    ///
    /// Failures of the engine.
    pub fn read_together(
        &self,
        sessions: &[SessionId],
        each: impl FnMut(SessionId, Event),
    ) -> Result<(), StoreError> {
        let locate = |session: &SessionId| Ok((*session, self.inner.log.locate(*session)?));
        let located = sessions.iter().map(locate).collect::<Result<_, StoreError>>()?;
        events::read_together(&self.inner.folder, located, each);
        Ok(())
    }

    /// How many events of a session were appended so far: the sequence number of the next one.
    ///
    /// # Errors
    ///
    /// Failures of the engine.
    pub fn end(&self, session: SessionId) -> Result<u64, StoreError> {
        let located = self.inner.log.locate(session)?;
        Ok(located.spans.last().map_or(0, |(_, span)| span.end))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.inner.engine).finish_non_exhaustive()
    }
}

fn create_private(dir: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(StoreError::io("create", dir))
}

/// Takes the directory for this process. The operating system lets go of it when the process ends.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(StoreError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", &path)(source)),
    }
}

#[cfg(test)]
mod tests;
