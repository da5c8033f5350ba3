//! HTTP, on both sides of the gateway.
//!
//! ```text
//!   client ─▶ serve: head ─▶ route, token ─▶ Host::admit (once for a session)
//!                      │
//!                      ├─ target, head, body, graphql ─▶ event: Command ─▶ Gate ─▶ reply
//!                      │                    (pure)                           │
//!                      └─ credential ─▶ service ─▶ response: mask ─▶ record ─▶ client
//! ```

mod body;
mod credential;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod graphql;
mod grpc;
mod head;
mod proxy;
mod refused;
mod reply;
mod response;
mod route;
mod serve;
mod target;
mod token;
mod websocket;

pub use body::{Contents, Document, GraphQl, Kind, Missing, Variables};
pub use credential::{AwsKey, Credential, Outgoing, Unusable, is_header_name};
pub use event::{Body, Request, Templates};
pub use grpc::Descriptors;
pub use head::{Head, Length, Parsed, check_raw};
pub use proxy::{Address, Authority, Connect, ProxyLogin};
pub use refused::Refused;
pub use reply::Reply;
pub use route::Route;
pub use serve::{
    Admission, Answer, Asked, Backend, Entered, Forward, Held, Host, Login, Mount, Options, Origin,
    Pieces, Service, Stay, Trust, begins_http2, greet,
};
pub use target::{Query, Target};
