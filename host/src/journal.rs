//! The gate's journal, kept in the store.

use std::sync::Arc;

use palisade_policy::{Entry, JournalFailure, Later, Moment};
use palisade_store::{SessionId, Store, StoreError};
use serde_json::{Value, json};

use crate::clock;
use crate::record::Record;
use crate::sessions::Sessions;

/// Writes entries to the store.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    sessions: Arc<Sessions>,
}

impl Journal {
    /// A journal in this store; commands are counted in `sessions`.
    pub fn new(store: Store, sessions: Arc<Sessions>) -> Self {
        Self { store, sessions }
    }

    fn count(&self, id: SessionId, entry: &Entry<'_>) {
        if let Entry::Command { moment, ruling, .. } = entry
            && let Some(counts) = self.sessions.counts(id)
        {
            counts.command(*moment == Moment::Run, ruling);
        }
    }
}

impl palisade_policy::Journal for Journal {
    fn put(
        &self,
        session: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        let id: SessionId = session.parse().map_err(failure)?;
        let event = serde_json::to_vec(&Record::from(entry)).map_err(failure)?;
        let receipt = self.store.append(id, clock::now_micros(), &event).map_err(failure)?;
        self.count(id, entry);
        if self.store.is_durable(receipt) {
            return Ok(None);
        }
        let store = self.store.clone();
        Ok(Some(Box::pin(async move {
            let waited = tokio::task::spawn_blocking(move || store.wait_durable(receipt)).await;
            waited.map_err(failure)?.map_err(failure)
        })))
    }
}

/// A page of a session's events in the form in which they are shown: the record with its number as `id`, and `at`.
///
/// Damage in the store is shown where it is, as an event of the kind `damaged`. A page ends early when it gets large.
///
/// # Errors
/// Failures of the store.
pub fn read_events(
    store: &Store,
    id: SessionId,
    from: u64,
    limit: usize,
) -> Result<Vec<Value>, StoreError> {
    let (mut page, mut bytes, mut next) = (vec![], 0, from);
    for event in store.events(id, from)?.take(limit) {
        match event {
            Ok(event) => {
                next = event.sequence + 1;
                bytes += event.payload.len();
                page.push(shown(event.sequence, event.at_micros, &event.payload));
            }
            Err(StoreError::Missing { from, to, .. }) => {
                next = to + 1;
                let problem = format!("events {from} to {to} are missing");
                page.push(json!({"id": to.to_string(), "kind": "damaged", "problem": problem}));
            }
            Err(error) => {
                let problem = error.to_string();
                page.push(json!({"id": next.to_string(), "kind": "damaged", "problem": problem}));
            }
        }
        if bytes > LARGEST_PAGE {
            break;
        }
    }
    Ok(page)
}

/// A page ends when it holds more than this, in bytes.
const LARGEST_PAGE: usize = 8 << 20;

fn shown(sequence: u64, at_micros: u64, payload: &[u8]) -> Value {
    let mut shown = json!({"id": sequence.to_string(), "at": clock::rfc3339(at_micros)});
    let record = serde_json::from_slice::<Value>(payload)
        .unwrap_or_else(|_| json!({"kind": "damaged", "problem": "the event is no JSON"}));
    if let (Value::Object(shown), Value::Object(record)) = (&mut shown, record) {
        shown.extend(record);
    }
    shown
}

fn failure(error: impl std::fmt::Display) -> JournalFailure {
    JournalFailure(error.to_string())
}

#[cfg(test)]
mod tests;
