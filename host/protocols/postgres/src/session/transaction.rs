//! What messages that were sent may have done to their transaction, as long as the server has not said where that stands.
//!
//! The server tells of it at the end of a run of messages alone. Until then a transaction may have ended in the middle of the run, and
//! with it what held for it.

use std::collections::HashMap;

use palisade_sql::Effect;

use crate::reading::{Reading, StatementReading};

/// How many settings are told apart.
const MOST_SET: usize = 100;

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
    /// Something was sent that is not followed and may change settings: what it set the server says at the end of a run of
    /// messages, but not what the end of the transaction puts back.
    unseen: bool,
    /// What the client's own statements set to constants since then, by the names of the settings.
    set: HashMap<String, String>,
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

    /// Whether a parameter has a value of which nobody but the client itself can be the author.
    pub(super) fn is_clients_own(&self, parameter: &str, value: &str) -> bool {
        let set = self.set.get(&parameter.to_ascii_lowercase());
        !self.unseen || set.is_some_and(|set| set.eq_ignore_ascii_case(value))
    }

    /// Follows a statement that is planned: functions that are said to be immutable run then.
    pub(super) fn plan(&mut self, reading: &Reading) {
        if reading.may_set_unseen() {
            self.unseen = true;
            self.set.clear();
        }
        if !reading.is_followed() {
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
        self.unseen |= reading.may_set_unseen();
        self.follow_settings(reading);
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

    /// What is set stands until something else may set it, or put something back: then a value that is told would say whether what
    /// was put back is the same.
    fn follow_settings(&mut self, reading: &Reading) {
        let effects = || reading.statements.iter().flat_map(|statement| &statement.effects);
        let sets = |effect: &Effect| matches!(effect, Effect::Set { local: false, .. });
        if reading.may_set_unseen() || !effects().all(sets) {
            return self.set.clear();
        }
        for effect in effects() {
            let Effect::Set { name, value, .. } = effect else { continue };
            self.set.remove(name);
            if self.set.len() < MOST_SET {
                self.set.extend(value.clone().map(|value| (name.clone(), value)));
            }
        }
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
        if !self.unseen {
            self.set.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_sql::{Dialect, PostgreSql};

    use super::*;
    use crate::catalog::{Known, Relation};

    fn follow(transaction: &mut Transaction, text: &str) {
        let hung = Relation {
            oid: 1,
            schema: "public".to_owned(),
            name: "hung".to_owned(),
            runs: vec![("public".to_owned(), "f".to_owned())],
            sets: true,
            ..Relation::default()
        };
        let plain = Relation { oid: 2, name: "plain".to_owned(), sets: false, ..hung.clone() };
        let known = Known::of(vec![hung, plain]);
        transaction.follow(&Reading::new(text, &PostgreSql.analyze(text), &known, None, true));
    }

    #[test]
    fn code_that_hangs_on_a_table_and_sets_nothing_leaves_nothing_unseen() {
        let mut transaction = Transaction::default();
        follow(&mut transaction, "INSERT INTO plain VALUES (1)");
        assert!(!transaction.is_unseen());
        follow(&mut transaction, "INSERT INTO hung VALUES (1)");
        assert!(transaction.is_unseen());
    }

    #[test]
    fn what_the_client_itself_set_last_is_its_own() {
        let mut transaction = Transaction::default();
        follow(&mut transaction, "INSERT INTO hung VALUES (1)");
        assert!(!transaction.is_clients_own("TimeZone", "Asia/Tokyo"));
        follow(&mut transaction, "SET TIME ZONE 'asia/tokyo'");
        assert!(transaction.is_clients_own("TimeZone", "Asia/Tokyo"));
        assert!(!transaction.is_clients_own("TimeZone", "hunter2"));
        for text in [
            "INSERT INTO hung VALUES (1)",
            "ROLLBACK TO s",
            "SET LOCAL TIME ZONE 'UTC'",
            "RESET ALL",
        ] {
            follow(&mut transaction, "SET TIME ZONE 'Asia/Tokyo'");
            follow(&mut transaction, text);
            assert!(!transaction.is_clients_own("TimeZone", "Asia/Tokyo"), "{text}");
        }
    }
}
