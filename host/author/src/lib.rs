//! The author's tools: from nothing to a plugin that is built and tested, in any of the languages that the examples are in.
//!
//! ```text
//!   begin ─▶ a folder: plugin.toml, source, wit/policy.wit, cases/*.toml
//!              │ project                                 │ cases
//!              ▼                                         ▼
//!   build ── bindings in-process, a compiler from ─▶ NAME.wasm ─▶ asked, as the gateway would ─▶ differences
//!            the shop (pinned, installed once)           │
//!                                                        ▼ Shop::load
//!                                           palisade-wasm: is it a plugin? what does it say of itself?
//! ```
//!
//! This crate knows no gateway: no configuration, no store, no protocol. It prints nothing; what takes long is told to whoever
//! asked.

mod begin;
mod build;
mod cases;
mod error;
mod language;
mod project;
mod shop;
mod wit;

pub use begin::begin;
pub use build::{Built, build};
pub use cases::{CaseFile, CaseReport, Difference, read_cases};
pub use error::AuthorError;
pub use language::Language;
pub use project::Project;
pub use shop::{Lock, Shop, tools_folder};

/// The most memory that a call of a plugin can be given, in bytes; as in the gateway.
const MOST_MEMORY: usize = 512 << 20;
/// The largest file of a plugin, in bytes; as in the gateway.
const LARGEST_FILE: usize = 64 << 20;
