//! The name under which events are kept: the 128 bits of a UUID, whatever its version.

use std::fmt;
use std::str::FromStr;

/// Whose events these are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u128);

/// A text that is not a UUID in its usual form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: expected a UUID such as 0190a5c8-7d2e-7b5c-9f00-0123456789ab")]
pub struct InvalidSessionId;

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    /// Reads the hyphenated form of RFC 9562 (8-4-4-4-12 hexadecimal digits).
    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let mut value = 0_u128;
        for (at, byte) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(InvalidSessionId);
                }
            } else {
                let digit = char::from(byte).to_digit(16).ok_or(InvalidSessionId)?;
                value = value << 4 | u128::from(digit);
            }
        }
        if text.len() == 36 { Ok(Self(value)) } else { Err(InvalidSessionId) }
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
