//! Queries: `SELECT`, `VALUES`, set operations, `WITH`.

use super::Walker;
use crate::lineage::{Column, Flow, Piece, Scope, Shape};
use crate::{Operation, Usage};
use sqlparser::ast::{
    Distinct, Expr, LimitClause, LockType, NamedWindowDefinition, NamedWindowExpr, OrderByKind,
    Query, Select, SelectFlavor, SelectInto, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, WildcardAdditionalOptions,
};

impl Walker {
    /// A query inside of a scope. `sees_siblings`: whether the entries of that scope itself are visible.
    pub(super) fn query(
        &mut self,
        query: &Query,
        around: &Scope<'_>,
        sees_siblings: bool,
    ) -> Shape {
        let shape = if self.found.enter() {
            self.query_inside(query, Scope::inside(around, sees_siblings))
        } else {
            Shape::opaque(Flow::unknown())
        };
        self.found.leave();
        self.found.bound(shape)
    }

    fn query_inside(&mut self, query: &Query, mut scope: Scope<'_>) -> Shape {
        self.with(query.with.as_ref(), &mut scope);
        self.strange_if(query.for_clause.is_some(), "FOR XML or JSON");
        self.strange_if(query.settings.is_some(), "SETTINGS");
        self.strange_if(query.format_clause.is_some(), "FORMAT");
        self.strange_if(!query.pipe_operators.is_empty(), "a pipe operator");
        let shape = self.body(&query.body, &mut scope);
        if let Some(order) = &query.order_by {
            self.strange_if(order.interpolate.is_some(), "INTERPOLATE");
            match &order.kind {
                OrderByKind::Expressions(keys) => self.sort(keys, &shape, &scope),
                OrderByKind::All(_) => self.consume_as(Usage::Sort, &shape.whole()),
            }
        }
        let before = self.found.use_for(Usage::Predicate);
        self.limit(query.limit_clause.as_ref(), &scope);
        if let Some(quantity) = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()) {
            self.expression(quantity, &scope);
        }
        self.found.usage = before;
        for lock in &query.locks {
            let mode = match lock.lock_type {
                LockType::Share => "share",
                LockType::Update => "update",
            };
            self.lock_rows(mode, &scope);
        }
        shape
    }

    /// All base relations of the query: which of them `OF` names is not looked at.
    fn lock_rows(&mut self, mode: &'static str, scope: &Scope<'_>) {
        for piece in scope.items.iter().flat_map(|item| &item.shape.pieces) {
            if let Piece::Star { relation, .. } = piece {
                self.found.operate(Operation::on("lock", relation.clone()).fact("rows", mode));
            }
        }
    }

    fn limit(&mut self, limit: Option<&LimitClause>, scope: &Scope<'_>) {
        match limit {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                self.maybe(limit.as_ref(), scope);
                self.maybe(offset.as_ref().map(|offset| &offset.value), scope);
                self.strange_if(!limit_by.is_empty(), "LIMIT BY");
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expression(offset, scope);
                self.expression(limit, scope);
            }
        }
    }

    fn body(&mut self, body: &SetExpr, scope: &mut Scope<'_>) -> Shape {
        match body {
            SetExpr::Select(select) => self.select(select, scope),
            SetExpr::Query(query) => self.query(query, scope, true),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let shape = self.arm(left, scope).united(&self.arm(right, scope));
                let plain =
                    matches!(op, SetOperator::Union | SetOperator::Except | SetOperator::Intersect);
                self.strange_if(!plain, "this set operation");
                // Every other set operation compares rows, with ALL as well.
                let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
                if !(all && *op == SetOperator::Union) {
                    self.found.compare_rows(&shape);
                }
                let by_name = !matches!(
                    set_quantifier,
                    SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None
                );
                if by_name { Shape::opaque(shape.whole()) } else { shape }
            }
            SetExpr::Values(values) => {
                let rows = values.rows.iter().map(|row| {
                    let columns = row.content.iter().enumerate().map(|(index, value)| {
                        let name = if self.mysql { index } else { index + 1 };
                        let prefix = if self.mysql { "column_" } else { "column" };
                        Piece::column(format!("{prefix}{name}"), self.expression(value, scope))
                    });
                    Shape::of(columns.collect())
                });
                rows.reduce(|all, row| all.united(&row)).unwrap_or_default()
            }
            SetExpr::Insert(inner)
            | SetExpr::Update(inner)
            | SetExpr::Delete(inner)
            | SetExpr::Merge(inner) => self.write(inner, scope),
            SetExpr::Table(table) => {
                let schema = table.schema_name.as_ref().map(|name| name.to_lowercase());
                let name = table.table_name.as_deref().unwrap_or_default().to_lowercase();
                self.star_of_table(crate::Name { schema, name }, scope)
            }
        }
    }

    fn arm(&mut self, body: &SetExpr, scope: &Scope<'_>) -> Shape {
        let shape = if self.found.enter() {
            self.body(body, &mut Scope::inside(scope, true))
        } else {
            Shape::opaque(Flow::unknown())
        };
        self.found.leave();
        shape
    }

    fn star_of_table(&mut self, name: crate::Name, scope: &Scope<'_>) -> Shape {
        let item = self.relation_item(name, None, scope);
        self.found.refer(&item.whole_row(scope.level + 1));
        item.shape
    }

    fn select(&mut self, select: &Select, scope: &mut Scope<'_>) -> Shape {
        self.unusual(select);
        for entry in &select.from {
            self.entry_with_joins(entry, scope);
        }
        let before = self.found.use_for(Usage::Predicate);
        self.maybe(select.selection.as_ref(), scope);
        self.found.usage = before;
        let windows = self.named_windows(&select.named_window, scope);
        let outer = std::mem::replace(&mut self.windows, windows);
        let shape = self.targets(&select.projection, scope);
        self.windows = outer;
        self.group(&select.group_by, &shape, scope);
        let before = self.found.use_for(Usage::Predicate);
        self.maybe(select.having.as_ref(), scope);
        self.maybe(select.qualify.as_ref(), scope);
        self.found.usage = before;
        match &select.distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => self.found.compare_rows(&shape),
            Some(Distinct::On(keys)) => {
                let before = self.found.use_for(Usage::Group);
                self.all(keys, scope);
                self.found.usage = before;
            }
        }
        if let Some(into) = &select.into {
            return self.select_into(into, &shape);
        }
        shape
    }

    fn named_windows(
        &mut self,
        windows: &[NamedWindowDefinition],
        scope: &Scope<'_>,
    ) -> Vec<(String, Flow)> {
        let mut known: Vec<(String, Flow)> = Vec::new();
        for NamedWindowDefinition(name, window) in windows {
            let flow = match window {
                NamedWindowExpr::WindowSpec(spec) => self.window(spec, scope),
                NamedWindowExpr::NamedWindow(other) => {
                    let other = self.ident(other);
                    let same = known.iter().find(|(name, _)| *name == other);
                    same.map(|(_, flow)| flow.clone()).unwrap_or_default()
                }
            };
            known.push((self.ident(name), flow));
        }
        known
    }

    /// Parts of a SELECT that neither MySQL nor the standard has.
    fn unusual(&mut self, select: &Select) {
        let parts = [
            (select.top.is_some(), "TOP"),
            (select.exclude.is_some(), "EXCLUDE"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (select.value_table_mode.is_some(), "SELECT AS"),
            (select.flavor != SelectFlavor::Standard, "FROM before SELECT"),
        ];
        for (present, what) in parts {
            self.strange_if(present, what);
        }
    }

    fn select_into(&mut self, into: &SelectInto, shape: &Shape) -> Shape {
        self.found.consume(&shape.whole());
        for target in &into.targets {
            let name = match target {
                Expr::Identifier(name) if !name.value.starts_with('@') => self.ident(name),
                Expr::CompoundIdentifier(parts) => {
                    parts.iter().map(|part| self.ident(part)).collect::<Vec<_>>().join(".")
                }
                _ => {
                    self.strange("SELECT INTO a variable");
                    continue;
                }
            };
            self.strange_if(self.mysql, "SELECT INTO");
            let (schema, name) = match name.rsplit_once('.') {
                Some((schema, name)) => (Some(schema.to_owned()), name.to_owned()),
                None => (None, name),
            };
            let operation = Operation::on("create", crate::Name { schema, name });
            self.define(operation.fact("kind", "table"));
        }
        Shape::default()
    }

    /// A target list.
    pub(super) fn targets(&mut self, items: &[SelectItem], scope: &Scope<'_>) -> Shape {
        if !self.found.fits(items.len()) {
            return Shape::opaque(Flow::unknown());
        }
        let mut shape = Shape::default();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(value) => {
                    let flow = self.expression(value, scope);
                    shape.pieces.push(Piece::Column(Column { name: self.label(value), flow }));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let flow = self.expression(expr, scope);
                    shape.pieces.push(Piece::column(self.ident(alias), flow));
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    let flow = self.expression(expr, scope);
                    self.strange("several aliases");
                    shape.pieces.push(Piece::Opaque(flow.derive()));
                }
                SelectItem::Wildcard(options) => self.star(None, options, scope, &mut shape),
                SelectItem::QualifiedWildcard(kind, options) => match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => {
                        let parts = self.parts(name);
                        self.star(Some(&parts), options, scope, &mut shape);
                    }
                    SelectItemQualifiedWildcardKind::Expr(value) => {
                        let flow = self.expression(value, scope);
                        shape.pieces.push(Piece::Opaque(flow.derive()));
                    }
                },
            }
            shape = self.found.bound(shape);
        }
        shape
    }

    fn star(
        &mut self,
        parts: Option<&[String]>,
        options: &WildcardAdditionalOptions,
        scope: &Scope<'_>,
        shape: &mut Shape,
    ) {
        let altered = options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_except.is_some()
            || options.opt_replace.is_some()
            || options.opt_rename.is_some()
            || options.opt_alias.is_some();
        self.strange_if(altered, "an altered star");
        let mut names = parts.unwrap_or_default().iter().rev().map(String::as_str);
        let (item, schema) = (names.next(), names.next());
        let (level, items) = scope.star_of(schema, item);
        shape.exact &= !scope.merged && !altered;
        if items.is_empty() && item.is_some() {
            let found = scope.resolve_qualified(schema, item.unwrap_or_default(), "*");
            self.found.refer(&found);
            shape.pieces.push(Piece::Opaque(found.flow));
        }
        for item in items {
            self.found.refer(&item.whole_row(level));
            shape.exact &= item.shape.exact;
            shape.pieces.extend(item.shape.pieces.iter().cloned());
        }
    }

    /// The name of an output column without an alias, where it is a plain one.
    fn label(&self, value: &Expr) -> Option<String> {
        match value {
            Expr::Identifier(name) => Some(self.ident(name)),
            Expr::CompoundIdentifier(parts) => parts.last().map(|part| self.ident(part)),
            _ => None,
        }
    }
}
