//! Plugins that an operator loaded into the running gateway, kept so that a restart does not lose them.
//!
//! `data_dir/plugins/<policy>.json` names the file `<sha-256>.wasm` beside it; it appears whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::digest;
use serde::{Deserialize, Serialize};

/// Which file is loaded under a policy's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// When it was loaded, RFC 3339.
    pub since: String,
    /// Who loaded it.
    pub by: String,
}

/// Whether a policy of this name can be kept: it becomes a file's name.
pub fn is_keepable(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// What is loaded under a policy's name, with its file.
///
/// # Errors
/// When it cannot be read or is not the file that was loaded.
pub fn find(data_dir: &Path, name: &str) -> Result<Option<(Loaded, Vec<u8>)>> {
    let path = entry(data_dir, name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let loaded: Loaded = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what the gateway wrote", path.display()))?;
    if !is_keepable(&loaded.hash) {
        bail!("{} is not what the gateway wrote", path.display());
    }
    let file = folder(data_dir).join(format!("{}.wasm", loaded.hash));
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    if sha256(&bytes) != loaded.hash {
        bail!("{} is not the file that was loaded", file.display());
    }
    Ok(Some((loaded, bytes)))
}

/// Keeps a file under a policy's name.
///
/// # Errors
/// When it cannot be written; what was kept before stays.
pub fn keep(data_dir: &Path, name: &str, loaded: &Loaded, file: &[u8]) -> Result<()> {
    let folder = folder(data_dir);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    write_whole(&folder.join(format!("{}.wasm", loaded.hash)), file)?;
    write_whole(&entry(data_dir, name), &serde_json::to_vec_pretty(loaded)?)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("plugins")
}

fn entry(data_dir: &Path, name: &str) -> PathBuf {
    folder(data_dir).join(format!("{name}.json"))
}

/// Writes a file that appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".writing");
    let draft = PathBuf::from(draft);
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs::rename(&draft, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(file: &[u8]) -> Loaded {
        Loaded { hash: sha256(file), since: "now".into(), by: "operator".into() }
    }

    #[test]
    fn what_is_kept_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path(), "a").unwrap(), None);
        keep(dir.path(), "a", &loaded(b"one"), b"one").unwrap();
        keep(dir.path(), "a", &loaded(b"two"), b"two").unwrap();
        assert_eq!(find(dir.path(), "a").unwrap(), Some((loaded(b"two"), b"two".to_vec())));
    }

    #[test]
    fn a_file_that_was_exchanged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        keep(dir.path(), "a", &loaded(b"one"), b"one").unwrap();
        let file = dir.path().join("plugins").join(format!("{}.wasm", sha256(b"one")));
        fs::write(file, b"two").unwrap();
        assert!(find(dir.path(), "a").is_err());
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_not_kept() {
        for name in ["", "..", "a/b", "a.b", "ä"] {
            assert!(!is_keepable(name), "{name}");
        }
        assert!(is_keepable("sql-guard_2"));
    }
}
