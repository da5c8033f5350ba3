//! The first moments of a session: the client's opening and password, and the gateway's own login at the server.
//!
//! All of it without I/O: [`palisade_relay::converse`] carries the bytes.

mod client;
mod parameters;
mod scram;
mod server;

pub use client::{ClientOpening, ClientPassword, Opened, OpeningRefused};
pub use parameters::check_parameters;
pub use server::{LoginRefused, ServerLogin, TlsMode, Upstream};

#[cfg(test)]
mod tests;
