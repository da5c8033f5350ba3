//! Which family a statement belongs to, the statements that hold another one, and the check that none of
//! its relations was overlooked.

use super::Walker;
use crate::lineage::{Flow, Piece, Scope, Shape};
use crate::{Effect, Object, Operation};
use sqlparser::ast::{CopySource, CopyTarget, Expr, Statement, visit_expressions, visit_relations};
use std::collections::HashSet;
use std::ops::ControlFlow;

impl Walker {
    /// Any statement; returns the shape of its result.
    pub(super) fn statement(&mut self, statement: &Statement) -> Shape {
        let shape = if self.found.enter() {
            self.family(statement)
        } else {
            Shape::opaque(Flow::unknown())
        };
        self.found.leave();
        shape
    }

    fn family(&mut self, statement: &Statement) -> Shape {
        let root = Scope::root();
        match statement {
            Statement::Query(query) => self.query(query, &root, true),
            Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_) => self.write(statement, &root),
            Statement::Explain { analyze, statement, options, .. } => {
                self.strange_if(options.is_some(), "EXPLAIN with options");
                self.explain(*analyze, statement)
            }
            Statement::ExplainTable { table_name, .. } => {
                let name = self.relation(table_name);
                self.found.operate(Operation::on("describe", name));
                self.plain_result()
            }
            Statement::Prepare { name, statement, .. } => {
                let name = self.ident(name);
                self.found.operate(Operation::other("prepare", name.clone()));
                self.found.effects.push(Effect::Prepare { name });
                self.statement(statement)
            }
            Statement::Execute {
                name: Some(name), immediate: false, using, parameters, ..
            } => {
                let name = self.dotted(name);
                // The parser takes EXECUTE IMMEDIATE 'text' for a statement of that name.
                self.strange_if(name == "immediate", "EXECUTE IMMEDIATE");
                self.found.operate(Operation::other("execute", name.clone()));
                self.found.effects.push(Effect::Execute { name });
                let mut flow = self.all(parameters, &root);
                for value in using {
                    flow.absorb(&self.expression(&value.expr, &root));
                }
                Shape::opaque(Flow { opaque: true, ..flow.derive() })
            }
            Statement::Deallocate { name, .. } => {
                let name = self.ident(name);
                self.found.operate(Operation::other("deallocate", name.clone()));
                let name = (name != "all").then_some(name);
                self.found.effects.push(Effect::Deallocate { name });
                Shape::default()
            }
            Statement::Copy { source, to, target, .. } => self.copy(source, *to, target),
            other => self.session(other),
        }
    }

    fn explain(&mut self, analyze: bool, statement: &Statement) -> Shape {
        let mode = if analyze { "analyze" } else { "plan" };
        self.found.operate(Operation::other("explain", "").fact("explain", mode));
        let first = self.found.operations.len();
        let first_effect = self.found.effects.len();
        let inner = self.statement(statement);
        self.found.consume(&inner.whole());
        for operation in self.found.operations.iter_mut().skip(first) {
            operation.facts.push(("explain", mode.to_owned()));
        }
        if !analyze {
            self.found.effects.truncate(first_effect);
        }
        Shape::opaque(self.found.everything())
    }

    /// `COPY` of servers that are like PostgreSQL: what it would do is told, its rows are not followed.
    fn copy(&mut self, source: &CopySource, to: bool, target: &CopyTarget) -> Shape {
        self.strange("COPY");
        let place = match target {
            CopyTarget::Stdin | CopyTarget::Stdout => "client",
            CopyTarget::File { .. } => "file",
            CopyTarget::Program { .. } => "program",
        };
        match source {
            CopySource::Query(query) => {
                self.found.operate(Operation::other("copy-to", "").fact("place", place));
                let shape = self.query(query, &Scope::root(), true);
                self.found.consume(&shape.whole());
            }
            CopySource::Table { table_name, .. } => {
                let name = self.relation(table_name);
                let (copy, also) = if to { ("copy-to", "select") } else { ("copy-from", "insert") };
                self.found.operate(Operation::on(copy, name.clone()).fact("place", place));
                self.found.operate(Operation::on(also, name).fact("via", "copy"));
            }
        }
        Shape::opaque(Flow::unknown())
    }

    /// A result that holds no values of relations.
    pub(super) fn plain_result(&mut self) -> Shape {
        Shape::opaque(Flow::constant())
    }

    /// A result that may hold anything.
    pub(super) fn unknown_result(&mut self) -> Shape {
        self.found.consume(&Flow::unknown());
        Shape::opaque(Flow::unknown())
    }

    /// The functions in a statement whose expressions are not walked one by one.
    pub(super) fn functions_in(&mut self, statement: &Statement) {
        let mut names = Vec::new();
        let _ = visit_expressions(statement, |expression| {
            if let Expr::Function(function) = expression {
                names.push(function.name.clone());
            }
            ControlFlow::<()>::Continue(())
        });
        for name in names {
            self.act(&name, &Flow::default());
        }
    }

    /// Every relation that the tree holds must be the object of an operation, or a name that `WITH` gave.
    pub(super) fn check_relations(&mut self, statement: &Statement) {
        let mut relations = Vec::new();
        let _ = visit_relations(statement, |name| {
            relations.push(name.clone());
            ControlFlow::<()>::Continue(())
        });
        let objects = self.found.operations.iter().map(|operation| &operation.object);
        let known: HashSet<String> = objects.map(Object::to_string).collect();
        for relation in relations {
            let name = self.relation(&relation);
            let named = name.schema.is_none() && self.named.contains(&name.name);
            // MySQL's `dual` is no table.
            let dual = self.mysql && name.schema.is_none() && name.name == "dual";
            self.strange_if(
                !(named || dual || known.contains(&name.to_string())),
                "a relation of the statement",
            );
        }
    }
}

/// A result of one column whose values come from no relation.
pub(super) fn one_column(name: &str) -> Shape {
    Shape::of(vec![Piece::column(name, Flow::constant())])
}
