//! One instance of a plugin, for one call: it has its own memory, a deadline and a meter, and is dropped afterwards.

use std::time::Duration;

use palisade_policy::{CommandParts, PolicyFailure};
use wasmtime::{Store, component};

use crate::limits::Meter;
use crate::plugin::{CompiledPlugin, Manifest};
use crate::runtime::failure;
use crate::services::Caller;
use crate::ticker::{Awake, Ticker};
use crate::{Limits, from_wit};

/// Bytes that the host takes for one answer. A guest's lists can name the same memory again and again,
/// so an answer can be far larger than the guest's own memory.
pub(crate) const ANSWER_BYTES: usize = 8 << 20;

/// A running instance. The deadline covers its whole life, from the start on.
pub(crate) struct Instance<'a> {
    plugin: &'a CompiledPlugin,
    instance: component::Instance,
    store: Store<Meter>,
    _awake: Awake<'a>,
}

impl<'a> Instance<'a> {
    /// Takes a slot of the pool.
    pub(crate) fn start(
        plugin: &'a CompiledPlugin,
        limits: Limits,
        caller: Caller,
        answer_bytes: usize,
    ) -> Result<Self, PolicyFailure> {
        let mut store = Store::new(&plugin.runtime.engine, Meter::new(limits, caller));
        store.limiter(|meter| meter);
        store.set_hostcall_fuel(answer_bytes);
        store.set_epoch_deadline(Ticker::epochs(limits.time));
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().deadline()));
        let awake = plugin.runtime.ticker.keep_awake();
        let instance = plugin
            .pre
            .instantiate(&mut store)
            .map_err(|error| start_failure(&error, store.data()))?;
        Ok(Self { plugin, instance, store, _awake: awake })
    }

    /// Runs one call of the guest.
    pub(crate) fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Store<Meter>, &component::Instance) -> wasmtime::Result<R>,
    ) -> Result<R, PolicyFailure> {
        call(&mut self.store, &self.instance).map_err(|error| failure(&error, self.store.data()))
    }

    /// How much of its time the call has used.
    pub(crate) fn time_used(&self) -> Duration {
        self.store.data().used()
    }

    /// Gives the guest its configuration. The inner error is the guest's own reason for refusing it.
    pub(crate) fn configure(&mut self, config: &str) -> Result<Result<(), String>, PolicyFailure> {
        let plugin = &self.plugin.exports.plugin;
        self.call(|store, instance| {
            plugin.load(&mut *store, instance)?.call_configure(store, config)
        })
        .map(|answer| answer.map_err(from_wit::shortened))
    }

    pub(crate) fn describe(&mut self) -> Result<Manifest, PolicyFailure> {
        let plugin = &self.plugin.exports.plugin;
        self.call(|store, instance| plugin.load(&mut *store, instance)?.call_describe(store))
            .map(from_wit::manifest)
    }

    /// What it says that it looks at of a command; everything, where it does not say.
    pub(crate) fn judges_by(&mut self) -> Result<CommandParts, PolicyFailure> {
        let Some(attention) = &self.plugin.exports.attention else { return Ok(CommandParts::ALL) };
        self.call(|store, instance| attention.load(&mut *store, instance)?.call_judges_by(store))
            .map(from_wit::command_parts)
    }

    /// Whether every export has the contract's types; names alone were compared before.
    pub(crate) fn check_types(&mut self) -> wasmtime::Result<()> {
        let exports = &self.plugin.exports;
        exports.plugin.load(&mut self.store, &self.instance)?;
        if let Some(guard) = &exports.guard {
            guard.load(&mut self.store, &self.instance)?;
        }
        if let Some(attention) = &exports.attention {
            attention.load(&mut self.store, &self.instance)?;
        }
        if let Some(mask) = &exports.mask {
            mask.load(&mut self.store, &self.instance)?;
        }
        if let Some(reviewer) = &exports.reviewer {
            reviewer.load(&mut self.store, &self.instance)?;
        }
        Ok(())
    }
}

/// Before the first call there is no answer that could be wrong: what is no trap and no limit of the meter
/// is a limit of the pool or of `Limits`.
fn start_failure(error: &wasmtime::Error, meter: &Meter) -> PolicyFailure {
    match failure(error, meter) {
        PolicyFailure::Answer(reason) => PolicyFailure::Trap(format!("no instance: {reason}")),
        failure => failure,
    }
}
