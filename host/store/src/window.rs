//! A stretch of a file that is written to as memory.
//!
//! What is copied into it is the operating system's at once, as after write(2): the pages of a shared
//! mapping are the page cache's own, and outlive the process however it ends. What it saves is the system
//! call, and the file's lock in the kernel, behind which one thread would sleep while another writes.

use std::fs::File;
use std::io;

/// A window is this much memory at the least, in bytes.
pub(crate) const WINDOW_BYTES: usize = 1 << 20;
/// What a window that is made ahead has in common with the one before, in bytes: a frame that reaches over the end
/// of the one is within the other.
const OVERLAP: u64 = 64 << 10;

/// Room in a file that is promised by the file system and mapped.
#[derive(Debug)]
pub(crate) struct Window {
    map: memmap2::MmapRaw,
    /// Where in the file it begins.
    start: u64,
}

impl Window {
    /// Room for `bytes` and more from `start` on, which the file is extended to.
    ///
    /// # Errors
    ///
    /// Where there is no room, or the file cannot be extended, mapped or given its memory.
    pub(crate) fn open(file: &File, start: u64, bytes: usize) -> io::Result<Self> {
        let bytes = bytes.max(WINDOW_BYTES) as u64;
        promise(file, start, bytes)?;
        Self::map(file, start, start + bytes)
    }

    /// The window after one that ends at `end`, while that one is written to.
    ///
    /// # Errors
    ///
    /// As those of `open`.
    pub(crate) fn after(file: &File, end: u64) -> io::Result<Self> {
        promise(file, end, WINDOW_BYTES as u64)?;
        Self::map(file, end.saturating_sub(OVERLAP), end + WINDOW_BYTES as u64)
    }

    fn map(file: &File, start: u64, end: u64) -> io::Result<Self> {
        let bytes = usize::try_from(end - start).map_err(io::Error::other)?;
        let map = memmap2::MmapOptions::new().offset(start).len(bytes).map_raw(file)?;
        populate(&map)?;
        Ok(Self { map, start })
    }

    /// Where in the file it ends.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.map.len() as u64
    }

    /// Writes `parts`, one after the other, to the file's `offset`; false where that is not within the window.
    pub(crate) fn write(&mut self, offset: u64, parts: [&[u8]; 2]) -> bool {
        let wanted = parts[0].len().checked_add(parts[1].len());
        let from = offset.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let (Some(mut from), Some(wanted)) = (from, wanted) else { return false };
        if from.checked_add(wanted).is_none_or(|end| end > self.map.len()) {
            return false;
        }
        for part in parts {
            self.copy(from, part);
            from += part.len();
        }
        true
    }

    /// Copies `bytes` to `from`, counted from the window's start.
    ///
    /// No slice of the mapping is ever made, since its bytes are shared with whoever reads the file.
    #[allow(unsafe_code, reason = "a copy is a tenth of what write(2) costs, and waits for nobody")]
    fn copy(&mut self, from: usize, bytes: &[u8]) {
        assert!(from <= self.map.len() && bytes.len() <= self.map.len() - from);
        // SAFETY: the mapping is writable, alive as long as `self` and holds `from` to `from + bytes.len()`,
        // which was just looked at; `bytes` cannot overlap it, for nobody is given a slice of it.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.map.as_mut_ptr().add(from),
                bytes.len(),
            );
        }
    }
}

/// Whether a file system keeps its promise of room when memory is written to, so that no store into it can
/// fail: a full disk would end the process there. A file system that copies on write cannot promise it, nor one
/// whose files may come to share their blocks with a copy, as those of XFS.
#[cfg(target_os = "linux")]
pub(crate) fn can_promise(file: &File) -> bool {
    const EXT4: i64 = 0xef53;
    const TMPFS: i64 = 0x0102_1994;
    #[allow(clippy::useless_conversion, reason = "the field is narrower on some machines")]
    rustix::fs::fstatfs(file).is_ok_and(|system| [EXT4, TMPFS].contains(&i64::from(system.f_type)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn can_promise(_: &File) -> bool {
    false
}

/// Has every page ready: one call in the place of a fault for each. What would fail here would end the process
/// at the first store. A kernel that does not know the call gives the pages one by one.
#[cfg(target_os = "linux")]
fn populate(map: &memmap2::MmapRaw) -> io::Result<()> {
    match map.advise(memmap2::Advice::PopulateWrite) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INVAL.raw_os_error()) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn populate(_: &memmap2::MmapRaw) -> io::Result<()> {
    Ok(())
}

/// Promises room and writes zeros there. The kernel makes the page cache's memory for a write in large pieces; for a fault it reads
/// one page at a time, which is five times the work over a segment's whole life.
#[cfg(target_os = "linux")]
fn promise(file: &File, start: u64, bytes: u64) -> io::Result<()> {
    let flags = rustix::fs::FallocateFlags::empty();
    rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, flags, start, bytes))?;
    let (mut at, end) = (start, start + bytes);
    while at < end {
        // What is more than was promised does no harm.
        let count = usize::try_from((end - at).div_ceil(ZEROS.len() as u64)).unwrap_or(usize::MAX);
        let zeros = [io::IoSlice::new(&ZEROS); MOST_ZEROS];
        let zeros = zeros.get(..count).unwrap_or(&zeros);
        match rustix::io::retry_on_intr(|| rustix::io::pwritev(file, zeros, at))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => at += written as u64,
        }
    }
    Ok(())
}

/// Small enough for the processor's nearest memory.
#[cfg(target_os = "linux")]
static ZEROS: [u8; 16 << 10] = [0; 16 << 10];
/// So many of them make a window.
#[cfg(target_os = "linux")]
const MOST_ZEROS: usize = WINDOW_BYTES / ZEROS.len();

#[cfg(not(target_os = "linux"))]
fn promise(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
