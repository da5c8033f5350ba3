//! The Model Context Protocol, on both sides of the gateway.
mod catalog;
mod conversation;
mod event;
mod json;
mod message;
mod names;
mod pins;
mod request;
mod results;
mod revision;

pub use catalog::NewTools;
pub use conversation::{Conversation, Effect, Incoming, Opening, Reverse, Settings, Stream};
pub use json::{Json, JsonRefused};
pub use message::{Id, Message, MessageRefused, RpcError};
pub use pins::{MemoryPins, Pins};
pub use revision::Revision;
