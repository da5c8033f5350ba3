//! The entries of a `FROM` clause.

use super::Walker;
use crate::lineage::{Flow, Item, Piece, Scope, Shape};
use crate::{Name, Usage};
use sqlparser::ast::{
    Expr, FunctionArg, Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias,
    TableFactor, TableWithJoins,
};

/// Words that servers read as part of the grammar where the parser reads a table of that name.
const GRAMMAR_WORDS: &[&str] =
    &["lateral", "only", "rows", "select", "table", "unnest", "values", "with"];

impl Walker {
    /// One entry and what is joined to it.
    pub(super) fn entry_with_joins(&mut self, entry: &TableWithJoins, scope: &mut Scope<'_>) {
        let first = scope.items.len();
        self.factor(&entry.relation, scope);
        for join in &entry.joins {
            self.join(join, first, scope);
        }
    }

    pub(super) fn factor(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) {
        if self.found.enter() {
            self.factor_inside(factor, scope);
        }
        self.found.leave();
    }

    fn factor_inside(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) {
        match factor {
            TableFactor::Table { name, alias, args: None, version, json_path, sample, .. } => {
                self.strange_if(version.is_some(), "a table at a time");
                self.strange_if(json_path.is_some(), "a path after a table");
                self.strange_if(sample.is_some(), "a sample of a table");
                self.table(name, alias.as_ref(), scope);
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                self.strange_if(args.settings.is_some(), "SETTINGS");
                self.function_table(name, &args.args, alias.as_ref(), scope);
            }
            TableFactor::Function { name, args, alias, .. } => {
                self.function_table(name, args, alias.as_ref(), scope);
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                self.strange_if(sample.is_some(), "a sample of a subquery");
                let shape = self.query(subquery, scope, *lateral);
                self.push(shape, alias.as_ref(), scope);
            }
            TableFactor::UNNEST { array_exprs, alias, .. } => {
                let flow = self.all(array_exprs, scope);
                self.push(Shape::opaque(flow.derive()), alias.as_ref(), scope);
            }
            TableFactor::JsonTable { json_expr, alias, .. } => {
                let flow = self.expression(json_expr, scope);
                self.push(Shape::opaque(flow.derive()), alias.as_ref(), scope);
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let first = scope.items.len();
                self.entry_with_joins(table_with_joins, scope);
                if alias.is_some() {
                    let items = scope.items.split_off(first);
                    let mut shape = Shape { pieces: Vec::new(), exact: !scope.merged };
                    shape.pieces.extend(items.into_iter().flat_map(|item| item.shape.pieces));
                    self.push(shape, alias.as_ref(), scope);
                }
            }
            _ => {
                let shape = self.strange("this kind of table");
                self.push(shape, None, scope);
            }
        }
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>, scope: &mut Scope<'_>) {
        let relation = self.relation(name);
        let word = name.0.last().and_then(|part| part.as_ident());
        let bare = word.is_some_and(|word| word.quote_style.is_none()) && name.0.len() == 1;
        if bare && GRAMMAR_WORDS.contains(&relation.name.as_str()) {
            self.strange("a table that goes by a word of the grammar");
        }
        if bare && self.mysql && relation.name == "dual" {
            return;
        }
        let item = self.relation_item(relation, alias, scope);
        scope.items.push(item);
    }

    /// A relation, or a query that `WITH` gave its name.
    pub(super) fn relation_item(
        &mut self,
        relation: Name,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Item {
        let named = if relation.schema.is_none() { scope.named(&relation.name) } else { None };
        let (shape, base) = match named {
            Some(shape) => (shape.clone(), None),
            None => {
                self.found.touch(&relation);
                (Shape::of(vec![Piece::star(relation.clone())]), Some(relation.clone()))
            }
        };
        let shape = self.found.bound(shape);
        match self.alias(alias) {
            Some((alias, columns)) => Item::named(alias, self.alias_columns(shape, &columns)),
            None => Item { relation: base, ..Item::named(relation.name, shape) },
        }
    }

    fn alias_columns(&mut self, shape: Shape, columns: &[String]) -> Shape {
        if columns.is_empty() {
            return shape;
        }
        for piece in &shape.pieces {
            if let Piece::Star { relation, .. } = piece {
                let any = crate::Source::new(relation, "*");
                self.found.read(&any);
            }
        }
        shape.renamed(columns)
    }

    fn push(&mut self, shape: Shape, alias: Option<&TableAlias>, scope: &mut Scope<'_>) {
        let item = match self.alias(alias) {
            Some((name, columns)) => Item::named(name, self.alias_columns(shape, &columns)),
            None => Item { name: None, ..Item::named("", shape) },
        };
        scope.items.push(item);
    }

    fn function_table(
        &mut self,
        name: &ObjectName,
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
        scope: &mut Scope<'_>,
    ) {
        let mut flow = self.arguments(arguments, scope);
        flow.opaque |= self.act(name, &flow);
        self.push(Shape::opaque(flow.derive()), alias, scope);
    }

    fn join(&mut self, join: &Join, first: usize, scope: &mut Scope<'_>) {
        self.factor(&join.relation, scope);
        let (JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::StraightJoin(constraint)) = &join.join_operator
        else {
            self.strange("this kind of join");
            return;
        };
        let before = self.found.use_for(Usage::Join);
        match constraint {
            JoinConstraint::On(condition) => drop(self.expression(condition, scope)),
            JoinConstraint::Using(columns) => {
                scope.merged = true;
                for column in columns {
                    let column = self.column_name(column);
                    let found = scope.resolve(&column);
                    self.found.refer(&found);
                }
            }
            JoinConstraint::Natural => {
                scope.merged = true;
                for item in scope.items.iter().skip(first) {
                    self.found.refer(&item.whole_row(scope.level));
                }
            }
            JoinConstraint::None => {}
        }
        self.found.usage = before;
    }

    /// What a column reference means.
    pub(super) fn column(&mut self, parts: &[Ident], scope: &Scope<'_>) -> Flow {
        let names: Vec<String> = parts.iter().map(|part| self.ident(part)).collect();
        let mut reversed = names.iter().rev().map(String::as_str);
        let (column, item, schema) = (reversed.next(), reversed.next(), reversed.next());
        self.strange_if(names.len() > 3, "a column's name with more than three parts");
        let found = match (column, item) {
            (Some(column), Some(item)) => scope.resolve_qualified(schema, item, column),
            (Some(column), None) if column.starts_with('@') => return self.variable(column),
            (Some(column), None) => scope.resolve(column),
            (None, _) => return Flow::constant(),
        };
        self.found.refer(&found);
        found.flow
    }

    /// A variable of the session may hold what another statement put there.
    fn variable(&mut self, name: &str) -> Flow {
        if name.starts_with("@@") {
            return Flow::constant();
        }
        let flow = Flow::unknown();
        self.found.consume(&flow);
        flow
    }

    /// An expression that may be left out.
    pub(super) fn maybe(&mut self, value: Option<&Expr>, scope: &Scope<'_>) -> Flow {
        value.map_or_else(Flow::constant, |value| self.expression(value, scope))
    }

    /// Several expressions together.
    pub(super) fn all(&mut self, values: &[Expr], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        for value in values {
            flow.absorb(&self.expression(value, scope));
        }
        flow
    }
}
