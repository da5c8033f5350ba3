//! PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2, as slices and builders.
//!
//! No I/O, and no panic on bytes: a frame comes out, or "more", or a typed [`FrameError`].
//! Source: PostgreSQL documentation, chapter "Frontend/Backend Protocol".

pub mod backend;
pub mod build;
pub mod frame;
pub mod frontend;
pub mod startup;

mod reader;

pub use frame::{Frame, FrameError, Header, peek};
pub use reader::Reader;

#[cfg(test)]
mod tests;
