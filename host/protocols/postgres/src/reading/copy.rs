//! What a `COPY … TO STDOUT` sends, column by column.

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_policy::Field;
use palisade_sql::{CopyFormat, CopyOut, CopySource, Name, Outputs};

use super::Lineage;
use crate::catalog::{ColumnName, Known, Relation, resolve, source_names};

/// A copy towards the client, with its columns as policies see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyShape {
    /// How its rows are written.
    pub format: CopyFormat,
    /// Whether its first line holds names.
    pub header: bool,
    /// What stands between values.
    pub delimiter: u8,
    /// What stands around a CSV value.
    pub quote: u8,
    /// What stands before a quote inside of a CSV value.
    pub escape: u8,
    /// What stands for NULL.
    pub null: String,
    /// Its columns; `None` where they are not known one by one, or not how they are written.
    pub fields: Option<Vec<Field>>,
    /// One field that stands for all of them together.
    pub any: Field,
    /// Whether there is no such relation, as far as is known for certain.
    pub is_of_nothing: bool,
}

impl CopyShape {
    pub(super) fn new(copy: &CopyOut, outputs: &Outputs, known: &Known, certain: bool) -> Self {
        let lineage = Lineage::new(outputs, known);
        let (fields, any) = match &copy.source {
            CopySource::Query { .. } => {
                let fields = lineage.columns().map(|columns| {
                    let name = |at: usize| {
                        let output = outputs.columns.get(at).filter(|_| outputs.exact);
                        output.and_then(|output| output.name.clone()).unwrap_or_default()
                    };
                    let sources = columns.iter().enumerate();
                    sources.map(|(at, sources)| field(name(at), sources.clone())).collect()
                });
                (fields, lineage.all().to_vec())
            }
            CopySource::Relation { name, columns } => {
                let fields = relation_fields(name, columns, known);
                let whole = palisade_sql::Source::new(name, "*");
                let mut all = BTreeSet::new();
                source_names(known, &whole, &mut all, 0);
                (fields, all.iter().map(ColumnName::to_string).collect())
            }
        };
        let is_of_nothing = match &copy.source {
            CopySource::Query { .. } => false,
            CopySource::Relation { name, .. } => certain && resolve(known, name).next().is_none(),
        };
        let first = |text: &str, default: u8| text.bytes().next().unwrap_or(default);
        Self {
            format: copy.format,
            header: copy.header,
            delimiter: first(&copy.delimiter, b'\t'),
            quote: first(&copy.quote, b'"'),
            escape: first(&copy.escape, b'"'),
            null: copy.null.clone(),
            fields: fields.filter(|_| copy.is_known),
            any: field("*".to_owned(), any),
            is_of_nothing,
        }
    }
}

/// The fields of a relation's columns, where it is the only one of its name or the columns are named.
fn relation_fields(name: &Name, columns: &[String], known: &Known) -> Option<Vec<Field>> {
    let candidates: Vec<_> = resolve(known, name).collect();
    let columns: Vec<String> = match (columns, candidates.as_slice()) {
        ([], [only]) => {
            let columns = only.columns.iter();
            let copied = columns.filter(|(number, _)| !only.generated.contains(number));
            copied.map(|(_, name)| name.clone()).collect()
        }
        ([], _) => return None,
        (named, _) => named.to_vec(),
    };
    let fields = columns.into_iter().map(|column| {
        let sources = column_sources(&candidates, &column, known);
        field(column, sources)
    });
    Some(fields.collect())
}

fn column_sources(candidates: &[&Arc<Relation>], column: &str, known: &Known) -> Vec<String> {
    let mut sources = BTreeSet::new();
    for relation in candidates {
        relation.sources(known, column, &mut sources);
    }
    if sources.is_empty() {
        return vec![format!("?.?.{column}")];
    }
    sources.iter().map(ColumnName::to_string).collect()
}

fn field(name: String, sources: Vec<String>) -> Field {
    Field { name, sources, type_name: "text".to_owned() }
}
