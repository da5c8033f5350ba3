//! What an opening does before anything is appended: finishes or undoes what a crash interrupted.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};

use crate::StoreError;
use crate::folder::{Folder, Listing};
use crate::index::{Index, Spans};
use crate::{packed, raw};

/// What was found wrong with the segments when the store was opened, and what was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many bytes were cut off, in all segments together. They are kept beside the segment,
    /// in a file of its name that ends in `.torn`.
    pub bytes_cut: u64,
    /// Each cut.
    pub cuts: Vec<Cut>,
}

/// The end of a segment's readable part, where it was not the end of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment's number.
    pub segment: u64,
    /// Where it now ends.
    pub offset: u64,
    /// How many bytes followed.
    pub bytes: u64,
    /// Why they could not be kept.
    pub reason: String,
}

/// The segments of a folder, ready for use.
pub(crate) struct Recovered {
    /// The segment to append to, its spans, and where its frames end.
    pub(crate) active: u64,
    pub(crate) spans: Spans,
    pub(crate) end: u64,
    /// Raw segments that are sealed and still have to be packed.
    pub(crate) unclosed: Vec<u64>,
    pub(crate) report: Recovery,
}

/// How much of a segment's end is looked at at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Brings the folder and the index to one state and finds the segment to append to.
pub(crate) fn recover(folder: &Folder, index: &Index) -> Result<Recovered, StoreError> {
    let mut listing = folder.list()?;
    drop_halves(folder, &mut listing)?;
    for segment in &listing.packed {
        if !index.is_complete(*segment)? {
            reindex(folder, index, *segment)?;
        }
    }
    let active = active(&listing);
    let mut report = Recovery::default();
    for segment in listing.raw.iter().filter(|segment| **segment != active) {
        let (spans, _) = read(folder, *segment, &mut report)?;
        index.seal(*segment, spans);
    }
    let (spans, end) = read(folder, active, &mut report)?;
    let unclosed = listing.raw.into_iter().filter(|segment| *segment != active).collect();
    Ok(Recovered { active, spans, end, unclosed, report })
}

/// Removes packed forms that are incomplete, and raw forms that have a complete packed one.
fn drop_halves(folder: &Folder, listing: &mut Listing) -> Result<(), StoreError> {
    for segment in &listing.partial {
        let partial = folder.partial(*segment);
        fs::remove_file(&partial).map_err(StoreError::io("remove", &partial))?;
    }
    let both: BTreeSet<u64> = listing.raw.intersection(&listing.packed).copied().collect();
    for segment in both {
        let path = folder.packed(segment);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        match packed::frames(file, &path, segment) {
            Ok(_) => {
                let raw = folder.raw(segment);
                fs::remove_file(&raw).map_err(StoreError::io("remove", &raw))?;
                listing.raw.remove(&segment);
            }
            Err(StoreError::Damaged { what, .. }) => {
                tracing::warn!(segment, what, "a packed form is made again from the raw one");
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                listing.packed.remove(&segment);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The newest segment where it is raw, else a new one.
fn active(listing: &Listing) -> u64 {
    let newest_packed = listing.packed.last().copied().unwrap_or(0);
    match listing.raw.last() {
        Some(newest) if *newest > newest_packed => *newest,
        _ => newest_packed + 1,
    }
}

/// Reads a packed segment's spans again, for an engine that lost them.
fn reindex(folder: &Folder, index: &Index, segment: u64) -> Result<(), StoreError> {
    tracing::warn!(segment, "the index lacks a closed segment and is rebuilt from it");
    let path = folder.packed(segment);
    let file = File::open(&path).map_err(StoreError::io("open", &path))?;
    let mut spans = Spans::default();
    spans.add_all(&mut packed::frames(file, &path, segment)?)?;
    index.seal(segment, spans);
    index.persist(segment)
}

/// Reads a raw segment's spans and cuts the file after its last good frame.
fn read(folder: &Folder, segment: u64, report: &mut Recovery) -> Result<(Spans, u64), StoreError> {
    let path = folder.raw(segment);
    let mut spans = Spans::default();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((spans, raw::HEADER_BYTES));
        }
        Err(error) => return Err(StoreError::io("open", &path)(error)),
    };
    let Some(mut frames) = raw::frames(file, &path, segment)? else {
        cut(folder, segment, 0, "the header is not that of the segment", report)?;
        return Ok((spans, raw::HEADER_BYTES));
    };
    match spans.add_all(&mut frames) {
        Ok(()) => {}
        Err(StoreError::Damaged { offset, what, .. }) => {
            cut(folder, segment, offset, what, report)?;
        }
        Err(error) => return Err(error),
    }
    Ok((spans, frames.offset()))
}

/// Ends a raw segment at `offset`. What follows may hold good frames, so it is kept, not destroyed: all but
/// zeros at its end, which are room that was promised and not written to.
fn cut(
    folder: &Folder,
    segment: u64,
    offset: u64,
    reason: &str,
    report: &mut Recovery,
) -> Result<(), StoreError> {
    let path = folder.raw(segment);
    let file = OpenOptions::new().read(true).write(true).open(&path);
    let mut file = file.map_err(StoreError::io("open", &path))?;
    let written = match offset {
        // Whatever has no header of ours is somebody's bytes, zeros too.
        0 => file.metadata().map(|file| file.len()),
        _ => written_bytes(&mut file, offset),
    };
    let written = written.map_err(StoreError::io("read", &path))?;
    if written > 0 {
        set_aside(folder, segment, &mut file, (offset, written))?;
        tracing::warn!(
            segment,
            offset,
            bytes = written,
            reason,
            "bytes after the last good frame were set aside"
        );
        report.bytes_cut += written;
        report.cuts.push(Cut { segment, offset, bytes: written, reason: reason.into() });
    }
    file.set_len(offset).map_err(StoreError::io("truncate", &path))?;
    file.sync_all().map_err(StoreError::io("sync", &path))
}

/// How many bytes from `offset` on are more than zeros at the file's end.
fn written_bytes(file: &mut File, offset: u64) -> io::Result<u64> {
    let mut stretch = vec![0; READ_BYTES];
    let (mut seen, mut written) = (0, 0);
    file.seek(SeekFrom::Start(offset))?;
    loop {
        let read = file.read(&mut stretch)?;
        let stretch = stretch.get(..read).unwrap_or_default();
        if let Some(last) = stretch.iter().rposition(|byte| *byte != 0) {
            written = seen + last as u64 + 1;
        }
        seen += read as u64;
        if read == 0 {
            return Ok(written);
        }
    }
}

/// Appends `bytes` bytes of a segment from `offset` on to the file beside it.
fn set_aside(
    folder: &Folder,
    segment: u64,
    file: &mut File,
    (offset, bytes): (u64, u64),
) -> Result<(), StoreError> {
    let torn = folder.torn(segment);
    let kept = OpenOptions::new().append(true).create(true).open(&torn);
    let mut kept = kept.map_err(StoreError::io("create", &torn))?;
    let path = folder.raw(segment);
    file.seek(SeekFrom::Start(offset)).map_err(StoreError::io("seek in", &path))?;
    io::copy(&mut file.take(bytes), &mut kept).map_err(StoreError::io("write", &torn))?;
    kept.sync_all().map_err(StoreError::io("sync", &torn))?;
    folder.sync()
}

#[cfg(test)]
mod tests;
