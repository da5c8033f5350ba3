//! The Model Context Protocol, on both sides of the gateway.
mod event;
mod json;
mod message;
mod names;
mod request;
mod revision;

pub use json::{Json, JsonRefused};
pub use message::{Id, Message, MessageRefused, RpcError};
pub use revision::Revision;
