//! Values that are tested where they are stored: by a check, a domain, a type that they do not fit into, or which partition
//! they belong to.
//!
//! Whoever made the test may have put a guess into it, and sees whether the values pass it.

use std::collections::{BTreeMap, BTreeSet};

use palisade_policy::Operation;
use palisade_sql::{EVERY_COLUMN, How, Name, Statement, Store, Usage};

use super::exposure::{Place, columns_of, use_of};
use super::targets::Targets;
use crate::catalog::{FRESH, Index, Known, Relation, resolve};

/// The type `text`: its OID in PostgreSQL's pg_type.dat, and no modifier.
const TEXT: &str = "25.-1";

/// Columns by relation.
type Columns = BTreeMap<Place, BTreeSet<String>>;

/// Uses of columns whose values a statement puts where they are tested.
pub(super) fn uses(statement: &Statement, known: &Known) -> Vec<Operation> {
    let mut columns = Columns::new();
    divided(statement, known, &mut columns);
    let mut converted = Columns::new();
    // Counters tell whether a row's columns in indexes are as they were.
    let changes = changes_rows(statement);
    for stores in statement.stores.chunk_by(|one, other| one.target == other.target) {
        let Some(Store { target, .. }) = stores.first() else { continue };
        let targets = Targets::of(known, target);
        let tests = |relation: &Relation, column: &str| is_tested(relation, column, known);
        copied(&targets, stores, known, tests, &mut columns);
        if target.column != EVERY_COLUMN {
            let makes =
                |relation: &Relation, column: &str| relation.made_of(column).next().is_some();
            copied(&targets, stores, known, makes, &mut converted);
        }
        if changes {
            copied(&targets, stores, known, is_indexed, &mut columns);
        }
        fitted(&targets, stores, known, &mut converted);
    }
    let of = |usage| move |(place, columns)| use_of(place, columns, usage, How::Other);
    let tested = columns.into_iter().filter(|(_, columns)| !columns.is_empty());
    tested
        .map(of(Usage::Predicate))
        .chain(converted.into_iter().map(of(Usage::Expression)))
        .collect()
}

/// What is copied to a column of another type, which may refuse it. Where no column is named, nothing protected is copied.
fn fitted(targets: &Targets<'_>, stores: &[Store], known: &Known, into: &mut Columns) {
    let types = targets.columns().filter_map(|(relation, column)| relation.type_of(column));
    // Any text fits into a text.
    let types: BTreeSet<&str> = types.filter(|target| *target != TEXT).collect();
    let named = stores.iter().filter(|store| !matches!(&*store.target.column, "*" | EVERY_COLUMN));
    for store in named.filter(|_| !types.is_empty()) {
        for (place, column) in columns_of(&store.source, known) {
            let source = known.find(&place.0, &place.1).and_then(|it| it.type_of(&column));
            if source.is_some_and(|source| types.iter().any(|target| *target != source)) {
                into.entry(place).or_default().insert(column);
            }
        }
    }
}

/// What is copied to a column of which something is made or asked.
fn copied(
    targets: &Targets<'_>,
    stores: &[Store],
    known: &Known,
    is_asked: impl Fn(&Relation, &str) -> bool,
    into: &mut Columns,
) {
    let tested = targets.columns().filter(|(relation, column)| is_asked(relation, column));
    let tested: BTreeSet<&str> = tested.map(|(_, column)| column).collect();
    if tested.is_empty() {
        return;
    }
    for store in stores {
        let every = store.target.column == EVERY_COLUMN;
        for (place, column) in columns_of(&store.source, known) {
            // Each column goes to its own name.
            if !every || column == "*" || tested.contains(&*column) {
                into.entry(place).or_default().insert(column);
            }
        }
    }
}

/// Whether a column is in an index: a row that changes nothing of these is not put into them anew.
fn is_indexed(relation: &Relation, column: &str) -> bool {
    let has = |index: &Index| index.keys.contains(column) || index.carried.contains(column);
    relation.indexes.values().any(has)
}

/// Whether a value that is written to a column is tested there, or by which part of another table the column's is.
fn is_tested(relation: &Relation, column: &str, known: &Known) -> bool {
    let divides = |(schema, name): &(String, String)| {
        known.find(schema, name).is_none_or(|parent| parent.split_by.contains(column))
    };
    relation.tested.contains(column) || relation.parents.iter().any(divides)
}

/// What is told apart by the bounds of a partition that a statement makes or takes in: the rows that it takes in, and
/// those that were left for others. One that is let go is told apart no more.
fn divided(statement: &Statement, known: &Known, into: &mut Columns) {
    let attached = with(statement, "alter", ("change", "attach-partition"));
    let parents: Vec<_> =
        attached.chain(with(statement, "references", ("via", "inherit"))).collect();
    if parents.is_empty() {
        return;
    }
    let parents: Vec<_> = parents.into_iter().flat_map(|name| resolve(known, name)).collect();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for parent in &parents {
        let above = parent.parents.iter().filter_map(|(schema, name)| known.find(schema, name));
        for parent in above.chain([*parent]) {
            keys.extend(parent.split_by.iter().cloned());
            into.entry(parent.place()).or_default().extend(parent.split_by.iter().cloned());
        }
    }
    if parents.iter().all(|parent| parent.schema == FRESH) {
        // What it is told apart by is not known yet.
        keys.insert("*".to_owned());
    }
    let parts = with(statement, "alter", ("change", "partition-of"));
    for part in parts.flat_map(|name| resolve(known, name)) {
        into.entry(part.place()).or_default().extend(keys.iter().cloned());
    }
}

/// Whether a statement changes rows that are there.
pub(super) fn changes_rows(statement: &Statement) -> bool {
    statement.operations.iter().any(|operation| matches!(operation.action, "update" | "merge"))
}

/// The relations on which a statement has an operation with this action and fact.
pub(super) fn with<'a>(
    statement: &'a Statement,
    action: &'a str,
    fact: (&'a str, &'a str),
) -> impl Iterator<Item = &'a Name> {
    let found = statement.operations.iter();
    let found = found.filter(move |operation| operation.action == action && has(operation, fact));
    found.filter_map(|operation| operation.object.relation())
}

/// Whether an operation has a fact.
pub(super) fn has(operation: &palisade_sql::Operation, fact: (&str, &str)) -> bool {
    operation.facts.iter().any(|(name, value)| (*name, value.as_str()) == fact)
}
