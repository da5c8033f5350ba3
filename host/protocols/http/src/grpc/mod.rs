//! gRPC, without I/O: a call's head, its messages as they are framed and as they are read, and how it ends.
//!
//! ```text
//!   head ─▶ Call ─▶ event: Command ─▶ Gate          frames ─▶ Message ─▶ Contents (judged)
//!                     ▲                                         │
//!   Descriptors ──────┘                                         └─▶ JSON ─▶ plan ─▶ Cover ─▶ bytes (masked)
//! ```

mod call;
mod cover;
mod descriptors;
mod event;
mod frames;
mod known;
mod message;
mod show;
mod status;
mod unpack;
mod wire;

pub(crate) use call::{Call, Coding, ENCODING, is_grpc, time_left};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use cover::put_message;
pub(crate) use cover::{Cover, Withheld};
pub(crate) use descriptors::Described;
pub use descriptors::Descriptors;
pub(crate) use event::{Said, command};
pub(crate) use frames::{Broken, Frames, Gather, Part, Whole, framed, prefix};
pub(crate) use message::Message;
pub(crate) use status::{Code, MESSAGE, STATUS, Told, escape, name, unescape};
pub(crate) use unpack::unpack;
#[cfg(test)]
pub(crate) use wire::put_varint;

/// The media type under which policies plan for the messages of responses.
pub(crate) const MESSAGES: &str = "application/grpc";

#[cfg(test)]
mod tests;
