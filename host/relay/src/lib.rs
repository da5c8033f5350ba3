//! How bytes get from one peer to the other, for every protocol whose transport we parse ourselves.
//!
//! ```text
//!             handshake                       session
//!   Link ── converse(Sequence) ──▶   drive(Machine, client Link, server Link)
//!   (TLS step in mid-conversation)    reads, asks the machine, writes; both directions in one task
//! ```
//!
//! A [`Sequence`] or a [`Machine`] turns bytes into bytes and never touches a socket; this crate owns the sockets and knows no protocol.

mod converse;
mod drive;
mod link;
mod output;

pub use converse::{ConverseError, Secure, Sequence, Step, converse};
pub use drive::{Drive, End, Machine, Progress, drive};
pub use link::{Io, Link, TlsError};
pub use output::{Later, Output, Peer};
