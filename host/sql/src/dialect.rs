//! The one trait between SQL text and its meaning.

use crate::Analysis;

/// The longest text in bytes that is analysed; a longer one is a gap.
///
/// A parse tree takes some hundred times the memory of its words, which have a limit of their own; a long value takes its own
/// length a few times.
pub(crate) const MAX_TEXT: usize = 64 << 20;

/// How much stack in bytes must be left for an analysis to run on the thread's own.
///
/// A statement nested to the limits takes 2 MiB in an unoptimised build, and less than a quarter of that otherwise.
const STACK_NEEDED: usize = if cfg!(debug_assertions) { 6 << 20 } else { 1 << 20 };

/// The stack in bytes that it gets where the thread's own is too small.
const STACK_GIVEN: usize = 16 << 20;

/// Runs an analysis where there is stack enough for any text.
pub(crate) fn with_stack(analyze: impl FnOnce() -> Analysis) -> Analysis {
    stacker::maybe_grow(STACK_NEEDED, STACK_GIVEN, analyze)
}

/// Reads SQL text as one kind of server does.
pub trait Dialect: Send + Sync {
    /// The dialect's name, as connections name it.
    fn name(&self) -> &'static str;

    /// What the text would do. Never panics; what is not understood is a gap.
    fn analyze(&self, text: &str) -> Analysis;
}

#[cfg(test)]
mod tests;
