//! A compiled plugin: checked against the contract, asked what it is, ready to be configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use palisade_policy::{CommandParts, ContextParts, Grant, Grants, Hooks};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use crate::binary::first_line;
use crate::bindings::exports::palisade::policy::{attention, guard, mask, plugin, reviewer};
use crate::contract::{self, ATTENTION, GUARD, MASK, PLUGIN, REVIEWER, VERSIONS, asks_for};
use crate::instance::{ANSWER_BYTES, Instance};
use crate::limits::Meter;
use crate::runtime::Runtime;
use crate::services::Caller;
use crate::{Limits, LoadError, WasmPolicy, wasi};

/// How long a plugin may take to describe itself, or to look at its configuration for the first time.
const LOAD_TIME: Duration = Duration::from_secs(1);

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its name; the operator may know it by another.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, in a sentence.
    pub description: String,
    /// JSON Schema of its configuration, as the plugin gave it.
    pub config_schema: String,
    /// What it looks at of a context.
    pub looks_at: ContextParts,
    /// What it looks at of a command that it judges: all of it, where it does not say.
    pub judges_by: CommandParts,
}

impl Default for Manifest {
    fn default() -> Self {
        let (name, version, description, config_schema) = Default::default();
        Self {
            name,
            version,
            description,
            config_schema,
            looks_at: ContextParts::ALL,
            judges_by: CommandParts::ALL,
        }
    }
}

/// A plugin that can be configured, as often as wanted. Immutable, shared by all policies made of it.
pub struct CompiledPlugin {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) pre: InstancePre<Meter>,
    pub(crate) exports: Exports,
    manifest: Manifest,
    imports: Imports,
    hash: String,
    size: usize,
}

/// What a component imports.
#[derive(Debug, Default)]
struct Imports {
    /// Every interface with something to call.
    names: Vec<String>,
    /// What it cannot run without, of what the contract offers.
    asks: Vec<Grant>,
    /// What it takes through WASI, where that is granted.
    uses: Vec<Grant>,
}

/// Where a component's calls are, looked up once.
pub(crate) struct Exports {
    pub(crate) plugin: plugin::GuestIndices,
    pub(crate) guard: Option<guard::GuestIndices>,
    pub(crate) attention: Option<attention::GuestIndices>,
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
        let imports = imports(component)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract(first_line(&error.root_cause()));
        let mut linker = runtime.linker.clone();
        wasi::link(&mut linker, component).map_err(contract)?;
        let pre = linker.instantiate_pre(component).map_err(contract)?;
        let exports = Exports::find(&pre)?;
        let manifest = Manifest::default();
        let mut plugin = Self { runtime, pre, exports, manifest, imports, hash, size };
        let limits =
            Limits { time: LOAD_TIME, memory: plugin.runtime.max_memory, ..Limits::default() };
        let mut instance = Instance::start(&plugin, limits, Caller::default(), ANSWER_BYTES)
            .map_err(LoadError::Start)?;
        instance.check_types().map_err(contract)?;
        let mut manifest = instance.describe().map_err(LoadError::Start)?;
        manifest.judges_by = instance.judges_by().map_err(LoadError::Start)?;
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
        grants: &Grants,
    ) -> Result<WasmPolicy, LoadError> {
        if self.imports.asks.iter().any(|asked| !grants.has(*asked)) {
            return Err(LoadError::Grants(self.imports.asks.clone()));
        }
        let caller = Caller {
            policy: name.into(),
            counts_as: name.into(),
            grants: Arc::new(grants.clone()),
            counters: Arc::clone(&self.runtime.counters),
            outbound: self.runtime.outbound.clone(),
            principal: None,
        };
        let most = self.runtime.max_memory;
        if limits.memory > most {
            return Err(LoadError::Limit { asked: limits.memory, most });
        }
        let time = limits.time.max(LOAD_TIME);
        let limits_then = Limits { time, ..limits };
        // What it counts while it is tried is not counted for the policy in force.
        let trial = Caller { counters: Arc::default(), ..caller.clone() };
        let mut instance =
            Instance::start(self, limits_then, trial, ANSWER_BYTES).map_err(LoadError::Start)?;
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

    /// What it asks of the gateway, without which it is refused.
    #[must_use]
    pub fn asks(&self) -> &[Grant] {
        &self.imports.asks
    }

    /// What it takes through WASI, where it is granted.
    #[must_use]
    pub fn uses(&self) -> &[Grant] {
        &self.imports.uses
    }

    /// The names of the interfaces that it imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports.names
    }

    /// Whether its answers are a function of the call alone, where it has these grants.
    #[must_use]
    pub fn is_pure(&self, grants: &Grants) -> bool {
        self.imports.asks.is_empty() && !self.imports.uses.iter().any(|used| grants.has(*used))
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
            .field("imports", &self.imports)
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
            if let Some(version) = exported_version(pre.component()) {
                return Err(LoadError::Version { version });
            }
            return Err(LoadError::NoPlugin(PLUGIN));
        }
        if ![GUARD, MASK, REVIEWER].into_iter().any(has) {
            return Err(LoadError::NoHook([GUARD, MASK, REVIEWER].join(", ")));
        }
        let guard = has(GUARD).then(|| guard::GuestIndices::new(pre)).transpose();
        let attention = has(ATTENTION).then(|| attention::GuestIndices::new(pre)).transpose();
        let mask = has(MASK).then(|| mask::GuestIndices::new(pre)).transpose();
        let reviewer = has(REVIEWER).then(|| reviewer::GuestIndices::new(pre)).transpose();
        Ok(Self {
            plugin: plugin::GuestIndices::new(pre).map_err(contract)?,
            guard: guard.map_err(contract)?,
            attention: attention.map_err(contract)?,
            mask: mask.map_err(contract)?,
            reviewer: reviewer.map_err(contract)?,
        })
    }
}

/// The version of the contract that the exports have, where it is one that this gateway does not know.
fn exported_version(component: &Component) -> Option<String> {
    let ty = component.component_type();
    let versions = ty.exports(component.engine()).filter_map(|(name, _)| contract::version(name));
    versions.filter(|version| !VERSIONS.contains(version)).map(str::to_owned).next()
}

/// What a component imports.
///
/// An imported instance that holds nothing but types, as `palisade:policy/types` does, gives a plugin nothing to call.
fn imports(component: &Component) -> Result<Imports, LoadError> {
    let engine = component.engine();
    let types = component.component_type();
    let has_functions = |import: &ComponentItem| match import {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    };
    let mut imports = Imports::default();
    let mut unknown = Vec::new();
    for (name, import) in types.imports(engine) {
        if let Some(version) = contract::version(name).filter(|it| !VERSIONS.contains(it)) {
            return Err(LoadError::Version { version: version.to_owned() });
        }
        if !has_functions(&import.ty) {
            continue;
        }
        imports.names.push(name.to_owned());
        match (asks_for(name), wasi::is_met(name)) {
            (Some(grant), _) => imports.asks.push(grant),
            (None, true) => imports.uses.extend(wasi::uses(name)),
            (None, false) => unknown.push(name.to_owned()),
        }
    }
    if unknown.is_empty() { Ok(imports) } else { Err(LoadError::Imports(unknown)) }
}

#[cfg(test)]
mod tests;
