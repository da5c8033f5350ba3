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
    /// Actions of operations: guards are asked only about commands that have such an operation.
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

    /// Whether guards are asked about this command: one of its operations is in the scope, or not all of them are known.
    #[must_use]
    pub fn asks_about(&self, command: &Command) -> bool {
        let covers = |operation: &Operation| {
            let action = std::iter::once(&operation.action);
            let facts = operation.facts.iter().map(|(name, _)| name);
            matches_any(self.actions.as_deref(), action, WildMatch::new_case_insensitive)
                && (self.facts.is_none()
                    || matches_any(self.facts.as_deref(), facts, WildMatch::new_case_insensitive)
                    || operation.is_cut())
        };
        (self.actions.is_none() && self.facts.is_none())
            || !command.complete
            || command.operations.iter().any(covers)
    }
}

fn matches_any<'a>(
    patterns: Option<&[String]>,
    mut values: impl Iterator<Item = &'a String>,
    glob: fn(&str) -> WildMatch,
) -> bool {
    let Some(patterns) = patterns else { return true };
    // A principal without any role is still somebody: `*` covers it.
    if patterns.iter().any(|pattern| pattern == "*") {
        return true;
    }
    values.any(|value| patterns.iter().any(|pattern| glob(pattern).matches(value)))
}

#[cfg(test)]
mod tests;
