//! Roles: what a bearer reaches, decides, sees and changes. Without a role: nothing.
//!
//! The operator, who can read the signing key, decides, audits and administers everything, but reaches no connection:
//! that takes a token with a role, which the operator can issue.

use crate::rules::Matcher;
use crate::{Given, Identity, Presented, Rule};
use palisade_policy::Principal;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use wildmatch::WildMatch;

/// One `[[role]]` of the configuration. The lists hold globs (`*`, `?`) of connection names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The name that tokens carry.
    pub name: String,
    /// The connections that it may open.
    #[serde(default)]
    pub connections: Vec<String>,
    /// The connections whose held commands it may decide.
    #[serde(default)]
    pub approves: Vec<String>,
    /// The connections whose sessions it may look at.
    #[serde(default)]
    pub audits: Vec<String>,
    /// Whether it may change the running gateway.
    #[serde(default)]
    pub administers: bool,
    /// What the labels of a connection must say so that it may be opened, as globs.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Those of them that it only reads, as globs.
    #[serde(default)]
    pub read_only: Vec<String>,
    /// The longest session, in seconds.
    #[serde(default)]
    pub session_seconds: Option<u64>,
    /// How many sessions one bearer may have at once.
    #[serde(default)]
    pub max_sessions: Option<usize>,
    /// The rules that give the role to other issuers' tokens; any of them does.
    #[serde(default)]
    pub given: Vec<Rule>,
}

/// Two roles of one name: which of them a token means would be anyone's guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the role `{0}` is defined twice")]
pub struct DuplicateRole(pub String);

/// Why somebody may not decide on a held command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecideRefused {
    /// It is their own, or that of an agent of theirs.
    #[error("nobody decides on their own command")]
    OwnCommand,
    /// They have none of the roles that the hold asks for.
    #[error("only these roles may decide: {}", .0.join(", "))]
    NotAnApprover(Vec<String>),
    /// Their roles do not approve for this connection.
    #[error("no role of yours approves commands on the connection `{0}`")]
    OtherConnection(String),
}

/// All roles, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    by_name: HashMap<String, Rights>,
    /// The rules of all roles, in the configuration's order.
    rules: Vec<(Given, Matcher)>,
    /// The labels of each connection.
    labels: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rights {
    connections: Vec<WildMatch>,
    approves: Vec<WildMatch>,
    audits: Vec<WildMatch>,
    administers: bool,
    labels: Vec<(String, WildMatch)>,
    pub(crate) read_only: Vec<WildMatch>,
    pub(crate) session_seconds: Option<u64>,
    pub(crate) max_sessions: Option<usize>,
}

impl Roles {
    /// Takes the roles of the configuration.
    ///
    /// # Errors
    /// When two of them have the same name.
    pub fn new(roles: Vec<Role>) -> Result<Self, DuplicateRole> {
        let mut by_name = HashMap::with_capacity(roles.len());
        let mut rules = vec![];
        for role in roles {
            let numbered = role.given.into_iter().zip(1..);
            rules.extend(numbered.map(|(rule, number)| {
                (Given { role: role.name.clone(), rule: number }, Matcher::new(rule))
            }));
            let labels = role.labels.iter();
            let rights = Rights {
                connections: compile(&role.connections),
                approves: compile(&role.approves),
                audits: compile(&role.audits),
                administers: role.administers,
                read_only: compile(&role.read_only),
                session_seconds: role.session_seconds,
                max_sessions: role.max_sessions,
                labels: labels.map(|(key, glob)| (key.clone(), WildMatch::new(glob))).collect(),
            };
            if by_name.insert(role.name.clone(), rights).is_some() {
                return Err(DuplicateRole(role.name));
            }
        }
        Ok(Self { by_name, rules, labels: BTreeMap::new() })
    }

    /// The same roles, told which labels each connection has.
    #[must_use]
    pub fn with_labels(self, labels: BTreeMap<String, BTreeMap<String, String>>) -> Self {
        Self { labels, ..self }
    }

    /// The roles that rules give to whoever presents this, and by which rules.
    #[must_use]
    pub fn given(&self, presented: &Presented) -> Vec<Given> {
        let matching = self.rules.iter().filter(|(_, matcher)| matcher.matches(presented));
        matching.map(|(given, _)| given.clone()).collect()
    }

    /// Gives a foreign token's bearer the roles that these rules give, and no other. A token of the gateway's carries its own.
    pub fn give(&self, identity: &mut Identity) {
        let Some(presented) = &identity.presented else { return };
        identity.given = self.given(presented);
        identity.principal.roles.clear();
        for given in &identity.given {
            if !identity.principal.roles.contains(&given.role) {
                identity.principal.roles.push(given.role.clone());
            }
        }
    }

    /// Whether the bearer may open this connection.
    #[must_use]
    pub fn reaches(&self, identity: &Identity, connection: &str) -> bool {
        is_within(identity, connection)
            && self.rights_of(identity).any(|(_, rights)| self.reached_by(rights, connection))
    }

    /// Globs of names and of labels must both match where there are both; without any, nothing is reached.
    pub(crate) fn reached_by(&self, rights: &Rights, connection: &str) -> bool {
        fits(rights, connection, self.labels.get(connection))
    }

    /// Whether the bearer may decide on a command that `requester` wants to run on this connection.
    /// `approvers` are the roles that the hold asks for; none means any role that approves there.
    ///
    /// # Errors
    /// The reason, fit to be shown to the bearer.
    pub fn may_decide(
        &self,
        identity: &Identity,
        connection: &str,
        approvers: &[String],
        requester: &Principal,
    ) -> Result<(), DecideRefused> {
        if identity.principal.is_same_person(requester) {
            return Err(DecideRefused::OwnCommand);
        }
        if identity.operator {
            return Ok(());
        }
        if !is_within(identity, connection) {
            return Err(DecideRefused::OtherConnection(connection.to_owned()));
        }
        let mut asked = self
            .rights_of(identity)
            .filter(|(name, _)| approvers.is_empty() || approvers.contains(name))
            .peekable();
        if asked.peek().is_none() && !approvers.is_empty() {
            return Err(DecideRefused::NotAnApprover(approvers.to_vec()));
        }
        if asked.any(|(_, rights)| matches(&rights.approves, connection)) {
            return Ok(());
        }
        Err(DecideRefused::OtherConnection(connection.to_owned()))
    }

    /// Whether the bearer may look at the sessions of this connection.
    #[must_use]
    pub fn may_audit(&self, identity: &Identity, connection: &str) -> bool {
        identity.operator
            || is_within(identity, connection)
                && self.rights_of(identity).any(|(_, rights)| matches(&rights.audits, connection))
    }

    /// Whether there may be a connection whose sessions the bearer may look at: for whom there is none, none is read.
    #[must_use]
    pub fn audits_any(&self, identity: &Identity) -> bool {
        identity.operator || self.rights_of(identity).any(|(_, rights)| !rights.audits.is_empty())
    }

    /// Whether the bearer may change the running gateway. A token for some connections alone may not.
    #[must_use]
    pub fn may_administer(&self, identity: &Identity) -> bool {
        identity.operator
            || identity.connections.is_none()
                && self.rights_of(identity).any(|(_, rights)| rights.administers)
    }

    pub(crate) fn labels_of(&self, connection: &str) -> Option<&BTreeMap<String, String>> {
        self.labels.get(connection)
    }

    pub(crate) fn by_name(&self) -> impl Iterator<Item = (&String, &Rights)> {
        self.by_name.iter()
    }

    pub(crate) fn rules_of(&self, role: &str) -> impl Iterator<Item = &(Given, Matcher)> {
        self.rules.iter().filter(move |(given, _)| given.role == role)
    }

    /// The bearer's roles that are defined; the others give nothing.
    pub(crate) fn rights_of(
        &self,
        identity: &Identity,
    ) -> impl Iterator<Item = (&String, &Rights)> {
        identity.principal.roles.iter().filter_map(|name| self.by_name.get_key_value(name))
    }
}

/// Whether a token that is narrowed to some connections is good for this one.
pub(crate) fn is_within(identity: &Identity, connection: &str) -> bool {
    identity.connections.as_ref().is_none_or(|names| names.iter().any(|name| name == connection))
}

fn compile(globs: &[String]) -> Vec<WildMatch> {
    globs.iter().map(|glob| WildMatch::new(glob)).collect()
}

pub(crate) fn matches(globs: &[WildMatch], name: &str) -> bool {
    globs.iter().any(|glob| glob.matches(name))
}

/// Whether rights reach a connection of this name with these labels.
pub(crate) fn fits(
    rights: &Rights,
    connection: &str,
    has: Option<&BTreeMap<String, String>>,
) -> bool {
    let Rights { connections, labels, .. } = rights;
    if connections.is_empty() && labels.is_empty() {
        return false;
    }
    let says = |key: &str, glob: &WildMatch| {
        has.and_then(|labels| labels.get(key)).is_some_and(|value| glob.matches(value))
    };
    (connections.is_empty() || matches(connections, connection))
        && labels.iter().all(|(key, glob)| says(key, glob))
}

#[cfg(test)]
mod tests;
