//! What the statements of MySQL and of generic SQL are taken for.

mod generic;
mod mysql;
mod uses;

use crate::Dialect;
use crate::rendering::{render, render_outputs};

/// Checks what a text would do, its effects and its gaps.
fn check(dialect: &dyn Dialect, text: &str, expected: &str) {
    assert_eq!(render(&dialect.analyze(text)), expected, "{text}");
}

/// Checks where the columns of a statement's result come from.
fn outputs(dialect: &dyn Dialect, text: &str, expected: &str) {
    let analysis = dialect.analyze(text);
    assert_eq!(analysis.statements.len(), 1, "{text}: {:?}", analysis.gaps);
    assert_eq!(render_outputs(&analysis.statements[0]), expected, "{text}");
}

/// Checks which columns decide without being put out, and in what way.
fn uses(dialect: &dyn Dialect, text: &str, expected: &str) {
    let analysis = dialect.analyze(text);
    assert_eq!(analysis.statements.len(), 1, "{text}: {:?}", analysis.gaps);
    let uses = analysis.statements[0].uses.iter();
    let uses = uses.filter(|used| used.usage != crate::Usage::Expression);
    let uses = uses.map(|used| format!("{:?} {} {:?}", used.usage, used.source, used.how));
    assert_eq!(uses.collect::<Vec<_>>().join(", ").to_lowercase(), expected, "{text}");
}
