//! Names of relations and columns, and which relations a name may stand for.

use std::fmt;
use std::sync::Arc;

pub(crate) use palisade_sql::FRESH;
use palisade_sql::Name;

use super::{Known, Relation};

/// The source of a value that may come from anywhere.
pub(crate) const ANYWHERE: &str = "?.?.*";

/// The name of a column. Its parts are kept apart, since each may have a dot in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnName {
    pub(crate) schema: String,
    pub(crate) relation: String,
    pub(crate) column: String,
}

impl ColumnName {
    pub(crate) fn new(schema: &str, relation: &str, column: &str) -> Self {
        let (schema, relation) = (schema.to_owned(), relation.to_owned());
        Self { schema, relation, column: column.to_owned() }
    }

    /// Whichever column there is: [`ANYWHERE`].
    pub(crate) fn any() -> Self {
        Self::new("?", "?", "*")
    }

    /// The relation, as (schema, name).
    pub(crate) fn place(&self) -> (String, String) {
        (self.schema.clone(), self.relation.clone())
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.schema, self.relation, self.column)
    }
}

/// A name that nothing is known of.
pub(crate) fn unresolved(name: &Name) -> String {
    format!("{}.{}", name.schema.as_deref().unwrap_or("?"), name.name)
}

/// The relations that a name may stand for: any schema's where it has none.
pub(crate) fn resolve<'a>(
    known: &'a Known,
    name: &'a Name,
) -> impl Iterator<Item = &'a Arc<Relation>> {
    let named = known.named(&name.name).into_iter().flatten();
    named.filter(move |relation| {
        // Which schema a new table lies in is not known.
        relation.schema == FRESH
            || name.schema.as_ref().is_none_or(|schema| is_schema(schema, relation))
    })
}

/// Whether a relation lies in a schema as it is written: temporary ones lie in one that has a number.
fn is_schema(written: &str, relation: &Relation) -> bool {
    relation.schema == written || relation.schema == "pg_temp" && written.starts_with("pg_temp_")
}

/// Whether a schema belongs to the server itself, whose views are taken as they are.
pub(crate) fn is_system(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema" | "pg_toast")
}

pub(super) fn is_system_column(column: &str) -> bool {
    matches!(column, "ctid" | "tableoid" | "xmin" | "xmax" | "cmin" | "cmax")
}
