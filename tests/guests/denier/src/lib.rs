//! Denies every command: for the whole-path tests.

use plugin_sdk::prelude::*;

/// Takes the configuration of the plugin that it replaces in a test, and does not care.
#[config]
struct Denier {
    #[allow(dead_code, reason = "taken so that one policy file fits both")]
    behaviour: String,
}

impl Plugin for Denier {}

impl Guard for Denier {
    fn judge(&self, _context: &Context, _command: &Command) -> Verdict {
        Verdict::deny("denier", "everything is denied")
    }
}

plugin_sdk::plugin!(Denier: guard);
