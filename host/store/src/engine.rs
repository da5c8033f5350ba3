//! The key-value engine (sled), opened with finite memory, and when its writes are safe.
//!
//! sled keeps writes in the process's memory until it flushes, every 500 ms by itself: a killed
//! process loses them. `commit` is what makes a write survive; threads that commit together share one flush.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::folder::sync_dir;
use crate::group::Group;
use crate::{Durability, StoreError};

/// Pages kept in memory, in bytes. sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 64 << 20;

/// How long an engine that was closed may take to let go of its file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The engine and the right to be the only one to use it.
pub(crate) struct Engine {
    db: sled::Db,
    path: PathBuf,
    durability: Durability,
    asked: AtomicU64,
    flushes: Group<()>,
    /// Last, so that the engine is closed when the lock is let go.
    _lock: File,
}

impl Engine {
    pub(crate) fn open(
        path: PathBuf,
        durability: Durability,
        lock: File,
    ) -> Result<Self, StoreError> {
        let db = open_free(&path)?;
        let (asked, flushes) = (AtomicU64::new(0), Group::new(0, ()));
        Ok(Self { db, path, durability, asked, flushes, _lock: lock })
    }

    pub(crate) fn tree(&self, name: &str) -> Result<sled::Tree, StoreError> {
        Ok(self.db.open_tree(name)?)
    }

    /// Returns once all that this thread wrote survives a kill, with `Durability::Disk` a power failure too.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        let mine = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.flushes.reach(mine, |()| {
            let all = self.asked.load(Ordering::Acquire);
            match self.durability {
                Durability::Process => self.db.flush().map(drop)?,
                Durability::Disk => self.sync()?,
            }
            Ok(all)
        })
    }

    /// Returns once all that was written survives a power failure.
    ///
    /// sled's flush hands its bytes to the disk but syncs neither the file's size nor the large
    /// nodes that it keeps in files of their own.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        let blobs = self.path.join("blobs");
        for entry in fs::read_dir(&blobs).map_err(StoreError::io("list", &blobs))? {
            let path = entry.map_err(StoreError::io("list", &blobs))?.path();
            match sync_file(&path) {
                // The engine removed it since it was listed.
                Err(StoreError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        sync_dir(&blobs)?;
        sync_file(&self.path.join("db"))
    }
}

/// Opens the engine as soon as it is free, which our own lock does not say alone: after the engine was
/// closed, threads of its own may hold its file for some milliseconds more.
fn open_free(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES);
    let started = Instant::now();
    loop {
        match config.open() {
            Err(error) if !is_locked(&error) => return Err(error.into()),
            Err(_) if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => return Err(StoreError::Locked { dir: path.to_owned() }),
            Ok(db) => return Ok(db),
        }
    }
}

/// sled has no error of its own for it.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("path", &self.path).finish_non_exhaustive()
    }
}
