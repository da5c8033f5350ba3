//! Where a backend's secret comes from. The configuration names the place and never holds the secret.

use crate::SecretString;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest secret, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// A reference to a secret: `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    /// The environment variable of this name.
    Env(String),
    /// The content of this file, without the newline at its end.
    /// A relative path is the business of whoever knows what it is relative to.
    File(PathBuf),
}

/// Why a secret could not be had. Names its place, never its content.
#[derive(Debug, thiserror::Error)]
pub enum CredentialUnreadable {
    /// No such variable.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The file cannot be read.
    #[error("cannot read the secret file {path}: {cause}")]
    File {
        /// The secret's file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// More than anybody's password.
    #[error("the secret in {0} is larger than 64 KiB")]
    TooLarge(String),
    /// Bytes that are no text.
    #[error("the secret in {0} is not UTF-8 text")]
    NotText(String),
    /// Nothing there, which nobody means.
    #[error("the secret in {0} is empty")]
    Empty(String),
}

impl Credential {
    /// Reads the secret; to be called when a connection opens.
    ///
    /// # Errors
    /// When there is nothing usable at its place.
    pub fn read(&self) -> Result<SecretString, CredentialUnreadable> {
        let secret = match self {
            Self::Env(name) => {
                let value = std::env::var_os(name)
                    .ok_or_else(|| CredentialUnreadable::Unset(name.clone()))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::File(path) => {
                let mut content = read_file(path)
                    .map_err(|cause| CredentialUnreadable::File { path: path.clone(), cause })?;
                trim_newline(&mut content);
                content
            }
        };
        self.check(secret)
    }

    fn check(&self, mut secret: Zeroizing<Vec<u8>>) -> Result<SecretString, CredentialUnreadable> {
        if secret.is_empty() {
            return Err(CredentialUnreadable::Empty(self.place()));
        }
        if secret.len() as u64 > MAX_BYTES {
            return Err(CredentialUnreadable::TooLarge(self.place()));
        }
        if std::str::from_utf8(&secret).is_err() {
            return Err(CredentialUnreadable::NotText(self.place()));
        }
        String::from_utf8(std::mem::take(&mut *secret))
            .map(SecretString::new)
            .map_err(|_| CredentialUnreadable::NotText(self.place()))
    }

    fn place(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for the largest secret and its newline, so that the buffer never moves and leaves a copy behind.
    let limit = MAX_BYTES + 2;
    let mut content = Zeroizing::new(Vec::with_capacity(limit as usize + 1));
    open_regular(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Opens a file to read it: a regular one alone, since a pipe keeps whoever opens it until somebody writes, and a device may
/// have no end.
///
/// # Errors
/// What the operating system says, or that it is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}

fn trim_newline(content: &mut Vec<u8>) {
    if content.pop_if(|byte| *byte == b'\n').is_some() {
        content.pop_if(|byte| *byte == b'\r');
    }
}

#[cfg(test)]
mod tests;
