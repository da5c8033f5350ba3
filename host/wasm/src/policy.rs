//! A configured plugin as a policy: each call gets a fresh instance, a configuration, and one hook's answer.

use std::fmt;
use std::sync::Arc;

use palisade_policy::{
    Action, Batch, Command, CommandParts, Context, ContextParts, Field, Hold, Hooks, Operation,
    Plan, Policy, PolicyFailure, Review, Shape, Verdict,
};

use crate::instance::{ANSWER_BYTES, Instance};
use crate::services::Caller;
use crate::{CompiledPlugin, Limits, from_wit, to_wit};

/// A plugin with its configuration.
///
/// No instance serves two calls: nothing of one session can be seen by the next, and an answer depends on the
/// configuration and the arguments alone, and on what the plugin was granted to ask for.
/// A call runs on the thread that makes it, for at most `limits.time` and what it is given time for besides, the plugin's
/// `configure` included.
pub struct WasmPolicy {
    caller: Caller,
    plugin: Arc<CompiledPlugin>,
    config: String,
    limits: Limits,
    pure: bool,
}

impl WasmPolicy {
    pub(crate) fn new(
        caller: Caller,
        plugin: Arc<CompiledPlugin>,
        config: String,
        limits: Limits,
    ) -> Self {
        let pure = plugin.is_pure(&caller.grants);
        Self { caller, plugin, config, limits, pure }
    }

    /// The plugin that it is made of.
    #[must_use]
    pub fn plugin(&self) -> &Arc<CompiledPlugin> {
        &self.plugin
    }

    /// The same with the counters of this name, which are its own name's otherwise: policies of one name, of which one may only
    /// observe, must not spend from each other's.
    #[must_use]
    pub fn counting_as(mut self, name: &str) -> Self {
        self.caller.counts_as = name.into();
        self
    }

    /// Whose counters it has.
    #[must_use]
    pub fn counts_as(&self) -> &str {
        &self.caller.counts_as
    }

    /// A fresh instance that has its configuration, for a call that is given so many bytes.
    fn instance(
        &self,
        context: &Context,
        given: usize,
        answer_bytes: usize,
    ) -> Result<Instance<'_>, PolicyFailure> {
        let caller = self.caller.on_behalf_of(context);
        let limits = self.limits.for_bytes(given);
        let mut instance = Instance::start(&self.plugin, limits, caller, answer_bytes)?;
        instance.configure(&self.config)?.map_err(|reason| {
            PolicyFailure::Answer(format!(
                "it refuses the configuration that it took before: {reason}"
            ))
        })?;
        Ok(instance)
    }
}

impl Policy for WasmPolicy {
    fn name(&self) -> &str {
        &self.caller.policy
    }

    fn hooks(&self) -> Hooks {
        self.plugin.hooks()
    }

    /// Where the plugin has nothing but its arguments to go by, for it starts anew for each call.
    fn is_pure(&self) -> bool {
        self.pure
    }

    fn looks_at(&self) -> ContextParts {
        self.plugin.manifest().looks_at
    }

    fn judges_by(&self) -> CommandParts {
        self.plugin.manifest().judges_by
    }

    fn judge(&self, context: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let Some(guard) = &self.plugin.exports.guard else { return Ok(Verdict::Allow) };
        let mut instance = self.instance(context, size_of_command(command), ANSWER_BYTES)?;
        let verdict = instance.call(|store, instance| {
            let guard = guard.load(&mut *store, instance)?;
            to_wit::context(context, |context| {
                to_wit::command(command, |command| guard.call_judge(store, context, command))
            })
        })?;
        from_wit::verdict(verdict)
    }

    fn plan(&self, context: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let Some(mask) = &self.plugin.exports.mask else { return Ok(keep_all(shape)) };
        let mut instance = self.instance(context, size_of(shape), ANSWER_BYTES)?;
        let plan = instance.call(|store, instance| {
            let mask = mask.load(&mut *store, instance)?;
            to_wit::context(context, |context| {
                to_wit::shape(shape, |shape| mask.call_plan_for(store, context, shape))
            })
        })?;
        from_wit::plan(plan)
    }

    fn inspect(&self, context: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        let Some(mask) = &self.plugin.exports.mask else { return Ok(Batch::default()) };
        let answer_bytes = ANSWER_BYTES.saturating_add(values.bytes.len().saturating_mul(2));
        let mut instance = self.instance(context, values.bytes.len(), answer_bytes)?;
        let batch = instance.call(|store, instance| {
            let mask = mask.load(&mut *store, instance)?;
            to_wit::context(context, |context| {
                mask.call_inspect(store, context, to_wit::batch(values))
            })
        })?;
        from_wit::batch(batch, values.ends.len())
    }

    fn review(
        &self,
        context: &Context,
        command: &Command,
        hold: &Hold,
    ) -> Result<Review, PolicyFailure> {
        let Some(reviewer) = &self.plugin.exports.reviewer else { return Ok(Review::Undecided) };
        let mut instance = self.instance(context, size_of_command(command), ANSWER_BYTES)?;
        let decision = instance.call(|store, instance| {
            let reviewer = reviewer.load(&mut *store, instance)?;
            to_wit::context(context, |context| {
                to_wit::command(command, |command| {
                    to_wit::hold(hold, |hold| reviewer.call_review(store, context, command, hold))
                })
            })
        })?;
        Ok(from_wit::review(decision))
    }
}

/// Without the configuration, which may hold what nobody should read in a log.
impl fmt::Debug for WasmPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmPolicy")
            .field("name", &self.caller.policy)
            .field("grants", &self.caller.grants)
            .field("plugin", &self.plugin)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bytes of a command: its text, and what is said of its operations, which may be as much again.
fn size_of_command(command: &Command) -> usize {
    let of = |operation: &Operation| {
        let fields = operation.fields.iter().map(String::len);
        let facts = operation.facts.iter().map(|(name, value)| name.len() + value.len());
        operation.action.len() + operation.object.len() + fields.chain(facts).sum::<usize>()
    };
    command.text.len() + command.operations.iter().map(of).sum::<usize>()
}

/// Bytes of a result's description.
fn size_of(shape: &Shape) -> usize {
    let of =
        |field: &Field| field.name.len() + field.sources.iter().map(String::len).sum::<usize>();
    match shape {
        Shape::Table(fields) => fields.iter().map(of).sum(),
        Shape::Document(_) | Shape::ByteStream => 0,
    }
}

fn keep_all(shape: &Shape) -> Plan {
    let fields = match shape {
        Shape::Table(fields) => vec![Action::Keep; fields.len()],
        Shape::Document(_) | Shape::ByteStream => Vec::new(),
    };
    Plan { fields, keys: Vec::new(), rest: Action::Keep }
}

#[cfg(test)]
mod tests;
