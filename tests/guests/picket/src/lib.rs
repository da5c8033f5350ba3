//! Denies whatever touches one table, which is named when it is built: two builds are two versions of one plugin.

use plugin_sdk::prelude::*;

/// The table's name.
const TABLE: &str = match option_env!("PICKET_TABLE") {
    Some(table) => table,
    None => "nothing",
};

/// Keeps everybody from one table.
#[config]
struct Picket {}

impl Plugin for Picket {
    const LOOKS_AT: ContextParts = ContextParts::empty();
}

impl Guard for Picket {
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        let guarded = |operation: &Operation| operation.object.ends_with(&format!(".{TABLE}"));
        if command.operations.iter().any(guarded) {
            return Verdict::deny(format!("picket.{TABLE}"), format!("nobody passes to {TABLE}"));
        }
        Verdict::Allow
    }
}

plugin_sdk::plugin!(Picket: guard);
