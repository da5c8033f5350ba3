//! What the gate asks of the world: a journal that keeps, and approvals that wait.
//!
//! Both are traits, so that this crate does no I/O and knows no clock.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{Command, Context, Hold, Observation, Written};

/// A future that can be kept and sent between threads.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Whether a command is about to run, or only prepared for running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is parsed; nothing runs yet.
    Prepare,
    /// It runs as soon as it is allowed.
    Run,
}

/// How a hold ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As many as were needed said yes.
    Granted {
        /// Who.
        by: Vec<String>,
    },
    /// Somebody said no.
    Refused {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
    },
    /// Nobody decided in time.
    Expired,
    /// Whoever asked went away or cancelled.
    Withdrawn,
    /// The hold could not be kept.
    Failed(String),
}

impl Outcome {
    /// One word for the record.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Granted { .. } => "granted",
            Self::Refused { .. } => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Failed(_) => "failed",
        }
    }
}

/// One column of a recorded result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedField {
    /// The name that the client saw.
    pub name: String,
    /// The protocol's name for the type.
    pub type_name: String,
    /// Whether a policy covered it or looked into it.
    pub masked: bool,
    /// Where its values come from, where policies were asked about that.
    pub sources: Option<Vec<String>>,
}

/// What came back from a command, as the client saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedResult {
    /// The columns, empty where the command gives no rows.
    pub fields: Written<Vec<RecordedField>>,
    /// The first rows, masked, as text.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows the client got.
    pub row_count: u64,
    /// How many bytes the client got.
    pub bytes: u64,
    /// Whether rows are missing here that the client got.
    pub truncated: bool,
    /// The server's own word for what it did (`UPDATE 3`).
    pub tag: String,
    /// What policies that only observe would have covered besides.
    pub observed: Arc<[Observation]>,
}

/// One thing that happened in a session.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A command was judged.
    Command {
        /// The command's number in the session, from 1.
        number: u64,
        /// What was asked for.
        command: &'a Command,
        /// Whether it is about to run.
        moment: Moment,
        /// `allow`, `deny`, `hold` or `rewrite`.
        ruling: &'static str,
        /// The deciding rule's id; empty where nothing objected.
        rule: &'a str,
        /// The deciding rule's reason.
        reason: &'a str,
        /// The policy that decided; empty where none objected, or the gateway itself did.
        by: &'a str,
        /// The version of the policies that judged.
        policies: u64,
        /// What observing policies would have done.
        observed: &'a [Observation],
    },
    /// A command waits.
    Held {
        /// The command's number.
        number: u64,
        /// The hold's id.
        hold: &'a str,
        /// What it waits for.
        terms: &'a Hold,
    },
    /// A hold ended.
    Decided {
        /// The command's number.
        number: u64,
        /// The hold's id.
        hold: &'a str,
        /// How.
        outcome: &'a Outcome,
    },
    /// A command ended well.
    Result {
        /// The command's number.
        number: u64,
        /// What came back.
        result: &'a RecordedResult,
    },
    /// A command ended in an error of the server's or the gateway's.
    Error {
        /// The command's number; 0 outside any command.
        number: u64,
        /// The protocol's code (an SQLSTATE).
        code: &'a str,
        /// The message, as the client saw it.
        message: &'a str,
    },
}

/// The record could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record cannot be written: {0}")]
pub struct JournalFailure(pub String);

/// Keeps what happens.
pub trait Journal: Send + Sync {
    /// Adds an entry. `None` says that it is kept as durably as the operator asked for;
    /// otherwise that is so when the future ends well.
    ///
    /// # Errors
    /// When the entry cannot be kept; the command must then not run.
    fn put(
        &self,
        session: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure>;
}

/// A command that must wait.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    /// Whose, and where.
    pub context: Arc<Context>,
    /// What exactly.
    pub command: Arc<Command>,
    /// The command's number in the session.
    pub number: u64,
    /// What it waits for.
    pub terms: Hold,
}

/// A hold that is open. Dropping it before its outcome withdraws it.
pub trait Ticket: Send {
    /// The hold's id.
    fn id(&self) -> &str;

    /// How it can be decided, for the waiting client: one line, such as a command to run.
    fn how(&self) -> String;

    /// Ends when the hold does.
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>>;
}

/// Keeps holds until they are decided.
pub trait Approvals: Send + Sync {
    /// Opens a hold.
    ///
    /// # Errors
    /// When it cannot be kept, with the reason.
    fn open(&self, request: HoldRequest) -> Result<Box<dyn Ticket>, String>;
}
