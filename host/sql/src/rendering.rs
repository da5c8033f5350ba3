//! Analyses as short lines, for tests to compare.

use crate::{Analysis, Effect, Operation, Output, Source, Statement};

/// `action object [fields] {fact: value}`; `~ effect`; `! gap`, with `; ` between them and ` | ` between statements.
pub(crate) fn render(analysis: &Analysis) -> String {
    let statements: Vec<String> = analysis.statements.iter().map(statement).collect();
    let mut text = statements.join(" | ");
    for gap in &analysis.gaps {
        text.push_str(if text.is_empty() { "! " } else { "; ! " });
        text.push_str(gap);
    }
    text
}

/// `name <- sources`, with `~` before what is derived, `*` before stars, `?` before what may come from anywhere.
pub(crate) fn render_outputs(statement: &Statement) -> String {
    let outputs = &statement.outputs;
    let columns: Vec<String> = outputs.columns.iter().map(output).collect();
    let mut text = columns.join("; ");
    if !outputs.exact {
        text.push_str(" (inexact)");
    }
    text
}

/// `usage relation.column`, with `, ` between them.
pub(crate) fn render_uses(statement: &Statement) -> String {
    let uses = statement.uses.iter();
    let uses = uses.map(|used| format!("{:?} {}", used.usage, used.source).to_lowercase());
    let mut uses: Vec<_> = uses.collect();
    uses.dedup();
    uses.join(", ")
}

/// `relation.column`, with `, ` between them.
pub(crate) fn render_sources(sources: &[Source]) -> String {
    let mut names: Vec<_> = sources.iter().map(Source::to_string).collect();
    names.dedup();
    names.join(", ")
}

fn statement(statement: &Statement) -> String {
    let operations = statement.operations.iter().map(operation);
    let effects = statement.effects.iter().map(effect);
    operations.chain(effects).collect::<Vec<_>>().join("; ")
}

fn operation(operation: &Operation) -> String {
    let mut text = operation.action.to_owned();
    let object = operation.object.to_string();
    if !object.is_empty() {
        text.push(' ');
        text.push_str(&object);
    }
    if !operation.fields.is_empty() {
        text.push_str(&format!(" [{}]", operation.fields.join(",")));
    }
    if !operation.facts.is_empty() {
        let facts = operation.facts.iter().map(|(name, value)| format!("{name}: {value}"));
        text.push_str(&format!(" {{{}}}", facts.collect::<Vec<_>>().join(", ")));
    }
    text
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::CopyOut(copy) => format!("~ CopyOut({:?})", copy.source),
        effect => format!("~ {effect:?}"),
    }
}

fn output(output: &Output) -> String {
    let marks = [(output.star, '*'), (output.opaque, '?'), (output.derived, '~')];
    let marks: String =
        marks.into_iter().filter(|(holds, _)| *holds).map(|(_, mark)| mark).collect();
    let name = output.name.as_deref().unwrap_or_default();
    format!("{marks}{name} <- {}", render_sources(&output.sources))
}
