//! A compiled plugin: checked against the contract, asked what it is, ready to be configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use palisade_policy::{Grant, Hooks};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use crate::binary::first_line;
use crate::bindings::exports::palisade::policy::{guard, mask, plugin, reviewer};
use crate::contract::{GUARD, MASK, PLUGIN, REVIEWER, asks_for};
use crate::instance::{ANSWER_BYTES, Instance};
use crate::limits::Meter;
use crate::runtime::Runtime;
use crate::services::Caller;
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
    asks: Vec<Grant>,
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
        let asks = imports(component)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract(first_line(&error.root_cause()));
        let pre = runtime.linker.instantiate_pre(component).map_err(contract)?;
        let exports = Exports::find(&pre)?;
        let manifest = Manifest::default();
        let mut plugin = Self { runtime, pre, exports, manifest, asks, hash, size };
        let limits =
            Limits { time: LOAD_TIME, memory: plugin.runtime.max_memory, ..Limits::default() };
        let mut instance = Instance::start(&plugin, limits, Caller::default(), ANSWER_BYTES)
            .map_err(LoadError::Start)?;
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
    /// When the plugin asks for what is not granted, refuses the configuration or fails on it, or the host has not the memory
    /// that `limits` promise.
    pub fn configure(
        self: &Arc<Self>,
        name: &str,
        config_json: &str,
        limits: Limits,
        grants: &[Grant],
    ) -> Result<WasmPolicy, LoadError> {
        if self.asks.iter().any(|asked| !grants.contains(asked)) {
            return Err(LoadError::Grants(self.asks.clone()));
        }
        let caller = Caller {
            policy: name.into(),
            grants: grants.into(),
            counters: Arc::clone(&self.runtime.counters),
        };
        let most = self.runtime.max_memory;
        if limits.memory > most {
            return Err(LoadError::Limit { asked: limits.memory, most });
        }
        let time = limits.time.max(LOAD_TIME);
        let limits_then = Limits { time, ..limits };
        let mut instance = Instance::start(self, limits_then, caller.clone(), ANSWER_BYTES)
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
        Ok(WasmPolicy::new(caller, Arc::clone(self), config_json.to_owned(), limits))
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

    /// What it asks of the gateway; where it is nothing, its answers are a function of the call alone.
    #[must_use]
    pub fn asks(&self) -> &[Grant] {
        &self.asks
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
            .field("asks", &self.asks)
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

/// What a component asks of the gateway.
///
/// An imported instance that holds nothing but types, as `palisade:policy/types` does, gives a plugin nothing to call.
fn imports(component: &Component) -> Result<Vec<Grant>, LoadError> {
    let engine = component.engine();
    let types = component.component_type();
    let wanted = types
        .imports(engine)
        .filter(|(_, import)| match &import.ty {
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
            }
            ComponentItem::Type(_) => false,
            _ => true,
        })
        .map(|(name, _)| name);
    let (mut asks, mut unknown) = (Vec::new(), Vec::new());
    for name in wanted {
        match asks_for(name) {
            Some(grant) => asks.push(grant),
            None => unknown.push(name.to_owned()),
        }
    }
    if unknown.is_empty() { Ok(asks) } else { Err(LoadError::Imports(unknown)) }
}

#[cfg(test)]
mod tests;
