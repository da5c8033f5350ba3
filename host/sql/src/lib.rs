//! SQL text in, operations and facts out: what a statement would do, to what, and which columns its results may hold.
//!
//! ```text
//!   text ──▶ Dialect::analyze ──▶ Analysis ─┬─ statements ─┬─ operations (action, object, fields, facts)
//!              │                            │              ├─ effects    (what changes in the session)
//!              ├─ PostgreSql (own grammar)  │              ├─ outputs    (which columns flow into which result column)
//!              ├─ MySql      (sqlparser)    │              └─ uses       (columns in predicates, joins, sort keys, groups)
//!              └─ Generic    (sqlparser)    │              └─ stores, calls, reservations (what counts where something is protected)
//!                                           └─ gaps: why not everything is accounted for; empty = complete
//! ```
//!
//! This crate knows no catalog, no session and no policy. It reads one text as the server would read it,
//! and where it cannot be sure of that it says so by a gap. It never panics, and waits for nothing but another parse.

mod analysis;
mod ansi;
mod comparing;
mod copy;
mod dialect;
mod findings;
mod functions;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod lineage;
mod operation;
mod postgres;
#[cfg(test)]
mod rendering;
mod reserved;

pub use analysis::{
    Analysis, EVERY_COLUMN, Effect, How, Name, Object, Operation, Output, Outputs, Routine, Source,
    Statement, Store, Usage, Use,
};
pub use ansi::{Generic, MySql};
pub use copy::{CopyFormat, CopyOut, CopySource, Quoted};
pub use dialect::Dialect;
pub use functions::Trusted;
pub use postgres::{PostgreSql, has_name, has_name_with, shape};
pub use reserved::{FRESH, is_reserved};
