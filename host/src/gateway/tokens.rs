//! What tokens are worth: who reaches what by them, and those that are worth nothing any more.

use palisade_admin::{Problem, Sensitive};
use palisade_identity::{GATEWAY, Identity, Ttl};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Gateway, REVOKED, failed, who};
use crate::changes::TokenChange;
use crate::config::LONGEST_TOKEN;
use crate::connections::Plain;
use crate::reach::Reach;
use crate::revocations::{Revocation, Revoked, names};

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
        reach.who_can(connection).map(Value::from).map_err(Problem::refused)
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

    /// Makes tokens worthless: first on record, then in the store, and then wherever they are in use. They are named by a
    /// token's id, or by a subject and maybe its issuer.
    pub(super) fn revoke(
        &self,
        caller: &Identity,
        (token, subject, issuer): (Option<String>, Option<String>, Option<String>),
    ) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        let what = match (token, subject.unwrap_or_default(), issuer) {
            (Some(token), _, _) => Revoked::Token(token),
            (None, subject, None) => Revoked::Subject(subject),
            (None, subject, Some(issuer)) => {
                self.check_issuer(&issuer)?;
                Revoked::SubjectOf { subject, issuer }
            }
        };
        let by = who(caller);
        let (token, subject, issuer) = what.parts();
        let change = TokenChange { change: "revoke", token, subject, issuer, by: &by };
        self.changes.put(&change).map_err(Problem::failed)?;
        self.revocations.revoke(what.clone(), &by, longest_life(&what)).map_err(failed)?;
        // Whatever is open was opened by a token that there is, whenever that says it was issued.
        let ended = self.sessions.end_those(|bearer| names(&what, bearer), REVOKED);
        let id = token.or(subject);
        tracing::info!(id, issuer, by, ended, "tokens were revoked");
        Ok(json!([{ "id": id, "sessions_ended": ended }]))
    }

    /// An issuer that nobody knows would be a slip, and nothing be revoked.
    fn check_issuer(&self, issuer: &str) -> Result<(), Problem> {
        let settings = self.settings.load_full();
        let known = settings.config.issuers.iter().map(|trusted| trusted.issuer.url.as_str());
        let known: Vec<&str> = std::iter::once(GATEWAY).chain(known).collect();
        if known.contains(&issuer) {
            return Ok(());
        }
        Err(Problem::refused(format!(
            "no issuer is called `{issuer}`, there are: {}; without one the name is meant, whoever vouches for it",
            known.join(", ")
        )))
    }
}

/// The longest life of any token that a revocation may be about, in seconds. Of another issuer's that is not what is configured
/// now: more may be by the next reload, and a token that was too long-lived to be taken is taken then.
fn longest_life(what: &Revoked) -> u64 {
    match what {
        // These are the gateway's own alone.
        Revoked::SubjectOf { issuer, .. } if issuer == GATEWAY => Ttl::MAX.as_secs(),
        Revoked::Token(_) | Revoked::Subject(_) | Revoked::SubjectOf { .. } => LONGEST_TOKEN,
    }
}
