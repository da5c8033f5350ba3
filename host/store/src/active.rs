//! The segment that is appended to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::StoreError;
use crate::ahead::Ahead;
use crate::folder::Folder;
use crate::raw;
use crate::window::{self, WINDOW_BYTES, Window};

/// A segment's file and how far it is written.
///
/// While it is written as memory, the file is longer than its frames: zeros follow. Dropping it cuts them
/// off; where the process is killed, the next opening does.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) segment: u64,
    /// Where the next frame goes.
    pub(crate) end: u64,
    pub(crate) file: Arc<File>,
    way: Way,
    ahead: Arc<Ahead>,
}

/// The window that is written to.
#[derive(Debug)]
struct InUse {
    window: Window,
    /// Where the next one is asked for; `None` once that was done.
    ask_at: Option<u64>,
}

impl InUse {
    fn new(window: Window) -> Self {
        let ask_at = window.end() - WINDOW_BYTES as u64 / 2;
        Self { window, ask_at: Some(ask_at) }
    }

    /// Writes a frame that begins at `at`, and asks for the next window in time; false where there is no room.
    fn write(&mut self, at: u64, parts: [&[u8]; 2], file: &Arc<File>, ahead: &Ahead) -> bool {
        let written = self.window.write(at, parts);
        if written && self.ask_at.is_some_and(|ask_at| at >= ask_at) {
            self.ask_at = None;
            ahead.ask(file, self.window.end());
        }
        written
    }
}

/// How frames come into the file.
#[derive(Debug)]
enum Way {
    /// By memory; no window before the first frame.
    Window(Option<InUse>),
    /// By write(2), on a file system that cannot promise room. The buffer joins a frame's parts.
    Write(Vec<u8>),
}

/// A buffer that an unusually large event made larger than this is given back.
const SPARE_BYTES: usize = 1 << 20;

impl Active {
    /// Opens a segment whose frames end at `end`.
    pub(crate) fn open(
        folder: &Folder,
        segment: u64,
        end: u64,
        ahead: &Arc<Ahead>,
    ) -> Result<Self, StoreError> {
        let file = Arc::new(raw::open(folder, segment)?);
        let by_memory = window::can_promise(&file);
        let way = if by_memory { Way::Window(None) } else { Way::Write(vec![]) };
        Ok(Self { segment, end, file, way, ahead: Arc::clone(ahead) })
    }

    /// Appends a frame, given in two parts: when this returns, the operating system has it.
    ///
    /// # Errors
    ///
    /// Where there is no room or the file refuses: the frame is not there.
    pub(crate) fn append(&mut self, parts: [&[u8]; 2]) -> io::Result<()> {
        match &mut self.way {
            Way::Window(window) => {
                let (file, ahead) = (&self.file, &self.ahead);
                let window = window.as_mut();
                if !window.is_some_and(|window| window.write(self.end, parts, file, ahead)) {
                    self.append_to_next(parts)?;
                }
            }
            Way::Write(joined) => write(&self.file, self.end, parts, joined)?,
        }
        self.end += (parts[0].len() + parts[1].len()) as u64;
        Ok(())
    }

    /// Writes a frame to the next window, or with write(2) from here on, where none can be had.
    fn append_to_next(&mut self, parts: [&[u8]; 2]) -> io::Result<()> {
        self.way = Way::Window(None);
        if let Some(mut next) = self.ahead.take().map(InUse::new)
            && next.write(self.end, parts, &self.file, &self.ahead)
        {
            self.way = Way::Window(Some(next));
            return Ok(());
        }
        match Window::open(&self.file, self.end, parts[0].len() + parts[1].len()) {
            Ok(next) => {
                let mut next = InUse::new(next);
                if !next.write(self.end, parts, &self.file, &self.ahead) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.way = Way::Window(Some(next));
                Ok(())
            }
            Err(error) if is_full(&error) => Err(error),
            Err(error) => {
                tracing::warn!(self.segment, %error, "events are written, for memory cannot stand for their file");
                if self.file.metadata()?.len() > self.end {
                    self.file.set_len(self.end)?;
                }
                let mut joined = vec![];
                write(&self.file, self.end, parts, &mut joined)?;
                self.way = Way::Write(joined);
                Ok(())
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn write(file: &File, end: u64, parts: [&[u8]; 2], joined: &mut Vec<u8>) -> io::Result<()> {
    joined.clear();
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    let written = file.write_all_at(joined, end);
    if joined.capacity() > SPARE_BYTES {
        *joined = vec![];
    }
    written.inspect_err(|_| {
        // Part of a frame may be in the file; where this fails too, the next opening cuts it.
        if let Err(error) = file.set_len(end) {
            tracing::error!(%error, "a partly written frame could not be taken back");
        }
    })
}

impl Drop for Active {
    fn drop(&mut self) {
        // Nothing may be mapped of what is cut off.
        let Way::Window(Some(_)) = std::mem::replace(&mut self.way, Way::Window(None)) else {
            return;
        };
        drop(self.ahead.take());
        if let Err(error) = self.file.set_len(self.end) {
            tracing::warn!(self.segment, %error, "zeros stay behind a segment's last frame");
        }
    }
}

#[cfg(test)]
impl Active {
    /// Goes on in another file, which it writes to with write(2).
    pub(crate) fn divert(&mut self, file: File) -> Arc<File> {
        self.way = Way::Write(vec![]);
        std::mem::replace(&mut self.file, Arc::new(file))
    }
}

#[cfg(test)]
mod tests;
