//! Holds as they are stored and shown, and the rules by which they are decided. No waiting happens here.

use palisade_identity::{DecideRefused, GATEWAY, Identity, Roles};
use palisade_policy::{Context, HoldRequest, Outcome, Principal};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::record::{self, RecordedOperation};

/// What is left of each text of a hold that has to be shortened, in bytes.
const SHORT: usize = 1024;

/// How a hold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// It waits.
    Open,
    /// As many as were needed said yes.
    Granted,
    /// Somebody said no.
    Refused,
    /// Nobody decided in time.
    Expired,
    /// Whoever asked went away.
    Withdrawn,
}

/// One person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub subject: String,
    /// Who vouches for them; empty in what was decided before it was written down.
    #[serde(default)]
    pub issuer: String,
    /// Whom they act for.
    pub acting_for: Option<String>,
    /// Who vouches for those, where that is known.
    #[serde(default)]
    pub acting_for_issuer: Option<String>,
    /// The token's id by which they said so; empty like `issuer`.
    #[serde(default)]
    pub token: String,
    /// When, RFC 3339.
    pub at: String,
    /// Whether they said yes.
    pub granted: bool,
    /// Why, in their words.
    pub reason: String,
    /// Whether it counts no more: whoever said so may not decide any more.
    #[serde(default)]
    pub void: bool,
}

/// A hold, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldDocument {
    /// Its id; later holds have greater ones.
    pub id: String,
    /// How it is.
    pub state: HoldState,
    /// The session.
    pub session: String,
    /// The command's number in it.
    pub number: u64,
    /// The connection that the command would use.
    pub connection: String,
    /// Who asks.
    pub subject: String,
    /// Who vouches for them.
    pub issuer: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// Whom they act for.
    pub acting_for: Option<String>,
    /// Who vouches for those, where that is known.
    #[serde(default)]
    pub acting_for_issuer: Option<String>,
    /// Where they come from.
    pub client_address: String,
    /// Exactly what would run.
    pub text: String,
    /// What it would do.
    pub operations: Vec<RecordedOperation<'static>>,
    /// Whether that is all it may do.
    pub complete: bool,
    /// The rule that holds it.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// What only those who decide are shown, in lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub for_approvers: String,
    /// The roles that may decide; none means any that approves for the connection.
    pub approvers: Vec<String>,
    /// How many people must say yes.
    pub quorum: u32,
    /// When it opened, RFC 3339.
    pub opened_at: String,
    /// When it is denied if nobody decides.
    pub expires_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What was decided so far.
    pub decisions: Vec<Decided>,
}

/// Why a decision was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// There is none.
    #[error("there is no such hold")]
    Unknown,
    /// It is too late.
    #[error("the hold is {0} already")]
    Over(&'static str),
    /// They said so before.
    #[error("you have decided on this hold already; another person must")]
    Twice,
    /// They may not.
    #[error(transparent)]
    Refused(#[from] DecideRefused),
    /// The store failed.
    #[error("the decision cannot be recorded: {0}")]
    Store(String),
}

impl HoldState {
    /// The state in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl HoldDocument {
    /// A hold that opens now.
    pub fn open(id: String, request: &HoldRequest, now_micros: u64) -> Self {
        let HoldRequest { context, command, number, terms } = request;
        let Context { session, principal, target, client_address } = &**context;
        let expires = now_micros.saturating_add(u64::from(terms.expires_in) * 1_000_000);
        Self {
            id,
            state: HoldState::Open,
            session: session.clone(),
            number: *number,
            connection: target.connection.clone(),
            subject: principal.subject.clone(),
            issuer: principal.issuer.clone(),
            roles: principal.roles.clone(),
            acting_for: principal.acting_for.clone(),
            acting_for_issuer: principal.acting_for_issuer.clone(),
            client_address: client_address.clone(),
            text: command.text.clone(),
            operations: command.operations.iter().map(owned).collect(),
            complete: command.complete,
            rule: terms.rule.clone(),
            reason: terms.reason.clone(),
            for_approvers: terms.for_approvers.clone(),
            approvers: terms.approvers.clone(),
            quorum: terms.quorum.max(1),
            opened_at: clock::rfc3339(now_micros),
            expires_at: clock::rfc3339(expires),
            ended_at: None,
            decisions: vec![],
        }
    }

    /// Who asks.
    pub fn requester(&self) -> Principal {
        Principal {
            subject: self.subject.clone(),
            issuer: self.issuer.clone(),
            roles: self.roles.clone(),
            acting_for: self.acting_for.clone(),
            acting_for_issuer: self.acting_for_issuer.clone(),
            ..Principal::default()
        }
    }

    /// The hold as these see it: whoever waits for it is not shown what is for those who decide.
    pub fn seen_by(mut self, viewer: &Principal) -> Self {
        if viewer.is_same_person(&self.requester()) {
            self.for_approvers.clear();
        }
        self
    }

    /// Adds a person's decision.
    ///
    /// # Errors
    /// When it does not count; the hold is then as before.
    pub fn decide(
        &mut self,
        by: &Identity,
        roles: &Roles,
        granted: bool,
        reason: &str,
        now_micros: u64,
    ) -> Result<(), NotDecided> {
        roles.may_decide(by, &self.connection, &self.approvers, &self.requester())?;
        if self.state != HoldState::Open {
            return Err(NotDecided::Over(self.state.word()));
        }
        if clock::micros(&self.expires_at).is_none_or(|expires| expires <= now_micros) {
            return Err(NotDecided::Over("expired"));
        }
        if self.counted().any(|decided| by.principal.is_same_person(&decided.person())) {
            return Err(NotDecided::Twice);
        }
        self.decisions.push(Decided {
            subject: by.principal.subject.clone(),
            issuer: by.principal.issuer.clone(),
            acting_for: by.principal.acting_for.clone(),
            acting_for_issuer: by.principal.acting_for_issuer.clone(),
            token: by.token_id.clone(),
            at: clock::rfc3339(now_micros),
            granted,
            reason: reason.to_owned(),
            void: false,
        });
        if !granted {
            self.end(HoldState::Refused, now_micros);
        } else if self.counted().count() >= self.quorum as usize {
            self.end(HoldState::Granted, now_micros);
        }
        Ok(())
    }

    /// The decisions that count.
    pub fn counted(&self) -> impl Iterator<Item = &Decided> {
        self.decisions.iter().filter(|decided| !decided.void)
    }

    /// Ends it.
    pub fn end(&mut self, state: HoldState, now_micros: u64) {
        self.state = state;
        self.ended_at = Some(clock::rfc3339(now_micros));
    }

    /// Leaves of what it says as much as there is room for whatever it is. Only one that has ended is shortened: whoever
    /// decides is shown all of it.
    pub fn shorten(&mut self) {
        self.operations.clear();
        self.complete = false;
        self.for_approvers.clear();
        let reasons = self.decisions.iter_mut().map(|decided| &mut decided.reason);
        for text in [&mut self.text, &mut self.reason].into_iter().chain(reasons) {
            if text.len() > SHORT {
                let end = (0..=SHORT).rev().find(|at| text.is_char_boundary(*at));
                text.truncate(end.unwrap_or_default());
                text.push('…');
            }
        }
    }

    /// What became of it; `None` while it is open.
    pub fn outcome(&self) -> Option<Outcome> {
        Some(match self.state {
            HoldState::Open => return None,
            HoldState::Granted => {
                Outcome::Granted { by: self.counted().map(Decided::name).collect() }
            }
            HoldState::Refused => {
                let refusal = self.decisions.iter().find(|decided| !decided.granted);
                Outcome::Refused {
                    by: refusal.map(Decided::name).unwrap_or_default(),
                    reason: refusal.map(|refusal| refusal.reason.clone()).unwrap_or_default(),
                }
            }
            HoldState::Expired => Outcome::Expired,
            HoldState::Withdrawn => Outcome::Withdrawn,
        })
    }
}

impl Decided {
    fn person(&self) -> Principal {
        Principal {
            subject: self.subject.clone(),
            issuer: self.issuer.clone(),
            acting_for: self.acting_for.clone(),
            acting_for_issuer: self.acting_for_issuer.clone(),
            ..Principal::default()
        }
    }

    /// As they are called in the record, and to whoever waited.
    pub fn name(&self) -> String {
        called(&self.person())
    }
}

/// A name for people to read: with who vouches for it, where that is not the gateway itself, since the same name means
/// somebody else where somebody else does.
pub fn called(principal: &Principal) -> String {
    let Principal { subject, issuer, acting_for, .. } = principal;
    let subject = match issuer.as_str() {
        "" | GATEWAY => subject.clone(),
        other => format!("{subject} (of {other})"),
    };
    match acting_for {
        Some(other) => format!("{subject} (acting for {other})"),
        None => subject,
    }
}

fn owned(operation: &palisade_policy::Operation) -> RecordedOperation<'static> {
    let RecordedOperation { action, object, fields, facts } = record::operation(operation);
    RecordedOperation {
        action: action.into_owned().into(),
        object: object.into_owned().into(),
        fields: fields.into_iter().map(|field| field.into_owned().into()).collect(),
        facts: facts
            .into_iter()
            .map(|(name, value)| (name.into_owned().into(), value.into_owned().into()))
            .collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
