//! Everything a policy plugin needs: write the configuration as a type, implement a hook, name it in [`plugin!`].
//!
//! ```text
//!   #[config] struct NoDrop ──┐
//!   impl Plugin for NoDrop    ├─ plugin!(NoDrop: guard) ──▶ cargo build --target wasm32-unknown-unknown
//!   impl Guard  for NoDrop  ──┘                                          │
//!                                                                        ▼
//!             gateway: fresh instance ── configure(JSON) ── judge(context, command) ──▶ verdict
//! ```
//!
//! ```
//! use plugin_sdk::prelude::*;
//!
//! /// Denies every DROP.
//! #[config]
//! struct NoDrop {
//!     /// Tables that may be dropped all the same.
//!     #[serde(default)]
//!     except: Vec<Pattern>,
//! }
//!
//! impl Plugin for NoDrop {}
//!
//! impl Guard for NoDrop {
//!     fn judge(&self, _context: &Context, command: &Command) -> Verdict {
//!         let spared = |object: &str| self.except.iter().any(|pattern| pattern.matches(object));
//!         match command.operations.iter().find(|o| o.action == "drop" && !spared(&o.object)) {
//!             Some(drop) => Verdict::deny("no-drop", format!("{} stays", drop.object)),
//!             None => Verdict::Allow,
//!         }
//!     }
//! }
//!
//! plugin_sdk::plugin!(NoDrop: guard);
//! # fn main() {}
//! ```
//!
//! A plugin is a pure function of its arguments: each call gets a fresh instance, so nothing is remembered from one to the next,
//! but for what [`granted`] keeps.
//! Natively it is an ordinary crate, tested with [`testing`]; only the build for wasm32 has exports.

// `#[config]` names this crate as a plugin would, in its own tests too.
#[cfg(test)]
extern crate self as plugin_sdk;

mod approval;
#[doc(hidden)]
pub mod bindings;
mod export;
pub mod granted;
mod hooks;
mod pattern;
mod plan;
pub mod testing;
mod verdict;

pub use approval::Approval;
#[doc(hidden)]
pub use export::{Exported, Slot, configure};
pub use hooks::{Guard, Mask, Plugin, Reviewer};
pub use palisade_plugin_sdk_macros::config;
pub use pattern::{EmptyPattern, Pattern};
pub use {schemars, serde};

pub use bindings::attention_piece::exports::palisade::policy::attention::CommandParts;
pub use bindings::plugin_piece::exports::palisade::policy::plugin::ContextParts;
pub use bindings::reviewer_piece::exports::palisade::policy::reviewer::Decision;
pub use bindings::types::{
    Action, Batch, Command, Context, Denial, Field, Hold, Operation, Plan, Principal, Shape,
    Target, Verdict,
};

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What most plugins use.
pub mod prelude {
    pub use crate::{
        Action, Approval, Command, CommandParts, Context, ContextParts, Decision, Field, Guard,
        Hold, Mask, Operation, Pattern, Plan, Plugin, Reviewer, Shape, Verdict, config,
    };
}
