//! What one call of a plugin may use, and the meter that enforces it on memory, tables and instances.
//!
//! The engine's epoch (see `ticker`) says when to look at the time; what counts is the processor's time of the calling thread,
//! so that a plugin is not blamed for a busy machine.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, UpdateDeadline};

use crate::services::Caller;
use crate::ticker::Ticker;

/// How often a call's time may pass on the wall clock before the call ends whatever the processor did meanwhile.
const MOST_EXTENSIONS: u32 = 50;

/// How many requests one call may send: a command waits for each.
const MOST_SENDS: u32 = 2;

/// Elements that any one table may have. Tables hold function pointers; a large program has some thousands.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;

/// What one call of a plugin may use, its `configure` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run, in processor time. Looked at in steps of a millisecond, rounded up.
    pub time: Duration,
    /// Bytes of linear memory, all its memories together.
    pub memory: usize,
    /// Tables, each of at most 20,000 elements.
    pub tables: usize,
    /// Core instances: a component is made of one or several.
    pub instances: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_millis(10), memory: 64 << 20, tables: 8, instances: 48 }
    }
}

impl Limits {
    /// The same for a call that is given so many bytes: only to take them takes a while, 5 µs for each KiB at most.
    #[must_use]
    pub fn for_bytes(self, given: usize) -> Self {
        let micros = u64::try_from(given / 1024 * 5).unwrap_or(u64::MAX);
        Self { time: self.time.saturating_add(Duration::from_micros(micros)), ..self }
    }
}

/// Counts what one instance uses, and refuses what goes over its limits.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: usize,
    refused: bool,
    /// The thread's processor time when the call began.
    began: Duration,
    extensions: u32,
    /// When the call began, on the wall clock.
    started: Instant,
    /// How often it looked at a clock that nobody granted.
    looks: u64,
    /// How many requests it sent.
    sends: u32,
    caller: Caller,
}

impl Meter {
    pub(crate) fn new(limits: Limits, caller: Caller) -> Self {
        Self {
            limits,
            memory: 0,
            refused: false,
            began: thread_time(),
            extensions: 0,
            started: Instant::now(),
            looks: 0,
            sends: 0,
            caller,
        }
    }

    /// Who runs, and what it may ask for.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How long the call runs, on the wall clock.
    pub(crate) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts one more request, if it may send another.
    pub(crate) fn may_send(&mut self) -> bool {
        self.sends += 1;
        self.sends <= MOST_SENDS
    }

    /// Counts one more look at a clock that nobody granted.
    pub(crate) fn looked_at_clock(&mut self) -> u64 {
        self.looks += 1;
        self.looks
    }

    /// How much of its time the call has used.
    pub(crate) fn used(&self) -> Duration {
        thread_time().saturating_sub(self.began)
    }

    /// What to do when the wall clock says that the time is over.
    pub(crate) fn deadline(&mut self) -> UpdateDeadline {
        let left = self.limits.time.saturating_sub(self.used());
        if left.is_zero() || self.extensions >= MOST_EXTENSIONS {
            return UpdateDeadline::Interrupt;
        }
        self.extensions += 1;
        UpdateDeadline::Continue(Ticker::epochs(left))
    }

    /// Whether the guest was refused memory or a table at least once.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }
}

/// The calling thread's processor time.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.limits.memory {
            self.refused = true;
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= TABLE_ELEMENTS;
        self.refused |= !allowed;
        Ok(allowed)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.tables
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}

#[cfg(test)]
mod tests;
