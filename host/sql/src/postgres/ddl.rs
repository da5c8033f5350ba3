//! Statements that make, change and drop objects other than tables, and rights to them.

use super::{Walker, names};
use crate::{Name, Object, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CreatePolicyStmt, CreateSchemaStmt, CreateTrigStmt, DefineStmt, DropBehavior, DropStmt,
    GrantRoleStmt, GrantStmt, GrantTargetType, Node, ObjectType, RangeVar, RenameStmt, RuleStmt,
};

impl Walker<'_> {
    /// `DROP`: one operation for each object.
    pub(super) fn drop_objects(&mut self, drop: &DropStmt) {
        let cascade = drop.behavior() == DropBehavior::DropCascade;
        for object in &drop.objects {
            let (object, part) = object_of(drop.remove_type(), None, Some(object));
            let operation = Operation::new("drop", object).fact("kind", kind(drop.remove_type()));
            let operation = operation.fact_if(cascade, "cascade", "true");
            self.define(match part {
                Some(part) => operation.fact("part", part),
                None => operation,
            });
        }
    }

    /// `ALTER … RENAME`.
    pub(super) fn rename(&mut self, rename: &RenameStmt) {
        let of = rename.rename_type();
        match of {
            ObjectType::ObjectRole => self.changes_rights("ALTER ROLE"),
            ObjectType::ObjectDatabase => self.changes_rights("ALTER DATABASE"),
            _ => {}
        }
        let (object, part) = object_of(of, rename.relation.as_ref(), rename.object.as_deref());
        let (kind, change) = match of {
            ObjectType::ObjectColumn | ObjectType::ObjectAttribute => {
                (kind(rename.relation_type()), "rename-column".to_owned())
            }
            ObjectType::ObjectTabconstraint => ("table", "rename-constraint".to_owned()),
            ObjectType::ObjectTrigger | ObjectType::ObjectRule | ObjectType::ObjectPolicy => {
                ("table", format!("rename-{}", kind(of)))
            }
            _ => (kind(of), "rename".to_owned()),
        };
        let object = match object {
            Object::Other(name) if name.is_empty() => Object::Other(rename.subname.clone()),
            object => object,
        };
        let operation = Operation::new("alter", object).fact("kind", kind).fact("change", change);
        let from = part.unwrap_or_else(|| rename.subname.clone());
        let operation = if from.is_empty() { operation } else { operation.fact("from", from) };
        self.define(operation.fact("to", rename.newname.clone()));
    }

    /// `ALTER … SET SCHEMA`, `OWNER TO` and their kin.
    pub(super) fn alter_object(
        &mut self,
        of: ObjectType,
        relation: Option<&RangeVar>,
        object: Option<&Node>,
        change: (&'static str, &str),
    ) {
        if change.0 == "owner" {
            self.changes_rights("OWNER TO");
        }
        let (object, _) = object_of(of, relation, object);
        let operation = Operation::new("alter", object).fact("kind", kind(of));
        let operation = operation.fact("change", change.0);
        self.define(if change.1.is_empty() { operation } else { operation.fact("to", change.1) });
    }

    /// `GRANT` and `REVOKE` on objects.
    pub(super) fn grant(&mut self, grant: &GrantStmt) {
        let action = if grant.is_grant { "grant" } else { "revoke" };
        let kind = kind(grant.objtype());
        let whole = grant.targtype() == GrantTargetType::AclTargetAllInSchema;
        let objects: Vec<Object> = match grant.targtype() {
            GrantTargetType::AclTargetDefaults => vec![Object::Other(String::new())],
            _ => grant
                .objects
                .iter()
                .map(|node| object_of(grant.objtype(), None, Some(node)).0)
                .collect(),
        };
        let (privileges, roles) =
            (privileges(&grant.privileges), names::roles(&grant.grantees).join(","));
        for object in objects {
            if !self.found.pay(privileges.len() + roles.len()) {
                return;
            }
            let object = if whole { Object::Other(object.to_string()) } else { object };
            let operation = Operation::new(action, object).fact("kind", kind);
            let operation = operation.fact_if(whole, "all", "in-schema");
            self.define(
                operation.fact("privileges", privileges.clone()).fact("roles", roles.clone()),
            );
        }
    }

    /// `GRANT role TO role`.
    pub(super) fn grant_role(&mut self, grant: &GrantRoleStmt) {
        let action = if grant.is_grant { "grant" } else { "revoke" };
        self.changes_rights(if grant.is_grant { "GRANT of a role" } else { "REVOKE of a role" });
        let grantees = names::roles(&grant.grantee_roles).join(",");
        for role in names::roles(&grant.granted_roles) {
            if !self.found.pay(grantees.len()) {
                return;
            }
            let operation = Operation::other(action, role).fact("kind", "role");
            self.define(operation.fact("roles", grantees.clone()));
        }
    }

    /// `CREATE SCHEMA`, with what is made in it at once.
    pub(super) fn create_schema(&mut self, create: &CreateSchemaStmt) {
        self.define(Operation::other("create", create.schemaname.clone()).fact("kind", "schema"));
        for element in &create.schema_elts {
            self.inner(Some(element));
        }
    }

    /// `CREATE TRIGGER`.
    pub(super) fn create_trigger(&mut self, create: &CreateTrigStmt) {
        self.hide("CREATE TRIGGER makes other statements run code");
        self.define(Operation::other("create", create.trigname.clone()).fact("kind", "trigger"));
        self.changed(create.relation.as_ref(), "add-trigger");
    }

    /// `CREATE RULE`: also what the rule would do.
    pub(super) fn create_rule(&mut self, rule: &RuleStmt) {
        self.hide("CREATE RULE makes other statements do something else");
        self.define(Operation::other("create", rule.rulename.clone()).fact("kind", "rule"));
        self.changed(rule.relation.as_ref(), "add-rule");
        for action in &rule.actions {
            let shape = self.inner(Some(action));
            self.found.consume(&shape.whole());
        }
    }

    /// `CREATE POLICY`.
    pub(super) fn create_policy(&mut self, create: &CreatePolicyStmt) {
        self.define(Operation::other("create", create.policy_name.clone()).fact("kind", "policy"));
        self.changed(create.table.as_ref(), "add-policy");
        self.policy(create.table.as_ref(), [create.qual.as_deref(), create.with_check.as_deref()]);
    }

    /// The conditions of a row policy: each row is shown or written by them.
    pub(super) fn policy(&mut self, table: Option<&RangeVar>, conditions: [Option<&Node>; 2]) {
        let scope = super::tables::relation_scope(&names::relation_of(table));
        let before = self.found.use_for(Usage::Predicate);
        for condition in conditions {
            self.optional(condition, &scope);
        }
        self.found.usage = before;
    }

    /// `CREATE AGGREGATE`, `OPERATOR`, `TYPE`, `COLLATION` and text search objects.
    pub(super) fn define_object(&mut self, define: &DefineStmt) {
        let of = define.kind();
        let plain = matches!(of, ObjectType::ObjectCollation | ObjectType::ObjectTsconfiguration);
        let alike = |option: &Node| match option.node.as_ref() {
            Some(NodeEnum::DefElem(option)) if option.defname == "deterministic" => {
                let says = names::object(option.arg.as_deref());
                !says.iter().all(|it| matches!(it.as_str(), "true" | "on" | "1"))
            }
            Some(NodeEnum::DefElem(option)) => option.defname == "rules",
            _ => false,
        };
        if of == ObjectType::ObjectCollation && define.definition.iter().any(alike) {
            self.hide("CREATE COLLATION says which values are equal");
        }
        // A type without a definition is a mere name.
        if !plain && !define.definition.is_empty() {
            self.hide("CREATE makes an object of code or files that are not seen");
        }
        let name = names::dotted(&define.defnames);
        self.define(Operation::other("create", name).fact("kind", kind(of)));
    }

    /// A statement after which somebody may do other things than before: what is judged later is judged
    /// under rights that are not seen here.
    pub(super) fn changes_rights(&mut self, statement: &str) {
        self.found.gap(format!("{statement} changes who may do what"));
    }

    /// Something whose doing cannot be seen.
    pub(super) fn hide(&mut self, reason: &str) {
        self.found.gap(reason);
    }
}

/// The rights of a GRANT, with their columns.
fn privileges(nodes: &[Node]) -> String {
    if nodes.is_empty() {
        return "all".into();
    }
    let rights = nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::AccessPriv(right) if right.cols.is_empty() => Some(right.priv_name.clone()),
        NodeEnum::AccessPriv(right) => {
            Some(format!("{}({})", right.priv_name, names::strings(&right.cols).join(",")))
        }
        _ => None,
    });
    rights.collect::<Vec<_>>().join(",")
}

/// The object that a node names, and the part of it (a column, a trigger) where it names one.
pub(super) fn object_of(
    of: ObjectType,
    relation: Option<&RangeVar>,
    node: Option<&Node>,
) -> (Object, Option<String>) {
    let mut parts = names::object(node);
    if let Some(relation) = relation {
        let part = parts.pop();
        return (Object::Relation(names::relation(relation)), part);
    }
    match of {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence => (Object::Relation(names::from_parts(&parts)), None),
        ObjectType::ObjectColumn
        | ObjectType::ObjectTabconstraint
        | ObjectType::ObjectTrigger
        | ObjectType::ObjectRule
        | ObjectType::ObjectPolicy => {
            let part = parts.pop();
            let name: Name = names::from_parts(&parts);
            (Object::Relation(name), part)
        }
        _ => (Object::Other(parts.join(".")), None),
    }
}

/// A kind of object in words: `table`, `foreign-table`.
pub(super) fn kind(of: ObjectType) -> &'static str {
    match of {
        ObjectType::ObjectTable => "table",
        ObjectType::ObjectView => "view",
        ObjectType::ObjectMatview => "matview",
        ObjectType::ObjectForeignTable => "foreign-table",
        ObjectType::ObjectIndex => "index",
        ObjectType::ObjectSequence => "sequence",
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => "column",
        ObjectType::ObjectTabconstraint | ObjectType::ObjectDomconstraint => "constraint",
        ObjectType::ObjectSchema => "schema",
        ObjectType::ObjectDatabase => "database",
        ObjectType::ObjectRole => "role",
        ObjectType::ObjectFunction => "function",
        ObjectType::ObjectProcedure => "procedure",
        ObjectType::ObjectRoutine => "routine",
        ObjectType::ObjectAggregate => "aggregate",
        ObjectType::ObjectOperator => "operator",
        ObjectType::ObjectType => "type",
        ObjectType::ObjectDomain => "domain",
        ObjectType::ObjectTrigger => "trigger",
        ObjectType::ObjectEventTrigger => "event-trigger",
        ObjectType::ObjectRule => "rule",
        ObjectType::ObjectPolicy => "policy",
        ObjectType::ObjectExtension => "extension",
        ObjectType::ObjectForeignServer => "server",
        ObjectType::ObjectFdw => "foreign-data-wrapper",
        ObjectType::ObjectUserMapping => "user-mapping",
        ObjectType::ObjectLanguage => "language",
        ObjectType::ObjectLargeobject => "large-object",
        ObjectType::ObjectPublication => "publication",
        ObjectType::ObjectSubscription => "subscription",
        ObjectType::ObjectTablespace => "tablespace",
        ObjectType::ObjectStatisticExt => "statistics",
        ObjectType::ObjectCast => "cast",
        ObjectType::ObjectCollation => "collation",
        ObjectType::ObjectParameterAcl => "setting",
        _ => "other",
    }
}
