//! From the traits to a component: the [`plugin!`](crate::plugin!) macro and what it leans on.
//!
//! The glue is written once, for every `T` that has the hook, so the macro itself only keeps the instance and names the exports.

use std::cell::OnceCell;

use crate::bindings::{attention_piece, guard_piece, mask_piece, plugin_piece, reviewer_piece};
use crate::{Batch, Command, Context, Decision, Guard, Hold, Mask, Plan, Plugin, Reviewer};
use crate::{Shape, Verdict};

use attention_piece::exports::palisade::policy::attention;
use guard_piece::exports::palisade::policy::guard;
use mask_piece::exports::palisade::policy::mask;
use plugin_piece::exports::palisade::policy::plugin;
use reviewer_piece::exports::palisade::policy::reviewer;

/// Exports a type as a plugin, with the hooks named: any of `guard`, `mask`, `reviewer`.
///
/// ```
/// # use plugin_sdk::prelude::*;
/// # #[config] struct MyPlugin {}
/// # impl Plugin for MyPlugin {}
/// # impl Guard for MyPlugin { fn judge(&self, _: &Context, _: &Command) -> Verdict { Verdict::Allow } }
/// # impl Mask for MyPlugin { fn plan(&self, _: &Context, shape: &Shape) -> Plan { Plan::keep(shape) } }
/// plugin_sdk::plugin!(MyPlugin: guard, mask);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! plugin {
    ($type:ident: $($hook:ident),+ $(,)?) => {
        impl $crate::Exported for $type {
            const NAME: &'static str = env!("CARGO_PKG_NAME");
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const DESCRIPTION: &'static str = env!("CARGO_PKG_DESCRIPTION");

            fn slot<R>(visit: impl FnOnce(&$crate::Slot<Self>) -> R) -> R {
                ::std::thread_local! {
                    static SLOT: $crate::Slot<$type> = const { $crate::Slot::new() };
                }
                SLOT.with(visit)
            }
        }
        $crate::export_piece!(plugin $type);
        $($crate::export_piece!($hook $type);)+
    };
}

/// Exports one piece. Elsewhere than on wasm32 it only checks that the hook is there: a native linker
/// refuses names such as `palisade:policy/guard@0.1.0#judge`.
#[doc(hidden)]
#[macro_export]
macro_rules! export_piece {
    (plugin $type:ident) => { $crate::export_piece!(@ Plugin plugin_piece $type); };
    (guard $type:ident) => {
        $crate::export_piece!(@ Guard guard_piece $type);
        $crate::export_piece!(@ Guard attention_piece $type);
    };
    (mask $type:ident) => { $crate::export_piece!(@ Mask mask_piece $type); };
    (reviewer $type:ident) => { $crate::export_piece!(@ Reviewer reviewer_piece $type); };
    (@ $trait:ident $piece:ident $type:ident) => {
        const _: () = {
            const fn requires<T: $crate::$trait>() {}
            requires::<$type>();
        };
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::$piece::export!($type with_types_in $crate::bindings::$piece);
    };
}

/// Where an instance keeps what it was configured as.
pub type Slot<T> = OnceCell<T>;

/// What [`plugin!`](crate::plugin!) adds to a plugin.
pub trait Exported: Plugin {
    /// The crate's name.
    const NAME: &'static str;
    /// The crate's version.
    const VERSION: &'static str;
    /// The crate's description.
    const DESCRIPTION: &'static str;

    /// Visits the one place that holds the configured plugin.
    fn slot<R>(visit: impl FnOnce(&Slot<Self>) -> R) -> R;
}

/// Reads and checks a configuration.
///
/// # Errors
/// What is wrong with it.
pub fn configure<T: Plugin>(json: &str) -> Result<T, String> {
    let plugin: T = serde_json::from_str(json).map_err(|error| error.to_string())?;
    plugin.validate()?;
    Ok(plugin)
}

/// Runs a hook on the configured plugin.
fn configured<T: Exported, R>(hook: impl FnOnce(&T) -> R) -> R {
    T::slot(|slot| match slot.get() {
        Some(plugin) => hook(plugin),
        // The contract says that `configure` comes first. A trap makes the gateway deny.
        None => std::process::abort(),
    })
}

impl<T: Exported> plugin::Guest for T {
    fn describe() -> plugin::Manifest {
        plugin::Manifest {
            name: T::NAME.to_owned(),
            version: T::VERSION.to_owned(),
            description: T::DESCRIPTION.to_owned(),
            config_schema: schemars::schema_for!(T).as_value().to_string(),
            looks_at: T::LOOKS_AT,
        }
    }

    fn configure(config: String) -> Result<(), String> {
        let plugin = configure(&config)?;
        T::slot(|slot| slot.set(plugin)).map_err(|_| "configured twice".to_owned())
    }
}

impl<T: Exported + Guard> guard::Guest for T {
    fn judge(context: Context, command: Command) -> Verdict {
        configured(|plugin: &T| plugin.judge(&context, &command))
    }
}

impl<T: Exported + Guard> attention::Guest for T {
    fn judges_by() -> crate::CommandParts {
        T::JUDGES_BY
    }
}

impl<T: Exported + Mask> mask::Guest for T {
    fn plan_for(context: Context, shape: Shape) -> Plan {
        configured(|plugin: &T| plugin.plan(&context, &shape))
    }

    fn inspect(context: Context, values: Batch) -> Batch {
        configured(|plugin: &T| plugin.inspect_all(&context, &values))
    }
}

impl<T: Exported + Reviewer> reviewer::Guest for T {
    fn review(context: Context, command: Command, hold: Hold) -> Decision {
        configured(|plugin: &T| plugin.review(&context, &command, &hold))
    }
}

#[cfg(test)]
mod tests;
