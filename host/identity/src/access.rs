//! How far roles lead on one connection, and why: for sessions, and for whoever asks who can do what.

use std::collections::BTreeMap;

use crate::roles::{Rights, fits, is_within, matches};
use crate::{Identity, Roles, Rule};

/// What a bearer may do on a connection that it reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The roles that reach it.
    pub roles: Vec<String>,
    /// Whether all of them only read there.
    pub read_only: bool,
    /// The longest session, in seconds; the most generous role counts.
    pub session_seconds: Option<u64>,
    /// How many sessions the bearer may have at once; the most generous role counts.
    pub max_sessions: Option<usize>,
}

/// A role that reaches a connection, for whoever asks who can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaching {
    /// Its name.
    pub role: String,
    /// What it gives by itself.
    pub access: Access,
    /// The rules that give it to foreign tokens.
    pub rules: Vec<Rule>,
}

/// How one role stands to a bearer and a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role's name.
    pub role: String,
    /// Whether the bearer has it.
    pub held: bool,
    /// The rules that gave it; none for a role that the token carries itself.
    pub rules: Vec<usize>,
    /// Whether it reaches the connection.
    pub reaches: bool,
    /// Whether it only reads there.
    pub read_only: bool,
    /// What is missing so that the bearer would have it, for each of its rules.
    pub missing: Vec<String>,
}

impl Roles {
    /// What the bearer may do on a connection; `None` where no role reaches it. Its `labels` are those of the configuration
    /// where left out.
    #[must_use]
    pub fn access(
        &self,
        identity: &Identity,
        connection: &str,
        labels: Option<&BTreeMap<String, String>>,
    ) -> Option<Access> {
        if !is_within(identity, connection) {
            return None;
        }
        let labels = labels.or_else(|| self.labels_of(connection));
        let reaching = self.rights_of(identity);
        let reaching: Vec<_> =
            reaching.filter(|(_, rights)| fits(rights, connection, labels)).collect();
        if reaching.is_empty() {
            return None;
        }
        let rights = || reaching.iter().map(|(_, rights)| *rights);
        Some(Access {
            roles: reaching.iter().map(|(name, _)| (*name).clone()).collect(),
            read_only: rights().all(|rights| matches(&rights.read_only, connection)),
            session_seconds: most(rights().map(|rights| rights.session_seconds)),
            max_sessions: most(rights().map(|rights| rights.max_sessions)),
        })
    }

    /// Every role that reaches a connection, by name. Its `labels` are those of the configuration where left out.
    #[must_use]
    pub fn who_can(
        &self,
        connection: &str,
        labels: Option<&BTreeMap<String, String>>,
    ) -> Vec<Reaching> {
        let labels = labels.or_else(|| self.labels_of(connection));
        let reaching = self.by_name().filter(|(_, rights)| fits(rights, connection, labels));
        let shown = |(name, rights): (&String, &Rights)| Reaching {
            role: name.clone(),
            access: Access {
                roles: vec![name.clone()],
                read_only: matches(&rights.read_only, connection),
                session_seconds: rights.session_seconds,
                max_sessions: rights.max_sessions,
            },
            rules: self.rules_of(name).map(|(_, matcher)| matcher.rule().clone()).collect(),
        };
        let mut all: Vec<_> = reaching.map(shown).collect();
        all.sort_by(|one, other| one.role.cmp(&other.role));
        all
    }

    /// How every role stands to a bearer and a connection: those that it has, and those that reach it. The connection's
    /// `labels` are those of the configuration where left out.
    #[must_use]
    pub fn explain(
        &self,
        identity: &Identity,
        connection: &str,
        labels: Option<&BTreeMap<String, String>>,
    ) -> Vec<Standing> {
        let labels = labels.or_else(|| self.labels_of(connection));
        let mut all: Vec<_> = self
            .by_name()
            .map(|(name, rights)| Standing {
                role: name.clone(),
                held: identity.principal.roles.contains(name),
                rules: self.gave(identity, name),
                reaches: fits(rights, connection, labels),
                read_only: matches(&rights.read_only, connection),
                missing: self.missing(identity, name),
            })
            .filter(|standing| standing.held || standing.reaches)
            .collect();
        all.sort_by(|one, other| one.role.cmp(&other.role));
        all
    }

    fn gave(&self, identity: &Identity, role: &str) -> Vec<usize> {
        let given = identity.given.iter().filter(|given| given.role == role);
        given.map(|given| given.rule).collect()
    }

    fn missing(&self, identity: &Identity, role: &str) -> Vec<String> {
        if identity.principal.roles.iter().any(|held| held == role) {
            return vec![];
        }
        if identity.principal.dropped.iter().any(|dropped| dropped == role) {
            return vec!["it was dropped when the token was exchanged".to_owned()];
        }
        let Some(presented) = &identity.presented else {
            return vec!["the token does not carry it".to_owned()];
        };
        let rules: Vec<_> = self
            .rules_of(role)
            .map(|(given, matcher)| {
                format!("rule {}: {}", given.rule, matcher.missing(presented).join("; "))
            })
            .collect();
        if rules.is_empty() { vec!["no rule gives it".to_owned()] } else { rules }
    }
}

/// The most of what there is; nothing where one sets no limit.
fn most<T: Ord>(mut limits: impl Iterator<Item = Option<T>>) -> Option<T> {
    limits.try_fold(None, |most, limit| limit.map(|limit| most.max(Some(limit)))).flatten()
}

#[cfg(test)]
mod tests;
