//! PostgreSQL, on both sides of the gateway.
//!
//! ```text
//!   client ◀─▶ serve: opening, token ─▶ login at the server
//!                 │
//!                 ▼
//!   client ◀─▶ session (a relay::Machine, no I/O) ◀─▶ server
//!                 │    ├─ reading: text ─▶ sql::Analysis + catalog ─▶ Command, Lineage ─▶ Gate
//!                 │    └─ result:  RowDescription ─▶ Shape ─▶ Gate ─▶ mask, row by row
//!                 └─ codec: bytes ◀─▶ frames
//!   catalog ◀─▶ server, over the gateway's own connection
//! ```

pub mod codec;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

mod catalog;
mod login;
mod reading;
mod reply;
mod serve;
mod session;

pub use catalog::{Catalog, Wanted};
pub use login::{LoginMethod, LoginRefused, TlsMode, TokenSource};
pub use palisade_sql::Trusted;
pub use serve::{
    Admission, Backend, Cancels, ConnectError, Host, Login, Options, Service, connect,
};
