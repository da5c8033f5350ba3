//! Denies changes of the schema: what the demo swaps in, in place of sql-guard.

use plugin_sdk::prelude::*;
use plugin_sdk::schemars::{self, JsonSchema};
use plugin_sdk::serde::Deserialize;

/// The configuration of sql-guard, of which this plugin needs nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
struct NoDdl {}

impl Plugin for NoDdl {}

impl Guard for NoDdl {
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        let changes = ["alter", "create", "drop", "truncate"];
        let ddl = command.operations.iter().find(|o| changes.contains(&o.action.as_str()));
        ddl.map_or(Verdict::Allow, |operation| {
            let rule = format!("no-ddl.{}", operation.action);
            Verdict::deny(rule, format!("{} on {} is frozen", operation.action, operation.object))
                .hint("Wait until the freeze is over.")
        })
    }
}

plugin_sdk::plugin!(NoDdl: guard);
