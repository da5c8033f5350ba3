//! Sort and group keys, and the queries of a `WITH`.

use super::Walker;
use crate::lineage::{Flow, Piece, Scope, Shape};
use crate::{Effect, How, Operation, Usage};
use sqlparser::ast::{Cte, Expr, GroupByExpr, OrderByExpr, Value, With};

impl Walker {
    /// `ORDER BY`: a name or a number of an output column, or an expression.
    pub(super) fn sort(&mut self, keys: &[OrderByExpr], shape: &Shape, scope: &Scope<'_>) {
        let before = self.found.use_for(Usage::Sort);
        for key in keys {
            self.strange_if(key.with_fill.is_some(), "WITH FILL");
            self.key(&key.expr, shape, scope);
        }
        self.found.usage = before;
    }

    pub(super) fn group(&mut self, group: &GroupByExpr, shape: &Shape, scope: &Scope<'_>) {
        let before = self.found.use_for(Usage::Group);
        match group {
            GroupByExpr::All(_) => self.found.consume(&shape.whole()),
            GroupByExpr::Expressions(keys, _) => {
                for key in keys {
                    self.key(key, shape, scope);
                }
            }
        }
        self.found.usage = before;
    }

    /// A sort or group key may be an output column, an input column, or both.
    fn key(&mut self, key: &Expr, shape: &Shape, scope: &Scope<'_>) {
        let groups = self.found.usage == Some(Usage::Group);
        let output = match key {
            Expr::Identifier(name) => {
                let name = self.ident(name);
                shape.pieces.iter().find_map(|piece| match piece {
                    Piece::Column(column) if column.name.as_ref() == Some(&name) => {
                        Some((column.flow.clone(), scope.resolve(&name).flow))
                    }
                    _ => None,
                })
            }
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                Some((shape.whole(), Flow::default()))
            }
            _ => None,
        };
        match output {
            Some((output, input)) if groups => {
                self.found.compare(&output);
                self.found.compare(&input);
            }
            Some((output, input)) => {
                self.found.consume(&output);
                self.found.consume(&input);
            }
            None => {
                if groups && matches!(key, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                    self.found.how = How::AmongThemselves;
                }
                self.expression(key, scope);
                self.found.how = How::Other;
            }
        }
    }

    pub(super) fn consume_as(&mut self, usage: Usage, flow: &Flow) {
        let before = self.found.use_for(usage);
        self.found.consume(flow);
        self.found.usage = before;
    }

    /// The queries of a `WITH`.
    pub(super) fn with(&mut self, with: Option<&With>, scope: &mut Scope<'_>) {
        let Some(with) = with else { return };
        if with.recursive {
            for query in &with.cte_tables {
                let columns = self.alias(Some(&query.alias)).unwrap_or_default();
                let shape = Shape::opaque(Flow::default()).renamed(&columns.1);
                scope.named.insert(columns.0, shape);
            }
        }
        let passes = if with.recursive { with.cte_tables.len() + 1 } else { 1 };
        for _ in 0..passes {
            for query in &with.cte_tables {
                let (name, shape) = self.named_query(query, scope);
                let shape = if with.recursive { shape.mixed_within() } else { shape };
                scope.named.insert(name, shape);
            }
            if !self.found.pay(with.cte_tables.len()) {
                return;
            }
        }
    }

    fn named_query(&mut self, query: &Cte, scope: &Scope<'_>) -> (String, Shape) {
        self.strange_if(query.from.is_some(), "WITH … FROM");
        let (name, columns) = self.alias(Some(&query.alias)).unwrap_or_default();
        self.named.insert(name.clone());
        let first = self.found.operations.len();
        let shape = self.query(&query.query, scope, true);
        for operation in self.found.operations.iter_mut().skip(first) {
            operation.mark_writable();
        }
        (name, shape.renamed(&columns))
    }

    /// Adds an operation that changes the catalog.
    pub(super) fn define(&mut self, operation: Operation) {
        self.found.operate(operation);
        if !self.found.effects.contains(&Effect::ChangesCatalog) {
            self.found.effects.push(Effect::ChangesCatalog);
        }
    }
}
