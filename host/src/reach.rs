//! Who reaches a connection, and why: one answer, whether the running gateway gives it or its files do.

use std::collections::BTreeMap;

use palisade_identity::{Access, Identity, Roles, Rule, Standing};
use serde_json::{Value, json};

use crate::config::nearest;
use crate::revocations::Revocations;
use crate::settings::Settings;

/// The labels of every connection that there is, by its name.
pub type Labels = BTreeMap<String, BTreeMap<String, String>>;

/// What answers go by.
#[derive(Debug)]
pub struct Reach<'a> {
    /// Who may do what.
    pub roles: &'a Roles,
    /// The connections.
    pub labels: &'a Labels,
}

impl Reach<'_> {
    /// Every role that reaches a connection, and who has it.
    ///
    /// # Errors
    /// In words, when there is no such connection.
    pub fn who_can(&self, connection: &str) -> Result<Vec<Value>, String> {
        let labels = self.labels_of(connection)?;
        let all = self.roles.who_can(connection, Some(labels)).into_iter();
        let shown = all.map(|reaching| {
            json!({
                "id": reaching.role,
                "role": reaching.role,
                "read_only": reaching.access.read_only,
                "session_seconds": reaching.access.session_seconds,
                "max_sessions": reaching.access.max_sessions,
                "given": reaching.rules.iter().map(rule).collect::<Vec<_>>(),
            })
        });
        Ok(shown.collect())
    }

    /// What a token may do on a connection, and why.
    ///
    /// # Errors
    /// In words, when it is worth nothing but for being revoked, or there is no such connection.
    pub fn explain_token(
        &self,
        (settings, revocations): (&Settings, Option<&Revocations>),
        token: &str,
        connection: &str,
    ) -> Result<Value, String> {
        let verified = settings.verify(token.trim());
        let bearer = verified.map_err(|cause| format!("the token is worth nothing: {cause}"))?;
        let revoked = revocations.and_then(|all| all.covering(&bearer));
        self.explain(&bearer, connection, revoked.map(|one| one.shown()))
    }

    /// What a bearer may do on a connection, and which role and rule give it that. `revoked` is the revocation that its
    /// token fell by, as it is shown.
    ///
    /// # Errors
    /// In words, when there is no such connection.
    fn explain(
        &self,
        bearer: &Identity,
        connection: &str,
        revoked: Option<Value>,
    ) -> Result<Value, String> {
        let labels = self.labels_of(connection)?;
        let access = match revoked {
            None => self.roles.access(bearer, connection, Some(labels)),
            Some(_) => None,
        };
        let within = bearer.connections.as_ref();
        let within = within.is_none_or(|names| names.iter().any(|name| name == connection));
        let limit = |of: fn(&Access) -> Value| access.as_ref().map(of);
        Ok(json!({
            "id": connection,
            "connection": connection,
            "token": bearer.token_id,
            "subject": bearer.principal.subject,
            "issuer": bearer.principal.issuer,
            "acting_for": bearer.principal.acting_for,
            "reaches": access.is_some(),
            "read_only": limit(|access| access.read_only.into()),
            "session_seconds": limit(|access| access.session_seconds.into()),
            "max_sessions": limit(|access| access.max_sessions.into()),
            "narrowed_away": !within,
            "revoked": revoked,
            "roles": self
                .roles
                .explain(bearer, connection, Some(labels))
                .iter()
                .map(standing)
                .collect::<Vec<_>>(),
        }))
    }

    fn labels_of(&self, connection: &str) -> Result<&BTreeMap<String, String>, String> {
        self.labels.get(connection).ok_or_else(|| {
            match nearest(connection, self.labels.keys().map(String::as_str)) {
                Some(near) => {
                    format!("no connection is called `{connection}`, did you mean `{near}`?")
                }
                None => format!("there is no connection that is called `{connection}`"),
            }
        })
    }
}

fn rule(rule: &Rule) -> Value {
    json!({
        "issuer": rule.issuer,
        "subjects": rule.subjects,
        "groups": rule.groups,
        "claims": rule.claims,
    })
}

fn standing(standing: &Standing) -> Value {
    json!({
        "role": standing.role,
        "held": standing.held,
        "rules": standing.rules,
        "reaches": standing.reaches,
        "read_only": standing.read_only,
        "missing": standing.missing,
    })
}

#[cfg(test)]
mod tests {
    use palisade_identity::Role;
    use palisade_policy::Principal;

    use super::*;

    fn check(connection: &str, revoked: Option<Value>, reaches: bool) -> Value {
        let tester = Role {
            name: "tester".into(),
            labels: BTreeMap::from([("env".into(), "test".into())]),
            ..Role::default()
        };
        let roles = Roles::new(vec![tester]).unwrap();
        let labelled = |value: &str| BTreeMap::from([("env".to_owned(), value.to_owned())]);
        let labels =
            [("kept", "test"), ("orders", "prod")].map(|(name, env)| (name.into(), labelled(env)));
        let labels = Labels::from(labels);
        let reach = Reach { roles: &roles, labels: &labels };
        let principal = Principal { roles: vec!["tester".into()], ..Principal::default() };
        let bearer = Identity { principal, ..Identity::default() };
        let answer = reach.explain(&bearer, connection, revoked).unwrap();
        assert_eq!(answer["reaches"], reaches, "{answer}");
        let named = reach.who_can(connection).unwrap().len();
        assert_eq!(named == 1, connection == "kept");
        assert!(reach.who_can("order").unwrap_err().contains("did you mean `orders`?"));
        answer
    }

    #[test]
    fn the_labels_that_are_told_count_and_not_those_of_the_file_alone() {
        check("kept", None, true);
        check("orders", None, false);
    }

    #[test]
    fn a_revoked_token_reaches_nothing_and_it_is_said_by_what() {
        let answer = check("kept", Some(json!({"by": "ada"})), false);
        assert_eq!(answer["revoked"]["by"], "ada");
        assert_eq!(answer["roles"][0]["reaches"], true, "its role would");
    }
}
