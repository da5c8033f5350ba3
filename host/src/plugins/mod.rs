//! The policies in force: from policy files and plugins' files to one set, and its exchange while sessions run.
//!
//! ```text
//!   policy file ─ [[use]] ─▶ plugin's file (bundled, a path, or loaded) ─▶ signed? ─▶ compiled ─▶ configured ─▶ Gate
//!                                            ▲
//!           load, unload, rollback ── history┘          watch: the same again, when a file changes
//! ```

pub mod bundled;
pub mod files;
mod history;
mod listing;
mod prepare;
mod running;
mod schema;
mod scope;
pub mod signature;
mod watch;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use palisade_policy::{Memory, Mode, Use};
use palisade_wasm::{CompiledPlugin, HostOptions, Limits as CallLimits, PluginHost, WasmPolicy};

use crate::config::Limits;
use crate::outbound::Sender;

pub use files::sha256;
pub use prepare::{Candidate, Prepared, prepare, prepare_with};
pub use running::{Pending, Plugins};
pub use scope::unknown_connections;
pub use signature::PublicKey;
pub use watch::watch;

/// The largest file of a plugin, in bytes.
const LARGEST_FILE: usize = 64 << 20;
/// The most memory that a policy file can give a plugin, in bytes.
const MOST_MEMORY: usize = 512 << 20;

/// Where a plugin's file came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the binary.
    Bundled,
    /// A policy file names it.
    File(PathBuf),
    /// Somebody loaded it into the running gateway.
    Loaded {
        /// Who.
        by: String,
    },
}

/// One policy in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Its name: the one that its `[[use]]` gives it, or the plugin's own.
    pub name: String,
    /// What put it in force.
    pub used: Use,
    /// Its plugin.
    pub plugin: Arc<CompiledPlugin>,
    /// The plugin with its configuration.
    pub policy: Arc<WasmPolicy>,
    /// What it said before.
    pub memory: Arc<Memory>,
    /// Where the plugin came from.
    pub origin: Origin,
    /// Who signed its file, rightly.
    pub signed_by: Option<PublicKey>,
    /// Since when it is in force, RFC 3339.
    pub since: String,
}

impl InForce {
    /// Whether both always say the same.
    fn is_same(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.used, &other.used);
        self.is_asked_alike(other)
            && (mine.mode, &mine.scope, &self.origin) == (theirs.mode, &theirs.scope, &other.origin)
    }

    /// Whether both answer every question alike, so that what one said before the other may remember.
    fn is_asked_alike(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.used, &other.used);
        self.name == other.name
            && self.plugin.hash() == other.plugin.hash()
            && mine.config == theirs.config
            && (&mine.grants, mine.limits) == (&theirs.grants, theirs.limits)
    }
}

/// Starts what runs plugins. Compiled code goes into `data_dir`.
///
/// # Errors
/// When it cannot be started.
pub fn start_host(data_dir: &Path, cache_key: [u8; 32], limits: &Limits) -> Result<PluginHost> {
    let mut options = HostOptions::new(data_dir, cache_key);
    options.max_memory = limits.plugin_memory.max(MOST_MEMORY);
    options.max_file_size = LARGEST_FILE;
    options.outbound = Some(Arc::new(Sender::new()));
    // A call occupies its thread: there are never more than there are threads that serve.
    options.max_instances = u32::try_from(limits.threads * 4).unwrap_or(u32::MAX).max(64);
    Ok(PluginHost::new(options)?)
}

/// What one call of a plugin may use: what its policy file says, and the gateway's limits for the rest.
pub fn call_limits(limits: &Limits, used: &Use) -> CallLimits {
    let own = used.limits;
    let number = |own: Option<NonZeroU32>| own.map(|own| own.get() as usize);
    let usual = CallLimits::default();
    CallLimits {
        time: own.time_ms.map_or(limits.plugin_time, |ms| Duration::from_millis(ms.get().into())),
        memory: number(own.memory_mib).map_or(limits.plugin_memory, |mib| mib << 20),
        tables: number(own.tables).unwrap_or(usual.tables),
        instances: number(own.instances).unwrap_or(usual.instances),
    }
}

/// The word of a mode in a policy file.
fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
    }
}

#[cfg(test)]
mod tests;
