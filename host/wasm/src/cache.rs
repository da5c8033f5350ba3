//! Compiled code kept on disk, so that a restart compiles nothing.
//!
//! Loading compiled code means running it as it is. So each file carries an HMAC under the gateway's own key,
//! over the plugin's hash, the engine's version and settings, and the code; what does not verify is never loaded.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ring::{digest, hmac};
use wasmtime::Engine;

use crate::{binary, contract};

/// SHA-256 of a plugin's file.
pub(crate) type Hash256 = [u8; 32];

/// Bytes of an HMAC-SHA-256.
const TAG: usize = 32;

/// The hash under which a plugin is known.
pub(crate) fn hash(bytes: &[u8]) -> Hash256 {
    finish(|context| context.update(bytes))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder of authenticated compiled code for one engine.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: hmac::Key,
    engine: Hash256,
}

impl Cache {
    /// Makes the folder, readable by its owner alone, where it does not exist.
    pub(crate) fn open(folder: &Path, key: &[u8; 32], engine: &Engine) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(Self { folder: folder.to_owned(), key, engine: hash_of_engine(engine) })
    }

    /// The compiled code of this plugin for this engine, if this gateway wrote it.
    pub(crate) fn read(&self, plugin: &Hash256) -> Option<Vec<u8>> {
        let path = self.path(plugin);
        let mut file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read compiled plugin");
                return None;
            }
        };
        let code = file.len().checked_sub(TAG)?;
        let (bytes, tag) = file.split_at(code);
        if hmac::verify(&self.key, &self.signed(plugin, bytes), tag).is_err() {
            tracing::warn!(path = %path.display(), "compiled plugin is not what this gateway wrote; compiling again");
            return None;
        }
        file.truncate(code);
        Some(file)
    }

    /// Keeps compiled code; the file appears whole or not at all, readable by its owner alone.
    pub(crate) fn write(&self, plugin: &Hash256, code: &[u8]) -> io::Result<()> {
        let tag = hmac::sign(&self.key, &self.signed(plugin, code));
        let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(tag.as_ref())?;
        file.persist(self.path(plugin)).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, plugin: &Hash256) -> PathBuf {
        let (engine, _) = self.engine.split_at(8);
        self.folder.join(format!("{}-{}.cwasm", hex(plugin), hex(engine)))
    }

    /// What the HMAC covers: a digest of fixed-length parts, so that no file can stand in for another.
    fn signed(&self, plugin: &Hash256, code: &[u8]) -> Hash256 {
        finish(|context| {
            context.update(plugin);
            context.update(&self.engine);
            context.update(code);
        })
    }
}

/// What compiled code depends on besides the plugin: the engine, and what this crate adds to a core module.
fn hash_of_engine(engine: &Engine) -> Hash256 {
    finish(|context| {
        engine.precompile_compatibility_hash().hash(&mut Feed(context));
        context.update(contract::TEXT.as_bytes());
        context.update(binary::ADAPTER.as_bytes());
    })
}

fn finish(feed: impl FnOnce(&mut digest::Context)) -> Hash256 {
    let mut context = digest::Context::new(&digest::SHA256);
    feed(&mut context);
    let mut hash = Hash256::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Lets a value that knows only [`Hash`] be hashed in a way that is the same after a restart.
struct Feed<'a>(&'a mut digest::Context);

impl Hasher for Feed<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
