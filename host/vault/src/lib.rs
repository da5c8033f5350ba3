//! Where secrets come from that are not simply there, and how those are kept that were given to the gateway.
//!
//! ```text
//!   Reference ── Reader::read ──▶ env, file ──────────────▶ SecretString
//!                     │           exec (a command's output)
//!                     │           HashiCorp Vault (KV version 2 over HTTP)
//!                     └─ kept for `cache_seconds`, wiped after
//!
//!   a secret by value ── Sealed::seal ──▶ record ── Sealed::open ──▶ SecretString
//!                            └──────── MasterKey ────────┘
//! ```
//!
//! This crate blocks for the disk, commands and the network; it knows no store, no protocol and no async runtime.

mod exec;
mod kv;
mod master;
mod reader;
mod reference;
mod sealed;
mod server;

pub use exec::ExecFailed;
pub use kv::VaultFailed;
pub use master::{KeyMalformed, MasterKey};
pub use reader::{Reader, Unreadable};
pub use reference::{Place, Reference, VaultPlace};
pub use sealed::{Owner, SealFailed, Sealed};
pub use server::{AppRole, Jwt, VaultServer, VaultUnusable};
