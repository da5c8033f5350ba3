//! The form in which events are stored and shown: JSON with a `kind`, stable, and apart from the types of the gate.
//!
//! What is added later gets a default here, so that old records stay readable.

mod encoded;

use std::borrow::Cow;

use palisade_policy::{
    Command, Entry, Hold, Moment, Observation, Operation, Outcome, RecordedField, RecordedResult,
};
use serde::{Deserialize, Serialize};

pub use self::encoded::encode;

type Text<'a> = Cow<'a, str>;

/// One thing that happened in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record<'a> {
    /// A command was judged.
    Command {
        /// The command's number in the session, from 1.
        number: u64,
        /// `prepare` or `run`.
        moment: Text<'a>,
        /// Exactly what was asked for.
        text: Text<'a>,
        /// What it would do.
        operations: Vec<RecordedOperation<'a>>,
        /// Whether that is all it may do.
        complete: bool,
        /// `allow`, `deny`, `hold` or `rewrite`.
        verdict: Text<'a>,
        /// The deciding rule; empty where nothing objected.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        rule: Text<'a>,
        /// Its reason.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        reason: Text<'a>,
        /// The policy that decided; empty where none objected, or the gateway itself did.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        policy: Text<'a>,
        /// The version of the policies that judged.
        policies: u64,
        /// What observing policies would have done.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        observed: Vec<Observed<'a>>,
    },
    /// A command waits.
    Held {
        /// The command's number.
        number: u64,
        /// The hold's id.
        hold: Text<'a>,
        /// The rule that holds it.
        rule: Text<'a>,
        /// Why.
        reason: Text<'a>,
        /// The roles that may decide.
        approvers: Vec<Text<'a>>,
        /// How many people must approve.
        quorum: u32,
        /// Seconds until it is denied.
        expires_in: u32,
        /// What only those who decide were shown.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        for_approvers: Text<'a>,
    },
    /// A hold ended.
    Decided {
        /// The command's number.
        number: u64,
        /// The hold's id; empty where a policy granted or refused it before it was opened.
        hold: Text<'a>,
        /// `granted`, `refused`, `expired`, `withdrawn` or `failed`.
        outcome: Text<'a>,
        /// Who decided.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<Text<'a>>,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        reason: Text<'a>,
    },
    /// A command ended well.
    Result {
        /// The command's number.
        number: u64,
        /// The columns.
        fields: Vec<Column<'a>>,
        /// The first rows, masked; `null` is NULL.
        rows: Vec<Vec<Option<Text<'a>>>>,
        /// How many rows the client got.
        row_count: u64,
        /// How many bytes the client got.
        bytes: u64,
        /// Whether rows are missing here that the client got.
        truncated: bool,
        /// The server's word for what it did.
        tag: Text<'a>,
        /// What observing policies would have covered besides.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        observed: Vec<Observed<'a>>,
    },
    /// A command ended in an error.
    Error {
        /// The command's number; 0 outside any command.
        number: u64,
        /// The protocol's code.
        code: Text<'a>,
        /// The message, as the client saw it.
        message: Text<'a>,
    },
}

/// One thing that a command would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedOperation<'a> {
    /// The verb.
    pub action: Text<'a>,
    /// What it acts on.
    pub object: Text<'a>,
    /// What inside the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Text<'a>>,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(Text<'a>, Text<'a>)>,
}

/// What an observing policy would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed<'a> {
    /// The policy.
    pub policy: Text<'a>,
    /// `deny`, `hold`, `rewrite`, `mask` or `fail`.
    pub verdict: Text<'a>,
    /// The rule.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub rule: Text<'a>,
    /// Why.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub reason: Text<'a>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column<'a> {
    /// The name that the client saw.
    pub name: Text<'a>,
    /// The protocol's name of the type.
    #[serde(rename = "type")]
    pub type_name: Text<'a>,
    /// Whether a policy covered it or looked into it.
    pub masked: bool,
    /// Where its values come from; left out where no policy was asked about the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Text<'a>>>,
}

impl Record<'_> {
    /// The number of the command that it is about; 0 outside any command.
    pub fn number(&self) -> u64 {
        match self {
            Self::Command { number, .. }
            | Self::Held { number, .. }
            | Self::Decided { number, .. }
            | Self::Result { number, .. }
            | Self::Error { number, .. } => *number,
        }
    }
}

impl<'a> From<&Entry<'a>> for Record<'a> {
    fn from(entry: &Entry<'a>) -> Self {
        match *entry {
            Entry::Command {
                number,
                command: Command { text, operations, complete },
                moment,
                ruling,
                rule,
                reason,
                by,
                policies,
                observed,
            } => Self::Command {
                number,
                moment: match moment {
                    Moment::Prepare => "prepare".into(),
                    Moment::Run => "run".into(),
                },
                text: text.into(),
                operations: operations.iter().map(operation).collect(),
                complete: *complete,
                verdict: ruling.into(),
                rule: rule.into(),
                reason: reason.into(),
                policy: by.into(),
                policies,
                observed: observed.iter().map(observation).collect(),
            },
            Entry::Held { number, hold, terms } => held(number, hold, terms),
            Entry::Decided { number, hold, outcome } => decided(number, hold, outcome),
            Entry::Result { number, result } => result_of(number, result),
            Entry::Error { number, code, message } => {
                Self::Error { number, code: code.into(), message: message.into() }
            }
        }
    }
}

/// An operation in its recorded form.
pub fn operation(operation: &Operation) -> RecordedOperation<'_> {
    let Operation { action, object, fields, facts } = operation;
    RecordedOperation {
        action: action.into(),
        object: object.into(),
        fields: fields.iter().map(Cow::from).collect(),
        facts: facts.iter().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

fn observation(observation: &Observation) -> Observed<'_> {
    let Observation { policy, word, rule, reason } = observation;
    Observed {
        policy: policy.into(),
        verdict: (*word).into(),
        rule: rule.into(),
        reason: reason.into(),
    }
}

fn held<'a>(number: u64, hold: &'a str, terms: &'a Hold) -> Record<'a> {
    Record::Held {
        number,
        hold: hold.into(),
        rule: (&terms.rule).into(),
        reason: (&terms.reason).into(),
        approvers: terms.approvers.iter().map(Cow::from).collect(),
        quorum: terms.quorum,
        expires_in: terms.expires_in,
        for_approvers: (&terms.for_approvers).into(),
    }
}

fn decided<'a>(number: u64, hold: &'a str, outcome: &'a Outcome) -> Record<'a> {
    let (by, reason): (Vec<Text<'a>>, Text<'a>) = match outcome {
        Outcome::Granted { by } => (by.iter().map(Cow::from).collect(), "".into()),
        Outcome::Refused { by, reason } => (vec![by.into()], reason.into()),
        Outcome::Failed(problem) => (vec![], problem.into()),
        Outcome::Expired | Outcome::Withdrawn => (vec![], "".into()),
    };
    Record::Decided { number, hold: hold.into(), outcome: outcome.word().into(), by, reason }
}

fn result_of(number: u64, result: &RecordedResult) -> Record<'_> {
    let RecordedResult { fields, rows, row_count, bytes, truncated, tag, observed } = result;
    Record::Result {
        number,
        fields: fields.iter().map(column).collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.as_deref().map(Cow::from)).collect())
            .collect(),
        row_count: *row_count,
        bytes: *bytes,
        truncated: *truncated,
        tag: tag.into(),
        observed: observed.iter().map(observation).collect(),
    }
}

fn column(field: &RecordedField) -> Column<'_> {
    let RecordedField { name, type_name, masked, sources } = field;
    Column {
        name: name.into(),
        type_name: type_name.into(),
        masked: *masked,
        sources: sources.as_ref().map(|sources| sources.iter().map(Cow::from).collect()),
    }
}

#[cfg(test)]
mod tests;
