//! The names of the segment files: which exist, and in which form.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// The folder that holds the segments.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// The segments found in a folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) raw: BTreeSet<u64>,
    pub(crate) packed: BTreeSet<u64>,
    /// Packed forms whose writing was interrupted.
    pub(crate) partial: BTreeSet<u64>,
}

impl Folder {
    /// Uses the folder, making it first where there is none.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&path).map_err(StoreError::io("create", &path))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn raw(&self, segment: u64) -> PathBuf {
        self.0.join(format!("{segment:08}.seg"))
    }

    pub(crate) fn packed(&self, segment: u64) -> PathBuf {
        self.0.join(format!("{segment:08}.pack"))
    }

    pub(crate) fn partial(&self, segment: u64) -> PathBuf {
        self.0.join(format!("{segment:08}.partial"))
    }

    /// Where the bytes that a recovery cut off are kept.
    pub(crate) fn torn(&self, segment: u64) -> PathBuf {
        self.0.join(format!("{segment:08}.torn"))
    }

    /// Makes created, renamed and removed names survive a power failure.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        sync_dir(&self.0)
    }

    /// Lists the segments; files with other names are left alone.
    pub(crate) fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(&self.0).map_err(StoreError::io("list", &self.0))? {
            let path = entry.map_err(StoreError::io("list", &self.0))?.path();
            let Some((segment, form)) = parse(&path) else { continue };
            match form {
                "seg" => listing.raw.insert(segment),
                "pack" => listing.packed.insert(segment),
                "partial" => listing.partial.insert(segment),
                _ => false,
            };
        }
        Ok(listing)
    }
}

/// Makes the names in `path` survive a power failure.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    let dir = File::open(path).map_err(StoreError::io("open", path))?;
    dir.sync_all().map_err(StoreError::io("sync", path))
}

fn parse(path: &Path) -> Option<(u64, &str)> {
    let number = path.file_stem()?.to_str()?;
    let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || number.len() < 8 {
        return None;
    }
    Some((number.parse().ok()?, path.extension()?.to_str()?))
}
