//! What messages that were sent may have done to their transaction, as long as the server has not said where that stands.
//!
//! The server tells of it at the end of a run of messages alone. Until then a transaction may have ended in the middle of the run, and
//! with it what held for it.

use palisade_sql::Effect;

use crate::reading::{Reading, StatementReading};

/// What may have become of a session's transaction.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Counts what may let an unqualified name stand for another relation: a server then plans a statement anew,
    /// and its result may come from elsewhere than it was described.
    paths: u64,
    /// What unqualified names stand for may be put back by the end of a transaction.
    path_may_return: bool,
    /// Something was sent that ends a transaction: what follows it may be committed by itself.
    may_have_ended: bool,
    /// Something was sent that is not followed: what it set the server says at the end of a run of messages, but not what the
    /// end of the transaction puts back.
    unseen: bool,
}

impl Transaction {
    /// How often unqualified names may have come to stand for something else.
    pub(super) fn paths(&self) -> u64 {
        self.paths
    }

    /// Whether a transaction that the server spoke of last may be over.
    pub(super) fn may_have_ended(&self) -> bool {
        self.may_have_ended
    }

    /// Whether something that is not followed may have set what nobody has seen.
    pub(super) fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Follows a statement that is planned: functions that are said to be immutable run then.
    pub(super) fn plan(&mut self, reading: &Reading) {
        if !reading.is_followed() {
            self.unseen = true;
            self.change_paths();
        }
    }

    fn change_paths(&mut self) {
        self.paths += 1;
        self.path_may_return = true;
    }

    /// Follows a command that is sent on.
    pub(super) fn follow(&mut self, reading: &Reading) {
        let followed = reading.is_followed();
        self.unseen |= !followed;
        if !followed || reading.statements.iter().any(StatementReading::may_change_paths) {
            self.change_paths();
        }
        let mut effects = reading.statements.iter().flat_map(|statement| &statement.effects);
        self.may_have_ended |= effects.any(|effect| {
            matches!(
                effect,
                Effect::Commit { .. } | Effect::Rollback { .. } | Effect::PrepareTransaction
            )
        });
    }

    /// A run of messages ends, and with it a transaction that no statement has begun.
    pub(super) fn end_run(&mut self) {
        if self.path_may_return {
            self.paths += 1;
        }
    }

    /// The server has answered everything, and says where it stands.
    pub(super) fn settle(&mut self, status: u8) {
        self.may_have_ended = false;
        self.path_may_return &= status != b'I';
        self.unseen &= status != b'I';
    }
}
