//! A segment in its closed form: the same frames in compressed blocks, and an index of the blocks.
//!
//! ```text
//!  ├ "EVPK" version segment │ block │ block │ … │ entry │ entry │ … │ footer ┤
//!
//!  block   packed length, raw length, crc32; then zstd of whole frames, about 256 KiB of them
//!  entry   raw offset of the block's first frame, offset of the block in this file
//!  footer  offset of the first entry, crc32, "EVPE"
//! ```

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use zstd::bulk::Compressor;

use crate::StoreError;
use crate::bytes::Reader;
use crate::closer::Pace;
use crate::folder::Folder;
use crate::frame::MAX_EVENT_BYTES;
use crate::frames::{Frames, Source};
use crate::raw;

const MAGIC: [u8; 4] = *b"EVPK";
const END_MAGIC: [u8; 4] = *b"EVPE";
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 16;
const BLOCK_HEADER_BYTES: u64 = 12;
const ENTRY_BYTES: u64 = 16;
const FOOTER_BYTES: u64 = 16;
/// A block is closed by the frame that makes it this large or larger.
const BLOCK_BYTES: usize = 256 << 10;
const MAX_BLOCK_BYTES: usize = BLOCK_BYTES + crate::frame::HEADER_BYTES + MAX_EVENT_BYTES;
/// zstd's fastest of its own: events are so much alike that the next levels gain little for twice the work.
const LEVEL: i32 = 1;

/// Writes the packed form of a closed raw segment beside it, complete and synced, or not at all.
pub(crate) fn pack(folder: &Folder, segment: u64, pace: &Pace) -> Result<(), StoreError> {
    write_packed(folder, segment, pace).inspect_err(|_| {
        // On a full disk, what was written of it is room that events need. The next opening removes it too.
        let _ = fs::remove_file(folder.partial(segment));
    })
}

fn write_packed(folder: &Folder, segment: u64, pace: &Pace) -> Result<(), StoreError> {
    let partial = folder.partial(segment);
    let file = File::create(&partial).map_err(StoreError::io("create", &partial))?;
    let compressor = Compressor::new(LEVEL).map_err(StoreError::io("compress", &partial))?;
    let out = BufWriter::new(file);
    let mut writer = Writer { out, path: &partial, compressor, at: 0, entries: vec![] };
    let raw_path = folder.raw(segment);
    let raw = File::open(&raw_path).map_err(StoreError::io("open", &raw_path))?;
    let frames = raw::frames(raw, &raw_path, segment)?;
    let mut frames = frames.ok_or(damaged(segment, 0, "the header is not that of the segment"))?;
    writer.header(segment)?;
    writer.blocks(&mut frames, pace)?;
    writer.finish()?;
    let packed = folder.packed(segment);
    fs::rename(&partial, &packed).map_err(StoreError::io("rename", &partial))?;
    folder.sync()
}

struct Writer<'a> {
    out: BufWriter<File>,
    path: &'a Path,
    compressor: Compressor<'static>,
    at: u64,
    entries: Vec<(u64, u64)>,
}

impl Writer<'_> {
    fn header(&mut self, segment: u64) -> Result<(), StoreError> {
        self.put(&MAGIC)?;
        self.put(&VERSION.to_le_bytes())?;
        self.put(&segment.to_le_bytes())
    }

    fn blocks<S: Source>(&mut self, frames: &mut Frames<S>, pace: &Pace) -> Result<(), StoreError> {
        let mut block = Vec::with_capacity(BLOCK_BYTES * 2);
        let (mut first, mut began) = (frames.offset(), Instant::now());
        while let Some(frame) = frames.next()? {
            block.extend_from_slice(frame.bytes);
            if block.len() >= BLOCK_BYTES {
                self.block(first, &block)?;
                block.clear();
                pace.rest(began.elapsed());
                (first, began) = (frames.offset(), Instant::now());
            }
        }
        if block.is_empty() { Ok(()) } else { self.block(first, &block) }
    }

    fn block(&mut self, raw_offset: u64, frames: &[u8]) -> Result<(), StoreError> {
        let packed = self.compressor.compress(frames);
        let packed = packed.map_err(StoreError::io("compress a block of", self.path))?;
        let lengths = BlockHeader::lengths(packed.len(), frames.len());
        let lengths = lengths.map_err(StoreError::io("compress a block of", self.path))?;
        self.entries.push((raw_offset, self.at));
        self.put(&lengths)?;
        self.put(&checksum(&lengths, &packed).to_le_bytes())?;
        self.put(&packed)
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let mut index = Vec::new();
        for (raw_offset, at) in &self.entries {
            index.extend_from_slice(&raw_offset.to_le_bytes());
            index.extend_from_slice(&at.to_le_bytes());
        }
        let mut footer = self.at.to_le_bytes().to_vec();
        let checksum = checksum(&index, &footer);
        footer.extend_from_slice(&checksum.to_le_bytes());
        footer.extend_from_slice(&END_MAGIC);
        self.put(&index)?;
        self.put(&footer)?;
        self.out.flush().map_err(StoreError::io("write", self.path))?;
        self.out.get_ref().sync_all().map_err(StoreError::io("sync", self.path))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(StoreError::io("write", self.path))
    }
}

/// All frames of a packed segment.
pub(crate) fn frames(
    file: File,
    path: &Path,
    segment: u64,
) -> Result<Frames<PackedSource>, StoreError> {
    let source = source(file, path, segment, raw::HEADER_BYTES)?;
    Ok(Frames::new(source, segment, raw::HEADER_BYTES))
}

/// The bytes of a packed segment from `offset`, counted in its raw form.
pub(crate) fn source(
    file: File,
    path: &Path,
    segment: u64,
    offset: u64,
) -> Result<PackedSource, StoreError> {
    let path = path.to_owned();
    let mut source = PackedSource { file, path, segment, index: vec![], next: 0, skip: 0 };
    source.read_index()?;
    source.seek(offset);
    Ok(source)
}

/// Reads and unpacks one block after another.
#[derive(Debug)]
pub(crate) struct PackedSource {
    file: File,
    path: PathBuf,
    segment: u64,
    /// For each block: where it begins in the raw form, and in the file.
    index: Vec<(u64, u64)>,
    /// The block that `fill` gives next, and how many of its first bytes are not wanted.
    next: usize,
    skip: usize,
}

impl Source for PackedSource {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(&(raw_offset, at)) = self.index.get(self.next) else { return Ok(false) };
        let block = self.block(raw_offset, at)?;
        buffer.extend_from_slice(block.get(self.skip..).unwrap_or_default());
        self.next += 1;
        self.skip = 0;
        Ok(true)
    }
}

impl PackedSource {
    fn seek(&mut self, offset: u64) {
        let after = self.index.partition_point(|(raw_offset, _)| *raw_offset <= offset);
        self.next = after.saturating_sub(1);
        let first = self.index.get(self.next).map_or(offset, |(raw_offset, _)| *raw_offset);
        self.skip = usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX);
    }

    fn block(&mut self, raw_offset: u64, at: u64) -> Result<Vec<u8>, StoreError> {
        let bad = damaged(self.segment, raw_offset, "a block's checksum does not match");
        let header = self.read(at, BLOCK_HEADER_BYTES)?;
        let Some(header) = BlockHeader::parse(&header) else { return Err(bad) };
        let packed = self.read(at.saturating_add(BLOCK_HEADER_BYTES), u64::from(header.packed))?;
        let lengths = [header.packed.to_le_bytes(), header.raw.to_le_bytes()].concat();
        if checksum(&lengths, &packed) != header.checksum || header.raw as usize > MAX_BLOCK_BYTES {
            return Err(bad);
        }
        zstd::bulk::decompress(&packed, header.raw as usize)
            .ok()
            .filter(|block| block.len() == header.raw as usize)
            .ok_or(damaged(self.segment, raw_offset, "a block does not unpack"))
    }

    /// Reads the header, the footer and the index, and checks that they fit together.
    fn read_index(&mut self) -> Result<(), StoreError> {
        let length = self.file.metadata().map_err(StoreError::io("inspect", &self.path))?.len();
        self.check_header()?;
        let bad = damaged(self.segment, 0, "the index of the blocks is not readable");
        let end = length.saturating_sub(FOOTER_BYTES);
        let footer = self.read(end, FOOTER_BYTES)?;
        let mut reader = Reader(&footer);
        let (Some(start), Some(expected), Some(END_MAGIC)) =
            (reader.u64(), reader.u32(), reader.array())
        else {
            return Err(bad);
        };
        if start > end || (end - start) % ENTRY_BYTES != 0 {
            return Err(bad);
        }
        let index = self.read(start, end - start)?;
        if checksum(&index, &start.to_le_bytes()) != expected {
            return Err(bad);
        }
        let mut reader = Reader(&index);
        while let (Some(raw_offset), Some(at)) = (reader.u64(), reader.u64()) {
            self.index.push((raw_offset, at));
        }
        Ok(())
    }

    fn check_header(&mut self) -> Result<(), StoreError> {
        let header = self.read(0, HEADER_BYTES)?;
        let mut reader = Reader(&header);
        match (reader.array(), reader.u32(), reader.u64()) {
            (Some(MAGIC), Some(VERSION), number) if number == Some(self.segment) => Ok(()),
            (Some(MAGIC), Some(version), _) if version != VERSION => {
                Err(StoreError::Version { path: self.path.clone(), version })
            }
            _ => Err(damaged(self.segment, 0, "the header is not that of the segment")),
        }
    }

    /// Up to `length` bytes from `at`: fewer at the file's end.
    fn read(&mut self, at: u64, length: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(at)).map_err(StoreError::io("seek in", &self.path))?;
        let read = (&self.file).take(length).read_to_end(&mut bytes);
        read.map_err(StoreError::io("read", &self.path))?;
        Ok(bytes)
    }
}

struct BlockHeader {
    packed: u32,
    raw: u32,
    checksum: u32,
}

impl BlockHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self { packed: reader.u32()?, raw: reader.u32()?, checksum: reader.u32()? })
    }

    fn lengths(packed: usize, raw: usize) -> std::io::Result<Vec<u8>> {
        let fit = |length| u32::try_from(length).map_err(std::io::Error::other);
        Ok([fit(packed)?.to_le_bytes(), fit(raw)?.to_le_bytes()].concat())
    }
}

fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(first);
    hasher.update(second);
    hasher.finalize()
}

fn damaged(segment: u64, offset: u64, what: &'static str) -> StoreError {
    StoreError::Damaged { segment, offset, what }
}

#[cfg(test)]
mod tests;
