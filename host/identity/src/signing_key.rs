//! The gateway's own Ed25519 key, in `data_dir/signing.key`.
//!
//! Whoever can read this file can make any token, so a file that others than its owner can read is refused.
//! The key is made once; of several processes that start together, one makes it and all use it.

use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;
use zeroize::Zeroizing;

const FILE_NAME: &str = "signing.key";
/// An Ed25519 key in PKCS#8 takes 83 bytes (RFC 8410).
const MAX_FILE_BYTES: u64 = 1024;

/// The key that signs the gateway's tokens and tells its own from forged ones.
#[derive(Clone)]
pub struct SigningKey {
    private: EncodingKey,
    public: Vec<u8>,
    kid: String,
}

/// Why there is no signing key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyUnusable {
    /// The file cannot be read.
    #[error("cannot read the signing key {path}: {cause}")]
    Unreadable {
        /// The key's file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// Others than the owner have rights on the file.
    #[error(
        "the signing key {path} is open to others than its owner (mode {mode:04o}), fix with: chmod 600 {path}"
    )]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is no key.
    #[error("the signing key {path} is not an Ed25519 key in PKCS#8 (DER, version 2)")]
    Malformed {
        /// The key's file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot create the signing key {path}: {cause}")]
    NotCreated {
        /// The key's file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
}

impl SigningKey {
    /// Reads the key of an existing data folder.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or holds no key.
    pub fn load(data_dir: &Path) -> Result<Self, KeyUnusable> {
        let path = data_dir.join(FILE_NAME);
        let content = read_private(&path)?;
        let pair = Ed25519KeyPair::from_pkcs8(&content)
            .map_err(|_| KeyUnusable::Malformed { path: path.clone() })?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { private: EncodingKey::from_ed_der(&content), kid: key_id(&public), public })
    }

    /// Reads the key, or makes it (and the data folder) where there is none.
    ///
    /// # Errors
    /// When the file cannot be made, or for the reasons of [`SigningKey::load`].
    pub fn load_or_create(data_dir: &Path) -> Result<Self, KeyUnusable> {
        match Self::load(data_dir) {
            Err(KeyUnusable::Unreadable { cause, path })
                if cause.kind() == io::ErrorKind::NotFound =>
            {
                create(data_dir, &path).map_err(|cause| KeyUnusable::NotCreated { path, cause })?;
                Self::load(data_dir)
            }
            other => other,
        }
    }

    /// The key's id, as tokens carry it: the start of the public key's SHA-256, in hex.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key: 32 bytes (RFC 8032).
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn encoding_key(&self) -> &EncodingKey {
        &self.private
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.public)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn key_id(public: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, public);
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyUnusable> {
    let unreadable = |cause| KeyUnusable::Unreadable { path: path.to_owned(), cause };
    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyUnusable::Exposed { path: path.to_owned(), mode });
    }
    // Room for the largest file, so that the buffer never moves and leaves a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    file.take(MAX_FILE_BYTES).read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Makes the key under a name of its own and links it into place, so that the final name never shows half a key
/// and whoever comes second finds the first one's.
fn create(data_dir: &Path, path: &Path) -> io::Result<()> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let draft = data_dir.join(format!("{FILE_NAME}.{}", Uuid::now_v7()));
    let linked = write_private(&draft, document.as_ref())
        .and_then(|()| std::fs::hard_link(&draft, path))
        .or_else(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(cause),
        });
    let removed = std::fs::remove_file(&draft);
    linked?;
    removed?;
    File::open(data_dir)?.sync_all()
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
