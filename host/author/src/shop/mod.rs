//! Where an author's tools are kept: compilers that were installed once, and compiled plugins.

mod install;
mod list;
mod room;
mod run;

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt};

use palisade_wasm::{CompiledPlugin, HostOptions, PluginHost};

use crate::{AuthorError, LARGEST_FILE, MOST_MEMORY};

pub(crate) use self::run::{Program, on_path};

/// Calls that run at the same time here: one. Some room costs nothing but address space.
const INSTANCES: u32 = 4;

/// Tools, and a host that runs plugins as the gateway does.
pub struct Shop<'t> {
    folder: PathBuf,
    host: PluginHost,
    tell: &'t dyn Fn(&str),
}

/// Keeps others from doing the same at the same time, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// The folder for tools: `PALISADE_TOOLS`, or `palisade/tools` in the user's cache.
///
/// # Errors
/// When there is none, or it cannot be made.
pub fn tools_folder() -> Result<PathBuf, AuthorError> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("PALISADE_TOOLS")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("palisade/tools")))
        .or_else(|| Some(set("HOME")?.join(".cache/palisade/tools")))
        .ok_or(AuthorError::NoFolder)?;
    let folder = std::path::absolute(&folder).map_err(AuthorError::io("cannot find", &folder))?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(AuthorError::io("cannot create", &folder))?;
    Ok(folder)
}

impl Lock {
    /// Waits until nobody else has the lock `name` of this folder.
    ///
    /// # Errors
    /// When the file system has no locks, or the folder cannot be written to.
    pub fn take(folder: &Path, name: &str) -> Result<Self, AuthorError> {
        let path = folder.join(format!("{name}.lock"));
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(AuthorError::io("cannot open", &path))?;
        file.lock().map_err(AuthorError::io("cannot lock", &path))?;
        Ok(Self(file))
    }
}

impl<'t> Shop<'t> {
    /// Opens the folder. `cache_key` authenticates the compiled plugins in it; what takes long is told to `tell`.
    ///
    /// # Errors
    /// When plugins cannot be run here.
    pub fn open(
        folder: PathBuf,
        cache_key: [u8; 32],
        tell: &'t dyn Fn(&str),
    ) -> Result<Self, AuthorError> {
        let options = HostOptions {
            max_memory: MOST_MEMORY,
            max_instances: INSTANCES,
            max_file_size: LARGEST_FILE,
            ..HostOptions::new(&folder, cache_key)
        };
        room::make(&folder.join("compiled"), room::MOST);
        Ok(Self { host: PluginHost::new(options)?, folder, tell })
    }

    /// Compiles a plugin's file, or takes it from where it was compiled before.
    ///
    /// # Errors
    /// When it is no plugin that the gateway can run. `file` is only named.
    pub fn load(&self, file: &Path, bytes: &[u8]) -> Result<Arc<CompiledPlugin>, AuthorError> {
        let refused = |source| AuthorError::Refused { file: file.to_owned(), source };
        self.host.compile(bytes).map_err(refused)
    }

    pub(crate) fn tell(&self, what: &str) {
        (self.tell)(what);
    }

    /// A folder that tools keep things in between runs.
    pub(crate) fn cache(&self, name: &str) -> Result<PathBuf, AuthorError> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(AuthorError::io("cannot create", &folder))?;
        Ok(folder)
    }
}

impl fmt::Debug for Shop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").field("folder", &self.folder).finish_non_exhaustive()
    }
}
