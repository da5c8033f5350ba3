//! Roads around the gateway that are known to work, each first shown to work directly; and ordinary work, which must pass.
//!
//! Both are data: `roads/` has a file for each kind of road, `ordinary/` one for each kind of work.
//! One server and one gateway serve each of the two, so that a case must leave nothing behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that meets what it does not expect must stop, and say so"
)]

#[allow(dead_code, unused_imports, reason = "shared with the promises, which use more of it")]
#[path = "../promises/harness/mod.rs"]
mod harness;

mod client;
mod ordinary;
mod place;
mod psql;
mod roads;
mod script;
mod steps;
mod transcript;
