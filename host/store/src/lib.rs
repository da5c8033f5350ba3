//! The embedded store: small records that change, and a stream of events that never does.
//!
//! ```text
//!                    Store
//!      documents ◀────┴────▶ events
//!   Collection<T>            append(session, at, bytes) ─▶ Receipt
//!   put get update           events(session, from) ─▶ Event, Event, …
//!        │                        │ one lock, one copy into the active segment
//!        ▼                        ▼
//!   index/  (sled) ◀── spans ── segments/00000007.seg    open: frames, appended
//!                     at close  segments/00000006.pack   closed: frames in compressed blocks
//! ```
//!
//! This crate keeps bytes and JSON records for whoever opens it and knows nothing of their meaning.
//! It has no clock, no async runtime and no network; it is meant for one process at a time.

mod active;
mod ahead;
mod bytes;
mod closer;
mod documents;
mod engine;
mod error;
mod events;
mod folder;
mod frame;
mod frames;
mod group;
mod index;
mod log;
mod packed;
mod raw;
mod recovery;
mod session;
mod store;
mod window;

pub use documents::{Change, Collection, MAX_DOCUMENT_BYTES};
pub use error::StoreError;
pub use events::{Event, Events};
pub use frame::MAX_EVENT_BYTES;
pub use log::Receipt;
pub use recovery::{Cut, Recovery};
pub use session::{BySession, InvalidSessionId, SessionId};
pub use store::{Durability, Options, Store};
