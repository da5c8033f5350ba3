//! A segment in its open form: a header of 16 bytes, then frames as they were appended.
//!
//! ```text
//!  0       4         8          16
//!  ├ "EVSG" ┼ version ┼ segment ─┼ frame │ frame │ frame …
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::bytes::Reader;
use crate::folder::Folder;
use crate::frames::{Frames, Source};

/// What precedes the first frame, in bytes. Offsets of frames count from the header's first byte.
pub(crate) const HEADER_BYTES: u64 = 16;

const MAGIC: [u8; 4] = *b"EVSG";
const VERSION: u32 = 1;
const READ_BYTES: u64 = 256 << 10;

/// Opens a segment to be written to, giving a new or an emptied one its header.
pub(crate) fn open(folder: &Folder, segment: u64) -> Result<File, StoreError> {
    let path = folder.raw(segment);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = file.map_err(StoreError::io("open", &path))?;
    let length = file.metadata().map_err(StoreError::io("inspect", &path))?.len();
    if length < HEADER_BYTES {
        file.set_len(0).map_err(StoreError::io("truncate", &path))?;
        file.write_all(&header(segment)).map_err(StoreError::io("write", &path))?;
    }
    Ok(file)
}

fn header(segment: u64) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&segment.to_le_bytes());
    header
}

/// All frames of a raw segment; `None` as for [`source`].
pub(crate) fn frames(
    file: File,
    path: &Path,
    segment: u64,
) -> Result<Option<Frames<RawSource>>, StoreError> {
    let source = source(file, path, segment, (HEADER_BYTES, u64::MAX))?;
    Ok(source.map(|source| Frames::new(source, segment, HEADER_BYTES)))
}

/// The bytes of a raw segment from `offset` to `end`, or to the file's end where that is sooner.
///
/// `None` where the file has no header of this segment: none was written, or it is damaged.
pub(crate) fn source(
    mut file: File,
    path: &Path,
    segment: u64,
    (offset, end): (u64, u64),
) -> Result<Option<RawSource>, StoreError> {
    if !has_header(&mut file, path, segment)? {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(offset)).map_err(StoreError::io("seek in", path))?;
    let left = end.saturating_sub(offset);
    Ok(Some(RawSource { file, left, path: path.to_owned() }))
}

fn has_header(file: &mut File, path: &Path, segment: u64) -> Result<bool, StoreError> {
    let mut header = Vec::new();
    let read = file.take(HEADER_BYTES).read_to_end(&mut header);
    read.map_err(StoreError::io("read", path))?;
    let mut reader = Reader(&header);
    if reader.array() != Some(MAGIC) {
        return Ok(false);
    }
    match (reader.u32(), reader.u64()) {
        (Some(VERSION), number) => Ok(number == Some(segment)),
        (Some(version), _) => Err(StoreError::Version { path: path.to_owned(), version }),
        (None, _) => Ok(false),
    }
}

/// Reads a raw segment's file in stretches.
#[derive(Debug)]
pub(crate) struct RawSource {
    file: File,
    left: u64,
    path: PathBuf,
}

impl Source for RawSource {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, StoreError> {
        let mut stretch = (&self.file).take(READ_BYTES.min(self.left));
        let read = stretch.read_to_end(buffer).map_err(StoreError::io("read", &self.path))?;
        self.left -= read as u64;
        Ok(read > 0)
    }
}
