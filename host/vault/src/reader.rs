//! Reads secrets by their references, and keeps them as long as they are to be believed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use palisade_identity::{Credential, CredentialUnreadable, SecretString};
use zeroize::Zeroizing;

use crate::exec::{self, ExecFailed};
use crate::kv::{Kv, VaultFailed};
use crate::reference::{Place, Reference};
use crate::server::{VaultServer, VaultUnusable};

/// Reads one secret.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    cache: Duration,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
enum Source {
    Local(Credential),
    Exec(Vec<String>),
    Vault(Box<Kv>),
}

#[derive(Debug)]
struct Kept {
    secret: SecretString,
    until: Instant,
}

/// Why a secret could not be had. Names its place, never its content.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its variable or file is of no use.
    #[error(transparent)]
    Local(#[from] CredentialUnreadable),
    /// Its command failed.
    #[error(transparent)]
    Exec(#[from] ExecFailed),
    /// What its command printed is no text.
    #[error("{0} printed something that is not UTF-8 text")]
    NotText(String),
    /// The vault did not give it.
    #[error(transparent)]
    Vault(#[from] VaultFailed),
}

impl Reader {
    /// A reader; `shared` is the vault of the places that name none.
    ///
    /// # Errors
    /// When the reference names a vault that can never be asked.
    pub fn new(reference: &Reference, shared: Option<&VaultServer>) -> Result<Self, VaultUnusable> {
        let source = match &reference.place {
            Place::Local(credential) => Source::Local(credential.clone()),
            Place::Exec(command) => Source::Exec(command.clone()),
            Place::Vault(place) => Source::Vault(Box::new(Kv::new(place, shared)?)),
        };
        Ok(Self { source, cache: reference.cache, kept: Mutex::default() })
    }

    /// The secret; it blocks for as long as its place takes to give it.
    ///
    /// # Errors
    /// When there is nothing usable at its place.
    pub fn read(&self) -> Result<SecretString, Unreadable> {
        if self.cache.is_zero() {
            return self.source.read();
        }
        // Whoever comes while it is being read waits for that reading.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(copy(&kept.secret));
        }
        *kept = None;
        let secret = self.source.read()?;
        *kept = Some(Kept { secret: copy(&secret), until: Instant::now() + self.cache });
        Ok(secret)
    }

    /// The secret, where it is kept and nobody is reading it anew: that takes no time.
    #[must_use]
    pub fn at_hand(&self) -> Option<SecretString> {
        let kept = self.kept.try_lock().ok()?;
        let kept = kept.as_ref().filter(|kept| Instant::now() < kept.until)?;
        Some(copy(&kept.secret))
    }

    /// Forgets what is kept: it is known to be of no use any more.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Source {
    fn read(&self) -> Result<SecretString, Unreadable> {
        match self {
            Self::Local(credential) => Ok(credential.read()?),
            Self::Exec(command) => {
                let mut said: Zeroizing<Vec<u8>> = exec::output(command)?;
                let program = || command.first().cloned().unwrap_or_default();
                if std::str::from_utf8(&said).is_err() {
                    return Err(Unreadable::NotText(program()));
                }
                let text = String::from_utf8(std::mem::take(&mut *said));
                text.map(SecretString::new).map_err(|_| Unreadable::NotText(program()))
            }
            Self::Vault(kv) => Ok(kv.read()?),
        }
    }
}

fn copy(secret: &SecretString) -> SecretString {
    SecretString::new(secret.expose().clone())
}

#[cfg(test)]
mod tests;
