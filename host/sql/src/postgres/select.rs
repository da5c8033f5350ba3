//! Queries: `SELECT`, `VALUES`, set operations, `WITH`.

use super::comparisons::is_column;
use super::{Walker, labels, names};
use crate::lineage::{Column, Flow, Piece, Scope, Shape};
use crate::{How, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, LockClauseStrength, LockingClause, Node, SelectStmt, SetOperation, WithClause,
};

impl Walker<'_> {
    /// A query inside of a scope. `sees_siblings`: whether the entries of that scope itself are visible.
    pub(super) fn select(
        &mut self,
        select: &SelectStmt,
        around: &Scope<'_>,
        sees_siblings: bool,
    ) -> Shape {
        let shape = if self.found.enter() {
            self.select_inside(select, Scope::inside(around, sees_siblings))
        } else {
            Shape::opaque(Flow::unknown())
        };
        self.found.leave();
        self.found.bound(shape)
    }

    fn select_inside(&mut self, select: &SelectStmt, mut scope: Scope<'_>) -> Shape {
        let only_rows = std::mem::take(&mut self.only_rows);
        // Every other set operation compares rows, with ALL as well.
        let appends = select.op() == SetOperation::SetopUnion && select.all;
        self.with(select.with_clause.as_ref(), &mut scope);
        let shape = if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
            self.only_rows = only_rows && appends;
            let shape = self.select(left, &scope, true);
            self.only_rows = only_rows && appends;
            let other = self.select(right, &scope, true);
            self.only_rows = false;
            shape.united(&other)
        } else if select.values_lists.is_empty() {
            self.plain_select(select, &mut scope, only_rows)
        } else {
            self.values(&select.values_lists, &scope)
        };
        if select.op() != SetOperation::SetopNone && !appends {
            self.found.compare_rows(&shape);
        }
        self.sort(&select.sort_clause, &shape, &scope);
        self.found.queries += 1;
        self.found.ordered_by = self.order_of(select, &shape, &scope);
        let before = self.found.use_for(Usage::Predicate);
        self.optional(select.limit_offset.as_deref(), &scope);
        self.optional(select.limit_count.as_deref(), &scope);
        self.found.usage = before;
        self.locks(&select.locking_clause, &scope);
        if let Some(into) = select.into_clause.as_deref() {
            self.create_from_query(into, "table");
            self.found.consume(&shape.whole());
            return Shape::default();
        }
        shape
    }

    /// `only_rows`: whether what it gives is not looked at.
    fn plain_select(
        &mut self,
        select: &SelectStmt,
        scope: &mut Scope<'_>,
        only_rows: bool,
    ) -> Shape {
        // What its entries give is used only where the query refers to it.
        let usage = self.found.usage.take();
        for item in &select.from_clause {
            self.entry(item, scope);
        }
        self.found.usage = usage;
        let before = self.found.use_for(Usage::Predicate);
        self.optional(select.where_clause.as_deref(), scope);
        self.found.usage = before;
        let windows = self.named_windows(&select.window_clause, scope);
        let outer = std::mem::replace(&mut self.windows, windows);
        self.only_rows = only_rows;
        let shape = self.targets(&select.target_list, scope);
        self.windows = outer;
        self.group(&select.group_clause, &shape, scope);
        let before = self.found.use_for(Usage::Predicate);
        self.optional(select.having_clause.as_deref(), scope);
        self.found.usage = before;
        self.distinct(&select.distinct_clause, &shape, scope);
        shape
    }

    fn named_windows(&mut self, windows: &[Node], scope: &Scope<'_>) -> Vec<(String, Flow)> {
        let mut known: Vec<(String, Flow)> = Vec::new();
        for window in windows {
            if let Some(NodeEnum::WindowDef(window)) = window.node.as_ref() {
                let flow = self.window(window, scope);
                known.push((window.name.clone(), flow));
            }
        }
        known
    }

    /// A target list: one piece for each target, or what its star stands for.
    pub(super) fn targets(&mut self, targets: &[Node], scope: &Scope<'_>) -> Shape {
        let only_rows = std::mem::take(&mut self.only_rows);
        if !self.found.fits(targets.len()) {
            return Shape::opaque(Flow::unknown());
        }
        let mut shape = Shape::default();
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = target.node.as_ref() else {
                return self.unreadable();
            };
            let Some(value) = target.val.as_deref() else {
                return self.unreadable();
            };
            // Whatever else it is may make rows or fail, and is evaluated more often than one would think.
            let idle = self.found.idle;
            self.found.idle |= only_rows && is_column(value);
            let star = self.star(value, scope);
            let flow = if star.is_none() { self.expression(value, scope) } else { Flow::default() };
            self.found.idle = idle;
            if let Some(star) = star {
                shape.exact &= star.exact;
                shape.pieces.extend(star.pieces);
                shape = self.found.bound(shape);
                continue;
            }
            let name = match target.name.as_str() {
                "" => labels::of(value),
                name => Some(name.to_owned()),
            };
            shape.pieces.push(Piece::Column(Column { name, flow }));
        }
        shape
    }

    /// `*`, `item.*` or `(expression).*`, where the target is one.
    fn star(&mut self, value: &Node, scope: &Scope<'_>) -> Option<Shape> {
        match value.node.as_ref()? {
            NodeEnum::ColumnRef(reference) if labels::ends_in_star(&reference.fields) => {
                let parts = names::strings(&reference.fields);
                Some(self.star_of(&parts, scope))
            }
            NodeEnum::AIndirection(indirection)
                if labels::ends_in_star(&indirection.indirection) =>
            {
                Some(Shape::opaque(self.indirection(indirection, scope)))
            }
            _ => None,
        }
    }

    fn star_of(&mut self, parts: &[String], scope: &Scope<'_>) -> Shape {
        let mut parts = parts.iter().rev().map(String::as_str);
        let (item, schema) = (parts.next(), parts.next());
        let (level, items) = scope.star_of(schema, item);
        if items.is_empty() {
            // The server would refuse it. Should it not, it may be anything.
            let flow = scope.resolve_qualified(schema, item.unwrap_or_default(), "*");
            self.found.refer(&flow);
            return Shape::opaque(flow.flow);
        }
        let mut shape = Shape { pieces: Vec::new(), exact: !scope.merged };
        for item in items {
            if !self.found.pay(1) {
                return Shape::opaque(Flow::unknown());
            }
            self.found.refer(&item.whole_row(level));
            shape.exact &= item.shape.exact;
            shape.pieces.extend(item.shape.pieces.iter().cloned());
            shape = self.found.bound(shape);
        }
        shape
    }

    fn values(&mut self, rows: &[Node], scope: &Scope<'_>) -> Shape {
        let mut shape: Option<Shape> = None;
        for row in rows {
            let Some(NodeEnum::List(row)) = row.node.as_ref() else {
                return self.unreadable();
            };
            let columns = row.items.iter().enumerate().map(|(index, value)| {
                Piece::column(format!("column{}", index + 1), self.expression(value, scope))
            });
            let columns = Shape::of(columns.collect());
            shape = Some(match shape {
                None => columns,
                Some(shape) => shape.united(&columns),
            });
        }
        shape.unwrap_or_default()
    }

    /// `GROUP BY`: a column goes before an output name, and which of them it is cannot be told here.
    fn group(&mut self, keys: &[Node], shape: &Shape, scope: &Scope<'_>) {
        let before = self.found.use_for(Usage::Group);
        self.group_keys(keys, shape, scope);
        self.found.usage = before;
    }

    /// Keys one by one, also those in `GROUPING SETS`, `ROLLUP`, `CUBE` and in brackets, which the server looks up alike.
    fn group_keys(&mut self, keys: &[Node], shape: &Shape, scope: &Scope<'_>) {
        for key in keys {
            if let Some(inner) = labels::keys_within(key) {
                self.group_keys(inner, shape, scope);
                continue;
            }
            match labels::output(key, shape, &self.constants) {
                Some(flow) => {
                    self.found.compare(&flow);
                    let input = labels::plain_name(key).map(|name| scope.resolve(name));
                    self.found.compare(&input.unwrap_or_default().flow);
                }
                None => self.group_key(key, scope),
            }
        }
    }

    fn group_key(&mut self, key: &Node, scope: &Scope<'_>) {
        if matches!(key.node, Some(NodeEnum::ColumnRef(_))) {
            self.found.how = How::AmongThemselves;
        }
        self.expression(key, scope);
        self.found.how = How::Other;
    }

    fn distinct(&mut self, clause: &[Node], shape: &Shape, scope: &Scope<'_>) {
        match clause {
            [] => {}
            // A plain DISTINCT is a list of one empty node.
            [only] if only.node.is_none() => self.found.compare_rows(shape),
            keys => self.group(keys, shape, scope),
        }
    }

    /// `FOR UPDATE` and its kin: an operation on each relation that it locks.
    fn locks(&mut self, clauses: &[Node], scope: &Scope<'_>) {
        for clause in clauses {
            let Some(NodeEnum::LockingClause(clause)) = clause.node.as_ref() else {
                self.unreadable();
                continue;
            };
            self.lock_rows(clause, scope);
        }
    }

    fn lock_rows(&mut self, clause: &LockingClause, scope: &Scope<'_>) {
        let mode = match clause.strength() {
            LockClauseStrength::LcsForkeyshare => "key-share",
            LockClauseStrength::LcsForshare => "share",
            LockClauseStrength::LcsFornokeyupdate => "no-key-update",
            _ => "update",
        };
        let wanted: Vec<&str> = clause.locked_rels.iter().filter_map(labels::range_name).collect();
        for item in &scope.items {
            // Each is an operation of its own, of which a text can ask for very many.
            if !self.found.pay(20 + wanted.len()) {
                return;
            }
            let named = item.name.as_deref().is_some_and(|name| wanted.contains(&name));
            if !(wanted.is_empty() || named) {
                continue;
            }
            for piece in &item.shape.pieces {
                if let Piece::Star { relation, .. } = piece {
                    let operation = Operation::on("lock", relation.clone()).fact("rows", mode);
                    self.found.operate(operation);
                }
            }
        }
    }

    /// The queries of a `WITH`, in the order in which they see each other.
    pub(super) fn with(&mut self, clause: Option<&WithClause>, scope: &mut Scope<'_>) {
        let Some(clause) = clause else { return };
        let usage = self.found.usage.take();
        let queries: Vec<&CommonTableExpr> = clause
            .ctes
            .iter()
            .filter_map(|node| match node.node.as_ref()? {
                NodeEnum::CommonTableExpr(query) => Some(query.as_ref()),
                _ => None,
            })
            .collect();
        if clause.recursive {
            self.recursive(&queries, scope);
        } else {
            for query in queries {
                let shape = self.named_query(query, scope);
                scope.named.insert(query.ctename.clone(), shape);
            }
        }
        self.found.usage = usage;
    }

    /// Queries that may refer to themselves and to those after them. Each pass knows what the one before found;
    /// a column of such a query may hold what any of its columns may.
    fn recursive(&mut self, queries: &[&CommonTableExpr], scope: &mut Scope<'_>) {
        for query in queries {
            let shape = Shape::opaque(Flow::default());
            let shape = shape.renamed(&names::strings(&query.aliascolnames));
            scope.named.insert(query.ctename.clone(), shape);
        }
        for _ in 0..=queries.len() {
            let mut changed = false;
            for query in queries {
                let shape = self.named_query(query, scope).mixed_within();
                let known = scope.named.insert(query.ctename.clone(), shape);
                changed |= known.as_ref() != scope.named.get(&query.ctename);
            }
            if !changed || !self.found.pay(queries.len()) {
                return;
            }
        }
    }

    fn named_query(&mut self, query: &CommonTableExpr, scope: &Scope<'_>) -> Shape {
        let Some(node) = query.ctequery.as_deref() else { return self.unreadable() };
        let first = self.found.operations.len();
        let shape = self.statement(node, scope);
        if !matches!(node.node, Some(NodeEnum::SelectStmt(_))) {
            for operation in self.found.operations.iter_mut().skip(first) {
                operation.mark_writable();
            }
        }
        let mut shape = shape.renamed(&names::strings(&query.aliascolnames));
        if query.cycle_clause.is_some() {
            // The rows end where one is like one before it, and a guess may be among them.
            let before = self.found.use_for(Usage::Group);
            self.found.consume(&shape.whole());
            self.found.usage = before;
        }
        if query.search_clause.is_some() || query.cycle_clause.is_some() {
            shape.pieces.push(Piece::Opaque(shape.whole().derive()));
        }
        shape
    }
}
