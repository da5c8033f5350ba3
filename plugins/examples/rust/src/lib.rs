//! Denies touching canary tables: tables that nobody has a reason to look at, but whoever looks around will find.

use plugin_sdk::Principal;
use plugin_sdk::granted;
use plugin_sdk::prelude::*;

/// Which tables are canaries.
#[config]
struct Canary {
    /// Globs of schema.table. Names that promise something work best: "*.passwords_backup".
    #[schemars(length(min = 1))]
    tables: Vec<Pattern>,
}

impl Plugin for Canary {
    fn validate(&self) -> Result<(), String> {
        if self.tables.is_empty() {
            Err("tables must name at least one".to_owned())
        } else {
            Ok(())
        }
    }
}

impl Guard for Canary {
    fn judge(&self, context: &Context, command: &Command) -> Verdict {
        let is_canary = |object: &str| self.tables.iter().any(|table| table.matches(object));
        // Every operation counts: reading, describing, granting, and using a column without showing it.
        let Some(touched) = command.operations.iter().find(|it| is_canary(&it.object)) else {
            return Verdict::Allow;
        };
        let Principal { subject, acting_for, .. } = &context.principal;
        let who = match acting_for {
            Some(person) => format!("{subject}, acting for {person},"),
            None => subject.clone(),
        };
        // Needs `grants = ["log"]` in the policy file. The gateway adds the policy's name and the time.
        granted::log(&format!(
            "{who} touched the canary {} on {} from {}: {}",
            touched.object, context.target.connection, context.client_address, touched.action
        ));
        Verdict::deny("canary", format!("{} is not for you", touched.object))
            .hint("The security team was told. If you have a reason to be here, talk to them.")
    }
}

plugin_sdk::plugin!(Canary: guard);
