//! The master keys at hand: one that seals, and after a rotation those that it followed.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result, anyhow, bail};
use palisade_identity::{Credential, SecretString};
use palisade_vault::{MasterKey, Owner, Place, Reader, Reference, SealFailed, Sealed};
use zeroize::Zeroizing;

/// Longer than any text of a key.
const LONGEST: u64 = 256;

/// Keys that all who hold them share.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<RwLock<Vec<Arc<MasterKey>>>>);

/// Reads a master key.
///
/// # Errors
/// Where it should have been, never what was there.
pub fn read(reference: &Reference) -> Result<MasterKey> {
    let text = match &reference.place {
        Place::Local(Credential::File(path)) => read_private(path)?,
        _ => Reader::new(reference, None)?.read()?,
    };
    Ok(MasterKey::parse(&text)?)
}

/// The text of a file that its owner alone can read.
fn read_private(path: &Path) -> Result<SecretString> {
    let unreadable = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(unreadable)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    if file.metadata().with_context(unreadable)?.permissions().mode() & 0o077 != 0 {
        bail!("{0} is open to others than its owner, fix with: chmod 600 {0}", path.display());
    }
    // Room for the longest key, so that the buffer never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    // The error's own text may quote the file.
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|_| anyhow!("{} is no text", path.display()))?;
    Ok(SecretString::new(std::mem::take(&mut *text)))
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
