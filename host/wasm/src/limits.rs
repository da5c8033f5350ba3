//! What one call of a plugin may use, and the meter that enforces it on memory, tables and instances.
//!
//! Time is not counted here: the engine's epoch is (see `ticker`).

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Elements that any one table may have. Tables hold function pointers; a large program has some thousands.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;

/// What one call of a plugin may use, its `configure` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run. Measured in steps of a millisecond, rounded up.
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
        Self { time: Duration::from_millis(10), memory: 64 << 20, tables: 8, instances: 16 }
    }
}

/// Counts what one instance uses, and refuses what goes over its limits.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: usize,
    refused: bool,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, refused: false }
    }

    /// Whether the guest was refused memory or a table at least once.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }
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
