//! What the fuzzers of the repository's `fuzz` folder call, and what their findings are replayed by.

mod frames;
mod login;

pub(crate) mod choices;

pub use frames::frame_codec;
pub use login::login;

/// Plays a session made of these bytes, between a client that may do anything
/// and a server that is honest, or is not.
pub fn session(data: &[u8]) {
    crate::session::fuzzing::play(data);
}

#[cfg(test)]
mod tests;
