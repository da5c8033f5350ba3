//! Reading a body field by field.

use super::FrameError;
use super::frame::LONGEST_NAME;

/// A cursor over a body that knows which message it reads, for its errors.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    tag: u8,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of a body.
    #[must_use]
    pub fn new(tag: u8, body: &'a [u8]) -> Self {
        Self { tag, rest: body }
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// An error about a field of this message.
    #[must_use]
    pub fn malformed(&self, what: &'static str) -> FrameError {
        FrameError::Malformed { tag: char::from(self.tag), what }
    }

    /// So many bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], FrameError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(self.malformed(what))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// When none is left.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, FrameError> {
        let (byte, rest) = self.rest.split_first().ok_or(self.malformed(what))?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn i16(&mut self, what: &'static str) -> Result<i16, FrameError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(self.malformed(what))?;
        self.rest = rest;
        Ok(i16::from_be_bytes(*bytes))
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn i32(&mut self, what: &'static str) -> Result<i32, FrameError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(self.malformed(what))?;
        self.rest = rest;
        Ok(i32::from_be_bytes(*bytes))
    }

    /// Four bytes, big-endian, without sign.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, FrameError> {
        self.i32(what).map(i32::cast_unsigned)
    }

    /// A count of things that follow: two bytes. The protocol calls it an `Int16`; both sides read it without sign, since
    /// a statement can have 65,535 parameters.
    ///
    /// # Errors
    /// When fewer bytes are left.
    pub fn count(&mut self, what: &'static str) -> Result<usize, FrameError> {
        self.i16(what).map(|count| usize::from(count.cast_unsigned()))
    }

    /// Bytes up to a NUL, which is left out.
    ///
    /// # Errors
    /// When no NUL follows.
    pub fn cstr(&mut self, what: &'static str) -> Result<&'a [u8], FrameError> {
        let end =
            self.rest.iter().position(|byte| *byte == 0).ok_or_else(|| self.malformed(what))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or(&[]);
        Ok(text)
    }

    /// A name: text up to a NUL.
    ///
    /// # Errors
    /// When no NUL follows, or the text is not UTF-8.
    pub fn name(&mut self, what: &'static str) -> Result<&'a str, FrameError> {
        let bytes = self.cstr(what)?;
        std::str::from_utf8(bytes).map_err(|_not_utf8| self.malformed(what))
    }

    /// The name of a statement or a portal, cut as a server cuts it: one object has all names that begin so, SQL's own too. One
    /// beyond ASCII a server converts first, and cuts by its own encoding.
    ///
    /// # Errors
    /// When no NUL follows, or it is not known what name the server keeps.
    pub fn kept_name(&mut self, what: &'static str) -> Result<&'a str, FrameError> {
        let unkept = FrameError::Name { tag: char::from(self.tag), what };
        let name = std::str::from_utf8(self.cstr(what)?).map_err(|_not_utf8| unkept)?;
        let kept = name.get(..LONGEST_NAME).unwrap_or(name);
        if name.is_ascii() { Ok(kept) } else { Err(unkept) }
    }

    /// A value with its length before it; `None` for NULL (length -1).
    ///
    /// # Errors
    /// When the length is below -1 or beyond what is left.
    pub fn value(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, FrameError> {
        match self.i32(what)? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_negative| self.malformed(what))?;
                self.bytes(length, what).map(Some)
            }
        }
    }

    /// Says that nothing may be left.
    ///
    /// # Errors
    /// When something is.
    pub fn end(&self) -> Result<(), FrameError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes after its end")) }
    }
}
