//! The policies in force: from policy files and plugins' files to one set, and its exchange while sessions run.
//!
//! ```text
//!   policy file ─ [[use]] ─▶ plugin's file (bundled, a path, or loaded before) ─▶ compiled ─▶ configured ─▶ Gate
//! ```

pub mod bundled;
pub mod loaded;
mod prepare;
mod schema;

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use palisade_policy::{Gate, Memory, Mode, Placed, Policy, Use};
use palisade_wasm::{CompiledPlugin, HostOptions, Limits as CallLimits, PluginHost, WasmPolicy};
use serde_json::{Value, json};

use self::loaded::Loaded;
use crate::clock;
use crate::config::{Config, Limits};

pub use prepare::prepare;

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
    /// Since when it is in force, RFC 3339.
    pub since: String,
}

/// The policies of a running gateway.
#[derive(Debug)]
pub struct Plugins {
    host: PluginHost,
    data_dir: PathBuf,
    limits: Limits,
    gate: Arc<Gate>,
    in_force: Mutex<Vec<InForce>>,
}

/// Starts what runs plugins. Compiled code goes into `data_dir`.
///
/// # Errors
/// When it cannot be started.
pub fn start_host(data_dir: &Path, cache_key: [u8; 32], limits: &Limits) -> Result<PluginHost> {
    let mut options = HostOptions::new(data_dir, cache_key);
    options.max_memory = limits.plugin_memory.max(MOST_MEMORY);
    options.max_file_size = LARGEST_FILE;
    // A call occupies its thread: there are never more than there are threads that serve.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    options.max_instances = u32::try_from(threads * 4).unwrap_or(u32::MAX).max(64);
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

impl Plugins {
    /// Puts prepared policies in force.
    pub fn start(
        host: PluginHost,
        config: &Config,
        gate: Arc<Gate>,
        in_force: Vec<InForce>,
    ) -> Self {
        gate.install(placed(&in_force));
        let (data_dir, limits) = (config.data_dir.clone(), config.limits);
        Self { host, data_dir, limits, gate, in_force: Mutex::new(in_force) }
    }

    /// What is in force, in order, as it is shown.
    pub fn list(&self) -> Vec<Value> {
        let mut shown: Vec<Value> = vec![];
        for in_force in self.in_force().iter() {
            // One policy may be in force in several places.
            let twins = shown
                .iter()
                .filter(|one| one.get("name").is_some_and(|name| *name == in_force.name))
                .count();
            let id = match twins {
                0 => in_force.name.clone(),
                _ => format!("{}#{}", in_force.name, twins + 1),
            };
            shown.push(show(&id, in_force));
        }
        shown
    }

    /// Puts a plugin's file in the place of the plugin that runs under `name` (the plugin's own name where left out),
    /// everywhere at once and with the configuration that is there, from each session's next command on.
    /// Compiles, and so takes a while. Gives what is now in force under the name.
    ///
    /// # Errors
    /// Why the file is rejected; everything is then as before.
    pub fn load(&self, name: Option<&str>, file: &[u8], by: &str) -> Result<Vec<Value>, String> {
        let plugin = self.host.compile(file).map_err(|error| error.to_string())?;
        let name = name.unwrap_or(&plugin.manifest().name).to_owned();
        let mut in_force = self.in_force();
        let names: Vec<&str> = in_force.iter().map(|one| one.name.as_str()).collect();
        if !names.contains(&name.as_str()) {
            return Err(format!(
                "no policy file puts a policy called `{}` in force; there are: {}",
                name.escape_debug(),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") },
            ));
        }
        let since = clock::rfc3339(clock::now_micros());
        let mut new = vec![];
        for old in in_force.iter() {
            new.push(if old.name == name {
                let policy = self.configure(&plugin, old)?;
                let (plugin, since) = (Arc::clone(&plugin), since.clone());
                let origin = Origin::Loaded { by: by.to_owned() };
                let memory = Arc::default();
                InForce { plugin, policy, memory, origin, since, ..old.clone() }
            } else {
                old.clone()
            });
        }
        let loaded = Loaded { hash: plugin.hash().to_owned(), since, by: by.to_owned() };
        loaded::keep(&self.data_dir, &name, &loaded, file)
            .map_err(|error| format!("the file cannot be kept: {error:#}"))?;
        self.gate.install(placed(&new));
        *in_force = new;
        tracing::info!(policy = name, hash = plugin.hash(), by, "a plugin was loaded");
        Ok(in_force.iter().filter(|one| one.name == name).map(|one| show(&name, one)).collect())
    }

    fn configure(
        &self,
        plugin: &Arc<CompiledPlugin>,
        old: &InForce,
    ) -> Result<Arc<WasmPolicy>, String> {
        let place = format!("{}:{}", old.used.file.display(), old.used.config_line);
        let misfits = schema::misfits(&plugin.manifest().config_schema, &old.used.config);
        if !misfits.is_empty() {
            let mut reason = format!("its schema does not allow the configuration at {place}");
            for misfit in misfits {
                let _infallible = write!(reason, "; {}: {}", misfit.pointer, misfit.problem);
            }
            return Err(reason);
        }
        let policy = plugin.configure(
            &old.name,
            &old.used.config.to_string(),
            call_limits(&self.limits, &old.used),
            &old.used.grants,
        );
        policy.map(Arc::new).map_err(|error| format!("{error} (the configuration is at {place})"))
    }

    fn in_force(&self) -> MutexGuard<'_, Vec<InForce>> {
        // It is replaced as a whole: a panic elsewhere does not make it wrong.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn placed(in_force: &[InForce]) -> Vec<Placed> {
    let place = |one: &InForce| Placed {
        policy: Arc::clone(&one.policy) as Arc<dyn Policy>,
        mode: one.used.mode,
        scope: one.used.scope.clone(),
        memory: Arc::clone(&one.memory),
    };
    in_force.iter().map(place).collect()
}

fn show(id: &str, in_force: &InForce) -> Value {
    let InForce { name, used, plugin, origin, since, .. } = in_force;
    let (manifest, hooks) = (plugin.manifest(), plugin.hooks());
    let hooks: Vec<&str> =
        [("guard", hooks.guard), ("mask", hooks.mask), ("reviewer", hooks.reviewer)]
            .into_iter()
            .filter_map(|(name, has)| has.then_some(name))
            .collect();
    let (origin, file, by) = match origin {
        Origin::Bundled => ("bundled", None, None),
        Origin::File(path) => ("file", Some(path.display().to_string()), None),
        Origin::Loaded { by } => ("loaded", None, Some(by)),
    };
    json!({
        "id": id,
        "name": name,
        "plugin": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "hooks": hooks,
        "mode": match used.mode { Mode::Enforce => "enforce", Mode::Observe => "observe" },
        "origin": origin,
        "file": file,
        "loaded_by": by,
        "hash": plugin.hash(),
        "size": plugin.size(),
        "since": since,
        "policy_file": used.file.display().to_string(),
        "line": used.line,
        "schema": serde_json::from_str::<Value>(&manifest.config_schema).unwrap_or(Value::Null),
    })
}

#[cfg(test)]
mod tests;
