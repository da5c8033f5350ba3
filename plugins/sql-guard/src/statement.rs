//! The statements that `deny` can name, and what each says when it blocks.

use plugin_sdk::prelude::*;

/// A kind of statement. The two `…-without-where` mean statements whose WHERE is missing, or the same for every row;
/// `copy-program` COPY from or to a program or a file on the server; `call` a procedure, or a function that does more than
/// compute; `unknown-function` a function that the gateway does not know.
#[config]
#[derive(Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Statement {
    Drop,
    Truncate,
    DeleteWithoutWhere,
    UpdateWithoutWhere,
    Insert,
    Update,
    Delete,
    Merge,
    Create,
    Alter,
    Grant,
    Revoke,
    CopyFrom,
    CopyTo,
    CopyProgram,
    Do,
    Call,
    UnknownFunction,
    Execute,
    Lock,
    Set,
}

impl Statement {
    /// The name in the configuration and in the rule's id.
    fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Truncate => "truncate",
            Self::DeleteWithoutWhere => "delete-without-where",
            Self::UpdateWithoutWhere => "update-without-where",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Merge => "merge",
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::CopyFrom => "copy-from",
            Self::CopyTo => "copy-to",
            Self::CopyProgram => "copy-program",
            Self::Do => "do",
            Self::Call => "call",
            Self::UnknownFunction => "unknown-function",
            Self::Execute => "execute",
            Self::Lock => "lock",
            Self::Set => "set",
        }
    }

    /// Whether the operation is such a statement.
    pub(crate) fn matches(self, operation: &Operation) -> bool {
        let action = operation.action.as_str();
        match self {
            Self::DeleteWithoutWhere => action == "delete" && !chooses_rows(operation),
            Self::UpdateWithoutWhere => action == "update" && !chooses_rows(operation),
            Self::CopyProgram => reaches_server(operation),
            Self::UnknownFunction => action == "call" && is_unknown_function(operation),
            _ => action == self.name(),
        }
    }

    /// What the client is told.
    pub(crate) fn denial(self, operation: &Operation) -> Verdict {
        let object = match operation.object.as_str() {
            "" => String::new(),
            object => format!(" on {object}"),
        };
        let (reason, hint) = match self {
            Self::DeleteWithoutWhere | Self::UpdateWithoutWhere => (
                format!("{}{object} would touch every row", operation.action.to_ascii_uppercase()),
                "Add a WHERE clause that chooses the rows.",
            ),
            Self::CopyProgram => (
                format!("COPY{object} would reach a program or a file on the server"),
                "Use COPY FROM STDIN or COPY TO STDOUT.",
            ),
            _ => (
                format!("{}{object} is not allowed here", operation.action.to_ascii_uppercase()),
                "Ask the database's owner to do this, if it must be done.",
            ),
        };
        Verdict::deny(format!("sql-guard.{}", self.name()), reason).hint(hint)
    }
}

/// Whether a WHERE depends on the row. One that is the same for every row does not, nor does one of which nothing is known.
/// An upsert has none: its rows are those that it would have inserted.
fn chooses_rows(operation: &Operation) -> bool {
    operation.fact("where") == Some("present") || operation.fact("conflict").is_some()
}

/// Whether a COPY goes elsewhere than to the client.
fn reaches_server(operation: &Operation) -> bool {
    operation.action.starts_with("copy-")
        && operation.fact("place").is_some_and(|place| place != "client")
}

fn is_unknown_function(operation: &Operation) -> bool {
    matches!(operation.fact("function"), Some("unknown" | "dangerous"))
}
