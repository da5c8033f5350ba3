//! The Model Context Protocol, on both sides of the gateway.
mod catalog;
mod compared;
mod conversation;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod json;
mod message;
mod mirror;
pub mod names;
mod pins;
mod request;
mod results;
mod revision;
mod schema;
mod serve;
mod upstream;

pub use catalog::NewTools;
pub use compared::compared;
pub use conversation::{Conversation, Effect, Incoming, Opening, Reverse, Settings, Stream};
pub use json::{Json, JsonRefused};
pub use message::{Id, Message, MessageRefused, RpcError};
pub use pins::{MemoryPins, Pins, Said, Trusted};
pub use revision::Revision;
pub use serve::{Admission, Body, Guest, Host, Options, Reply, Service};
pub use upstream::{Backend, Greeting, Launch, Remote, Transport, greet};
