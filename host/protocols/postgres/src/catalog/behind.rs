//! What somebody may have defined behind the names that a statement uses.

use palisade_sql::Statement;

use super::Known;

/// What somebody may have defined under a name of the server's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// A function.
    Function,
    /// An operator.
    Operator,
    /// A cast.
    Cast,
}

impl Behind {
    /// It as it is told.
    pub(crate) fn of(self, name: &str) -> String {
        match self {
            Self::Function => format!("function {name}"),
            Self::Operator => format!("operator {name}"),
            Self::Cast => format!("cast to {name}"),
        }
    }
}

/// The functions, operators and casts of a statement behind whose names there may be somebody's own.
pub(crate) fn behind_names<'a>(
    statement: &'a Statement,
    known: &'a Known,
) -> impl Iterator<Item = (Behind, &'a str)> {
    // There may be dots in a function's name. A type that is called is cast to.
    let functions = statement.calls.iter();
    let functions =
        functions.filter(|name| known.defines_function(name) || known.defines_cast(name));
    let operators = statement.operators.iter().filter(|name| known.defines_operator(name));
    let casts = statement.casts.iter().filter(|name| known.defines_cast(name));
    // What is computed, or written, may be cast on the way.
    let computes = !(statement.calls.is_empty() && statement.operators.is_empty())
        || statement.operations.iter().any(|operation| {
            matches!(operation.action, "insert" | "update" | "merge" | "copy-from")
        });
    let unwritten = (computes && known.casts_by_itself()).then_some("whatever is needed");
    let of = |kind| move |name: &'a String| (kind, name.as_str());
    functions
        .map(of(Behind::Function))
        .chain(operators.map(of(Behind::Operator)))
        .chain(casts.map(of(Behind::Cast)))
        .chain(unwritten.map(|name| (Behind::Cast, name)))
}
