//! For what a protected column may not be used, though its values are not shown.

use plugin_sdk::prelude::*;

/// A use of a protected column. Testing for NULL and comparing for equality with a bound parameter are never among them.
///
/// `predicate`: in a condition, in whatever way else. `equals-constant`: compared for equality with a constant in the text.
/// `join`: compared with another column. `sort`: in an ORDER BY. `group`: in a DISTINCT, GROUP BY or UNION together with
/// other values than its own. `distinct`: in one with no others, whose number and order tell, should somebody have written
/// a guess beside the values. `index`: by an index, in whose order rows are put, or may come. `unique`: written where no two
/// rows have the same value. `expression`: computed with, even if what comes of it is masked.
/// `view`: by a view that somebody made, in its own conditions, joins and order.
#[config]
#[derive(Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Usage {
    Predicate,
    EqualsConstant,
    Join,
    Sort,
    Group,
    Distinct,
    Index,
    Unique,
    Expression,
    View,
}

impl Usage {
    /// The name in the configuration and in the rule's id.
    fn name(self) -> &'static str {
        match self {
            Self::Predicate => "predicate",
            Self::EqualsConstant => "equals-constant",
            Self::Join => "join",
            Self::Sort => "sort",
            Self::Group => "group",
            Self::Distinct => "distinct",
            Self::Index => "index",
            Self::Unique => "unique",
            Self::Expression => "expression",
            Self::View => "view",
        }
    }

    /// Whether the operation is such a use of a protected column.
    pub(crate) fn matches(self, operation: &Operation) -> bool {
        operation.action == "use"
            && operation.fact("protected").is_some()
            && Self::of(operation) == Some(self)
    }

    /// What kind of use an operation is; none where it is never denied.
    fn of(operation: &Operation) -> Option<Self> {
        let usage = operation.fact("for")?;
        match operation.fact("how")? {
            "null-test" | "equals-parameter" => return None,
            _ if operation.fact("through").is_some() => return Some(Self::View),
            "equals-constant" => return Some(Self::EqualsConstant),
            "among-themselves" if usage == "group" => return Some(Self::Distinct),
            "by-index" => return Some(Self::Index),
            _ => {}
        }
        Some(match usage {
            "join" => Self::Join,
            "sort" => Self::Sort,
            "group" => Self::Group,
            "unique" => Self::Unique,
            "expression" => Self::Expression,
            // What this has never heard of decides over something.
            _ => Self::Predicate,
        })
    }

    /// The denial that such a use gets.
    pub(crate) fn denial(self, operation: &Operation) -> Verdict {
        let columns: Vec<&str> = operation
            .facts
            .iter()
            .filter(|(fact, _)| fact == "protected")
            .map(|(_, column)| column.as_str())
            .collect();
        let columns = format!("{}.{}", operation.object, columns.join(", "));
        let (what, hint) = match self {
            Self::Predicate => ("decide which rows there are", EQUALITY),
            Self::EqualsConstant => ("be compared with a constant", EQUALITY),
            Self::Join => ("be joined by", "Join by another column."),
            Self::Sort => ("be sorted by", "Sort by another column."),
            Self::Group => (
                "be compared with other values in a DISTINCT, GROUP BY or UNION",
                "Group by another column, or use UNION ALL.",
            ),
            Self::Distinct => (
                "decide which rows are one in a DISTINCT, GROUP BY or UNION",
                "Group by another column.",
            ),
            Self::Index => (
                "order rows by an index over it",
                "Order one plain query by its table's primary key, count the rows, or name other columns.",
            ),
            Self::Unique => {
                ("be written where each value is unique", "Leave the column to whoever may see it.")
            }
            Self::Expression => ("be computed with", "Select the column itself."),
            Self::View => ("decide over a view's rows", "Use the tables that it is made of."),
        };
        let reason =
            format!("{columns} is protected and may not {what}: that would tell its values");
        Verdict::deny(format!("sql-guard.protected-{}", self.name()), reason).hint(hint)
    }
}

/// What to do instead of most comparisons.
const EQUALITY: &str =
    "Compare it for equality with a bound parameter ($1), test it for NULL, or use other columns.";
