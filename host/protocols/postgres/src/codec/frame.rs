//! Cutting a byte stream into frames: one tag byte, a length that counts itself, a body.

use super::Reader;

/// Bytes before a frame's body.
pub const HEADER: usize = 5;

/// Why bytes are not a frame of this protocol. Never carries payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is less than the four bytes it takes itself.
    #[error("message '{tag}' says that it is {length} bytes long, less than its own length field")]
    LengthTooSmall {
        /// The message's type.
        tag: char,
        /// What it says.
        length: u32,
    },
    /// The length is above the limit.
    #[error("message '{tag}' is {length} bytes long, more than the limit of {limit}")]
    TooLarge {
        /// The message's type.
        tag: char,
        /// What it says.
        length: u32,
        /// What is allowed.
        limit: u32,
    },
    /// The body ends before its fields do, or goes on after them.
    #[error("message '{tag}' is malformed: {what}")]
    Malformed {
        /// The message's type.
        tag: char,
        /// Which field.
        what: &'static str,
    },
    /// A statement's or portal's name that the server would convert: it is not known what name it keeps.
    #[error("message '{tag}' has {what} that is not ASCII")]
    Name {
        /// The message's type.
        tag: char,
        /// Whose name.
        what: &'static str,
    },
}

/// The longest name that a server keeps whole (`NAMEDATALEN` - 1).
pub const LONGEST_NAME: usize = 63;

impl FrameError {
    /// The SQLSTATE that says it best: program limit, invalid name, or protocol violation.
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "54000",
            Self::LengthTooSmall { .. } | Self::Malformed { .. } => "08P01",
            Self::Name { .. } => "42602",
        }
    }
}

/// The first five bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's type.
    pub tag: u8,
    /// The whole frame's size in bytes, header included.
    pub size: usize,
}

/// Reads the header at the start of `input`; `None` when fewer than five bytes are there.
///
/// # Errors
/// When the length lies or is above `limit`.
pub fn peek(input: &[u8], limit: u32) -> Result<Option<Header>, FrameError> {
    let Some((&[tag, a, b, c, d], _)) = input.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    let named = char::from(tag);
    if length < 4 {
        return Err(FrameError::LengthTooSmall { tag: named, length });
    }
    if length > limit {
        return Err(FrameError::TooLarge { tag: named, length, limit });
    }
    Ok(Some(Header { tag, size: length as usize + 1 }))
}

/// A whole frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The message's type.
    pub tag: u8,
    /// What follows the length.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes`, which must hold all `header.size` of it; an empty body otherwise.
    #[must_use]
    pub fn of(bytes: &'a [u8], header: Header) -> Self {
        Self { tag: header.tag, body: bytes.get(HEADER..header.size).unwrap_or(&[]) }
    }

    /// Reads the body field by field.
    #[must_use]
    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.tag, self.body)
    }
}
