//! The HTTP API of a running gateway: requests in, questions to the gateway, JSON out.
//!
//! ```text
//!   request ─▶ entry (Host, Origin, bearer) ─▶ routes (one slice) ─▶ body (bounded)
//!                                                                      │ Ask
//!   JSON or problem+json ◀───────────── trait Gateway ◀────────────────┘
//! ```
//!
//! This crate knows no store, no protocol and no plugin; who may do what is the [`Gateway`]'s matter.

mod ask;
mod busy;
mod connection;
mod entry;
mod exchange;
mod form;
mod openapi;
mod problem;
mod rate;
mod routes;
mod sensitive;
mod serve;

pub use ask::{Ask, Gateway, PinAsk, SessionFilter};
pub use exchange::{ExchangeProblem, TokenRequest};
pub use problem::Problem;
pub use rate::client_at;
pub use sensitive::Sensitive;
pub use serve::Admin;
