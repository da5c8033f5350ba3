//! Carries a masking plan out on bytes.
//!
//! ```text
//!   Treatment ── CellMask::new ──▶ CellMask ─┐
//!                  (once a field)            ▼
//!   value, CellForm ──────────────▶ Masker::treat ──▶ Treated: Unchanged, Changed (in the out buffer), Null
//!                  (each value)         │      │
//!                                    cover    Scan ── text, JSON text
//!                                                └──▶ detectors: email, card, jwt, private-key …
//!
//!   Masking ── DocumentMask::new ──▶ DocumentMask ──▶ JsonStream, EventStream, …: feed, finish
//! ```
//!
//! This crate knows neither who asked nor which protocol the bytes came by.
//! Inspection by plugins happens before: what it gives back is what is treated here.
//!
//! Detectors find secrets that lie in the data; they are no barrier to a client that has the backend transform them first
//! (reversed, encoded, cut). What must not be seen is covered by its column or key.

mod cell;
mod cover;
mod detect;
mod document;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod json;
mod message;
mod scan;
mod seen;
pub mod stream;

pub use cell::{CellForm, CellMask, Treated};
pub use cover::{Covered, Masker};
pub use detect::{DetectorInfo, DetectorRefused, detectors};
pub use document::{DocumentMask, PlanRefused};
pub use message::{MESSAGE, MessageMask};
pub use scan::Scan;
pub use seen::Seen;
