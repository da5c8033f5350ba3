//! When a session ends, and what its client is told.

use std::time::Instant;

/// When and why a session ends that nobody else ends before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// From when on.
    pub at: Instant,
    /// Whether in the midst of a command, or else once what runs then is done.
    pub at_once: bool,
    /// What the client is told.
    pub reason: String,
    /// What the client can do about it; empty for nothing.
    pub hint: String,
}
