//! HTTP, on both sides of the gateway.
mod body;
mod event;
mod graphql;
mod head;
mod refused;
mod reply;
mod target;

pub use body::{Contents, Kind};
pub use event::{Body, Request, Templates};
pub use head::{Head, Length, Parsed, check_raw};
pub use refused::Refused;
pub use reply::Reply;
pub use target::{Query, Target};
