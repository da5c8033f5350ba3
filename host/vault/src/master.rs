//! The key that all others are wrapped by. It comes from the operator, and is in no store.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use palisade_identity::{Secret, SecretString};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Its length, in bytes.
pub(crate) const BYTES: usize = 32;

/// A master key.
pub struct MasterKey {
    id: String,
    bytes: Secret<[u8; BYTES]>,
}

/// Why a text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no master key: 32 bytes as hex or base64, as `palisade vault key` makes one")]
pub struct KeyMalformed;

impl MasterKey {
    /// Takes a key from its text: 64 digits of hex, or base64.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &SecretString) -> Result<Self, KeyMalformed> {
        let text = text.expose().trim();
        let bytes = decode(text).ok_or(KeyMalformed)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*bytes), b"palisade master key");
        let id = tag.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, bytes: Secret::new(*bytes) })
    }

    /// The text of a new key, as hex; `None` where there are no random numbers.
    #[must_use]
    pub fn generate() -> Option<SecretString> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        let mut text = String::with_capacity(BYTES * 2);
        for byte in *bytes {
            text.push(char::from_digit(u32::from(byte >> 4), 16)?);
            text.push(char::from_digit(u32::from(byte & 15), 16)?);
        }
        Some(SecretString::new(text))
    }

    /// What the key is called in records; it says nothing of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; BYTES] {
        self.bytes.expose()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; BYTES]>> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    if text.len() == BYTES * 2 {
        let mut digits = text.chars().map(|digit| digit.to_digit(16));
        for byte in bytes.iter_mut() {
            let (high, low) = (digits.next()??, digits.next()??);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        return Some(bytes);
    }
    // The decoder wants more room than the bytes take.
    let mut room = Zeroizing::new([0; BYTES + 4]);
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    let mut decoded = engines.iter().filter_map(|it| it.decode_slice(text, &mut *room).ok());
    let length = decoded.next()?;
    drop(decoded);
    if length != BYTES {
        return None;
    }
    bytes.copy_from_slice(room.get(..BYTES)?);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Result<String, KeyMalformed> {
        MasterKey::parse(&SecretString::new(text.to_owned())).map(|key| key.id)
    }

    #[test]
    fn a_key_is_the_same_in_hex_and_base64() {
        let hex = "ff".repeat(32);
        let base64 = format!("{}8=", "/".repeat(42));
        assert_eq!(id(&hex), id(&base64));
        assert_eq!(id(&hex.to_uppercase()), id(base64.trim_end_matches('=')));
        assert_ne!(id(&hex), id(&"fe".repeat(32)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "ff", &"f".repeat(63), &"g".repeat(64), &"/".repeat(44)] {
            assert_eq!(id(text), Err(KeyMalformed), "{text}");
        }
    }

    #[test]
    fn a_new_key_is_a_key_and_is_never_shown() {
        let text = MasterKey::generate().unwrap();
        let key = MasterKey::parse(&text).unwrap();
        assert!(!format!("{key:?}").contains(text.expose()));
        assert_ne!(MasterKey::generate().unwrap().expose(), text.expose());
    }
}
