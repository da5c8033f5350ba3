//! What must be looked up before a text can be read.

use std::collections::BTreeSet;

use palisade_sql::{Analysis, Name, Statement};

use crate::catalog::{Known, Touched, Wanted, in_the_guise_of_a_column, names_of, reads};

/// The relations that must be looked up before this text can be read.
#[must_use]
pub fn wanted(analysis: &Analysis, known: &Known) -> Wanted {
    let mut names = BTreeSet::new();
    for statement in &analysis.statements {
        for name in mentioned(statement) {
            if known.named(&name.name).is_none() {
                names.insert(name.name.clone());
            }
        }
    }
    let calls = |s: &Statement| {
        let none = s.calls.is_empty() && s.operators.is_empty() && s.casts.is_empty();
        !none || !s.unknown.is_empty() || !s.blocks.is_empty() || !s.defines.is_empty()
    };
    let in_guise = analysis.statements.iter().flat_map(Statement::sources);
    let in_guise = in_guise.filter_map(|source| in_the_guise_of_a_column(known, source));
    let in_guise: Vec<&str> = in_guise.collect();
    let routines =
        !known.has_routines() && (!in_guise.is_empty() || analysis.statements.iter().any(calls));
    let in_guise = in_guise.into_iter().filter(|_| known.has_routines());
    let in_guise = in_guise.filter(|name| known.defines_function(name));
    let labels = analysis.statements.iter().flat_map(labels).map(String::as_str);
    let behind = analysis.statements.iter().flat_map(|statement| &statement.calls);
    let behind = behind.filter(|name| known.has_routines() && known.defines_function(name));
    let called = labels.chain(in_guise).chain(behind.map(String::as_str));
    let called = called.filter(|label| !known.has_called(label));
    let called = called.flat_map(names_of).map(str::to_owned).collect();
    Wanted { names, routines, called, ..Wanted::default() }
}

/// Adds what must be looked up because of functions that were made while others do not see them yet.
pub(crate) fn wanted_by_new(
    analysis: &Analysis,
    known: &Known,
    touched: &Touched,
    into: &mut Wanted,
) {
    let Touched::Names { routines, .. } = touched else { return };
    let mut left: Vec<&String> = analysis.statements.iter().flat_map(labels).collect();
    let mut seen = BTreeSet::new();
    while let Some(label) = left.pop() {
        if !seen.insert(label) {
            continue;
        }
        if !known.has_called(label) {
            into.called.extend(names_of(label).map(str::to_owned));
        }
        for routine in names_of(label).filter_map(|name| routines.get(name)).flatten() {
            into.names.extend(reads(routine).filter(|name| known.named(name).is_none()));
            left.extend(&routine.unknown);
        }
    }
}

/// The functions of somebody's that a statement calls, by their names as written.
fn labels(statement: &Statement) -> impl Iterator<Item = &String> {
    let bodies = statement.blocks.iter().chain(&statement.defines);
    statement.unknown.iter().chain(bodies.flat_map(|body| &body.unknown))
}

fn mentioned(statement: &Statement) -> impl Iterator<Item = &Name> {
    let objects = statement.operations.iter().filter_map(|operation| operation.object.relation());
    let sources = statement.sources().filter(|source| source.function().is_none());
    let blocks = statement.blocks.iter().chain(&statement.defines);
    let blocks = blocks.flat_map(|block| &block.operations);
    let blocks = blocks.filter_map(|operation| operation.object.relation());
    objects.chain(sources.map(|source| &source.relation)).chain(blocks)
}
