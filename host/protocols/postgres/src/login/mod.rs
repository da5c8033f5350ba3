//! The first moments of a session: the client's opening and password, and the gateway's own login at the server.
//!
//! All of it without I/O: [`palisade_relay::converse`] carries the bytes.

mod bearer;
mod client;
mod method;
mod oauth;
mod options;
mod parameters;
mod scram;
mod server;

pub use bearer::Bearer;
pub use client::{ClientOpening, ClientPassword, Opened, OpeningRefused};
pub use method::LoginMethod;
pub use oauth::{BearerDenied, ClientBearer, TokenSource};
pub use parameters::check_parameters;
pub use server::{LoginRefused, ServerLogin, TlsMode, Upstream};

#[cfg(test)]
mod tests;
