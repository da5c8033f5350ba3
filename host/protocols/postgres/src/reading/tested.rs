//! Values that are tested where they are stored: by a check, a domain, a type that they do not fit into, or which partition
//! they belong to.
//!
//! Whoever made the test may have put a guess into it, and sees whether the values pass it.

use std::collections::{BTreeMap, BTreeSet};

use palisade_policy::Operation;
use palisade_sql::{EVERY_COLUMN, How, Object, Statement, Store, Usage};

use super::exposure::{columns_of, use_of};
use crate::catalog::{Known, resolve};

/// The type `text`: its OID in PostgreSQL's pg_type.dat, and no modifier.
const TEXT: &str = "25.-1";

/// Columns by relation.
type Columns = BTreeMap<String, BTreeSet<String>>;

/// Uses of columns whose values a statement puts where they are tested.
pub(super) fn uses(statement: &Statement, known: &Known) -> Vec<Operation> {
    let mut columns = Columns::new();
    for store in &statement.stores {
        copied(store, known, &mut columns);
    }
    divided(statement, known, &mut columns);
    let mut converted = Columns::new();
    for store in &statement.stores {
        fitted(store, known, &mut converted);
    }
    let of = |usage| move |(object, fields)| use_of(object, fields, usage, How::Other);
    let tested = columns.into_iter().filter(|(_, columns)| !columns.is_empty());
    tested
        .map(of(Usage::Predicate))
        .chain(converted.into_iter().map(of(Usage::Expression)))
        .collect()
}

/// What is copied to a column of another type, which may refuse it.
fn fitted(store: &Store, known: &Known, into: &mut Columns) {
    let type_of = |relation: &str, column: &str| {
        let (schema, name) = relation.split_once('.')?;
        known.find(schema, name)?.type_of(column)
    };
    let target: Option<&str> =
        columns_of(&store.target, known).find_map(|(relation, column)| type_of(&relation, &column));
    // Any text fits into a text.
    let Some(target) = target.filter(|target| *target != TEXT) else { return };
    for (relation, column) in columns_of(&store.source, known) {
        if type_of(&relation, &column).is_some_and(|source| source != target) {
            into.entry(relation).or_default().insert(column);
        }
    }
}

/// What is copied to a column that is tested.
fn copied(store: &Store, known: &Known, into: &mut Columns) {
    let every = store.target.column == EVERY_COLUMN;
    let tested: BTreeSet<&String> = columns_of(&store.target, known)
        .filter_map(|(relation, column)| {
            let (schema, name) = relation.split_once('.')?;
            Some((known.find(schema, name)?, column))
        })
        .flat_map(|(relation, column)| {
            let any = every || column == "*";
            relation.tested.iter().filter(move |tested| any || **tested == column)
        })
        .collect();
    if tested.is_empty() {
        return;
    }
    for (relation, column) in columns_of(&store.source, known) {
        // Each column goes to its own name.
        if !every || column == "*" || tested.contains(&column) {
            into.entry(relation).or_default().insert(column);
        }
    }
}

/// What is told apart by the bounds of a partition that a statement makes or takes in: the rows that it takes in, and
/// those that were left for others.
fn divided(statement: &Statement, known: &Known, into: &mut Columns) {
    let on = |action: &str, fact: (&str, &str)| {
        let found = statement.operations.iter().filter(move |operation| {
            operation.action == action
                && operation.facts.iter().any(|(name, value)| (*name, value.as_str()) == fact)
        });
        let names = found.filter_map(|operation| match &operation.object {
            Object::Relation(name) => Some(name),
            Object::Other(_) => None,
        });
        names.flat_map(|name| resolve(known, name)).collect::<Vec<_>>()
    };
    let (fact, made) = (("change", "attach-partition"), ("via", "inherit"));
    let parents = [on("alter", fact), on("references", made)].concat();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for parent in &parents {
        let above = parent.parents.iter().filter_map(|(schema, name)| known.find(schema, name));
        for parent in above.chain([*parent]) {
            keys.extend(parent.split_by.iter().cloned());
            into.entry(parent.full_name()).or_default().extend(parent.split_by.iter().cloned());
        }
    }
    if parents.is_empty() && !on("alter", ("change", "partition-of")).is_empty() {
        // What it is told apart by is not known yet.
        keys.insert("*".to_owned());
    }
    for part in on("alter", ("change", "partition-of")) {
        into.entry(part.full_name()).or_default().extend(keys.iter().cloned());
    }
}
