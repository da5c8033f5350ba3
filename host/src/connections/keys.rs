//! The master keys at hand: one that seals, and after a rotation those that it followed.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use palisade_identity::SecretString;
use palisade_vault::{MasterKey, Owner, Reader, Reference, SealFailed, Sealed};

/// Keys that all who hold them share.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<RwLock<Vec<Arc<MasterKey>>>>);

/// Reads a master key.
///
/// # Errors
/// Where it should have been, never what was there.
pub fn read(reference: &Reference) -> Result<MasterKey> {
    let text = Reader::new(reference, None)?.read()?;
    Ok(MasterKey::parse(&text)?)
}

impl Keys {
    /// The key that this reference names, if there is one.
    ///
    /// # Errors
    /// When there is one, and it cannot be used.
    pub fn open(reference: Option<&Reference>) -> Result<Self> {
        let keys = Self::default();
        if let Some(reference) = reference {
            keys.put_first(read(reference).context("cannot use the master key of [vault]")?);
        }
        Ok(keys)
    }

    /// Seals by this key from now on; the others still open.
    pub fn put_first(&self, key: MasterKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(0, Arc::new(key));
    }

    /// The key that seals.
    pub fn first(&self) -> Option<Arc<MasterKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    /// Opens a secret by the key that sealed it.
    ///
    /// # Errors
    /// When that key is not at hand, or the record is not this owner's.
    pub fn unseal(&self, sealed: &Sealed, owner: Owner<'_>) -> Result<SecretString, SealFailed> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let key = keys.iter().find(|key| key.id() == sealed.key);
        sealed.open(owner, key.ok_or_else(|| SealFailed::OtherKey(sealed.key.clone()))?)
    }
}
