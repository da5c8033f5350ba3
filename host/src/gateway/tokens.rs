//! What tokens are worth: who reaches what by them, and those that are worth nothing any more.

use palisade_admin::{Problem, Sensitive};
use palisade_identity::Identity;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Gateway, REVOKED, failed, who};
use crate::changes::TokenChange;
use crate::clock;
use crate::connections::Plain;
use crate::reach::Reach;
use crate::revocations::{Revocation, Revoked, is_about};

/// A question about a token. It is asked by whoever administers, and the token is kept nowhere.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    connection: String,
    token: Plain,
}

impl Gateway {
    /// Which roles reach a connection, and who has them.
    pub(super) fn who_can(&self, caller: &Identity, connection: &str) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        let labels = self.connections.labels();
        let settings = self.settings.load_full();
        let reach = Reach { roles: &settings.config.roles, labels: &labels };
        reach.who_can(connection).map(Value::from).map_err(Problem::not_found)
    }

    /// What a token may do on a connection, and why.
    pub(super) fn explain(
        &self,
        caller: &Identity,
        question: &Sensitive,
    ) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        // The error's own text may quote the body.
        let Question { connection, token } =
            serde_json::from_slice(question.expose()).map_err(|_| {
                Problem::bad_request(r#"the body must be {"connection": "…", "token": "…"}"#)
            })?;
        let labels = self.connections.labels();
        let settings = self.settings.load_full();
        let reach = Reach { roles: &settings.config.roles, labels: &labels };
        let told = (&*settings, Some(&self.revocations));
        let answer = reach.explain_token(told, token.0.expose(), &connection);
        answer.map_err(Problem::refused)
    }

    /// The newest revocations in force.
    pub(super) fn revocations(&self, caller: &Identity, limit: usize) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        Ok(self.revocations.newest(limit).iter().map(Revocation::shown).collect())
    }

    /// Makes tokens worthless: first on record, then in the store, and then wherever they are in use.
    pub(super) fn revoke(
        &self,
        caller: &Identity,
        token: Option<String>,
        subject: Option<String>,
    ) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        let by = who(caller);
        let change = TokenChange {
            change: "revoke",
            token: token.as_deref(),
            subject: subject.as_deref(),
            by: &by,
        };
        self.changes.put(&change).map_err(Problem::failed)?;
        let (id, what) = match (token, subject) {
            (Some(token), _) => (token.clone(), Revoked::Token(token)),
            (None, subject) => {
                let subject = subject.unwrap_or_default();
                (subject.clone(), Revoked::Subject(subject))
            }
        };
        let longest = self.settings.load().longest_token();
        self.revocations.revoke(what.clone(), &by, longest).map_err(failed)?;
        let now = clock::now_seconds();
        let ended = self.sessions.end_those(|bearer| is_about(&what, now, bearer), REVOKED);
        tracing::info!(id, by, ended, "tokens were revoked");
        Ok(json!([{ "id": id, "sessions_ended": ended }]))
    }
}
