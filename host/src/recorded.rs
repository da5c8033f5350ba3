//! The record in bulk: many sessions to a page, with what was judged in them and what came back, for trying policies on it.

use palisade_store::{SessionId, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::read_events;
use crate::sessions::{SessionDocument, Sessions};

/// A page ends after so many events, and after so many sessions.
const EVENTS: usize = 4000;
const SESSIONS: usize = 500;

/// Where a page begins: at an event of a session, and goes on with the sessions that opened later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The session's id, or that of any moment: sessions are in the order in which they opened.
    pub session: String,
    /// The event's number.
    pub from: u64,
}

impl Place {
    /// The first session that opened at this time or later, in microseconds.
    pub fn at(micros: u64) -> Self {
        // The first 48 bits of a UUIDv7 are its time in milliseconds (RFC 9562, 5.7).
        let session = SessionId(u128::from(micros / 1000) << 80).to_string();
        Self { session, from: 0 }
    }
}

/// A session, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSession {
    /// Whose it is.
    pub session: SessionDocument,
    /// Its commands and results; the results without their rows.
    pub events: Vec<Value>,
}

/// A page of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Sessions in the order in which they opened.
    pub sessions: Vec<RecordedSession>,
    /// Where the next page begins; none after the last.
    pub next: Option<Place>,
}

/// The page that begins at a place, of the sessions that `seen` lets through.
///
/// # Errors
/// Failures of the store.
pub fn page(
    sessions: &Sessions,
    store: &Store,
    place: &Place,
    seen: impl Fn(&SessionDocument) -> bool,
) -> Result<Page, StoreError> {
    let documents = sessions.from(&place.session, SESSIONS)?;
    let mut page = Page { sessions: vec![], next: None };
    let (mut room, mut from) = (EVENTS, place.from);
    let more = documents.len() == SESSIONS;
    let mut last = None;
    for document in documents {
        let Ok(id) = document.id.parse::<SessionId>() else { continue };
        last = Some(id);
        if document.id != place.session {
            from = 0;
        }
        if !seen(&document) {
            continue;
        }
        let (events, next) = events(store, id, from, room)?;
        room = room.saturating_sub(events.len());
        page.sessions.push(RecordedSession { session: document, events });
        if let Some(from) = next {
            page.next = Some(Place { session: id.to_string(), from });
            return Ok(page);
        }
    }
    page.next = last.filter(|_| more).map(|last| {
        let session = SessionId(last.0.saturating_add(1)).to_string();
        Place { session, from: 0 }
    });
    Ok(page)
}

/// A session's commands and results from an event on, and where it goes on if there was no room for all.
fn events(
    store: &Store,
    id: SessionId,
    mut from: u64,
    room: usize,
) -> Result<(Vec<Value>, Option<u64>), StoreError> {
    let mut found = vec![];
    loop {
        let page = read_events(store, id, from, 1000)?;
        let last = page.last().and_then(|event| event.get("id")?.as_str()?.parse::<u64>().ok());
        let Some(last) = last else { return Ok((found, None)) };
        from = last + 1;
        found.extend(page.into_iter().filter_map(bare));
        if found.len() >= room {
            return Ok((found, Some(from)));
        }
    }
}

/// The event without what is not tried.
fn bare(mut event: Value) -> Option<Value> {
    let fields = event.as_object_mut()?;
    match fields.get("kind").and_then(Value::as_str) {
        Some("command") => {}
        Some("result") => {
            fields.insert("rows".to_owned(), Value::Array(vec![]));
        }
        _ => return None,
    }
    Some(event)
}
