//! The name under which events are kept: the 128 bits of a UUID, whatever its version.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::str::FromStr;

/// Whose events these are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SessionId(pub u128);

/// Sessions are looked up for each event, and nobody outside chooses their ids: the last 64 bits, which are random
/// (RFC 9562, 5.7), need no further mixing against whoever would make them collide.
impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        #[allow(clippy::cast_possible_truncation, reason = "the last 64 bits are what is wanted")]
        state.write_u64(self.0 as u64);
    }
}

/// A map by session.
pub type BySession<T> = HashMap<SessionId, T, BuildHasherDefault<Taken>>;

/// Takes a [`SessionId`]'s hash as it is.
#[derive(Debug, Default)]
pub struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A text that is not a UUID in its usual form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: expected a UUID such as 0190a5c8-7d2e-7b5c-9f00-0123456789ab")]
pub struct InvalidSessionId;

/// What a hexadecimal digit is worth; 16 where it is none. The two cases of letters differ in one bit.
const fn digit(byte: u8) -> u8 {
    let (number, letter) = (byte.wrapping_sub(b'0'), (byte | 0x20).wrapping_sub(b'a'));
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        16
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    /// Reads the hyphenated form of RFC 9562 (8-4-4-4-12 hexadecimal digits).
    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| InvalidSessionId)?;
        let mut value = 0;
        // Both are looked at once, at the end: this is done for each event.
        let mut is_id = true;
        for (at, byte) in text.iter().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                is_id &= *byte == b'-';
            } else {
                let digit = digit(*byte);
                is_id &= digit < 16;
                value = value << 4 | u128::from(digit);
            }
        }
        if is_id { Ok(Self(value)) } else { Err(InvalidSessionId) }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            value >> 96,
            value >> 80 & 0xffff,
            value >> 64 & 0xffff,
            value >> 48 & 0xffff,
            value & 0xffff_ffff_ffff,
        )
    }
}

#[cfg(test)]
mod tests;
