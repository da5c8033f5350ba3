//! The service over loopback: what passes, what does not, and what each side sees of it.

mod asking;
mod callee;
mod calls;
mod forward;
mod messages;
mod mounted;
mod peer;
mod requests;
mod responses;
mod smuggling;
mod sockets;
mod token;
mod validators;
mod waiting;
mod world;
