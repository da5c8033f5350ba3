//! The record in bulk: many sessions to a page, with what was judged in them and what came back, for trying policies on it.

use std::collections::BTreeMap;
use std::time::Duration;

use palisade_store::{SessionId, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use wildmatch::WildMatch;

use crate::clock;
use crate::journal::{Room, read_some};
use crate::sessions::{SessionDocument, Sessions};

/// A page ends after so many events, so many bytes of them, or so many sessions.
const EVENTS: usize = 4000;
const BYTES: usize = 16 << 20;
const SESSIONS: usize = 500;
/// So many sessions are looked through for those that are seen, and a little more where many opened within a millisecond.
const LOOKED_THROUGH: usize = 5_000;

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

    /// The first session that opened so long ago or later.
    pub fn ago(time: Duration) -> Self {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self::at(clock::now_micros().saturating_sub(micros))
    }

    /// The millisecond in which a session opened: it tells nothing else of it.
    fn when(session: SessionId) -> Self {
        Self { session: SessionId(session.0 >> 80 << 80).to_string(), from: 0 }
    }

    /// The sessions that opened after this one.
    fn after(last: SessionId) -> Self {
        Self { session: SessionId(last.0.saturating_add(1)).to_string(), from: 0 }
    }
}

/// Whether a glob names the connection of a session; no glob names all.
pub fn is_named(connection: Option<&str>) -> impl Fn(&SessionDocument) -> bool {
    let asked = connection.map(WildMatch::new);
    move |session| asked.as_ref().is_none_or(|glob| glob.matches(&session.connection))
}

/// A session, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSession {
    /// Whose it is.
    pub session: SessionDocument,
    /// The labels that its connection has now; none where it is gone.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
    /// Its commands and results; the results without their rows.
    pub events: Vec<Value>,
}

/// A part of the record that may not be read yet, so that reading it is left to whoever has the time.
#[derive(Debug)]
pub enum Part {
    /// It is read.
    Ready(Box<RecordedSession>),
    /// It came as text.
    Text(Box<RawValue>),
}

impl Part {
    /// What is in it.
    ///
    /// # Errors
    /// When it is no such thing.
    pub fn session(self) -> Result<RecordedSession, serde_json::Error> {
        match self {
            Self::Ready(session) => Ok(*session),
            Self::Text(text) => serde_json::from_str(text.get()),
        }
    }
}

/// A page as it comes from the gateway.
#[derive(Debug, Deserialize)]
pub struct TextPage {
    /// Its sessions.
    pub sessions: Vec<Box<RawValue>>,
    /// Where the next page begins.
    pub next: Option<Place>,
}

/// A page of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Sessions in the order in which they opened.
    pub sessions: Vec<RecordedSession>,
    /// Where the next page begins; none after the last.
    pub next: Option<Place>,
}

/// The page that begins at a place, of the sessions that `seen` lets through; `labels` knows those of connections.
///
/// # Errors
/// Failures of the store.
pub fn page(
    (sessions, store): (&Sessions, &Store),
    place: &Place,
    seen: impl Fn(&SessionDocument) -> bool,
    labels: impl Fn(&str) -> Option<BTreeMap<String, String>>,
) -> Result<Page, StoreError> {
    let mut page = Page { sessions: vec![], next: None };
    let mut room = Room { events: EVENTS, bytes: BYTES };
    let (mut begin, mut looked) = (place.clone(), 0);
    loop {
        let documents = sessions.from(&begin.session, SESSIONS)?;
        looked += documents.len();
        let last = documents.last().map(|document| document.id.clone());
        let more = documents.len() == SESSIONS;
        for document in documents.into_iter().filter(&seen) {
            let Ok(id) = document.id.parse::<SessionId>() else { continue };
            let from = if document.id == begin.session { begin.from } else { 0 };
            let (events, next) = read_some(store, id, from, &mut room)?;
            let events = events.into_iter().filter_map(bare).collect();
            let labels = labels(&document.connection);
            page.sessions.push(RecordedSession { session: document, labels, events });
            if let Some(from) = next {
                page.next = Some(Place { session: id.to_string(), from });
                return Ok(page);
            }
        }
        let Some(last) = last.filter(|_| more).and_then(|last| last.parse().ok()) else {
            return Ok(page);
        };
        begin = Place::after(last);
        // Only sessions that may be seen say where the next page begins, or the time where many are not.
        let last_seen = page.sessions.last().and_then(|last| last.session.id.parse().ok());
        let after_seen = last_seen.map(Place::after);
        if page.sessions.len() >= SESSIONS {
            page.next = after_seen;
            return Ok(page);
        }
        if looked >= LOOKED_THROUGH {
            let now = Place::when(last);
            let next = after_seen.filter(|seen| seen.session > now.session).unwrap_or(now);
            if next.session > place.session {
                page.next = Some(next);
                return Ok(page);
            }
        }
    }
}

/// The event without what is not tried.
fn bare(mut event: Value) -> Option<Value> {
    let fields = event.as_object_mut()?;
    match fields.get("kind").and_then(Value::as_str) {
        Some("command" | "damaged") => {}
        Some("result") => {
            fields.insert("rows".to_owned(), Value::Array(vec![]));
        }
        _ => return None,
    }
    Some(event)
}

#[cfg(test)]
mod tests;
