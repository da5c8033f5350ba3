//! The promises, one test each, through the real binary with real clients and a real server.
//!
//! One test binary, in modules, so that it is linked once.
//! Each test has its own PostgreSQL, its own gateway and its own data folder, all on free ports, all stopped by their own handles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::too_many_lines,
    reason = "a test that meets what it does not expect must stop, and say so"
)]

mod harness;

mod approval;
mod architecture;
mod authoring;
mod backtest;
mod blocking;
mod brute_force;
mod check;
mod copying;
mod grpc;
mod http;
mod identity;
mod inference;
mod issuers;
mod languages;
mod lineage;
mod masking;
mod mcp;
mod oauth;
mod plugins;
mod protocol;
mod reaching;
mod record;
mod reload;
mod replaced;
mod rights;
mod roads;
mod sandbox;
mod secrets;
mod swapping;
mod upstream_login;
