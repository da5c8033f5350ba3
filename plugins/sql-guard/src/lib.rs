//! Blocks destructive SQL statements, writes to read-only tables, and commands that could not be accounted for.
//!
//! It judges operations, never text: whatever the spelling, what the statement would do is what counts.
//!
//! ```text
//!   operation ─▶ denied statement? ─▶ write to a read-only table? ─▶ denied use of a protected column? ─▶ … next
//!                                                                    └▶ command incomplete? ─▶ allow
//! ```

mod protected;
mod statement;

use plugin_sdk::prelude::*;
use protected::Usage;
use statement::Statement;

/// Which SQL commands are blocked.
#[config]
struct SqlGuard {
    /// Statements that nobody may run.
    #[serde(default)]
    deny: Vec<Statement>,
    /// Globs of schema.table that nobody writes through the gateway.
    #[serde(default)]
    read_only: Vec<Pattern>,
    /// For what protected columns may not be used: those that a mask in force covers. A mask hides what is shown;
    /// this hides what can be told from which rows there are, and in which order.
    #[serde(default)]
    deny_uses: Vec<Usage>,
    /// What happens to a command that the gateway could not fully account for: a text its grammar refuses,
    /// a procedural block, dynamic SQL. Left out: "deny".
    #[serde(default)]
    incomplete: Incomplete,
}

/// What happens to a command that could not be accounted for.
#[config]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
enum Incomplete {
    /// It is refused.
    #[default]
    Deny,
    /// It runs, if what is known of it breaks no other rule.
    Allow,
    /// It waits for a person.
    Hold(Approval),
}

impl Plugin for SqlGuard {
    // What is judged is what is done, whoever does it.
    const LOOKS_AT: ContextParts = ContextParts::empty();

    fn validate(&self) -> Result<(), String> {
        match &self.incomplete {
            Incomplete::Hold(approval) => {
                approval.check().map_err(|mistake| format!("incomplete.hold.{mistake}"))
            }
            Incomplete::Deny | Incomplete::Allow => Ok(()),
        }
    }
}

impl Guard for SqlGuard {
    // What is judged is what is done, however it is written.
    const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;

    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        let objection = command.operations.iter().find_map(|operation| self.object_to(operation));
        objection.unwrap_or_else(|| self.judge_whole(command))
    }
}

impl SqlGuard {
    fn object_to(&self, operation: &Operation) -> Option<Verdict> {
        if let Some(statement) = self.deny.iter().find(|statement| statement.matches(operation)) {
            return Some(statement.denial(operation));
        }
        if let Some(usage) = self.deny_uses.iter().find(|usage| usage.matches(operation)) {
            return Some(usage.denial(operation));
        }
        let pattern = self.read_only.iter().find(|pattern| writes(operation, pattern))?;
        let reason = format!(
            "{} on {} is not allowed: {} is read-only here",
            operation.action.to_ascii_uppercase(),
            operation.object,
            pattern.as_str()
        );
        let hint = if operation.object.starts_with(UNKNOWN_SCHEMA) {
            "Write the table's schema, and create a table in a command before the one that writes to it."
        } else {
            "Leave it as it is; reading is allowed."
        };
        Some(Verdict::deny("sql-guard.read-only", reason).hint(hint))
    }

    fn judge_whole(&self, command: &Command) -> Verdict {
        let unaccounted: Vec<&str> = command
            .operations
            .iter()
            .filter(|operation| operation.action == UNACCOUNTED)
            .map(|operation| operation.object.as_str())
            .collect();
        if command.complete && unaccounted.is_empty() {
            return Verdict::Allow;
        }
        let mut reason = "what this command would do cannot be told in full".to_owned();
        if !unaccounted.is_empty() {
            reason = format!("{reason}: {}", unaccounted.join("; "));
        }
        match &self.incomplete {
            Incomplete::Allow => Verdict::Allow,
            Incomplete::Deny => Verdict::deny("sql-guard.incomplete", reason).hint(
                "Send plain statements, without procedural blocks, dynamic SQL or unknown functions.",
            ),
            Incomplete::Hold(approval) => approval.hold("sql-guard.incomplete", reason),
        }
    }
}

/// The action under which the gateway reports what it could not account for; its object is the reason.
const UNACCOUNTED: &str = "unaccounted";

/// What changes no table. Every other action counts as a write, those that this list has never heard of too.
const NOT_WRITES: [&str; 28] = [
    UNACCOUNTED,
    "begin",
    "close",
    "commit",
    "commit-prepared",
    "copy-to",
    "deallocate",
    "declare",
    "discard",
    "execute",
    "explain",
    "fetch",
    "listen",
    "move",
    "notify",
    "prepare",
    "prepare-transaction",
    "release",
    "reset",
    "rollback",
    "rollback-prepared",
    "savepoint",
    "select",
    "set",
    "show",
    "transaction",
    "unlisten",
    "use",
];

/// How the name of a relation begins that no schema has yet.
const UNKNOWN_SCHEMA: &str = "?.";

/// Whether the operation would change a table that matches, the schema that such tables lie in, or what is put there.
fn writes(operation: &Operation, pattern: &Pattern) -> bool {
    let object = operation.object.as_str();
    if object.is_empty() || NOT_WRITES.contains(&operation.action.as_str()) {
        return false;
    }
    if operation.action == "create" && operation.fact("kind") != Some("schema") {
        // What is made under a new name changes nothing that is there, wherever it comes to lie.
        return pattern.matches(object.strip_prefix(UNKNOWN_SCHEMA).unwrap_or(object));
    }
    let within = |schema: &str| pattern.matches(&format!("{schema}.*"));
    let is_schema =
        operation.fact("kind") == Some("schema") || operation.fact("all") == Some("in-schema");
    let moves_to =
        (operation.fact("change") == Some("set-schema")).then(|| operation.fact("to")).flatten();
    pattern.matches(object) || (is_schema && within(object)) || moves_to.is_some_and(within)
}

plugin_sdk::plugin!(SqlGuard: guard);

#[cfg(test)]
mod tests;
