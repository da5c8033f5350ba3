//! Signatures of plugins: Ed25519 (RFC 8032), in a section at the end of the file, so that one file travels everywhere.
//!
//! ```text
//!   file as it was built │ 00 73 12 "palisade.signature" │ public key (32) │ signature (64)
//!   └── what is signed ──┘ └──── a custom section, which WebAssembly leaves to us ───────┘
//! ```

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// The section's id, size, and name with its length.
const HEAD: &[u8; 21] = b"\0\x73\x12palisade.signature";
/// Bytes of a public key.
const KEY: usize = 32;
/// Bytes of a signature.
const SIGNATURE: usize = 64;
/// Comes before what is signed, so that a signature can mean nothing else.
const CONTEXT: &[u8] = b"palisade plugin 1\0";
/// How a public key is written.
const PREFIX: &str = "ed25519:";

/// A public key whose signatures are trusted, or that signed something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; KEY]);

/// A text that is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key is written as `ed25519:` and 64 hexadecimal digits, as `palisade plugins key` prints it"
)]
pub struct NoKey;

impl PublicKey {
    /// Reads `ed25519:` and 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(NoKey)?;
        if digits.len() != 2 * KEY || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoKey);
        }
        let mut key = [0; KEY];
        for (index, byte) in key.iter_mut().enumerate() {
            let pair = digits.get(2 * index..2 * index + 2).ok_or(NoKey)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoKey)?;
        }
        Ok(Self(key))
    }

    /// The public half of a pair.
    pub fn of(pair: &Ed25519KeyPair) -> Option<Self> {
        pair.public_key().as_ref().try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a file says of who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Nobody.
    None,
    /// This key, rightly.
    By(PublicKey),
    /// This key is named, but did not sign this file.
    Wrong(PublicKey),
}

/// The file with this key's signature, in the place of any that it had.
pub fn sign(file: &[u8], pair: &Ed25519KeyPair) -> Option<Vec<u8>> {
    let (unsigned, _) = split(file);
    let mut signed = unsigned.to_vec();
    signed.extend_from_slice(HEAD);
    signed.extend_from_slice(&PublicKey::of(pair)?.0);
    signed.extend_from_slice(pair.sign(&message(unsigned)).as_ref());
    Some(signed)
}

/// Who signed a file.
pub fn signature(file: &[u8]) -> Signature {
    let (unsigned, Some((key, signature))) = split(file) else { return Signature::None };
    let public = UnparsedPublicKey::new(&ED25519, key.0);
    match public.verify(&message(unsigned), signature) {
        Ok(()) => Signature::By(key),
        Err(_) => Signature::Wrong(key),
    }
}

impl Signature {
    /// Whether a file so signed may be put in force by those who trust these keys; where no key is listed, every file may.
    ///
    /// # Errors
    /// Why not, for the operator.
    pub fn check(self, trusted: &[PublicKey]) -> Result<(), String> {
        if trusted.is_empty() {
            return Ok(());
        }
        let why = match self {
            Self::By(key) if trusted.contains(&key) => return Ok(()),
            Self::By(key) => format!("it is signed by {key}, which is not trusted"),
            Self::Wrong(key) => {
                format!("its signature by {key} is wrong: the file was changed after it was signed")
            }
            Self::None => "it is not signed".to_owned(),
        };
        Err(format!(
            "{why}; `trusted_keys` in [policies] lists whose plugins are put in force, and `palisade plugins sign` signs them"
        ))
    }
}

type Signed<'a> = (PublicKey, &'a [u8]);

/// A file's part that is signed, and who signed it how.
fn split(file: &[u8]) -> (&[u8], Option<Signed<'_>>) {
    let parts = || {
        let (rest, signature) = file.split_at_checked(file.len().checked_sub(SIGNATURE)?)?;
        let (rest, key) = rest.split_at_checked(rest.len().checked_sub(KEY)?)?;
        let unsigned = rest.strip_suffix(HEAD)?;
        Some((unsigned, (PublicKey(key.try_into().ok()?), signature)))
    };
    parts().map_or((file, None), |(unsigned, signed)| (unsigned, Some(signed)))
}

fn message(unsigned: &[u8]) -> Vec<u8> {
    [CONTEXT, unsigned].concat()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    fn pair() -> Ed25519KeyPair {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
    }

    fn check(file: &[u8], trusted: &[PublicKey]) -> Result<(), String> {
        signature(file).check(trusted)
    }

    const FILE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_signed_file_is_known_by_its_key_and_is_still_webassembly() {
        let pair = pair();
        let signed = sign(FILE, &pair).unwrap();
        assert_eq!(signature(&signed), Signature::By(PublicKey::of(&pair).unwrap()));
        assert_eq!(usize::from(HEAD[1]) + 2, signed.len() - FILE.len(), "the section's size");
        assert_eq!(usize::from(HEAD[2]) + 3, HEAD.len(), "the name's length");
    }

    #[test]
    fn a_changed_file_and_another_key_are_refused_once_a_key_is_trusted() {
        let (mine, other) = (pair(), pair());
        let trusted = [PublicKey::of(&mine).unwrap()];
        let signed = sign(FILE, &mine).unwrap();
        assert_eq!(check(&signed, &trusted), Ok(()));
        let mut changed = signed.clone();
        changed[4] ^= 1;
        for (file, why) in [
            (FILE.to_vec(), "not signed"),
            (sign(FILE, &other).unwrap(), "not trusted"),
            (changed, "was changed"),
            ([&signed[..], b"\0\x01\0"].concat(), "not signed"),
        ] {
            assert!(check(&file, &trusted).unwrap_err().contains(why), "{why}");
            assert_eq!(check(&file, &[]), Ok(()));
        }
    }

    #[test]
    fn who_signs_again_takes_the_place_of_who_signed_before() {
        let (mine, other) = (pair(), pair());
        let twice = sign(&sign(FILE, &other).unwrap(), &mine).unwrap();
        assert_eq!(twice.len(), sign(FILE, &mine).unwrap().len());
        assert_eq!(signature(&twice), Signature::By(PublicKey::of(&mine).unwrap()));
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = PublicKey::of(&pair()).unwrap();
        assert_eq!(PublicKey::parse(&key.to_string()), Ok(key));
        for wrong in ["", "ed25519:", "ed25519:zz", &key.to_string().replace("ed", "")] {
            assert_eq!(PublicKey::parse(wrong), Err(NoKey), "{wrong}");
        }
    }
}
