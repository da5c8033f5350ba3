//! What is told of results, apart from the session that asked.

use std::sync::Arc;

use crate::{Context, Entry, JournalFailure, RecordedResult};

use super::{Edition, Gate, SessionContext};

/// Records what came of a session's commands, while others of them are judged: a result need not wait for its session's gate.
#[derive(Clone, Debug)]
pub struct Teller {
    pub(super) gate: Arc<Gate>,
    pub(super) context: Arc<Context>,
    pub(super) newest: SessionContext,
}

impl Teller {
    /// What the session's next command is judged by.
    #[must_use]
    pub fn newest(&self) -> Edition {
        self.gate.edition(&self.newest)
    }

    /// Records what came back.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn tell_result(&self, number: u64, result: &RecordedResult) -> Result<(), JournalFailure> {
        self.put(&Entry::Result { number, result })
    }

    /// Records an error that the client was sent.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn tell_error(&self, number: u64, code: &str, message: &str) -> Result<(), JournalFailure> {
        self.put(&Entry::Error { number, code, message })
    }

    fn put(&self, entry: &Entry<'_>) -> Result<(), JournalFailure> {
        self.gate.journal.put(&self.context.session, entry).map(drop)
    }
}
