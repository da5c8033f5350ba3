//! `INSERT`, `UPDATE`, `DELETE`, `MERGE`: what is written, from what, and what `RETURNING` gives back.

use super::{Walker, names};
use crate::lineage::{Flow, Inflow, Item, Piece, Scope, Shape};
use crate::{Name, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CmdType, DeleteStmt, InsertStmt, MergeMatchKind, MergeStmt, MergeWhenClause, Node,
    OnConflictAction, OnConflictClause, RangeVar, ReturningClause, ReturningOptionKind, UpdateStmt,
};

impl Walker<'_> {
    /// `INSERT`.
    pub(super) fn insert(&mut self, insert: &InsertStmt, around: &Scope<'_>) -> Shape {
        let mut scope = Scope::inside(around, true);
        self.with(insert.with_clause.as_ref(), &mut scope);
        let target = names::relation_of(insert.relation.as_ref());
        let columns = target_names(&insert.cols);
        let conflict = insert.on_conflict_clause.as_deref();
        let fields = if columns.is_empty() { vec!["*".into()] } else { columns.clone() };
        let operation = Operation::on("insert", target.clone()).fields(fields);
        self.found.operate(match conflict.map(|clause| clause.action()) {
            Some(OnConflictAction::OnconflictUpdate) => operation.fact("conflict", "update"),
            Some(OnConflictAction::OnconflictNothing) => operation.fact("conflict", "nothing"),
            _ => operation,
        });
        let subscripts = self.subscripts(&insert.cols, &scope);
        let source = match insert.select_stmt.as_deref().map(|node| node.node.as_ref()) {
            None => Shape::default(),
            Some(Some(NodeEnum::SelectStmt(select))) => self.select(select, &scope, true),
            Some(_) => self.unreadable(),
        };
        self.found.consume(&source.whole());
        let mut inflow = inflow_of(&columns, &source);
        inflow.extend(subscripts);
        self.put(&target, &inflow);
        if let Some(conflict) = conflict {
            let excluded = excluded(&columns, source);
            scope.items = vec![target_item(insert.relation.as_ref(), Vec::new()), excluded];
            inflow.extend(self.on_conflict(conflict, &target, &scope));
        }
        scope.items = vec![target_item(insert.relation.as_ref(), inflow)];
        self.returning(insert.returning_clause.as_ref(), scope)
    }

    /// `ON CONFLICT`: which columns decide, and what is updated where there is a conflict.
    fn on_conflict(
        &mut self,
        conflict: &OnConflictClause,
        target: &Name,
        scope: &Scope<'_>,
    ) -> Inflow {
        let before = self.found.use_for(Usage::Predicate);
        if let Some(infer) = conflict.infer.as_deref() {
            for element in &infer.index_elems {
                match element.node.as_ref() {
                    Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                        self.found.consume(&Flow::of(target, &element.name));
                    }
                    _ => drop(self.expression(element, scope)),
                }
            }
            self.optional(infer.where_clause.as_deref(), scope);
        }
        self.optional(conflict.where_clause.as_deref(), scope);
        self.found.usage = before;
        if conflict.action() != OnConflictAction::OnconflictUpdate {
            return Vec::new();
        }
        let fields = target_names(&conflict.target_list);
        let update = Operation::on("update", target.clone()).fields(fields);
        self.found.operate(update.fact("conflict", "update"));
        self.changes(target, &conflict.target_list, scope)
    }

    /// `UPDATE`.
    pub(super) fn update(&mut self, update: &UpdateStmt, around: &Scope<'_>) -> Shape {
        let mut scope = Scope::inside(around, true);
        self.with(update.with_clause.as_ref(), &mut scope);
        let target = names::relation_of(update.relation.as_ref());
        let fields = target_names(&update.target_list);
        let index = self.found.operations.len();
        let only = update.relation.as_ref().is_some_and(|range| !range.inh);
        let operation = Operation::on("update", target).fields(fields);
        self.found.operate(operation.fact_if(only, "only", "true"));
        scope.items = vec![target_item(update.relation.as_ref(), Vec::new())];
        for item in &update.from_clause {
            self.entry(item, &mut scope);
        }
        let target = names::relation_of(update.relation.as_ref());
        let inflow = self.changes(&target, &update.target_list, &scope);
        let filter = self.filter(update.where_clause.as_deref(), &mut scope);
        self.say(index, "where", filter);
        replace_target(&mut scope, target_item(update.relation.as_ref(), inflow));
        self.returning(update.returning_clause.as_ref(), scope)
    }

    /// `DELETE`.
    pub(super) fn delete(&mut self, delete: &DeleteStmt, around: &Scope<'_>) -> Shape {
        let mut scope = Scope::inside(around, true);
        self.with(delete.with_clause.as_ref(), &mut scope);
        let target = names::relation_of(delete.relation.as_ref());
        let index = self.found.operations.len();
        let only = delete.relation.as_ref().is_some_and(|range| !range.inh);
        let operation = Operation::on("delete", target);
        self.found.operate(operation.fact_if(only, "only", "true"));
        scope.items = vec![target_item(delete.relation.as_ref(), Vec::new())];
        for item in &delete.using_clause {
            self.entry(item, &mut scope);
        }
        let filter = self.filter(delete.where_clause.as_deref(), &mut scope);
        self.say(index, "where", filter);
        self.returning(delete.returning_clause.as_ref(), scope)
    }

    /// `MERGE`: an operation for the whole and one for each thing that it may do.
    pub(super) fn merge(&mut self, merge: &MergeStmt, around: &Scope<'_>) -> Shape {
        let mut scope = Scope::inside(around, true);
        self.with(merge.with_clause.as_ref(), &mut scope);
        let target = names::relation_of(merge.relation.as_ref());
        self.found.operate(Operation::on("merge", target.clone()));
        scope.items = vec![target_item(merge.relation.as_ref(), Vec::new())];
        match merge.source_relation.as_deref() {
            Some(source) => self.entry(source, &mut scope),
            None => drop(self.unreadable()),
        }
        let before = self.found.use_for(Usage::Join);
        self.optional(merge.join_condition.as_deref(), &scope);
        let join = merge.join_condition.as_deref();
        let joins_all = join.is_none_or(|join| self.is_constant(join, &mut scope));
        self.found.usage = before;
        let mut inflow = Vec::new();
        for clause in &merge.merge_when_clauses {
            match clause.node.as_ref() {
                Some(NodeEnum::MergeWhenClause(clause)) => {
                    inflow.extend(self.merge_action(clause, &target, joins_all, &mut scope));
                }
                _ => drop(self.unreadable()),
            }
        }
        replace_target(&mut scope, target_item(merge.relation.as_ref(), inflow));
        self.returning(merge.returning_clause.as_ref(), scope)
    }

    fn merge_action(
        &mut self,
        clause: &MergeWhenClause,
        target: &Name,
        joins_all: bool,
        scope: &mut Scope<'_>,
    ) -> Inflow {
        let condition = self.filter(clause.condition.as_deref(), scope);
        // Rows for which the source has nothing may be all there are, whatever the join says.
        let orphans = clause.match_kind() == MergeMatchKind::MergeWhenNotMatchedBySource;
        let filter = match condition {
            "present" => "present",
            _ if !orphans && !joins_all => "present",
            _ => "constant",
        };
        let action = match clause.command_type() {
            CmdType::CmdInsert => "insert",
            CmdType::CmdUpdate => "update",
            CmdType::CmdDelete => "delete",
            CmdType::CmdNothing => return Vec::new(),
            _ => {
                self.unreadable();
                return Vec::new();
            }
        };
        let fields = target_names(&clause.target_list);
        let operation = Operation::on(action, target.clone()).fields(fields.clone());
        let operation = operation.fact("via", "merge");
        self.found.operate(match action {
            "insert" => operation,
            _ => operation.fact("where", filter),
        });
        if action != "insert" {
            let inflow = self.assignments(&clause.target_list, scope);
            self.put(target, &inflow);
            return inflow;
        }
        let values = clause.values.iter().map(|value| {
            let flow = self.expression(value, scope);
            Piece::column("", flow)
        });
        let values = Shape::of(values.collect());
        let mut inflow = inflow_of(&fields, &values);
        inflow.extend(self.subscripts(&clause.target_list, scope));
        self.put(target, &inflow);
        inflow
    }

    /// Notes what is put into a relation.
    fn put(&mut self, target: &Name, inflow: &Inflow) {
        for (column, flow) in inflow {
            self.found.store(target, column.as_deref().unwrap_or("*"), flow);
        }
    }

    /// What a `SET` makes of a row, put into its relation. Where no other row is in it, what a column keeps of its own value goes
    /// nowhere.
    fn changes(&mut self, target: &Name, to: &[Node], scope: &Scope<'_>) -> Inflow {
        let before = self.found.queries;
        let inflow = self.assignments(to, scope);
        let others = scope.items.iter().filter(|item| !item.qualified_only).count() > 1;
        if others || self.found.queries != before {
            self.put(target, &inflow);
            return inflow;
        }
        let mut stored = inflow.clone();
        for (column, flow) in &mut stored {
            flow.sources.retain(|source| {
                source.relation != *target || Some(&source.column) != column.as_ref()
            });
        }
        self.put(target, &stored);
        inflow
    }

    /// `SET column = expression, …`: what flows into which column.
    fn assignments(&mut self, targets: &[Node], scope: &Scope<'_>) -> Inflow {
        let mut inflow = self.subscripts(targets, scope);
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = target.node.as_ref() else {
                self.unreadable();
                continue;
            };
            if !target.indirection.is_empty() {
                // The value that is there is taken apart, and refuses what does not fit it.
                let before = self.found.use_for(Usage::Expression);
                self.found.consume(&scope.resolve(&target.name).flow);
                self.found.usage = before;
            }
            let flow = self.optional(target.val.as_deref(), scope);
            self.found.consume(&flow);
            if !flow.is_empty() {
                inflow.push((Some(target.name.clone()), flow));
            }
        }
        inflow
    }

    /// The subscripts of assigned columns: `a[i] = …`. They are stored as well, as a document's keys and an array's bounds.
    fn subscripts(&mut self, targets: &[Node], scope: &Scope<'_>) -> Inflow {
        let mut inflow = Vec::new();
        for target in targets {
            if let Some(NodeEnum::ResTarget(target)) = target.node.as_ref() {
                let flow = self.all(&target.indirection, scope);
                if !flow.is_empty() {
                    inflow.push((Some(target.name.clone()), flow));
                }
            }
        }
        inflow
    }

    /// A `WHERE` of a statement that writes to the first entry of the scope: `absent`, `constant` or `present`.
    pub(super) fn filter(&mut self, clause: Option<&Node>, scope: &mut Scope<'_>) -> &'static str {
        let Some(clause) = clause else { return "absent" };
        let before = self.found.use_for(Usage::Predicate);
        self.expression(clause, scope);
        let loose = self.is_constant(clause, scope);
        self.found.usage = before;
        if loose { "constant" } else { "present" }
    }

    /// `RETURNING`, in a scope whose first entry is the target.
    fn returning(&mut self, clause: Option<&ReturningClause>, mut scope: Scope<'_>) -> Shape {
        let Some(clause) = clause else { return Shape::default() };
        let Some(target) = scope.items.first().cloned() else { return self.unreadable() };
        let (mut old, mut new) = ("old", "new");
        for option in &clause.options {
            if let Some(NodeEnum::ReturningOption(option)) = option.node.as_ref() {
                match option.option() {
                    ReturningOptionKind::ReturningOptionOld => old = &option.value,
                    _ => new = &option.value,
                }
            }
        }
        for name in [old, new] {
            if !scope.items.iter().any(|item| item.name.as_deref() == Some(name)) {
                let row = Item::named(name, target.shape.clone());
                scope.items.push(Item { qualified_only: true, ..row });
            }
        }
        self.targets(&clause.exprs, &scope)
    }

    /// Adds a fact to an operation that was written down before.
    pub(super) fn say(&mut self, index: usize, fact: &'static str, value: &str) {
        if let Some(operation) = self.found.operations.get_mut(index) {
            operation.facts.push((fact, value.to_owned()));
        }
    }
}

/// The names of assigned columns.
fn target_names(targets: &[Node]) -> Vec<String> {
    let names = targets.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::ResTarget(target) => Some(target.name.clone()),
        _ => None,
    });
    names.collect()
}

/// What flows into the columns of an `INSERT`.
fn inflow_of(columns: &[String], source: &Shape) -> Inflow {
    if columns.len() == source.pieces.len() && source.is_counted() {
        let pairs = columns.iter().cloned().map(Some).zip(source.pieces.iter().map(Piece::whole));
        return pairs.filter(|(_, flow)| !flow.is_empty()).collect();
    }
    let whole = source.whole();
    if whole.is_empty() { Vec::new() } else { vec![(None, whole)] }
}

/// The row that could not be inserted.
fn excluded(columns: &[String], source: Shape) -> Item {
    let whole = source.whole();
    let mut shape = if source.is_counted() { source.renamed(columns) } else { Shape::default() };
    shape.pieces.push(Piece::Opaque(whole));
    Item { qualified_only: true, ..Item::named("excluded", shape) }
}

/// The written relation as an entry of the scope.
fn target_item(range: Option<&RangeVar>, inflow: Inflow) -> Item {
    let relation = names::relation_of(range);
    let alias = range.and_then(|range| names::alias(range.alias.as_ref()));
    let shape = Shape::of(vec![Piece::Star { relation: relation.clone(), inflow }]);
    match alias {
        Some((alias, _)) => Item::named(alias, shape),
        None => Item { relation: Some(relation.clone()), ..Item::named(relation.name, shape) },
    }
}

fn replace_target(scope: &mut Scope<'_>, target: Item) {
    if let Some(first) = scope.items.first_mut() {
        *first = target;
    }
}
