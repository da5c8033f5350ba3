//! All other statements: maintenance, messages, procedures, and the objects that need few words.

use super::session::joined;
use super::{Walker, names};
use crate::lineage::{Scope, Shape};
use crate::{Effect, Operation};
use pg_query::NodeEnum;
use pg_query::protobuf::{LockStmt, Node, RangeVar, TruncateStmt, VacuumStmt, VariableSetStmt};

impl Walker<'_> {
    /// Maintenance and messages; then procedures.
    pub(super) fn utility(&mut self, node: &NodeEnum) -> Shape {
        match node {
            NodeEnum::TruncateStmt(truncate) => self.truncate(truncate),
            NodeEnum::LockStmt(lock) => self.lock(lock),
            NodeEnum::VacuumStmt(vacuum) => self.vacuum(vacuum),
            NodeEnum::ClusterStmt(cluster) => {
                let index = self.found.operations.len();
                self.maintain("cluster", cluster.relation.as_ref(), "");
                if !cluster.indexname.is_empty() {
                    self.say(index, "index", &cluster.indexname);
                }
            }
            NodeEnum::ReindexStmt(reindex) => {
                self.maintain("reindex", reindex.relation.as_ref(), &reindex.name);
            }
            NodeEnum::RefreshMatViewStmt(refresh) => {
                self.maintain("refresh", refresh.relation.as_ref(), "");
            }
            NodeEnum::CheckPointStmt(_) => self.found.operate(Operation::other("checkpoint", "")),
            NodeEnum::NotifyStmt(notify) => {
                self.found.operate(Operation::other("notify", notify.conditionname.clone()));
            }
            NodeEnum::ListenStmt(listen) => {
                self.found.operate(Operation::other("listen", listen.conditionname.clone()));
            }
            NodeEnum::UnlistenStmt(unlisten) => {
                self.found.operate(Operation::other("unlisten", unlisten.conditionname.clone()));
            }
            NodeEnum::CommentStmt(comment) => {
                let of = comment.objtype();
                let (object, _) = super::ddl::object_of(of, None, comment.object.as_deref());
                let operation = Operation::new("comment", object);
                self.define(operation.fact("kind", super::ddl::kind(of)));
            }
            NodeEnum::SecLabelStmt(label) => {
                self.hide("SECURITY LABEL changes what others enforce");
                let of = label.objtype();
                let (object, _) = super::ddl::object_of(of, None, label.object.as_deref());
                self.define(Operation::new("label", object).fact("kind", super::ddl::kind(of)));
            }
            other => return self.procedure(other),
        }
        Shape::default()
    }

    /// What runs code; then definitions.
    fn procedure(&mut self, node: &NodeEnum) -> Shape {
        match node {
            NodeEnum::DoStmt(block) => self.block(block),
            NodeEnum::CallStmt(call) => {
                let Some(function) = call.funccall.as_deref() else { return self.unreadable() };
                let name = names::dotted(&function.funcname);
                self.found
                    .operate(Operation::other("call", name.clone()).fact("kind", "procedure"));
                let mut flow = self.all(&function.args, &Scope::root());
                flow.absorb(&self.found.call_procedure(name));
                return Shape::opaque(flow.derive());
            }
            NodeEnum::LoadStmt(_) => {
                self.hide("LOAD runs a library of the server");
                self.found.operate(Operation::other("load", ""));
            }
            NodeEnum::ReturnStmt(value) => {
                self.optional(value.returnval.as_deref(), &Scope::root());
            }
            other => self.definition(other),
        }
        Shape::default()
    }

    /// DDL that has its own words.
    fn definition(&mut self, node: &NodeEnum) {
        match node {
            NodeEnum::CreateStmt(create) => self.create_table(create, "table"),
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter),
            NodeEnum::IndexStmt(index) => self.create_index(index),
            NodeEnum::CreateStatsStmt(statistics) => self.create_statistics(statistics),
            NodeEnum::DropStmt(drop) => self.drop_objects(drop),
            NodeEnum::RenameStmt(rename) => self.rename(rename),
            NodeEnum::GrantStmt(grant) => self.grant(grant),
            NodeEnum::GrantRoleStmt(grant) => self.grant_role(grant),
            NodeEnum::CreateSchemaStmt(create) => self.create_schema(create),
            NodeEnum::CreateFunctionStmt(create) => self.create_function(create),
            NodeEnum::CreateTrigStmt(create) => self.create_trigger(create),
            NodeEnum::RuleStmt(rule) => self.create_rule(rule),
            NodeEnum::CreatePolicyStmt(create) => self.create_policy(create),
            NodeEnum::DefineStmt(define) => self.define_object(define),
            NodeEnum::CreateForeignTableStmt(create) => {
                self.hide("a foreign table holds data from elsewhere");
                match &create.base_stmt {
                    Some(base) => self.create_table(base, "foreign-table"),
                    None => drop(self.unreadable()),
                }
            }
            NodeEnum::AlterObjectSchemaStmt(alter) => self.alter_object(
                alter.object_type(),
                alter.relation.as_ref(),
                alter.object.as_deref(),
                ("set-schema", &alter.newschema),
            ),
            NodeEnum::AlterOwnerStmt(alter) => self.alter_object(
                alter.object_type(),
                alter.relation.as_ref(),
                alter.object.as_deref(),
                ("owner", &alter.newowner.as_ref().map(names::role).unwrap_or_default()),
            ),
            NodeEnum::AlterObjectDependsStmt(alter) => self.alter_object(
                alter.object_type(),
                alter.relation.as_ref(),
                alter.object.as_deref(),
                ("depends", ""),
            ),
            other => self.simple_definition(other),
        }
    }

    fn truncate(&mut self, truncate: &TruncateStmt) {
        let cascade = truncate.behavior() == pg_query::protobuf::DropBehavior::DropCascade;
        for range in ranges(&truncate.relations) {
            let operation = Operation::on("truncate", names::relation(range));
            let operation = operation.fact_if(!range.inh, "only", "true");
            self.found.operate(operation.fact_if(cascade, "cascade", "true"));
        }
    }

    fn lock(&mut self, lock: &LockStmt) {
        for range in ranges(&lock.relations) {
            let operation = Operation::on("lock", names::relation(range));
            self.found.operate(operation.fact("mode", lock_mode(lock.mode)));
        }
    }

    fn vacuum(&mut self, vacuum: &VacuumStmt) {
        let action = if vacuum.is_vacuumcmd { "vacuum" } else { "analyze" };
        for node in &vacuum.rels {
            if let Some(NodeEnum::VacuumRelation(relation)) = node.node.as_ref() {
                let name = names::relation_of(relation.relation.as_ref());
                let fields = names::strings(&relation.va_cols);
                self.found.operate(Operation::on(action, name).fields(fields));
            }
        }
        if vacuum.rels.is_empty() {
            self.found.operate(Operation::other(action, ""));
        }
    }

    fn maintain(&mut self, action: &'static str, relation: Option<&RangeVar>, name: &str) {
        let operation = match relation {
            Some(relation) => Operation::on(action, names::relation(relation)),
            None => Operation::other(action, name),
        };
        self.found.operate(operation);
        self.found.effects.push(Effect::ChangesCatalog);
    }

    /// Settings that are stored for sessions to come.
    pub(super) fn stored_setting(&mut self, operation: Operation, set: Option<&VariableSetStmt>) {
        let Some(set) = set else { return drop(self.unreadable()) };
        let name = set.name.to_ascii_lowercase();
        self.check_setting(&name, joined(&set.args, &self.constants).as_deref());
        self.define(operation.fact("change", "set").fact("setting", name));
    }
}

/// The name of a lock's mode.
fn lock_mode(mode: i32) -> &'static str {
    match mode {
        1 => "access-share",
        2 => "row-share",
        3 => "row-exclusive",
        4 => "share-update-exclusive",
        5 => "share",
        6 => "share-row-exclusive",
        7 => "exclusive",
        _ => "access-exclusive",
    }
}

fn ranges(nodes: &[Node]) -> impl Iterator<Item = &RangeVar> {
    nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::RangeVar(range) => Some(range),
        _ => None,
    })
}
