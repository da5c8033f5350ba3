//! The gateway's binary: configuration, command line, and everything wired together.
//!
//! ```text
//!   cli ──▶ serve ──▶ config, plugins, tls, data_dir          (what the operator wrote)
//!             │
//!             ▼
//!          gateway ── sessions, journal, approvals ──▶ store   (what happens)
//!             ▲  ▲
//!   postgres ─┘  └─ admin ◀── HTTP ── cli (approvals, sessions, plugins, status)
//!      └──────┬──────┘
//!         listener (sockets, as services of pingora's server)
//! ```
//!
//! This crate alone knows all the others' names, and holds no logic that could be theirs.

mod admin;
mod approvals;
mod backtest;
mod blocking;
mod ca;
mod changes;
mod cli;
mod clock;
mod config;
mod connections;
mod data_dir;
mod door;
mod exchanges;
mod gateway;
mod holds;
mod http;
mod inherit;
mod issuers;
mod journal;
mod listener;
mod lobby;
mod logging;
mod mcp;
mod metrics;
mod outbound;
mod plugins;
mod postgres;
mod proxy;
mod reach;
mod record;
mod recorded;
mod reload;
mod revocations;
mod serve;
mod sessions;
mod settings;
mod show;
mod standing;
mod throttle;
mod tls;
mod upstream;
mod web;

use std::process::ExitCode;

/// Sessions allocate little and often, on one thread and free it on another: a statement costs less CPU by a twentieth than with
/// the C library's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    inherit::keep_back();
    // The first installed provider counts, and this is the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run()
}
