//! Runs policy plugins: WebAssembly components that judge commands, plan masks and review holds.
//!
//! ```text
//!   bytes ──▶ binary ──▶ compile ◀──▶ cache (on disk, authenticated)
//!             what it is   │
//!                          ▼
//!              CompiledPlugin: hooks, manifest        ticker: 1 ms of time ──┐
//!                          │ configure(name, json, limits)                   │ epoch
//!                          ▼                                                 ▼
//!              WasmPolicy: Policy ── each call ──▶ a fresh instance: configure, one hook, gone
//! ```
//!
//! A plugin gets no imports but what a policy file grants (`services`) and a WASI with nothing in it (`wasi`), and no instance
//! serves two calls.
//! So where it imports nothing an answer is a function of the configuration and of the call's arguments alone, and nothing of one session can reach the next.
//!
//! This crate knows no protocol and no store; it does not combine answers and has no opinion on what a failure means.

mod binary;
mod bindings;
mod cache;
mod contract;
mod error;
mod from_wit;
mod host;
mod instance;
mod limits;
mod outbound;
mod plugin;
mod policy;
mod runtime;
mod services;
mod ticker;
mod to_wit;
mod wasi;

pub use error::{HostError, LoadError};
pub use host::{HostOptions, PluginHost};
pub use limits::Limits;
pub use outbound::{Outbound, OutboundRequest, OutboundResponse};
pub use plugin::{CompiledPlugin, Manifest};
pub use policy::WasmPolicy;

#[cfg(test)]
mod testing;
