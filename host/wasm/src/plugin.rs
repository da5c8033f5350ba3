//! A compiled plugin: checked against the contract, asked what it is, ready to be configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use palisade_policy::Hooks;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use crate::binary::first_line;
use crate::bindings::exports::palisade::policy::{guard, mask, plugin, reviewer};
use crate::contract::{GUARD, MASK, PLUGIN, REVIEWER};
use crate::instance::{ANSWER_BYTES, Instance};
use crate::limits::Meter;
use crate::runtime::Runtime;
use crate::{Limits, LoadError, WasmPolicy};

/// How long a plugin may take to describe itself, or to look at its configuration for the first time.
const LOAD_TIME: Duration = Duration::from_secs(1);

/// What a plugin says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Its name; the operator may know it by another.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, in a sentence.
    pub description: String,
    /// JSON Schema of its configuration, as the plugin gave it.
    pub config_schema: String,
}

/// A plugin that can be configured, as often as wanted. Immutable, shared by all policies made of it.
pub struct CompiledPlugin {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) pre: InstancePre<Meter>,
    pub(crate) exports: Exports,
    manifest: Manifest,
    hash: String,
    size: usize,
}

/// Where a component's calls are, looked up once.
pub(crate) struct Exports {
    pub(crate) plugin: plugin::GuestIndices,
    pub(crate) guard: Option<guard::GuestIndices>,
    pub(crate) mask: Option<mask::GuestIndices>,
    pub(crate) reviewer: Option<reviewer::GuestIndices>,
}

impl CompiledPlugin {
    pub(crate) fn load(
        runtime: Arc<Runtime>,
        component: &Component,
        hash: String,
        size: usize,
    ) -> Result<Self, LoadError> {
        check_imports(component)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract(first_line(&error.root_cause()));
        let pre = runtime.linker.instantiate_pre(component).map_err(contract)?;
        let exports = Exports::find(&pre)?;
        let mut plugin = Self { runtime, pre, exports, manifest: Manifest::default(), hash, size };
        let limits =
            Limits { time: LOAD_TIME, memory: plugin.runtime.max_memory, ..Limits::default() };
        let mut instance =
            Instance::start(&plugin, limits, ANSWER_BYTES).map_err(LoadError::Start)?;
        instance.check_types().map_err(contract)?;
        let manifest = instance.describe().map_err(LoadError::Start)?;
        drop(instance);
        plugin.manifest = manifest;
        Ok(plugin)
    }

    /// Makes a policy of it.
    ///
    /// The configuration is tried at once, with a second of time, so that a refusal is found here and not at a command.
    ///
    /// # Errors
    /// When the plugin refuses the configuration or fails on it, or the host has not the memory that `limits` promise.
    pub fn configure(
        self: &Arc<Self>,
        name: &str,
        config_json: &str,
        limits: Limits,
    ) -> Result<WasmPolicy, LoadError> {
        let most = self.runtime.max_memory;
        if limits.memory > most {
            return Err(LoadError::Limit { asked: limits.memory, most });
        }
        let time = limits.time.max(LOAD_TIME);
        let mut instance = Instance::start(self, Limits { time, ..limits }, ANSWER_BYTES)
            .map_err(LoadError::Start)?;
        instance
            .configure(config_json)
            .map_err(LoadError::Start)?
            .map_err(LoadError::Configuration)?;
        if instance.time_used() > limits.time {
            tracing::warn!(
                policy = name,
                "reading its configuration took this plugin longer than a whole call may take"
            );
        }
        Ok(WasmPolicy::new(name.to_owned(), Arc::clone(self), config_json.to_owned(), limits))
    }

    /// The hooks that it exports.
    #[must_use]
    pub fn hooks(&self) -> Hooks {
        Hooks {
            guard: self.exports.guard.is_some(),
            mask: self.exports.mask.is_some(),
            reviewer: self.exports.reviewer.is_some(),
        }
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its file, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Bytes of its file.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

impl fmt::Debug for CompiledPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledPlugin")
            .field("manifest", &self.manifest)
            .field("hooks", &self.hooks())
            .field("hash", &self.hash)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Exports {
    fn find(pre: &InstancePre<Meter>) -> Result<Self, LoadError> {
        let has = |name| pre.component().get_export_index(None, name).is_some();
        let contract = |error: wasmtime::Error| LoadError::Contract(first_line(&error));
        if !has(PLUGIN) {
            return Err(LoadError::NoPlugin(PLUGIN));
        }
        if ![GUARD, MASK, REVIEWER].into_iter().any(has) {
            return Err(LoadError::NoHook([GUARD, MASK, REVIEWER].join(", ")));
        }
        let guard = has(GUARD).then(|| guard::GuestIndices::new(pre)).transpose();
        let mask = has(MASK).then(|| mask::GuestIndices::new(pre)).transpose();
        let reviewer = has(REVIEWER).then(|| reviewer::GuestIndices::new(pre)).transpose();
        Ok(Self {
            plugin: plugin::GuestIndices::new(pre).map_err(contract)?,
            guard: guard.map_err(contract)?,
            mask: mask.map_err(contract)?,
            reviewer: reviewer.map_err(contract)?,
        })
    }
}

/// An imported instance that holds nothing but types, as `palisade:policy/types` does, gives a plugin nothing to call.
fn check_imports(component: &Component) -> Result<(), LoadError> {
    let engine = component.engine();
    let wanted: Vec<String> = component
        .component_type()
        .imports(engine)
        .filter(|(_, import)| match &import.ty {
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
            }
            ComponentItem::Type(_) => false,
            _ => true,
        })
        .map(|(name, _)| name.to_owned())
        .collect();
    if wanted.is_empty() { Ok(()) } else { Err(LoadError::Imports(wanted)) }
}

#[cfg(test)]
mod tests;
