//! Where a value lies that is put into a relation: in the columns of tables, to which views pass it on.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_sql::{EVERY_COLUMN, Name, Source};

use crate::catalog::{DEEPEST, FRESH, Known, Relation, column_sources, resolve};

/// How many relations are followed behind one name.
const MOST_REACHED: usize = 1000;

/// The relations that an action on a name reaches: those that it may be, and all that these pass it on to where they are views.
pub(super) fn reached<'a>(known: &'a Known, name: &'a Name) -> Vec<&'a Arc<Relation>> {
    let mut reached: Vec<&Arc<Relation>> = Vec::new();
    let mut names = vec![name];
    while let Some(name) = names.pop() {
        for relation in resolve(known, name) {
            let seen = reached.iter().any(|it| it.place() == relation.place());
            if !seen && reached.len() < MOST_REACHED {
                reached.push(relation);
                names.extend(relation.view.iter().flat_map(|view| &view.reads));
            }
        }
    }
    reached
}

/// The columns of tables that a value is put into.
#[derive(Default)]
pub(super) struct Targets<'a> {
    /// Each once, by its table's OID.
    columns: BTreeMap<(u32, &'a str), &'a Arc<Relation>>,
    /// What the value is put into is not all known.
    unknown: bool,
}

impl<'a> Targets<'a> {
    /// Of a column as a statement names it; of every one where it names none.
    pub(super) fn of(known: &'a Known, target: &'a Source) -> Self {
        let mut targets = Self::default();
        targets.follow(known, target, 0);
        targets
    }

    /// Each column with its table.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'a Arc<Relation>, &'a str)> {
        self.columns.iter().map(|((_, column), relation)| (*relation, *column))
    }

    /// Whether these are all.
    pub(super) fn is_known(&self) -> bool {
        !self.unknown
    }

    fn follow(&mut self, known: &'a Known, target: &'a Source, depth: usize) {
        let mut found = false;
        for relation in resolve(known, &target.relation) {
            if relation.schema == FRESH {
                // What a new table does with it is not known yet.
                continue;
            }
            for (at, column) in meant(relation, target) {
                found = true;
                self.put(known, relation, (at, column), depth);
            }
        }
        let fresh = resolve(known, &target.relation).any(|relation| relation.schema == FRESH);
        self.unknown |= fresh || !found || depth > DEEPEST;
    }

    /// Puts it into the column at a place of a relation, or where that passes it on to.
    fn put(
        &mut self,
        known: &'a Known,
        relation: &'a Arc<Relation>,
        (at, column): (usize, &'a str),
        depth: usize,
    ) {
        let Some(view) = &relation.view else {
            self.columns.insert((relation.oid, column), relation);
            return;
        };
        let (sources, opaque) =
            column_sources(&view.statement.outputs, Some(at), relation.columns.len());
        // By a view that stands on many others there may be very many ways to one column.
        self.unknown |= opaque || depth > DEEPEST || self.columns.len() > MOST;
        if !self.unknown {
            sources.iter().for_each(|source| self.follow(known, source, depth + 1));
        }
    }
}

/// How many columns one value may be put into.
const MOST: usize = 4096;

/// The columns of a relation that a target stands for, with their places. Where it has none of that name, another relation
/// is meant.
fn meant<'a>(relation: &'a Relation, target: &'a Source) -> impl Iterator<Item = (usize, &'a str)> {
    let every = target.column == EVERY_COLUMN || target.column == "*";
    let position = target.position();
    let columns = relation.columns.values().map(String::as_str).enumerate();
    columns.filter(move |(at, column)| match position {
        Some(position) => *at + 1 == position,
        None => every || *column == target.column,
    })
}
