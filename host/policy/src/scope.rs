//! Where a policy acts: protocols, connections, labels, roles.

use std::collections::BTreeMap;

use serde::Deserialize;
use wildmatch::WildMatch;

use crate::{Command, Context, Operation};

/// Where a policy acts. What is left out matches everything; lists hold globs of which one must match.
///
/// Protocols, actions and facts are matched whatever the letters' case: the names of facts may be a client's own spelling
/// (`body:Role`), and a policy that is asked too often is no less strict.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Names of protocols.
    pub protocols: Option<Vec<String>>,
    /// Names of connections.
    pub connections: Option<Vec<String>>,
    /// Labels of the connection, all of which must match.
    pub labels: Option<BTreeMap<String, String>>,
    /// Roles of the principal, those that it dropped among them.
    pub roles: Option<Vec<String>>,
    /// Actions of operations: guards and reviewers are asked only about commands that have such an operation.
    pub actions: Option<Vec<String>>,
    /// Names of facts that such an operation must have one of.
    pub facts: Option<Vec<String>>,
}

impl Scope {
    /// Whether a session with this context is in the scope.
    #[must_use]
    pub fn covers(&self, context: &Context) -> bool {
        let Context { principal, target, .. } = context;
        let mut roles = principal.roles.iter().chain(&principal.dropped);
        let protocol = std::iter::once(&target.protocol);
        let connection = std::iter::once(&target.connection);
        matches_any(self.protocols.as_deref(), protocol, WildMatch::new_case_insensitive)
            && matches_any(self.connections.as_deref(), connection, WildMatch::new)
            && matches_any(self.roles.as_deref(), roles.by_ref(), WildMatch::new)
            && self.labels.iter().flatten().all(|(key, pattern)| {
                let glob = WildMatch::new(pattern);
                target.labels.iter().any(|(name, value)| name == key && glob.matches(value))
            })
    }

    /// Whether guards and reviewers are asked about this command: one of its operations is in the scope, or not all of them are
    /// known.
    #[must_use]
    pub fn asks_about(&self, command: &Command) -> bool {
        let covers = |operation| self.covers_operation(operation) || self.may_cover(operation);
        self.is_for_every_command() || !command.complete || command.operations.iter().any(covers)
    }

    /// Whether that is so beyond doubt: what may be another command than those of the scope is for nobody to approve who is
    /// there for these alone.
    #[must_use]
    pub fn surely_asks_about(&self, command: &Command) -> bool {
        let covers = |operation| self.covers_operation(operation);
        self.is_for_every_command() || command.complete && command.operations.iter().any(covers)
    }

    fn is_for_every_command(&self) -> bool {
        self.actions.is_none() && self.facts.is_none()
    }

    fn covers_operation(&self, operation: &Operation) -> bool {
        let facts = operation.facts.iter().map(|(name, _)| name);
        self.covers_action(operation)
            && matches_any(self.facts.as_deref(), facts, WildMatch::new_case_insensitive)
    }

    /// Whether it may have a fact of the scope that is not told, or is told as a doubt.
    fn may_cover(&self, operation: &Operation) -> bool {
        let facts = operation.facts.iter().filter_map(|(name, _)| doubted(name));
        let may_have =
            || matches_any(self.facts.as_deref(), facts, WildMatch::new_case_insensitive);
        self.covers_action(operation) && (operation.is_cut() || may_have())
    }

    fn covers_action(&self, operation: &Operation) -> bool {
        let action = std::iter::once(&operation.action);
        matches_any(self.actions.as_deref(), action, WildMatch::new_case_insensitive)
    }
}

/// The fact that an operation has for some servers alone, which is told by another name: `path:id` as `path-may-be:id`.
fn doubted(name: &str) -> Option<String> {
    let rest = name.strip_prefix("path-may-be")?;
    (rest.is_empty() || rest.starts_with(':')).then(|| format!("path{rest}"))
}

fn matches_any(
    patterns: Option<&[String]>,
    mut values: impl Iterator<Item = impl AsRef<str>>,
    glob: fn(&str) -> WildMatch,
) -> bool {
    let Some(patterns) = patterns else { return true };
    // A principal without any role is still somebody: `*` covers it.
    if patterns.iter().any(|pattern| pattern == "*") {
        return true;
    }
    values.any(|value| patterns.iter().any(|pattern| glob(pattern).matches(value.as_ref())))
}

#[cfg(test)]
mod tests;
