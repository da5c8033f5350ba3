//! Group commit: many threads want something done up to some point, one of them does it for all.
//!
//! Used twice: for fsync, and for flushing the key-value engine.
//! There is no helper thread: whoever finds nobody at work does the work itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::StoreError;

/// How often to look before sleeping: what is at work may be done sooner than a thread is put to sleep and woken.
const SPINS: u32 = 50;

/// A point that only moves forward, and what its mover needs (`L`).
pub(crate) struct Group<L> {
    done: AtomicU64,
    /// Waiting is on `finished`, not on the work's own lock: all who were served go on at once, where a
    /// lock would let them through one by one, behind the next round.
    turns: Mutex<Turns>,
    finished: Condvar,
    lead: Mutex<L>,
}

#[derive(Default)]
struct Turns {
    /// Whether a thread is at work.
    busy: bool,
    /// How many wait: waking nobody would cost a system call.
    waiting: usize,
}

impl<L> Group<L> {
    pub(crate) fn new(done: u64, lead: L) -> Self {
        let (turns, finished) = (Mutex::default(), Condvar::new());
        Self { done: AtomicU64::new(done), turns, finished, lead: Mutex::new(lead) }
    }

    /// Whether everything up to `target` is done.
    pub(crate) fn reached(&self, target: u64) -> bool {
        self.done.load(Ordering::Acquire) >= target
    }

    /// Returns once everything up to `target` is done, by another thread or by `act` on this one.
    ///
    /// `act` does all there is to do and says up to where that was, `target` at least.
    pub(crate) fn reach(
        &self,
        target: u64,
        act: impl FnOnce(&mut L) -> Result<u64, StoreError>,
    ) -> Result<(), StoreError> {
        let Some(_turn) = self.turn(target) else { return Ok(()) };
        let mut lead = self.lead.lock().map_err(|_| StoreError::poisoned())?;
        let done = act(&mut lead)?;
        self.done.store(done, Ordering::Release);
        Ok(())
    }

    /// Waits for `target` to be reached (`None`) or for the right to do the work.
    fn turn(&self, target: u64) -> Option<Turn<'_, L>> {
        let mut turns = self.turns();
        let mut spun = false;
        while !self.reached(target) {
            if !turns.busy {
                turns.busy = true;
                return Some(Turn(self));
            }
            if spun {
                turns.waiting += 1;
                turns = self.finished.wait(turns).unwrap_or_else(PoisonError::into_inner);
                turns.waiting -= 1;
            } else {
                drop(turns);
                self.spin(target);
                spun = true;
                turns = self.turns();
            }
        }
        None
    }

    fn spin(&self, target: u64) {
        for _ in 0..SPINS {
            if self.reached(target) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        // Two plain numbers, never left half changed: a panic elsewhere does not make them wrong.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to do the work. It ends however the work ends, so that nobody waits for ever.
struct Turn<'a, L>(&'a Group<L>);

impl<L> Drop for Turn<'_, L> {
    fn drop(&mut self) {
        let mut turns = self.0.turns();
        turns.busy = false;
        if turns.waiting > 0 {
            self.0.finished.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
