//! A secret at rest: AES-256-GCM under a key of its own, which is wrapped by the master key.
//!
//! Both bind whose secret it is and which version, so that a record put in another's place does not open.
//! A new master key wraps the data key anew; the secret itself is not touched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_identity::SecretString;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::master::{BYTES, MasterKey};

/// An encrypted secret, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The id of the master key.
    pub key: String,
    /// The data key: nonce, ciphertext and tag, as base64.
    wrapped: String,
    /// The secret, likewise.
    content: String,
}

/// What a secret belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The connection.
    pub name: &'a str,
    /// Its version.
    pub version: u64,
}

/// Why a secret cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFailed {
    /// It takes another master key.
    #[error(
        "it is sealed with the master key {0}, which is not at hand: palisade vault rotate --old …"
    )]
    OtherKey(String),
    /// It was changed, or belongs elsewhere.
    #[error("its record was changed, or belongs to another connection")]
    Damaged,
    /// There are no random numbers.
    #[error("there are no random numbers")]
    Random,
}

/// What is encrypted: it is bound too, so that neither passes for the other.
#[derive(Clone, Copy)]
enum Part {
    DataKey,
    Content,
}

impl Sealed {
    /// Seals a secret under a fresh data key.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub fn seal(
        secret: &SecretString,
        owner: Owner<'_>,
        master: &MasterKey,
    ) -> Result<Self, SealFailed> {
        let mut data_key = Zeroizing::new([0; BYTES]);
        SystemRandom::new().fill(&mut *data_key).map_err(|_| SealFailed::Random)?;
        Ok(Self {
            key: master.id().to_owned(),
            wrapped: encrypt(&*data_key, master.bytes(), owner, Part::DataKey)?,
            content: encrypt(secret.expose().as_bytes(), &data_key, owner, Part::Content)?,
        })
    }

    /// Opens it.
    ///
    /// # Errors
    /// When another master key sealed it, or it is not this owner's.
    pub fn open(&self, owner: Owner<'_>, master: &MasterKey) -> Result<SecretString, SealFailed> {
        let data_key = self.data_key(owner, master)?;
        let mut content = decrypt(&self.content, &data_key, owner, Part::Content)?;
        if std::str::from_utf8(&content).is_err() {
            return Err(SealFailed::Damaged);
        }
        let text = String::from_utf8(std::mem::take(&mut *content));
        text.map(SecretString::new).map_err(|_| SealFailed::Damaged)
    }

    /// The same secret under another master key.
    ///
    /// # Errors
    /// As for [`Sealed::open`] and [`Sealed::seal`].
    pub fn rewrap(
        &self,
        owner: Owner<'_>,
        old: &MasterKey,
        new: &MasterKey,
    ) -> Result<Self, SealFailed> {
        let data_key = self.data_key(owner, old)?;
        Ok(Self {
            key: new.id().to_owned(),
            wrapped: encrypt(&*data_key, new.bytes(), owner, Part::DataKey)?,
            content: self.content.clone(),
        })
    }

    fn data_key(
        &self,
        owner: Owner<'_>,
        master: &MasterKey,
    ) -> Result<Zeroizing<[u8; BYTES]>, SealFailed> {
        if self.key != master.id() {
            return Err(SealFailed::OtherKey(self.key.clone()));
        }
        let wrapped = decrypt(&self.wrapped, master.bytes(), owner, Part::DataKey)?;
        let mut data_key = Zeroizing::new([0; BYTES]);
        if wrapped.len() != BYTES {
            return Err(SealFailed::Damaged);
        }
        data_key.copy_from_slice(&wrapped);
        Ok(data_key)
    }
}

/// Nonce, ciphertext and tag. A key encrypts one content, and a master key far fewer than random nonces allow (2^32).
fn encrypt(
    plain: &[u8],
    key: &[u8; BYTES],
    owner: Owner<'_>,
    part: Part,
) -> Result<String, SealFailed> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SealFailed::Random)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
    bytes.extend_from_slice(plain);
    let sealed = aead(key)?.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(bound(owner, part)),
        &mut *bytes,
    );
    sealed.map_err(|_| SealFailed::Damaged)?;
    Ok(STANDARD.encode([&nonce[..], &bytes].concat()))
}

fn decrypt(
    text: &str,
    key: &[u8; BYTES],
    owner: Owner<'_>,
    part: Part,
) -> Result<Zeroizing<Vec<u8>>, SealFailed> {
    let damaged = || SealFailed::Damaged;
    let bytes = STANDARD.decode(text).map_err(|_| damaged())?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = aead(key)?.open_in_place(nonce, Aad::from(bound(owner, part)), &mut sealed);
    let length = opened.map_err(|_| damaged())?.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn aead(key: &[u8; BYTES]) -> Result<LessSafeKey, SealFailed> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealFailed::Damaged)?;
    Ok(LessSafeKey::new(key))
}

/// Fields of fixed length before the one that has none, so that no two owners are written alike.
fn bound(owner: Owner<'_>, part: Part) -> Vec<u8> {
    let part = match part {
        Part::DataKey => b"palisade data key 1",
        Part::Content => b"palisade content 01",
    };
    [&part[..], &owner.version.to_be_bytes(), owner.name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'static> = Owner { name: "orders", version: 7 };

    fn key() -> MasterKey {
        MasterKey::parse(&MasterKey::generate().unwrap()).unwrap()
    }

    fn secret() -> SecretString {
        SecretString::new("hunter2".into())
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_key_alone() {
        let master = key();
        let sealed = Sealed::seal(&secret(), OWNER, &master).unwrap();
        assert_eq!(sealed.open(OWNER, &master).unwrap().expose(), "hunter2");
        let other = sealed.open(OWNER, &key()).unwrap_err();
        assert_eq!(other, SealFailed::OtherKey(master.id().into()));
        assert_ne!(Sealed::seal(&secret(), OWNER, &master).unwrap(), sealed);
    }

    #[test]
    fn a_record_in_anothers_place_does_not_open() {
        let master = key();
        let sealed = Sealed::seal(&secret(), OWNER, &master).unwrap();
        for (name, version) in [("order", 7), ("orders", 8), ("payments", 7)] {
            let opened = sealed.open(Owner { name, version }, &master);
            assert_eq!(opened.unwrap_err(), SealFailed::Damaged);
        }
        let other = Sealed::seal(&secret(), OWNER, &master).unwrap();
        let mixed = Sealed { content: other.content, ..sealed.clone() };
        assert_eq!(mixed.open(OWNER, &master).unwrap_err(), SealFailed::Damaged);
        let swapped = Sealed { wrapped: sealed.content, content: sealed.wrapped, ..mixed };
        assert_eq!(swapped.open(OWNER, &master).unwrap_err(), SealFailed::Damaged);
    }

    #[test]
    fn a_changed_record_does_not_open() {
        let master = key();
        let sealed = Sealed::seal(&secret(), OWNER, &master).unwrap();
        let mut bytes = STANDARD.decode(&sealed.content).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            let changed = Sealed { content: STANDARD.encode(&bytes), ..sealed.clone() };
            assert_eq!(changed.open(OWNER, &master).unwrap_err(), SealFailed::Damaged);
            bytes[index] ^= 1;
        }
        let cut = Sealed { content: String::new(), ..sealed };
        assert_eq!(cut.open(OWNER, &master).unwrap_err(), SealFailed::Damaged);
    }

    #[test]
    fn a_new_master_key_takes_over_what_the_old_one_sealed() {
        let (old, new) = (key(), key());
        let sealed = Sealed::seal(&secret(), OWNER, &old).unwrap();
        let moved = sealed.rewrap(OWNER, &old, &new).unwrap();
        assert_eq!(moved.open(OWNER, &new).unwrap().expose(), "hunter2");
        assert!(moved.open(OWNER, &old).is_err());
        assert_eq!(sealed.open(OWNER, &old).unwrap().expose(), "hunter2");
    }
}
