//! `INSERT`, `REPLACE`, `UPDATE`, `DELETE`, `MERGE`.

use super::Walker;
use crate::lineage::{Flow, Inflow, Item, Piece, Scope, Shape};
use crate::{Name, Operation, Usage};
use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, Insert, Merge,
    MergeAction, MergeInsertKind, MergeUpdateKind, OnConflictAction, OnInsert, SelectItem,
    Statement, TableObject, Update, UpdateTableFromKind,
};

impl Walker {
    /// A statement that writes, alone or inside of a `WITH`.
    pub(super) fn write(&mut self, statement: &Statement, around: &Scope<'_>) -> Shape {
        match statement {
            Statement::Insert(insert) => self.insert(insert, around),
            Statement::Update(update) => self.update(update, around),
            Statement::Delete(delete) => self.delete(delete, around),
            Statement::Merge(merge) => self.merge(merge, around),
            _ => self.strange("this kind of statement inside of another"),
        }
    }

    fn insert(&mut self, insert: &Insert, around: &Scope<'_>) -> Shape {
        let odd = insert.or.is_some()
            || insert.overwrite
            || insert.partitioned.is_some()
            || !insert.after_columns.is_empty()
            || insert.output.is_some()
            || insert.settings.is_some()
            || insert.format_clause.is_some()
            || insert.multi_table_insert_type.is_some()
            || !insert.multi_table_into_clauses.is_empty();
        self.strange_if(odd, "this form of INSERT");
        let TableObject::TableName(name) = &insert.table else {
            return self.strange("INSERT into what is no table");
        };
        let target = self.relation(name);
        let mut scope = Scope::inside(around, true);
        let mut fields: Vec<String> =
            insert.columns.iter().map(|column| self.column_name(column)).collect();
        fields.extend(insert.assignments.iter().flat_map(|each| self.assigned(each)));
        let columns = fields.clone();
        if fields.is_empty() {
            fields.push("*".into());
        }
        let operation = Operation::on("insert", target.clone()).fields(fields);
        let operation = operation.fact_if(insert.replace_into, "replace", "true");
        let updates = insert.on.as_ref().is_some_and(updates);
        let operation = operation.fact_if(updates, "conflict", "update");
        let nothing = insert.ignore || (insert.on.is_some() && !updates);
        self.found.operate(operation.fact_if(nothing, "conflict", "nothing"));
        let source = match &insert.source {
            Some(query) => self.query(query, &scope, true),
            None => Shape::default(),
        };
        self.found.consume(&source.whole());
        let mut inflow: Inflow = Vec::new();
        let whole = source.whole();
        if !whole.is_empty() {
            inflow.push((None, whole.clone()));
        }
        scope.items = vec![target_item(&target, Vec::new())];
        inflow.extend(self.assignments(&insert.assignments, &scope));
        if let Some(on) = &insert.on {
            scope.items.push(self.proposed_row(insert, &columns, whole));
            inflow.extend(self.on_insert(on, &target, &scope));
        }
        scope.items = vec![target_item(&target, inflow)];
        self.returning(insert.returning.as_deref(), &scope)
    }

    /// The row that was to be inserted, under the name by which the statement knows it.
    fn proposed_row(&mut self, insert: &Insert, columns: &[String], whole: Flow) -> Item {
        let named = columns.iter().map(|column| Piece::column(column.clone(), whole.clone()));
        let mut pieces: Vec<Piece> = named.collect();
        pieces.push(Piece::Opaque(whole));
        let name = match &insert.insert_alias {
            Some(alias) => self.column_name(&alias.row_alias),
            None => "excluded".to_owned(),
        };
        let row = Item::named(name, Shape { pieces, exact: false });
        Item { qualified_only: insert.insert_alias.is_none(), ..row }
    }

    fn on_insert(&mut self, on: &OnInsert, target: &Name, scope: &Scope<'_>) -> Inflow {
        let assignments = match on {
            OnInsert::DuplicateKeyUpdate(assignments) => assignments,
            OnInsert::OnConflict(conflict) => match &conflict.action {
                OnConflictAction::DoNothing => return Vec::new(),
                OnConflictAction::DoUpdate(update) => {
                    let before = self.found.use_for(Usage::Predicate);
                    self.maybe(update.selection.as_ref(), scope);
                    self.found.usage = before;
                    &update.assignments
                }
            },
            _ => {
                self.strange("this form of INSERT");
                return Vec::new();
            }
        };
        let fields = assignments.iter().flat_map(|each| self.assigned(each)).collect();
        let operation = Operation::on("update", target.clone()).fields(fields);
        self.found.operate(operation.fact("conflict", "update"));
        self.assignments(assignments, scope)
    }

    fn update(&mut self, update: &Update, around: &Scope<'_>) -> Shape {
        self.strange_if(update.or.is_some() || update.output.is_some(), "this form of UPDATE");
        let mut scope = Scope::inside(around, true);
        self.entry_with_joins(&update.table, &mut scope);
        let targets = scope.items.clone();
        if let Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) =
            &update.from
        {
            for entry in more {
                self.entry_with_joins(entry, &mut scope);
            }
        }
        let inflow = self.assignments(&update.assignments, &scope);
        let written = self.written(&update.assignments, &targets);
        let names: Vec<Name> = written.iter().map(|(name, _)| name.clone()).collect();
        self.found.written.extend(names.iter().cloned());
        let filter = self.filter(update.selection.as_ref(), &names, &scope);
        let limited = update.limit.is_some();
        let operations = written.into_iter().map(|(name, fields)| {
            let operation = Operation::on("update", name).fields(fields);
            operation.fact("where", filter).fact_if(limited, "limit", "present")
        });
        let operations: Vec<Operation> = operations.collect();
        self.sort(&update.order_by, &Shape::default(), &scope);
        self.maybe(update.limit.as_ref(), &scope);
        self.add(operations);
        self.put_in(&names, &inflow, &mut scope);
        self.returning(update.returning.as_deref(), &scope)
    }

    /// Which relations an `UPDATE` writes, each with the columns that it assigns.
    fn written(&mut self, assignments: &[Assignment], items: &[Item]) -> Vec<(Name, Vec<String>)> {
        let mut written: Vec<(Name, Vec<String>)> = Vec::new();
        for assignment in assignments {
            let names = match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names,
            };
            for name in names {
                let mut parts = self.parts(name);
                let column = parts.pop().unwrap_or_default();
                let qualifier = parts.pop();
                let by_name = |item: &&Item| qualifier.is_none() || item.name == qualifier;
                for target in items.iter().filter(by_name).flat_map(base_relations) {
                    match written.iter_mut().find(|(known, _)| *known == target) {
                        Some((_, columns)) => columns.push(column.clone()),
                        None => written.push((target, vec![column.clone()])),
                    }
                }
            }
        }
        self.strange_if(written.is_empty(), "the target of an UPDATE");
        written
    }

    fn delete(&mut self, delete: &Delete, around: &Scope<'_>) -> Shape {
        self.strange_if(delete.output.is_some(), "this form of DELETE");
        let mut scope = Scope::inside(around, true);
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        for entry in from {
            self.entry_with_joins(entry, &mut scope);
        }
        let mut targets: Vec<Name> = scope.items.iter().flat_map(base_relations).collect();
        for entry in delete.using.iter().flatten() {
            self.entry_with_joins(entry, &mut scope);
        }
        if !delete.tables.is_empty() {
            targets =
                delete.tables.iter().flat_map(|name| self.named_target(name, &scope)).collect();
        }
        self.strange_if(targets.is_empty(), "the target of a DELETE");
        self.found.written.extend(targets.iter().cloned());
        let filter = self.filter(delete.selection.as_ref(), &targets, &scope);
        let limited = delete.limit.is_some();
        let operations = targets.into_iter().map(|name| {
            let operation = Operation::on("delete", name).fact("where", filter);
            operation.fact_if(limited, "limit", "present")
        });
        let operations: Vec<Operation> = operations.collect();
        self.sort(&delete.order_by, &Shape::default(), &scope);
        self.maybe(delete.limit.as_ref(), &scope);
        self.add(operations);
        self.returning(delete.returning.as_deref(), &scope)
    }

    /// The relation that `DELETE name FROM …` means: an alias of the FROM clause or a table.
    fn named_target(&mut self, name: &sqlparser::ast::ObjectName, scope: &Scope<'_>) -> Vec<Name> {
        let mut parts = self.parts(name);
        // MySQL allows `name.*`.
        if parts.last().is_some_and(|part| part == "*") {
            parts.pop();
        }
        let item = parts.last().cloned().unwrap_or_default();
        let named = scope.items.iter().filter(|known| known.name.as_ref() == Some(&item));
        let found: Vec<Name> = named.flat_map(base_relations).collect();
        if found.is_empty() { vec![self.relation(name)] } else { found }
    }

    fn merge(&mut self, merge: &Merge, around: &Scope<'_>) -> Shape {
        self.strange_if(merge.output.is_some(), "OUTPUT");
        let mut scope = Scope::inside(around, true);
        self.factor(&merge.table, &mut scope);
        let targets: Vec<Name> = scope.items.iter().flat_map(base_relations).collect();
        let Some(target) = targets.first().cloned() else {
            return self.strange("the target of a MERGE");
        };
        self.found.written.push(target.clone());
        self.factor(&merge.source, &mut scope);
        let before = self.found.use_for(Usage::Join);
        self.expression(&merge.on, &scope);
        self.found.usage = before;
        let mut operations = vec![Operation::on("merge", target.clone())];
        for clause in &merge.clauses {
            let before = self.found.use_for(Usage::Predicate);
            self.maybe(clause.predicate.as_ref(), &scope);
            self.found.usage = before;
            operations.extend(self.merge_action(&clause.action, &target, &scope));
        }
        self.add(operations);
        Shape::default()
    }

    fn merge_action(
        &mut self,
        action: &MergeAction,
        target: &Name,
        scope: &Scope<'_>,
    ) -> Option<Operation> {
        let operation = match action {
            MergeAction::DoNothing { .. } => return None,
            MergeAction::Delete { .. } => Operation::on("delete", target.clone()),
            MergeAction::Update(update) => {
                let before = self.found.use_for(Usage::Predicate);
                self.maybe(update.update_predicate.as_ref(), scope);
                self.maybe(update.delete_predicate.as_ref(), scope);
                self.found.usage = before;
                self.strange_if(update.delete_predicate.is_some(), "DELETE WHERE of a MERGE");
                let MergeUpdateKind::Set(assignments) = &update.kind else {
                    self.strange("this form of MERGE");
                    return None;
                };
                self.assignments(assignments, scope);
                let fields = assignments.iter().flat_map(|each| self.assigned(each)).collect();
                Operation::on("update", target.clone()).fields(fields)
            }
            MergeAction::Insert(insert) => {
                match &insert.kind {
                    MergeInsertKind::Values(values) => {
                        for row in &values.rows {
                            self.all(&row.content, scope);
                        }
                    }
                    _ => drop(self.strange("this form of MERGE")),
                }
                self.maybe(insert.insert_predicate.as_ref(), scope);
                let fields = insert.columns.iter().map(|column| self.column_name(column)).collect();
                Operation::on("insert", target.clone()).fields(fields)
            }
        };
        Some(operation.fact("via", "merge"))
    }

    fn assigned(&mut self, assignment: &Assignment) -> Vec<String> {
        match &assignment.target {
            AssignmentTarget::ColumnName(name) => vec![self.column_name(name)],
            AssignmentTarget::Tuple(names) => {
                names.iter().map(|name| self.column_name(name)).collect()
            }
        }
    }

    fn assignments(&mut self, assignments: &[Assignment], scope: &Scope<'_>) -> Inflow {
        let mut inflow = Vec::new();
        for assignment in assignments {
            let flow = self.expression(&assignment.value, scope);
            self.found.consume(&flow);
            if flow.is_empty() {
                continue;
            }
            inflow.extend(
                self.assigned(assignment).into_iter().map(|name| (Some(name), flow.clone())),
            );
        }
        inflow
    }

    /// A `WHERE` of a statement that writes: `absent`, `constant` or `present`.
    fn filter(
        &mut self,
        clause: Option<&Expr>,
        targets: &[Name],
        scope: &Scope<'_>,
    ) -> &'static str {
        let Some(clause) = clause else { return "absent" };
        let before = self.found.use_for(Usage::Predicate);
        self.expression(clause, scope);
        let loose = self.selects_all(clause, targets, scope);
        self.found.usage = before;
        if loose { "constant" } else { "present" }
    }

    /// Whether the predicate holds, or fails, for all rows of the targets alike.
    fn selects_all(&mut self, clause: &Expr, targets: &[Name], scope: &Scope<'_>) -> bool {
        let all = self.found.enter()
            && match clause {
                Expr::Nested(inner) => self.selects_all(inner, targets, scope),
                Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                    self.selects_all(left, targets, scope)
                        || self.selects_all(right, targets, scope)
                }
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    self.selects_all(left, targets, scope)
                        && self.selects_all(right, targets, scope)
                }
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if left == right => true,
                other => {
                    let flow = self.expression(other, scope);
                    !flow.sources.iter().any(|source| targets.contains(&source.relation))
                }
            };
        self.found.leave();
        all
    }

    fn returning(&mut self, items: Option<&[SelectItem]>, scope: &Scope<'_>) -> Shape {
        items.map(|items| self.targets(items, scope)).unwrap_or_default()
    }

    /// Adds operations in order.
    fn add(&mut self, operations: Vec<Operation>) {
        for operation in operations {
            self.found.operate(operation);
        }
    }

    /// Puts what was written into the targets, for `RETURNING` to find it.
    fn put_in(&self, targets: &[Name], inflow: &Inflow, scope: &mut Scope<'_>) {
        for piece in scope.items.iter_mut().flat_map(|item| &mut item.shape.pieces) {
            if let Piece::Star { relation, inflow: held } = piece
                && targets.contains(relation)
            {
                held.extend(inflow.iter().cloned());
            }
        }
    }
}

fn updates(on: &OnInsert) -> bool {
    match on {
        OnInsert::DuplicateKeyUpdate(_) => true,
        OnInsert::OnConflict(conflict) => matches!(conflict.action, OnConflictAction::DoUpdate(_)),
        _ => false,
    }
}

fn target_item(target: &Name, inflow: Inflow) -> Item {
    let shape = Shape::of(vec![Piece::Star { relation: target.clone(), inflow }]);
    Item { relation: Some(target.clone()), ..Item::named(target.name.clone(), shape) }
}

fn base_relations(item: &Item) -> Vec<Name> {
    let stars = item.shape.pieces.iter().filter_map(|piece| match piece {
        Piece::Star { relation, .. } => Some(relation.clone()),
        _ => None,
    });
    stars.collect()
}
