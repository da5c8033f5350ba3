//! Roles: what a bearer reaches, decides, sees and changes. Without a role: nothing.
//!
//! The operator, who can read the signing key, decides, audits and administers everything, but reaches no connection:
//! that takes a token with a role, which the operator can issue.

use crate::Identity;
use palisade_policy::Principal;
use serde::Deserialize;
use std::collections::HashMap;
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
}

#[derive(Clone, Debug)]
struct Rights {
    connections: Vec<WildMatch>,
    approves: Vec<WildMatch>,
    audits: Vec<WildMatch>,
    administers: bool,
}

impl Roles {
    /// Takes the roles of the configuration.
    ///
    /// # Errors
    /// When two of them have the same name.
    pub fn new(roles: Vec<Role>) -> Result<Self, DuplicateRole> {
        let mut by_name = HashMap::with_capacity(roles.len());
        for role in roles {
            let rights = Rights {
                connections: compile(&role.connections),
                approves: compile(&role.approves),
                audits: compile(&role.audits),
                administers: role.administers,
            };
            if by_name.insert(role.name.clone(), rights).is_some() {
                return Err(DuplicateRole(role.name));
            }
        }
        Ok(Self { by_name })
    }

    /// Whether the bearer may open this connection.
    #[must_use]
    pub fn reaches(&self, identity: &Identity, connection: &str) -> bool {
        self.rights_of(identity).any(|(_, rights)| matches(&rights.connections, connection))
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
            || self.rights_of(identity).any(|(_, rights)| matches(&rights.audits, connection))
    }

    /// Whether the bearer may change the running gateway.
    #[must_use]
    pub fn may_administer(&self, identity: &Identity) -> bool {
        identity.operator || self.rights_of(identity).any(|(_, rights)| rights.administers)
    }

    /// The bearer's roles that are defined; the others give nothing.
    fn rights_of(&self, identity: &Identity) -> impl Iterator<Item = (&String, &Rights)> {
        identity.principal.roles.iter().filter_map(|name| self.by_name.get_key_value(name))
    }
}

fn compile(globs: &[String]) -> Vec<WildMatch> {
    globs.iter().map(|glob| WildMatch::new(glob)).collect()
}

fn matches(globs: &[WildMatch], name: &str) -> bool {
    globs.iter().any(|glob| glob.matches(name))
}

#[cfg(test)]
mod tests;
