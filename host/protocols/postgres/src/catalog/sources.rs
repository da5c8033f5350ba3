//! Where a value may come from that a statement, a view or a function takes from a relation.

use std::collections::BTreeSet;

use palisade_sql::{Name, Outputs, Source};

use super::names::is_system_column;
use super::{ColumnName, DEEPEST, Known, Relation, resolve};

/// The sources of the column at `position` (all columns where `None`), and whether it may hold anything.
pub(crate) fn column_sources(
    outputs: &Outputs,
    position: Option<usize>,
    width: usize,
) -> (&[Source], bool) {
    let exact = outputs.exact && outputs.columns.len() == width;
    match position.filter(|_| exact).and_then(|at| outputs.columns.get(at)) {
        Some(output) if !output.star => (&output.sources, output.opaque),
        _ => (&outputs.all_sources, outputs.opaque),
    }
}

/// Adds every name under which a policy may know a value of this source.
pub(crate) fn source_names(
    known: &Known,
    source: &Source,
    into: &mut BTreeSet<ColumnName>,
    depth: usize,
) {
    if let Some(function) = source.function() {
        return given_by(known, function, into, depth);
    }
    let mut found = false;
    for relation in resolve(known, &source.relation) {
        found = true;
        if is_of_a_rival(known, source, relation) {
            continue;
        }
        if let Some(column) =
            source.position().and_then(|at| relation.columns.values().nth(at.saturating_sub(1)))
        {
            relation.sources_within(known, column, into, depth);
            continue;
        }
        if (source.column == "*" || source.position().is_some()) && !relation.columns.is_empty() {
            for column in relation.columns.values() {
                relation.sources_within(known, column, into, depth);
            }
        } else {
            relation.sources_within(known, &source.column, into, depth);
        }
    }
    if !found {
        let Name { schema, name } = &source.relation;
        into.insert(ColumnName::new(schema.as_deref().unwrap_or("?"), name, &source.column));
        // It may be a view that others do not see yet.
        into.insert(ColumnName::any());
    }
}

/// Adds all that a function may give: any column of what it reads.
pub(crate) fn given_by(
    known: &Known,
    function: &str,
    into: &mut BTreeSet<ColumnName>,
    depth: usize,
) {
    let reads = if depth > DEEPEST { None } else { known.function_reads(function) };
    let Some(reads) = reads else {
        into.insert(ColumnName::any());
        return;
    };
    for relation in reads {
        if relation.columns.is_empty() {
            relation.sources_within(known, "*", into, depth + 1);
        }
        for column in relation.columns.values() {
            relation.sources_within(known, column, into, depth + 1);
        }
    }
}

/// The function that a source may stand for: a column that its relation does not have.
pub(crate) fn in_the_guise_of_a_column<'a>(known: &Known, source: &'a Source) -> Option<&'a str> {
    if source.function().is_some() || source.position().is_some() {
        return None;
    }
    let mut relations = resolve(known, &source.relation);
    let meant = relations.any(|relation| {
        let calls = relation.lacks(&source.column) || relation.may_call(known, &source.column);
        calls && !is_of_a_rival(known, source, relation)
    });
    meant.then_some(source.column.as_str())
}

/// Whether a column that was named alone is none of this relation, but of another that stands beside it.
fn is_of_a_rival(known: &Known, source: &Source, relation: &Relation) -> bool {
    let column = source.column.as_str();
    if source.rivals.is_empty() || relation.has(column) || is_system_column(column) {
        return false;
    }
    // Something of the statement's own that goes by this name, or may.
    let own = |rival: &Name| rival.name.is_empty();
    let mut others = source.rivals.iter().flat_map(|rival| resolve(known, rival));
    source.rivals.iter().any(own) || others.any(|rival| rival.has(column))
}
