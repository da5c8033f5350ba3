//! The gate's journal, kept in the store.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use palisade_policy::{Entry, JournalFailure, Later, Moment, Outcome};
use palisade_store::{Receipt, SessionId, Store, StoreError};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::clock;
use crate::record::encode;
use crate::sessions::Sessions;

/// A buffer that an unusually large event made larger than this is given back.
const SPARE_BYTES: usize = 64 << 10;

/// How long an event that nobody waits for is not synced, with `durability = "disk"`.
const SOON: Duration = Duration::from_millis(10);

thread_local! {
    /// The event at hand, on its way to the store, which copies it.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes entries to the store.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    sessions: Arc<Sessions>,
    /// The newest event that is to be synced soon; nobody is about to where there is none.
    unsynced: Arc<Mutex<Option<Receipt>>>,
}

impl Journal {
    /// A journal in this store; commands are counted in `sessions`.
    pub fn new(store: Store, sessions: Arc<Sessions>) -> Self {
        Self { store, sessions, unsynced: Arc::default() }
    }

    /// Syncs what nobody may wait for, such as a result, a moment later, unless what somebody waits for does it first.
    fn sync_soon(&self, receipt: Receipt) {
        // At the end there is no runtime; then the store syncs as it is closed.
        let Ok(runtime) = Handle::try_current() else { return };
        let begun = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner).replace(receipt);
        if begun.is_some() {
            return;
        }
        let (store, unsynced) = (self.store.clone(), Arc::clone(&self.unsynced));
        runtime.spawn(async move {
            tokio::time::sleep(SOON).await;
            let newest = unsynced.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(receipt) = newest.filter(|receipt| !store.is_durable(*receipt)) {
                // A failure ends the log, so that whoever comes next is told.
                let _ = tokio::task::spawn_blocking(move || store.wait_durable(receipt)).await;
            }
        });
    }

    fn count(&self, id: SessionId, entry: &Entry<'_>) {
        let (runs, ruling) = match entry {
            Entry::Command { moment, ruling, .. } => (*moment == Moment::Run, *ruling),
            // A policy refused it before anybody was asked.
            Entry::Decided { hold: "", outcome: Outcome::Refused { .. }, .. } => (false, "deny"),
            _ => return,
        };
        if let Some(counts) = self.sessions.counts(id) {
            counts.command(runs, ruling);
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
        let receipt = ENCODED.with_borrow_mut(|encoded| {
            encoded.clear();
            encode(entry, encoded).map_err(failure)?;
            let receipt = self.store.append(id, clock::now_micros(), encoded).map_err(failure);
            if encoded.capacity() > SPARE_BYTES {
                *encoded = Vec::new();
            }
            receipt
        })?;
        self.count(id, entry);
        if self.store.is_durable(receipt) {
            return Ok(None);
        }
        self.sync_soon(receipt);
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
    let mut room = Room { events: limit, bytes: LARGEST_PAGE };
    Ok(read_some(store, id, from, &mut room)?.0)
}

/// How much more is read.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// So many events.
    pub events: usize,
    /// About so many bytes of them.
    pub bytes: usize,
}

impl Room {
    fn is_full(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }
}

/// A session's events from one on, as long as there is room, and where it goes on if it may.
///
/// # Errors
/// Failures of the store.
pub fn read_some(
    store: &Store,
    id: SessionId,
    from: u64,
    room: &mut Room,
) -> Result<(Vec<Value>, Option<u64>), StoreError> {
    let mut page = vec![];
    let mut events = store.events(id, from)?;
    while let Some(event) = events.next() {
        let (last, bytes, shown) = match event {
            Ok(event) => {
                let bytes = event.payload.len();
                (event.sequence, bytes, shown(event.sequence, event.at_micros, &event.payload))
            }
            Err(StoreError::Missing { from, to, .. }) => {
                (to, 0, damaged(to, &format!("events {from} to {to} are missing")))
            }
            Err(error) => {
                let last = events.expected().saturating_sub(1).max(from);
                (last, 0, damaged(last, &error.to_string()))
            }
        };
        page.push(shown);
        room.events = room.events.saturating_sub(1);
        room.bytes = room.bytes.saturating_sub(bytes);
        if room.is_full() {
            return Ok((page, Some(last.saturating_add(1))));
        }
    }
    Ok((page, None))
}

/// A page ends when it holds more than this, in bytes.
const LARGEST_PAGE: usize = 8 << 20;

fn damaged(id: u64, problem: &str) -> Value {
    json!({"id": id.to_string(), "kind": "damaged", "problem": problem})
}

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
