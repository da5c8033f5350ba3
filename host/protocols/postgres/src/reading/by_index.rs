//! What the order of rows tells: an index puts them in the order of its columns, and the server may read them by it.
//!
//! Which way the server goes is its own choice, which settings sway. What counts is which ways are open to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use palisade_policy::Operation;
use palisade_sql::{How, Object, Source, Statement, Usage};

use super::called::views;
use super::exposure::{Place, columns_of, use_of};
use super::targets::reached;
use crate::catalog::{Index, Known, Relation, resolve};

/// Where an operation is about every table.
const EVERY_TABLE: (&str, &str) = ("?", "?");

/// What a statement has to do with the columns of one relation.
#[derive(Default)]
struct Reads {
    /// Columns by which rows are picked, joined, sorted or grouped.
    decides: BTreeSet<String>,
    /// Those of them that are not only compared for equality with what is the same for all rows.
    decides_otherwise: BTreeSet<String>,
    /// All that are named.
    named: BTreeSet<String>,
    /// Whether the rows go somewhere one after the other, where their places are seen.
    placed: bool,
}

/// Uses of columns by whose order rows may come, or are put.
pub(super) fn uses(statement: &Statement, known: &Known) -> Vec<Operation> {
    let mut columns: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for (place, mut reads) in reads(statement, known) {
        let relation = known.find(&place.0, &place.1);
        let Some(relation) = relation.filter(|it| !is_settled(statement, it, known)) else {
            continue;
        };
        // The server puts these conditions beside those of the statement.
        reads.decides.extend(relation.judged_by.iter().cloned());
        reads.decides_otherwise.extend(relation.judged_by.iter().cloned());
        let shown = relation.indexes.values().flat_map(|index| reads.shown_by(index));
        columns.entry(place).or_default().extend(shown.cloned());
    }
    for operation in statement.operations.iter().filter(|it| it.action == "cluster") {
        clustered(operation, known, &mut columns);
    }
    columns.retain(|_, columns| !columns.is_empty());
    let sorted = columns.into_iter();
    sorted.map(|(object, fields)| use_of(object, fields, Usage::Sort, How::ByIndex)).collect()
}

/// Whether a statement puts every table in order.
pub(super) fn orders_every_table(statement: &Statement) -> bool {
    statement.operations.iter().any(|operation| {
        operation.action == "cluster" && matches!(operation.object, Object::Other(_))
    })
}

/// The relations whose columns a statement names, itself or by views.
fn reads(statement: &Statement, known: &Known) -> BTreeMap<Place, Reads> {
    let mut all: BTreeMap<Place, Reads> = BTreeMap::new();
    let views = views(statement, known);
    let uses = statement.uses.iter().chain(views.values().flat_map(|view| &view.statement.uses));
    for used in uses.filter(|used| used.how != How::ByIndex) {
        let equals = matches!(used.how, How::EqualsParameter | How::EqualsConstant);
        for (relation, column) in columns_of(&used.source, known) {
            let reads = all.entry(relation).or_default();
            if used.usage != Usage::Expression {
                reads.decides.insert(column.clone());
                if !equals {
                    reads.decides_otherwise.insert(column.clone());
                }
            }
            reads.named.insert(column);
        }
    }
    for source in statement.sources() {
        for (relation, column) in columns_of(source, known) {
            all.entry(relation).or_default().named.insert(column);
        }
    }
    // New rows lie where they were written, one after the other; those that were locked are marked so, which shows where there
    // are only so many of them; and those that are left show which were deleted, where that was drawn.
    let told: &[_] = match statement.draws {
        true => &["update", "merge", "lock", "delete"],
        false => &["update", "merge", "lock"],
    };
    for relation in changed(statement, told, known) {
        all.entry(relation.place()).or_default().named.insert("ctid".to_owned());
    }
    if statement.operations.iter().any(places) {
        all.values_mut().for_each(|reads| reads.placed = true);
    }
    all
}

/// Whether it puts the rows that a statement reads into a table.
fn places(operation: &palisade_sql::Operation) -> bool {
    match operation.action {
        "insert" | "merge" => true,
        "create" | "refresh" => operation
            .facts
            .iter()
            .any(|(_, kind)| kind.contains("table") || kind.contains("matview")),
        _ => false,
    }
}

/// The relations whose rows a statement changes by one of these actions.
fn changed<'a>(
    statement: &'a Statement,
    by: &'a [&'a str],
    known: &'a Known,
) -> impl Iterator<Item = &'a Arc<Relation>> {
    let writes = statement.operations.iter();
    let writes = writes.filter(|operation| by.contains(&operation.action));
    let names = writes.filter_map(|operation| operation.object.relation());
    names.flat_map(|name| reached(known, name))
}

/// Whether the statement itself says in which order the rows come, so that no index can.
fn is_settled(statement: &Statement, relation: &Relation, known: &Known) -> bool {
    let by: BTreeSet<&String> = statement.ordered_by.iter().map(|source| &source.column).collect();
    let of_it = |source: &Source| {
        let mut meant = resolve(known, &source.relation);
        meant.next().is_some_and(|it| it.oid == relation.oid) && meant.next().is_none()
    };
    !statement.draws
        && !relation.primary.is_empty()
        && relation.primary.iter().all(|column| by.contains(column))
        && statement.ordered_by.iter().all(of_it)
        && changed(statement, &["update", "delete", "merge"], known).next().is_none()
}

/// What `CLUSTER` puts rows in the order of.
fn clustered(
    operation: &palisade_sql::Operation,
    known: &Known,
    into: &mut BTreeMap<Place, BTreeSet<String>>,
) {
    let Object::Relation(name) = &operation.object else {
        let (schema, name) = EVERY_TABLE;
        into.entry((schema.to_owned(), name.to_owned())).or_default().insert("*".to_owned());
        return;
    };
    let by = operation.facts.iter().find(|(fact, _)| *fact == "index").map(|(_, index)| index);
    for relation in resolve(known, name) {
        let columns = into.entry(relation.place()).or_default();
        match by.map(|index| relation.indexes.get(index)) {
            Some(Some(index)) => columns.extend(index.keys.iter().cloned()),
            // One that others do not see yet.
            Some(None) => drop(columns.insert("*".to_owned())),
            // The one that was chosen before.
            None => columns.extend(relation.indexes.values().flat_map(|it| &it.keys).cloned()),
        }
    }
}

impl Reads {
    /// The columns by whose order this index may bring the rows: where it is told by what rows are picked or sorted by, or
    /// has all that is asked for. What shows nothing but a column itself shows no order of it, unless that goes to a place.
    fn shown_by<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = &'a String> {
        let alone = index.keys.len() == 1;
        let by = if alone { &self.decides_otherwise } else { &self.decides };
        let has = |column: &String| index.keys.contains(column) || index.carried.contains(column);
        let open = index.keys.iter().any(|key| by.contains(key)) || self.named.iter().all(has);
        let shows = move |key: &&String| {
            open && (self.placed || self.named.iter().any(|column| column != *key))
        };
        index.keys.iter().filter(shows)
    }
}
