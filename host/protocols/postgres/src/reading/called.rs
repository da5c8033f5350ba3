//! What a statement does by calling functions that somebody defined, directly and through the views that it reads.

use std::collections::{BTreeMap, BTreeSet};

use palisade_policy::Operation;
use palisade_sql::{Object, Statement};

use super::resolved;
use super::targets::reached;
use crate::catalog::{Known, View, behind_names, in_the_guise_of_a_column, resolve};

/// The views that a statement reads, by their full names, also through others.
pub(super) fn views<'a>(statement: &'a Statement, known: &'a Known) -> BTreeMap<String, &'a View> {
    let mut views = BTreeMap::new();
    for operation in &statement.operations {
        let Object::Relation(name) = &operation.object else { continue };
        for relation in resolve(known, name) {
            relation.views(known, &mut views);
        }
    }
    views
}

/// A function as it is called, and all that it does; none where not all of that is understood.
type Call<'a> = (String, Option<Vec<&'a palisade_sql::Operation>>);

/// The functions that a statement calls, and the blocks that it runs.
pub(super) struct Called<'a> {
    calls: Vec<Call<'a>>,
    blocks: Vec<Call<'a>>,
    /// The functions that it defines: what they would do if they were called.
    defines: Vec<Call<'a>>,
}

impl<'a> Called<'a> {
    pub(super) fn new(statement: &'a Statement, known: &'a Known) -> Self {
        let mut labels: BTreeSet<&str> = statement.unknown.iter().map(String::as_str).collect();
        let in_guise = statement.sources();
        let in_guise = in_guise.filter_map(|source| in_the_guise_of_a_column(known, source));
        // A type in the guise of a column is a cast of the whole row.
        let in_guise =
            in_guise.filter(|name| known.defines_function(name) || known.defines_cast(name));
        labels.extend(in_guise);
        let views = views(statement, known);
        labels.extend(views.values().flat_map(|view| &view.statement.unknown).map(String::as_str));
        let calls = labels.into_iter().map(|label| (label.to_owned(), known.does(label)));
        let blocks = statement.blocks.iter();
        let blocks = blocks.map(|block| ("a block".to_owned(), known.block_does(block)));
        let defines = statement.defines.iter().filter(|defined| defined.gaps.is_empty());
        let defines = defines.map(|it| (it.name.to_string(), known.block_does(it)));
        Self { calls: calls.collect(), blocks: blocks.collect(), defines: defines.collect() }
    }

    fn all(&self) -> impl Iterator<Item = &Call<'a>> {
        self.calls.iter().chain(&self.blocks)
    }

    /// Whether all that they do is understood.
    pub(super) fn is_understood(&self, known: &Known) -> bool {
        let sees = |operation: &palisade_sql::Operation| match &operation.object {
            Object::Relation(name) => {
                !reached(known, name).iter().any(|it| it.runs_code(operation.action))
            }
            Object::Other(_) => true,
        };
        self.all().all(|(_, does)| does.as_ref().is_some_and(|does| does.iter().all(|it| sees(it))))
    }

    /// Whether it may change settings by what is not followed.
    pub(super) fn may_set(&self, statement: &Statement, known: &Known) -> bool {
        let hung = |operation: &palisade_sql::Operation, any: bool| match &operation.object {
            Object::Relation(name) => reached(known, name)
                .iter()
                .any(|it| it.sets && (any || it.runs_code(operation.action))),
            Object::Other(_) => false,
        };
        let own = statement.operations.iter().any(|operation| hung(operation, false));
        // Of what is not followed it is not told what it does to a relation.
        let unseen = |label: &str| {
            known
                .does_without_setting(label)
                .is_none_or(|does| does.iter().any(|it| hung(it, true)))
        };
        let calls = self.calls.iter().any(|(label, does)| match does {
            Some(does) => does.iter().any(|operation| hung(operation, false)),
            None => unseen(label),
        });
        let block = self.blocks.iter().any(|(_, does)| does.is_none());
        own || calls || block || behind_names(statement, known).next().is_some()
    }

    /// Why the statement is not accounted for.
    pub(super) fn unseen(&self, statement: &Statement) -> Option<&'static str> {
        let block = self.blocks.iter().any(|(_, does)| does.is_none());
        let procedure = statement.operations.iter().any(|operation| {
            let label = operation.object.to_string();
            operation.action == "call"
                && operation.facts.contains(&("kind", "procedure".to_owned()))
                && self.calls.iter().any(|(called, does)| *called == label && does.is_none())
        });
        if self.defines.iter().any(|(_, does)| does.is_none()) {
            return Some("CREATE FUNCTION defines code that is not followed");
        }
        match (block, procedure) {
            (true, _) => Some("DO runs code that is not followed"),
            (_, true) => Some("CALL runs a procedure that is not followed"),
            _ => None,
        }
    }

    /// Adds the relations that they touch, those that defined functions would touch among them: code that reads what is
    /// protected could be hung where nobody sees it run.
    pub(super) fn touched(&self, known: &Known, into: &mut BTreeSet<(String, String)>) {
        let all = self.all().chain(&self.defines);
        for operation in all.filter_map(|(_, does)| does.as_ref()).flatten() {
            let Object::Relation(name) = &operation.object else { continue };
            for relation in resolve(known, name) {
                relation.touched(known, into);
            }
        }
    }

    /// Adds the views that they read.
    pub(super) fn views(&self, known: &'a Known, into: &mut BTreeMap<String, &'a View>) {
        for operation in self.all().filter_map(|(_, does)| does.as_ref()).flatten() {
            let Object::Relation(name) = &operation.object else { continue };
            for relation in resolve(known, name) {
                relation.views(known, into);
            }
        }
    }

    /// Adds what they do to the operations of the statement, which begin at `first`.
    pub(super) fn add_to(&self, into: &mut Vec<Operation>, first: usize, known: &Known) {
        for call in into.iter_mut().skip(first).filter(|operation| operation.action == "call") {
            let understood = |(label, does): &Call<'_>| *label == call.object && does.is_some();
            if self.calls.iter().any(understood) {
                for (_, function) in call.facts.iter_mut().filter(|(fact, _)| fact == "function") {
                    "defined".clone_into(function);
                }
            }
        }
        let told: BTreeSet<_> = into.iter().skip(first).map(|it| it.object.clone()).collect();
        let mut done = Vec::new();
        for (label, does) in self.calls.iter().filter(|(label, _)| !told.contains(label)) {
            let function = if does.is_some() { "defined" } else { "unknown" };
            done.push(Operation {
                action: "call".to_owned(),
                object: label.clone(),
                facts: vec![("function".to_owned(), function.to_owned())],
                ..Operation::default()
            });
        }
        for (label, operations) in self.all() {
            add(label, operations.iter().flatten().copied(), known, &mut done);
        }
        into.append(&mut done);
    }
}

/// Adds what a function does, once.
fn add<'a>(
    label: &str,
    operations: impl Iterator<Item = &'a palisade_sql::Operation>,
    known: &Known,
    into: &mut Vec<Operation>,
) {
    for operation in operations {
        // That a relation is named does not mean that there is one.
        if let Object::Relation(name) = &operation.object
            && resolve(known, name).next().is_none()
        {
            continue;
        }
        // What it calls is among what it does.
        if operation.action == "call"
            && operation.facts.iter().any(|(_, function)| function == "unknown")
        {
            continue;
        }
        let mut found = Vec::new();
        resolved(operation, known, &mut found);
        if let Object::Relation(name) = &operation.object {
            for relation in reached(known, name) {
                relation.done_elsewhere(operation.action, known, &mut found);
            }
        }
        for mut operation in found {
            operation.facts.push(("through".to_owned(), label.to_owned()));
            if !into.contains(&operation) {
                into.push(operation);
            }
        }
    }
}
