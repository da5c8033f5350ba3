//! WebSocket (RFC 6455) without I/O: frames, and the messages that they carry.
//!
//! Both sides are read strictly, and written anew: a frame that one reader could take for something else than another (a
//! length that is longer than it need be, a bit that no extension was agreed for) ends the connection.

mod frame;
mod messages;

pub use frame::{Frame, Frames, Opcode, write};
pub use messages::{Message, Messages};

/// Why a peer's bytes are no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A frame that section 5 does not know, or that is not where it may be.
    #[error("it breaks the protocol: {0}")]
    Protocol(&'static str),
    /// A text that is no UTF-8.
    #[error("a text is no UTF-8")]
    NoText,
    /// A message beyond what is gathered.
    #[error("a message is longer than the {0} bytes that are read of one")]
    TooLong(usize),
}

impl Malformed {
    /// The code that closes the connection (section 7.4.1).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NoText => 1007,
            Self::TooLong(_) => 1009,
        }
    }
}

#[cfg(test)]
mod tests;
