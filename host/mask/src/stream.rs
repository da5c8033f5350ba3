//! Masks documents as they come, piece by piece, without I/O.
//!
//! ```text
//!   chunk ──▶ feed ──▶ out: what is judged          finish ──▶ out: the rest
//!              │
//!              └─ held: what is not judged yet, up to `Limits::held`
//! ```
//!
//! What comes out does not depend on how the input is cut, and what needs no change leaves byte for byte.
//! Nothing leaves before it is judged: of what cannot be read as its form wants, nothing more comes out, and whoever
//! sends it on must break off, so that its reader does not take it for whole.
//!
//! | machine | for |
//! |---|---|
//! | [`JsonStream`] | one JSON text (RFC 8259) |
//! | [`LinesStream`] | JSON texts, one a line |
//! | [`EventStream`] | server-sent events |
//! | [`FormStream`] | `application/x-www-form-urlencoded` |
//! | [`TextStream`] | any text |

mod escape;
mod events;
mod form;
mod json;
mod lines;
mod members;
mod text;

pub use events::EventStream;
pub use form::FormStream;
pub use json::JsonStream;
pub(crate) use json::Spare;
pub use lines::LinesStream;
pub use text::TextStream;

use crate::{DocumentMask, Masker};
use std::sync::Arc;

/// A machine that masks what it is fed.
pub trait MaskStream: std::fmt::Debug + Send {
    /// Takes the next chunk in, and appends to `out` what of it and of earlier ones is judged.
    ///
    /// # Errors
    /// When it cannot be read. Nothing more comes out then, now or later.
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable>;

    /// Ends the document, and appends what is left of it.
    ///
    /// # Errors
    /// When it is not complete, or what is left cannot be read.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable>;

    /// How many places were covered so far.
    fn covered(&self) -> u64;
}

/// How much a machine holds and follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest value, event or line, in bytes, that is held until it is judged.
    /// Of plain text it is a line, and 64 KiB at most. A longer one is refused, or covered where it is to be covered whatever it is; one that nobody looks into passes.
    pub held: usize,
    /// How many objects and arrays may lie in each other.
    pub depth: usize,
    /// How many keys an object may have.
    pub keys: usize,
}

impl Default for Limits {
    /// 1 MiB held, a depth of 128, and 262,144 keys.
    fn default() -> Self {
        Self { held: 1 << 20, depth: 128, keys: 1 << 18 }
    }
}

/// What every machine needs.
#[derive(Clone, Debug)]
pub struct Masks {
    /// What is to be done with the document.
    pub plan: Arc<DocumentMask>,
    /// What covers it.
    pub masker: Masker,
    /// How much is held.
    pub limits: Limits,
}

/// A document could not be read, so that the rest of it is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trouble}, in what begins at byte {at}; {}", trouble.advice())]
pub struct Unreadable {
    /// What is wrong.
    pub trouble: Trouble,
    /// Where what is wrong begins, in bytes from the start of the document.
    pub at: u64,
}

/// Why a document could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// An object has a key twice, and readers differ in which one they take.
    #[error("an object has the same key twice")]
    DuplicateKey,
    /// A string holds half of a surrogate pair.
    #[error("a string holds half of a surrogate pair")]
    LoneSurrogate,
    /// It is no document, and holds what may be a member of one whose value would be covered.
    #[error("the text holds a covered key in a form that is not read")]
    Member,
    /// It is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// It is not of the form that it claims to have.
    #[error("the text is not valid in its form")]
    Syntax,
    /// Objects and arrays lie in each other too deeply.
    #[error("objects and arrays lie in each other too deeply")]
    TooDeep,
    /// Something is longer than what may be held until it is judged.
    #[error("a piece is longer than what may be held until it is judged")]
    TooLong,
    /// An object has too many keys.
    #[error("an object has too many keys")]
    TooManyKeys,
    /// Something follows the end of the document.
    #[error("something follows the end of the document")]
    Trailing,
    /// It ends before it is complete.
    #[error("the document is not complete")]
    Unterminated,
}

impl Trouble {
    fn advice(self) -> &'static str {
        match self {
            Self::TooDeep | Self::TooLong | Self::TooManyKeys => {
                "raise the limit, or leave this document out of what is masked"
            }
            Self::DuplicateKey
            | Self::LoneSurrogate
            | Self::Member
            | Self::NotUtf8
            | Self::Syntax
            | Self::Trailing
            | Self::Unterminated => "have the service send what its media type says",
        }
    }
}

#[cfg(test)]
mod fixtures;
