//! What PostgreSQL's statements are taken for. Each case is a text and the short form of its analysis.

mod copying;
mod functions;
mod objects;
mod outputs;
mod queries;
mod routines;
mod session;
mod shapes;
mod tables;
mod texts;
mod uses;
mod writing;

use crate::rendering::{render, render_outputs, render_sources, render_uses};
use crate::{Dialect, PostgreSql, Statement};

/// Checks what a text would do, its effects and its gaps.
fn check(text: &str, expected: &str) {
    assert_eq!(render(&PostgreSql.analyze(text)), expected, "{text}");
}

/// Checks where the columns of a statement's result come from.
fn outputs(text: &str, expected: &str) {
    assert_eq!(render_outputs(&only(text)), expected, "{text}");
}

/// Checks which columns' values a statement uses outside of predicates.
fn all_sources(text: &str, expected: &str) {
    assert_eq!(render_sources(&only(text).outputs.all_sources), expected, "{text}");
}

/// Checks which columns decide without being put out.
fn uses(text: &str, expected: &str) {
    assert_eq!(render_uses(&only(text)), expected, "{text}");
}

fn only(text: &str) -> Statement {
    let mut analysis = PostgreSql.analyze(text);
    assert_eq!(analysis.statements.len(), 1, "{text}: {:?}", analysis.gaps);
    analysis.statements.remove(0)
}
