//! The next window, made while the one before it is written to.
//!
//! The kernel takes some tenths of a millisecond to promise, clear and map a window. Whoever appends would wait for
//! that, and all others behind them: one transaction in a hundred met it.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::window::Window;

/// The thread that makes windows, one at a time, for the one segment that is appended to.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    turn: Mutex<Turn>,
    changed: Condvar,
}

/// Whose turn it is, and with what.
#[derive(Debug, Default)]
enum Turn {
    /// Nothing is asked for.
    #[default]
    Idle,
    /// The window after one that ends there is asked for.
    Asked(Arc<File>, u64),
    /// It is being made.
    Making,
    /// It is made; `None` where that failed, which whoever needs it finds out again.
    Made(Option<Window>),
    /// The thread ends.
    Over,
}

impl Ahead {
    /// Without a thread nothing is made ahead.
    pub(crate) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("record-room".into())
            .spawn(move || of_thread.make_windows())
            .inspect_err(|error| tracing::warn!(%error, "room for events is made as it is needed"))
            .ok();
        Self { shared, thread }
    }

    /// Asks for the window after one that ends at `end`. Whoever asks takes it, or what is asked for next is not made.
    pub(crate) fn ask(&self, file: &Arc<File>, end: u64) {
        let mut turn = self.shared.turn();
        if self.thread.is_some() && matches!(*turn, Turn::Idle) {
            *turn = Turn::Asked(Arc::clone(file), end);
            self.shared.changed.notify_all();
        }
    }

    /// Takes what was asked for, if it is made or being made. Afterwards nothing is done to the file any more.
    pub(crate) fn take(&self) -> Option<Window> {
        let mut turn = self.shared.turn();
        while matches!(*turn, Turn::Making) {
            turn = self.shared.wait(turn);
        }
        match std::mem::take(&mut *turn) {
            Turn::Made(window) => window,
            _ => None,
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        drop(self.take());
        *self.shared.turn() = Turn::Over;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that makes room for events panicked");
        }
    }
}

impl Shared {
    fn make_windows(&self) {
        while let Some((file, end)) = self.next() {
            let mut making = Making { shared: self, made: None };
            making.made = Window::after(&file, end).ok();
        }
    }

    /// What is asked for next, which is begun; `None` at the end.
    fn next(&self) -> Option<(Arc<File>, u64)> {
        let mut turn = self.turn();
        loop {
            match std::mem::replace(&mut *turn, Turn::Making) {
                Turn::Asked(file, end) => return Some((file, end)),
                Turn::Over => return None,
                other => *turn = other,
            }
            turn = self.wait(turn);
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // Whole at every moment: a panic elsewhere does not make it wrong.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, turn: MutexGuard<'a, Turn>) -> MutexGuard<'a, Turn> {
        self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands over what was made, also where making it panicked: somebody waits for it.
struct Making<'a> {
    shared: &'a Shared,
    made: Option<Window>,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        *self.shared.turn() = Turn::Made(self.made.take());
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_asked_for_follows_the_window_before() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let ahead = Ahead::start();
        let first = Window::open(&file, 16, 1).unwrap();
        let mut next = loop {
            ahead.ask(&file, first.end());
            // What is not begun yet is not waited for.
            if let Some(next) = ahead.take() {
                break next;
            }
            thread::yield_now();
        };
        assert!(next.end() > first.end());
        assert!(next.write(first.end() - 2, [b"over", b"the end"]), "frames reach over the end");
    }

    #[test]
    fn nothing_is_taken_where_nothing_was_asked_for() {
        assert!(Ahead::start().take().is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_cannot_be_made_is_not_there() {
        let ahead = Ahead::start();
        ahead.ask(&Arc::new(File::open("/dev/null").unwrap()), 16);
        assert!(ahead.take().is_none());
    }
}
