//! Which family a statement belongs to, and the statements that hold another one.

use super::{Walker, names};
use crate::lineage::{Flow, Piece, Scope, Shape};
use crate::{Effect, Operation};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CreateTableAsStmt, DeclareCursorStmt, DefElem, ExecuteStmt, ExplainStmt, IntoClause, Node,
    ObjectType, PrepareStmt, ViewStmt,
};

/// `CURSOR_OPT_HOLD` of PostgreSQL's parsenodes.h.
const CURSOR_HOLD: i32 = 0x0020;

impl Walker<'_> {
    /// Any statement; returns the shape of its result.
    pub(super) fn statement(&mut self, node: &Node, scope: &Scope<'_>) -> Shape {
        let shape = if self.found.enter() {
            match node.node.as_ref() {
                Some(NodeEnum::SelectStmt(select)) => self.select(select, scope, true),
                Some(NodeEnum::InsertStmt(insert)) => self.insert(insert, scope),
                Some(NodeEnum::UpdateStmt(update)) => self.update(update, scope),
                Some(NodeEnum::DeleteStmt(delete)) => self.delete(delete, scope),
                Some(NodeEnum::MergeStmt(merge)) => self.merge(merge, scope),
                Some(NodeEnum::CopyStmt(copy)) => self.copy(copy),
                Some(other) => self.holder(other),
                None => self.unreadable(),
            }
        } else {
            Shape::opaque(Flow::unknown())
        };
        self.found.leave();
        shape
    }

    /// Statements with another statement inside.
    fn holder(&mut self, node: &NodeEnum) -> Shape {
        match node {
            NodeEnum::ExplainStmt(explain) => self.explain(explain),
            NodeEnum::PrepareStmt(prepare) => self.prepare(prepare),
            NodeEnum::ExecuteStmt(execute) => self.execute(execute),
            NodeEnum::DeclareCursorStmt(declare) => self.declare(declare),
            NodeEnum::CreateTableAsStmt(create) => self.create_table_as(create),
            NodeEnum::ViewStmt(view) => self.create_view(view),
            other => self.session(other),
        }
    }

    /// The statement inside of another.
    pub(super) fn inner(&mut self, node: Option<&Node>) -> Shape {
        match node {
            Some(node) => self.statement(node, &Scope::root()),
            None => self.unreadable(),
        }
    }

    /// What EXPLAIN shows (conditions, estimates, sampled values) may come from all that the statement touches.
    fn explain(&mut self, explain: &ExplainStmt) -> Shape {
        let mode = if is_on(&explain.options, "analyze") { "analyze" } else { "plan" };
        self.found.operate(Operation::other("explain", "").fact("explain", mode));
        let first = self.found.operations.len();
        let first_effect = self.found.effects.len();
        let inner = self.inner(explain.query.as_deref());
        self.found.consume(&inner.whole());
        for operation in self.found.operations.iter_mut().skip(first) {
            operation.facts.push(("explain", mode.to_owned()));
        }
        if mode == "plan" {
            let effects = self.found.effects.split_off(first_effect);
            let kept =
                effects.into_iter().filter(|effect| matches!(effect, Effect::Execute { .. }));
            self.found.effects.extend(kept);
        }
        Shape::of(vec![Piece::column("QUERY PLAN", self.found.everything())])
    }

    fn prepare(&mut self, prepare: &PrepareStmt) -> Shape {
        let name = prepare.name.clone();
        self.found.operate(Operation::other("prepare", name.clone()));
        self.found.effects.push(Effect::Prepare { name });
        self.inner(prepare.query.as_deref())
    }

    fn execute(&mut self, execute: &ExecuteStmt) -> Shape {
        let name = execute.name.clone();
        self.found.operate(Operation::other("execute", name.clone()));
        self.found.effects.push(Effect::Execute { name });
        let flow = self.all(&execute.params, &Scope::root());
        Shape::opaque(Flow { opaque: true, ..flow })
    }

    fn declare(&mut self, declare: &DeclareCursorStmt) -> Shape {
        let name = declare.portalname.clone();
        self.found.operate(Operation::other("declare", name.clone()));
        let hold = declare.options & CURSOR_HOLD != 0;
        self.found.effects.push(Effect::DeclareCursor { name, hold });
        self.inner(declare.query.as_deref())
    }

    fn create_table_as(&mut self, create: &CreateTableAsStmt) -> Shape {
        let kind = if create.objtype() == ObjectType::ObjectMatview { "matview" } else { "table" };
        match create.into.as_deref() {
            Some(into) => self.create_from_query(into, kind),
            None => drop(self.unreadable()),
        }
        let inner = self.inner(create.query.as_deref());
        self.found.consume(&inner.whole());
        Shape::default()
    }

    /// `CREATE TABLE … AS`, `SELECT … INTO`, `CREATE MATERIALIZED VIEW`.
    pub(super) fn create_from_query(&mut self, into: &IntoClause, kind: &'static str) {
        let name = names::relation_of(into.rel.as_ref());
        let temporary = into.rel.as_ref().is_some_and(|range| range.relpersistence == "t");
        let operation = Operation::on("create", name).fact("kind", kind);
        self.define(operation.fact_if(temporary, "temporary", "true"));
    }

    fn create_view(&mut self, view: &ViewStmt) -> Shape {
        let operation = Operation::on("create", names::relation_of(view.view.as_ref()));
        let operation = operation.fact("kind", "view").fact_if(view.replace, "replace", "true");
        self.define(operation);
        let inner = self.inner(view.query.as_deref());
        self.found.consume(&inner.whole());
        Shape::default()
    }

    /// Adds an operation that changes the catalog.
    pub(super) fn define(&mut self, operation: Operation) {
        self.found.operate(operation);
        if !self.found.effects.contains(&Effect::ChangesCatalog) {
            self.found.effects.push(Effect::ChangesCatalog);
        }
    }
}

/// The options of a statement.
pub(super) fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::DefElem(option) => Some(option.as_ref()),
        _ => None,
    })
}

/// Whether an option is given and not plainly switched off.
pub(super) fn is_on(nodes: &[Node], name: &str) -> bool {
    options(nodes).filter(|option| option.defname == name).any(|option| {
        let value = option_value(option);
        !matches!(value.as_deref(), Some("false" | "off" | "0" | "no"))
    })
}

/// The value of an option as text; none where it has none or is no plain value.
pub(super) fn option_value(option: &DefElem) -> Option<String> {
    match option.arg.as_deref()?.node.as_ref()? {
        NodeEnum::String(value) => Some(value.sval.to_ascii_lowercase()),
        NodeEnum::Integer(value) => Some(value.ival.to_string()),
        NodeEnum::Float(value) => Some(value.fval.clone()),
        NodeEnum::Boolean(value) => Some(value.boolval.to_string()),
        NodeEnum::TypeName(value) => Some(names::type_name(value)),
        _ => None,
    }
}
