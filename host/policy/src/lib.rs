//! The vocabulary of the house, and the one place where events meet verdicts.
//!
//! ```text
//!   protocol ── Command, Shape ──▶ Gate ── judge, plan ──▶ chain of Policy
//!      ◀── Decision, Masking ──────┘ │
//!                                    ├──▶ Approvals (who waits for whom)
//!                                    └──▶ Journal   (nothing runs that is not recorded first)
//! ```
//!
//! This crate knows no protocol, no Wasm, no I/O, and no time other than what it is told.

mod event;
mod plan;
mod policy;
mod verdict;

pub use event::{Command, Context, Operation, Principal, Target};
pub use plan::{Action, Batch, Cover, Field, Masking, Plan, Shape, Treatment};
pub use policy::{Hooks, Policy, PolicyFailure, Review};
pub use verdict::{Denial, Hold, Ruling, Verdict};
