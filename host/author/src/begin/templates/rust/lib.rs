//! Nobody drops or empties the tables that are to be kept.

use plugin_sdk::prelude::*;

/// The configuration, which is the plugin itself. The comments become its JSON Schema; unknown keys are refused.
#[config]
struct Keep {
    /// Globs of tables that nobody drops or empties: "public.orders", "audit.*".
    keep: Vec<Pattern>,
}

// The rule may look at all of the context and all of a command. Once it is done, `LOOKS_AT` here and `JUDGES_BY` below can
// name the parts that it needs: then it is asked less often.
impl Plugin for Keep {}

impl Guard for Keep {
    /// Called before each command runs. What else can be said is in `Verdict`: hold for people, or rewrite.
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        if !command.complete {
            return deny("what this command does cannot be told in full")
                .hint("Send plain statements.");
        }
        // Operations, not the text, say what would be done: a text can be written in a thousand ways.
        let lost = command.operations.iter().find(|operation| {
            ["drop", "truncate"].contains(&operation.action.as_str())
                && self.keep.iter().any(|table| table.matches(&operation.object))
        });
        match lost {
            Some(operation) => deny(&format!("{} stays as it is", operation.object))
                .hint("Delete single rows, or ask whoever operates the gateway."),
            None => Verdict::Allow,
        }
    }
}

fn deny(reason: &str) -> Verdict {
    // The rule's name is what the record is searched by.
    Verdict::deny("{{name}}", reason)
}

// The hooks that it has, of guard, mask and reviewer.
plugin_sdk::plugin!(Keep: guard);
