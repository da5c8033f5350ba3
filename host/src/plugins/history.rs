//! What was loaded into the running gateway under a policy's name, and what before it; kept so that a restart does not lose it.
//!
//! `data_dir/plugins/<policy>.json` names the file `<sha-256>.wasm` beside it; it appears whole or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::files::{sha256, write_whole};

/// How many steps back a policy remembers.
const MOST_STEPS: usize = 16;

/// One choice of a plugin for a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// SHA-256 of the file, in hexadecimal; left out for what the policy file names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Since when, RFC 3339.
    pub since: String,
    /// Who chose it.
    pub by: String,
}

/// What is chosen for a policy, and what was before, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// What is in force.
    #[serde(flatten)]
    pub now: Choice,
    /// What was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Choice>,
}

impl History {
    /// The history after another choice.
    #[must_use]
    pub fn then(mut self, choice: Choice) -> Self {
        self.before.push(std::mem::replace(&mut self.now, choice));
        let surplus = self.before.len().saturating_sub(MOST_STEPS);
        self.before.drain(..surplus);
        self
    }

    /// The history one step back; none where there is no step.
    #[must_use]
    pub fn back(mut self) -> Option<Self> {
        self.now = self.before.pop()?;
        Some(self)
    }
}

/// Whether a policy of this name can be kept: it becomes a file's name.
pub fn is_keepable(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// The history of a policy; where nothing was ever loaded it is the policy file's plugin, chosen by nobody.
///
/// # Errors
/// When it cannot be read.
pub fn of(data_dir: &Path, name: &str) -> Result<History> {
    let path = entry(data_dir, name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let history: History = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what the gateway wrote", path.display()))?;
    let choices = history.before.iter().chain([&history.now]);
    if !choices.filter_map(|choice| choice.hash.as_deref()).all(is_keepable) {
        bail!("{} is not what the gateway wrote", path.display());
    }
    Ok(history)
}

/// The file of this hash, which was kept.
///
/// # Errors
/// When it cannot be read or is not the file that was kept.
pub fn file(data_dir: &Path, hash: &str) -> Result<Vec<u8>> {
    let file = folder(data_dir).join(format!("{hash}.wasm"));
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    if sha256(&bytes) != hash {
        bail!("{} is not the file that was loaded", file.display());
    }
    Ok(bytes)
}

/// Keeps a file by its hash.
///
/// # Errors
/// When it cannot be written.
pub fn keep_file(data_dir: &Path, file: &[u8]) -> Result<()> {
    let path = make_folder(data_dir)?.join(format!("{}.wasm", sha256(file)));
    let is_there = fs::read(&path).is_ok_and(|kept| kept == file);
    if is_there { Ok(()) } else { write_whole(&path, file) }
}

/// Keeps a policy's history.
///
/// # Errors
/// When it cannot be written; what was kept before stays.
pub fn keep(data_dir: &Path, name: &str, history: &History) -> Result<()> {
    make_folder(data_dir)?;
    write_whole(&entry(data_dir, name), &serde_json::to_vec_pretty(history)?)
}

/// Where a policy's history is.
pub fn entry(data_dir: &Path, name: &str) -> PathBuf {
    folder(data_dir).join(format!("{name}.json"))
}

fn make_folder(data_dir: &Path) -> Result<PathBuf> {
    let folder = folder(data_dir);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(folder)
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("plugins")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(file: &[u8]) -> Choice {
        Choice { hash: Some(sha256(file)), since: "now".into(), by: "operator".into() }
    }

    #[test]
    fn what_is_kept_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of(dir.path(), "a").unwrap(), History::default());
        let history = History::default().then(chosen(b"one")).then(chosen(b"two"));
        keep_file(dir.path(), b"two").unwrap();
        keep(dir.path(), "a", &history).unwrap();
        assert_eq!(of(dir.path(), "a").unwrap(), history);
        assert_eq!(file(dir.path(), &sha256(b"two")).unwrap(), b"two");
    }

    #[test]
    fn a_step_back_undoes_a_choice_and_the_first_cannot_be_undone() {
        let one = History::default().then(chosen(b"one"));
        assert_eq!(one.clone().then(chosen(b"two")).back(), Some(one.clone()));
        assert_eq!(one.back(), Some(History::default()));
        assert_eq!(History::default().back(), None);
    }

    #[test]
    fn so_many_steps_are_remembered() {
        let mut history = History::default();
        for _ in 0..100 {
            history = history.then(chosen(b"x"));
        }
        assert_eq!(history.before.len(), MOST_STEPS);
    }

    #[test]
    fn a_file_that_was_exchanged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        keep_file(dir.path(), b"one").unwrap();
        let path = dir.path().join("plugins").join(format!("{}.wasm", sha256(b"one")));
        fs::write(path, b"two").unwrap();
        assert!(file(dir.path(), &sha256(b"one")).is_err());
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_not_kept() {
        for name in ["", "..", "a/b", "a.b", "ä"] {
            assert!(!is_keepable(name), "{name}");
        }
        assert!(is_keepable("sql-guard_2"));
    }
}
