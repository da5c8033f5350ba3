//! How a session begins and ends, in words that all protocols share.

use std::any::Any;
use std::time::Duration;

/// Why a client is not let in, as far as it may know. Whoever refuses it has logged and recorded the true cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// One and the same refusal for a bad token, an unknown connection and a role that does not reach it.
    Refused {
        /// How long the refusal waits: whoever guesses shall not guess fast.
        after: Duration,
    },
    /// It was not looked at, since too many before it were refused; the text is for the client.
    TooMany(String),
    /// The gateway cannot serve it now; the text is for the client.
    Unavailable(String),
    /// The connection does not lead to what was asked for behind it; the text is for the client.
    Elsewhere(String),
}

/// Something that whoever let a session in gets back when it is over.
pub struct Place(pub Box<dyn Any + Send + Sync>);

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

/// How a session ended, for its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why, in a few words.
    pub how: String,
    /// Bytes from the client, of what its protocol counts.
    pub bytes_in: u64,
    /// Bytes to the client, the same.
    pub bytes_out: u64,
}
