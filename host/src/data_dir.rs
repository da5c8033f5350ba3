//! The folder where the gateway keeps what it must not lose, and the small files in it.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::plugins::files::write_whole;

/// Where a running gateway listens; the file is there while it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// For PostgreSQL clients.
    pub postgres: SocketAddr,
    /// For HTTP clients.
    #[serde(default)]
    pub http: Option<SocketAddr>,
    /// For clients of the forward proxy.
    #[serde(default)]
    pub http_proxy: Option<SocketAddr>,
    /// For administrators.
    pub admin: SocketAddr,
    /// Whether administrators must speak TLS.
    pub admin_tls: bool,
    /// The process.
    pub pid: u32,
}

/// Makes the folder, readable by its owner alone, where there is none.
///
/// # Errors
/// When it cannot be made or not be written to, in one line.
pub fn create(data_dir: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.with_context(|| format!("cannot create `data_dir` {}", data_dir.display()))?;
    let probe = data_dir.join(".writable");
    let written = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
    written.with_context(|| format!("cannot write to `data_dir` {}", data_dir.display()))
}

/// The key that authenticates compiled code; made where there is none.
///
/// # Errors
/// When it cannot be made, or others could have read it.
pub fn cache_key(data_dir: &Path) -> Result<[u8; 32]> {
    if let Some(key) = existing_cache_key(data_dir)? {
        return Ok(key);
    }
    let mut key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| anyhow!("there are no random numbers"))?;
    let path = cache_key_path(data_dir);
    let made = || -> io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&key)?;
        file.sync_all()
    };
    made().with_context(|| format!("cannot create {}", path.display()))?;
    Ok(key)
}

/// The key that authenticates compiled code, where there is one.
///
/// # Errors
/// When it cannot be read, or others could have read it.
pub fn existing_cache_key(data_dir: &Path) -> Result<Option<[u8; 32]>> {
    let path = cache_key_path(data_dir);
    let key = match fs::read(&path) {
        Ok(key) => key,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
        bail!("{0} is open to others than its owner, fix with: chmod 600 {0}", path.display());
    }
    let key = key.try_into().map_err(|_| anyhow!("{} is not 32 bytes long", path.display()))?;
    Ok(Some(key))
}

/// Says where the gateway listens.
///
/// # Errors
/// When the file cannot be written.
pub fn write_listening(data_dir: &Path, listening: &Listening) -> Result<()> {
    write_whole(&listening_path(data_dir), &serde_json::to_vec_pretty(listening)?)
}

/// Where the gateway listens, if it said so.
pub fn read_listening(data_dir: &Path) -> Option<Listening> {
    serde_json::from_slice(&fs::read(listening_path(data_dir)).ok()?).ok()
}

/// Says that the gateway listens no more.
pub fn remove_listening(data_dir: &Path) {
    if let Err(error) = fs::remove_file(listening_path(data_dir))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "cannot remove listening.json");
    }
}

/// The store's folder.
pub fn store(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

fn cache_key_path(data_dir: &Path) -> PathBuf {
    data_dir.join("cache.key")
}

fn listening_path(data_dir: &Path) -> PathBuf {
    data_dir.join("listening.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_key_is_made_once_and_refused_when_others_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(existing_cache_key(dir.path()).unwrap(), None);
        let key = cache_key(dir.path()).unwrap();
        assert_eq!(cache_key(dir.path()).unwrap(), key);
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(cache_key_path(dir.path()), open).unwrap();
        assert!(cache_key(dir.path()).is_err());
    }

    #[test]
    fn where_the_gateway_listens_is_known_while_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let listening = Listening {
            postgres: address,
            http: None,
            http_proxy: None,
            admin: address,
            admin_tls: false,
            pid: 1,
        };
        write_listening(dir.path(), &listening).unwrap();
        assert_eq!(read_listening(dir.path()), Some(listening));
        remove_listening(dir.path());
        assert_eq!(read_listening(dir.path()), None);
    }
}
