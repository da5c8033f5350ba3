//! Messages as they are framed: a byte that says whether one is compressed, its length in four, and so many bytes.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes before each message.
pub(crate) const PREFIX: usize = 5;
/// Room that is made for a message before it comes, in bytes.
const AT_ONCE: usize = 64 * 1024;

/// A part of a stream of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A message begins.
    Begins {
        /// Whether it is compressed.
        compressed: bool,
        /// Its length in bytes.
        length: u32,
    },
    /// Bytes of it, of which there are some.
    Piece(Bytes),
    /// It ends.
    Ends,
}

/// Why messages cannot be told apart, or one not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// Neither compressed nor not.
    #[error("the byte before a message is neither 0 nor 1")]
    Flag,
    /// Within a message.
    #[error("it ends in the middle of a message")]
    Cut,
    /// Too long.
    #[error("a message of {0} bytes is longer than is read to judge it")]
    Long(u32),
}

/// Takes messages apart as they come.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    prefix: Vec<u8>,
    /// What is still to come of the message that has begun.
    left: Option<u32>,
}

impl Frames {
    /// The next part of what came; `None` where more must come.
    pub(crate) fn next(&mut self, came: &mut Bytes) -> Result<Option<Part>, Broken> {
        match self.left {
            Some(0) => {
                self.left = None;
                Ok(Some(Part::Ends))
            }
            Some(left) if !came.is_empty() => {
                let length = came.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.left = Some(left - u32::try_from(length).unwrap_or(left));
                Ok(Some(Part::Piece(came.split_to(length))))
            }
            Some(_) => Ok(None),
            None => self.begin(came),
        }
    }

    fn begin(&mut self, came: &mut Bytes) -> Result<Option<Part>, Broken> {
        let missing = (PREFIX - self.prefix.len()).min(came.len());
        self.prefix.extend_from_slice(&came.split_to(missing));
        if self.prefix.first().is_some_and(|flag| *flag > 1) {
            return Err(Broken::Flag);
        }
        let Some((flag, length)) = self.prefix.split_first().filter(|(_, it)| it.len() == 4) else {
            return Ok(None);
        };
        let mut digits = length;
        let (compressed, length) = (*flag == 1, digits.get_u32());
        self.prefix.clear();
        self.left = Some(length);
        Ok(Some(Part::Begins { compressed, length }))
    }

    /// Whether a message has begun and is not whole yet.
    fn is_amid(&self) -> bool {
        self.left.is_some()
    }

    /// Ends the stream.
    pub(crate) fn finish(&self) -> Result<(), Broken> {
        match self.left.is_none() && self.prefix.is_empty() {
            true => Ok(()),
            false => Err(Broken::Cut),
        }
    }
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) compressed: bool,
    pub(crate) payload: Bytes,
}

/// Gathers messages whole.
#[derive(Debug)]
pub(crate) struct Gather {
    frames: Frames,
    limit: usize,
    compressed: bool,
    payload: BytesMut,
}

impl Gather {
    /// One that takes no message longer than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { frames: Frames::default(), limit, compressed: false, payload: BytesMut::new() }
    }

    /// The next message that is whole; `None` where more must come.
    pub(crate) fn next(&mut self, came: &mut Bytes) -> Result<Option<Whole>, Broken> {
        while let Some(part) = self.frames.next(came)? {
            match part {
                Part::Begins { length, .. } if length as usize > self.limit => {
                    return Err(Broken::Long(length));
                }
                Part::Begins { compressed, length } => {
                    self.compressed = compressed;
                    self.payload.reserve(AT_ONCE.min(length as usize));
                }
                Part::Piece(piece) => self.payload.extend_from_slice(&piece),
                Part::Ends => {
                    // What is gathered next begins with no memory of this one.
                    let payload = std::mem::take(&mut self.payload).freeze();
                    return Ok(Some(Whole { compressed: self.compressed, payload }));
                }
            }
        }
        Ok(None)
    }

    /// Whether a message has begun and is not whole yet.
    pub(crate) fn is_amid(&self) -> bool {
        self.frames.is_amid()
    }

    /// Ends the stream.
    pub(crate) fn finish(&self) -> Result<(), Broken> {
        self.frames.finish()
    }
}

/// A message that is not compressed, framed.
pub(crate) fn framed(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX + payload.len());
    out.extend_from_slice(&prefix(false, u32::try_from(payload.len()).unwrap_or(u32::MAX)));
    out.extend_from_slice(payload);
    out.freeze()
}

/// What stands before a message.
pub(crate) fn prefix(compressed: bool, length: u32) -> [u8; PREFIX] {
    let [a, b, c, d] = length.to_be_bytes();
    [u8::from(compressed), a, b, c, d]
}
