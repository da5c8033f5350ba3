//! The entries of a `FROM` clause: relations, subqueries, functions, joins.

use super::{Walker, names};
use crate::lineage::{Flow, Item, Piece, Scope, Shape};
use crate::{Name, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    Alias, JoinExpr, JsonTable, Node, RangeFunction, RangeSubselect, RangeTableFunc, RangeVar,
};

impl Walker<'_> {
    /// Adds one entry to the scope.
    pub(super) fn entry(&mut self, node: &Node, scope: &mut Scope<'_>) {
        if self.found.enter() {
            self.entry_inside(node, scope);
        }
        self.found.leave();
    }

    fn entry_inside(&mut self, node: &Node, scope: &mut Scope<'_>) {
        match node.node.as_ref() {
            Some(NodeEnum::RangeVar(range)) => {
                let item = self.range(range, scope);
                scope.items.push(item);
            }
            Some(NodeEnum::RangeSubselect(range)) => self.subquery(range, scope),
            Some(NodeEnum::RangeFunction(range)) => self.function_range(range, scope),
            Some(NodeEnum::JoinExpr(join)) => self.join(join, scope),
            Some(NodeEnum::RangeTableFunc(table)) => self.xml_table(table, scope),
            Some(NodeEnum::JsonTable(table)) => self.json_table(table, scope),
            Some(NodeEnum::RangeTableSample(sample)) => {
                if let Some(relation) = sample.relation.as_deref() {
                    self.entry(relation, scope);
                }
                self.sampling(&sample.method);
                // Which rows there are is seen, whatever is in them.
                let before = self.found.use_for(Usage::Predicate);
                self.all(&sample.args, scope);
                self.optional(sample.repeatable.as_deref(), scope);
                self.found.usage = before;
            }
            _ => {
                let shape = self.unreadable();
                scope.items.push(Item { name: None, ..Item::named("", shape) });
            }
        }
    }

    /// A relation, or a query that `WITH` gave its name.
    fn range(&mut self, range: &RangeVar, scope: &Scope<'_>) -> Item {
        let name = names::relation(range);
        let named = if name.schema.is_none() { scope.named(&name.name) } else { None };
        let (shape, relation) = match named {
            Some(shape) => (shape.clone(), None),
            None => (self.base(&name), Some(name.clone())),
        };
        let shape = self.found.bound(shape);
        match names::alias(range.alias.as_ref()) {
            Some((alias, columns)) => Item::named(alias, self.alias_columns(shape, &columns)),
            None => Item { relation, ..Item::named(name.name, shape) },
        }
    }

    /// A relation of the database, which is thereby read.
    pub(super) fn base(&mut self, name: &Name) -> Shape {
        self.found.touch(name);
        Shape::of(vec![Piece::star(name.clone())])
    }

    /// New names for columns. Those of a relation are then no longer told apart: all of it counts as read.
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

    fn subquery(&mut self, range: &RangeSubselect, scope: &mut Scope<'_>) {
        let shape = match range.subquery.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, scope, range.lateral),
            _ => self.unreadable(),
        };
        self.push(shape, range.alias.as_ref(), scope);
    }

    fn push(&mut self, shape: Shape, alias: Option<&Alias>, scope: &mut Scope<'_>) {
        let item = match names::alias(alias) {
            Some((name, columns)) => Item::named(name, self.alias_columns(shape, &columns)),
            None => Item { name: None, ..Item::named("", shape) },
        };
        scope.items.push(item);
    }

    /// `function(…)`, `ROWS FROM (…)`: without a column definition list its columns are not known.
    fn function_range(&mut self, range: &RangeFunction, scope: &mut Scope<'_>) {
        // What it is called with decides over how many rows there are.
        let before = self.found.use_for(Usage::Predicate);
        let mut flow = Flow::constant();
        let mut defined = range.coldeflist.clone();
        let mut name = None;
        for function in &range.functions {
            // Each is a list of a call and its own column definitions.
            let Some(NodeEnum::List(parts)) = function.node.as_ref() else {
                self.unreadable();
                continue;
            };
            let mut parts = parts.items.iter();
            if let Some(call) = parts.next() {
                flow.absorb(&self.expression(call, scope));
                name = name.or_else(|| super::labels::of(call));
            }
            for definitions in parts {
                if let Some(NodeEnum::List(list)) = definitions.node.as_ref() {
                    defined.extend(list.items.iter().cloned());
                }
            }
        }
        self.found.usage = before;
        let mut pieces = defined_columns(&defined, &flow);
        let is_whole = range.functions.len() == 1 && !pieces.is_empty() && !range.ordinality;
        if !is_whole {
            pieces.push(Piece::Opaque(flow));
        }
        let shape = Shape { pieces, exact: is_whole };
        match names::alias(range.alias.as_ref()) {
            Some((alias, columns)) => {
                let shape = self.alias_columns(shape, &columns);
                scope.items.push(Item::named(alias, shape));
            }
            None => scope.items.push(Item { name, ..Item::named("", shape) }),
        }
    }

    fn xml_table(&mut self, table: &RangeTableFunc, scope: &mut Scope<'_>) {
        let before = self.found.use_for(Usage::Predicate);
        let mut flow = self.optional(table.docexpr.as_deref(), scope);
        flow.absorb(&self.optional(table.rowexpr.as_deref(), scope));
        flow.absorb(&self.all(&table.namespaces, scope));
        let mut names_of = Vec::new();
        for column in &table.columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = column.node.as_ref() else {
                self.unreadable();
                continue;
            };
            flow.absorb(&self.optional(column.colexpr.as_deref(), scope));
            flow.absorb(&self.optional(column.coldefexpr.as_deref(), scope));
            names_of.push(column.colname.clone());
        }
        self.found.usage = before;
        let flow = flow.derive();
        let pieces = names_of.into_iter().map(|name| Piece::column(name, flow.clone()));
        self.push(Shape::of(pieces.collect()), table.alias.as_ref(), scope);
    }

    fn json_table(&mut self, table: &JsonTable, scope: &mut Scope<'_>) {
        let before = self.found.use_for(Usage::Predicate);
        let mut flow = self.json_value(table.context_item.as_deref(), scope);
        flow.absorb(&self.all(&table.passing, scope));
        flow.absorb(&self.json_behavior(table.on_error.as_deref(), scope));
        let mut columns = Vec::new();
        self.json_columns(&table.columns, scope, &mut flow, &mut columns);
        self.found.usage = before;
        let flow = flow.derive();
        let pieces = columns.into_iter().map(|name| Piece::column(name, flow.clone()));
        self.push(Shape::of(pieces.collect()), table.alias.as_ref(), scope);
    }

    fn json_columns(
        &mut self,
        nodes: &[Node],
        scope: &Scope<'_>,
        flow: &mut Flow,
        into: &mut Vec<String>,
    ) {
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = node.node.as_ref() else {
                self.unreadable();
                continue;
            };
            flow.absorb(&self.json_behavior(column.on_empty.as_deref(), scope));
            flow.absorb(&self.json_behavior(column.on_error.as_deref(), scope));
            if column.columns.is_empty() {
                into.push(column.name.clone());
            } else {
                self.json_columns(&column.columns, scope, flow, into);
            }
        }
    }

    fn join(&mut self, join: &JoinExpr, scope: &mut Scope<'_>) {
        let first = scope.items.len();
        for side in [&join.larg, &join.rarg] {
            match side.as_deref() {
                Some(side) => self.entry(side, scope),
                None => drop(self.unreadable()),
            }
        }
        let before = self.found.use_for(Usage::Join);
        let using = names::strings(&join.using_clause);
        for column in &using {
            let found = joined(scope, first, column);
            self.found.refer(&found);
        }
        if join.is_natural {
            for item in scope.items.iter().skip(first) {
                self.found.refer(&item.whole_row(scope.level));
            }
        }
        self.optional(join.quals.as_deref(), scope);
        self.found.usage = before;
        let merged = join.is_natural || !using.is_empty();
        if let Some((alias, columns)) = names::alias(join.alias.as_ref()) {
            let shape = join_shape(scope.items.split_off(first), !(merged || scope.merged));
            let shape = self.alias_columns(shape, &columns);
            scope.items.push(Item::named(alias, shape));
            return;
        }
        if let Some((alias, _)) = names::alias(join.join_using_alias.as_ref()) {
            let columns = using
                .iter()
                .map(|column| Piece::column(column.clone(), joined(scope, first, column).flow));
            let shape = Shape::of(columns.collect());
            scope.items.push(Item { qualified_only: true, ..Item::named(alias, shape) });
        }
        scope.merged |= merged;
    }
}

/// What a column of a `USING` may be: that of any of the joined entries.
fn joined(scope: &Scope<'_>, first: usize, column: &str) -> crate::lineage::Resolved {
    let mut inner = Scope::root();
    inner.level = scope.level;
    inner.merged = true;
    inner.items = scope.items.iter().skip(first).cloned().collect();
    inner.resolve(column)
}

/// One shape out of the entries of a join.
fn join_shape(items: Vec<Item>, exact: bool) -> Shape {
    let mut shape = Shape { pieces: Vec::new(), exact };
    for item in items.into_iter().filter(|item| !item.qualified_only) {
        shape.exact &= item.shape.exact;
        shape.pieces.extend(item.shape.pieces);
    }
    shape
}

fn defined_columns(definitions: &[Node], flow: &Flow) -> Vec<Piece> {
    let names = definitions.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::ColumnDef(column) => Some(column.colname.clone()),
        _ => None,
    });
    names.map(|name| Piece::column(name, flow.clone())).collect()
}
