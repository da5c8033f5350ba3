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

mod chain;
mod event;
mod file;
mod gate;
mod grants;
mod inner;
mod journal;
mod keys;
mod memory;
mod operations;
mod plan;
mod policy;
mod scope;
mod told;
mod verdict;
mod written;

pub use chain::{Chain, Judged, Mode, Observation, Placed, PolicySet, Reviewed};
pub use event::{Command, CommandParts, Context, ContextParts, Operation, Principal, Target};
pub use file::{CallLimits, Mistake, PolicyFile, Use, line_of};
pub use gate::{
    Allowed, Asked, Decision, Edition, Ended, Ending, Gate, GateSession, Granted, HoldNotice,
    NotAdmitted, Place, Planned, Planner, SessionContext, Teller, Waiting,
};
pub use grants::{Grant, Grants, NoOrigin, Origin};
pub use inner::{DEEPEST_JSON, MOST_INNER, MOST_WITHIN, inner_json};
pub use journal::{
    Approvals, Entry, HoldRequest, Journal, JournalFailure, Later, Moment, Outcome, RecordedField,
    RecordedResult, Ticket,
};
pub use keys::{Keys, nearest, unknown_keys};
pub use memory::{Memory, PolicyCounts};
pub use operations::Operations;
pub use plan::{Action, Batch, Cover, Field, KeyRules, Masking, Plan, Shape, Treatment};
pub use policy::{Hooks, Policy, PolicyFailure, Review};
pub use scope::Scope;
pub use told::{Told, TooMuch, Within};
pub use verdict::{Denial, Hold, Ruling, Verdict};
pub use written::Written;
