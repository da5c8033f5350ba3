//! DDL of which it is enough to know what kind of object it makes, changes or drops, and whether what the
//! object does can be seen. A kind of statement that is in none of the lists here is a gap.

use super::statements::options;
use super::{Walker, names};
use crate::{Name, Object, Operation, Routine};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDomainStmt, CreateDomainStmt, CreateRangeStmt, Node, RangeVar, RoleSpec,
};

/// What happens to an object: verb, kind, object.
type Change = (&'static str, &'static str, Object);

impl Walker<'_> {
    /// DDL that is none of the families with walks of their own.
    pub(super) fn simple_definition(&mut self, node: &NodeEnum) {
        if let Some(statement) = about_rights(node) {
            self.changes_rights(statement);
        }
        // Called as a function, such a type's name only makes a value of it.
        self.found
            .defines
            .extend(plain_type(node).map(|name| Routine { name, ..Routine::default() }));
        if let Some((reason, (action, kind, object))) = hidden(node).or_else(|| elsewhere(node)) {
            self.hide(reason);
            self.define(Operation::new(action, object).fact("kind", kind));
        } else if let Some((action, kind, object)) = plain(node).or_else(|| altered(node)) {
            self.define(Operation::new(action, object).fact("kind", kind));
        } else {
            self.role_or_setting(node);
        }
    }

    fn role_or_setting(&mut self, node: &NodeEnum) {
        match node {
            NodeEnum::CreateRoleStmt(create) => {
                let operation = Operation::other("create", create.role.clone());
                let given = option_names(&create.options);
                self.define(operation.fact("kind", "role").fact("options", given));
            }
            NodeEnum::AlterRoleStmt(alter) => {
                let operation = Operation::other("alter", role(alter.role.as_ref()));
                let given = option_names(&alter.options);
                self.define(operation.fact("kind", "role").fact("options", given));
            }
            NodeEnum::DropRoleStmt(drop) => {
                for role in names::roles(&drop.roles) {
                    self.define(Operation::other("drop", role).fact("kind", "role"));
                }
            }
            NodeEnum::AlterRoleSetStmt(alter) => {
                let operation = Operation::other("alter", role(alter.role.as_ref()));
                self.stored_setting(operation.fact("kind", "role"), alter.setstmt.as_ref());
            }
            NodeEnum::AlterDatabaseSetStmt(alter) => {
                let operation = Operation::other("alter", alter.dbname.clone());
                self.stored_setting(operation.fact("kind", "database"), alter.setstmt.as_ref());
            }
            NodeEnum::CreateDomainStmt(create) => self.create_domain(create),
            NodeEnum::AlterDomainStmt(alter) => self.alter_domain(alter),
            NodeEnum::AlterPolicyStmt(alter) => {
                self.changed(alter.table.as_ref(), "alter-policy");
                let conditions = [alter.qual.as_deref(), alter.with_check.as_deref()];
                self.policy(alter.table.as_ref(), conditions);
            }
            _ => {
                self.found.gap("the statement is of a kind that is not known");
                self.define(Operation::other("other", ""));
            }
        }
    }

    fn create_domain(&mut self, create: &CreateDomainStmt) {
        let name = names::dotted(&create.domainname);
        self.define(Operation::other("create", name).fact("kind", "domain"));
        for constraint in &create.constraints {
            self.domain_constraint(constraint);
        }
    }

    fn alter_domain(&mut self, alter: &AlterDomainStmt) {
        let name = names::dotted(&alter.type_name);
        let operation = Operation::other("alter", name).fact("kind", "domain");
        // C adds a constraint, V validates one: the values of all columns of the domain are tested, whichever these are.
        let tests = matches!(alter.subtype.as_str(), "C" | "V");
        self.define(if tests { operation.fact("change", "test-values") } else { operation });
        if tests {
            self.found.reserve("the values of a domain's columns are tested");
        }
        if let Some(definition) = alter.def.as_deref() {
            self.domain_constraint(definition);
        }
    }

    fn domain_constraint(&mut self, node: &Node) {
        // VALUE stands for the value: a column of nothing.
        let scope = crate::lineage::Scope::root();
        match node.node.as_ref() {
            Some(NodeEnum::Constraint(constraint)) => {
                self.optional(constraint.raw_expr.as_deref(), &scope);
            }
            _ => drop(self.expression(node, &scope)),
        }
    }
}

/// The name of a statement about roles, owners, or what a database's sessions begin with.
fn about_rights(node: &NodeEnum) -> Option<&'static str> {
    Some(match node {
        NodeEnum::CreateRoleStmt(_) => "CREATE ROLE",
        NodeEnum::AlterRoleStmt(_) | NodeEnum::AlterRoleSetStmt(_) => "ALTER ROLE",
        NodeEnum::DropRoleStmt(_) => "DROP ROLE",
        NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_) => "ALTER DATABASE",
        NodeEnum::ReassignOwnedStmt(_) => "REASSIGN OWNED",
        NodeEnum::DropOwnedStmt(_) => "DROP OWNED",
        NodeEnum::AlterDefaultPrivilegesStmt(_) => "ALTER DEFAULT PRIVILEGES",
        _ => return None,
    })
}

/// Objects that run code which is not seen.
fn hidden(node: &NodeEnum) -> Option<(&'static str, Change)> {
    const CODE: &str = "CREATE makes an object of code or files that are not seen";
    Some(match node {
        NodeEnum::CreateEventTrigStmt(create) => (
            "CREATE EVENT TRIGGER makes other statements run code",
            ("create", "event-trigger", other(&create.trigname)),
        ),
        NodeEnum::AlterFunctionStmt(alter) => {
            let parts = alter.func.as_ref().map(|function| names::dotted(&function.objname));
            let name = parts.unwrap_or_default();
            (
                "ALTER FUNCTION changes code that is not followed",
                ("alter", "function", other(&name)),
            )
        }
        NodeEnum::CreateCastStmt(create) => {
            let name = create.targettype.as_ref().map(names::type_name).unwrap_or_default();
            (CODE, ("create", "cast", other(&name)))
        }
        NodeEnum::CreateOpClassStmt(create) => {
            (CODE, ("create", "operator-class", dotted(&create.opclassname)))
        }
        NodeEnum::CreateOpFamilyStmt(create) => {
            (CODE, ("create", "operator-family", dotted(&create.opfamilyname)))
        }
        NodeEnum::AlterOpFamilyStmt(alter) => {
            (CODE, ("alter", "operator-family", dotted(&alter.opfamilyname)))
        }
        NodeEnum::CreateConversionStmt(create) => {
            (CODE, ("create", "conversion", dotted(&create.conversion_name)))
        }
        NodeEnum::CreateTransformStmt(create) => {
            (CODE, ("create", "transform", other(&create.lang)))
        }
        NodeEnum::CreateAmStmt(create) => {
            (CODE, ("create", "access-method", other(&create.amname)))
        }
        NodeEnum::CreatePlangStmt(create) => (CODE, ("create", "language", other(&create.plname))),
        NodeEnum::AlterTsdictionaryStmt(alter) => {
            (CODE, ("alter", "dictionary", dotted(&alter.dictname)))
        }
        NodeEnum::AlterTypeStmt(alter) => (CODE, ("alter", "type", dotted(&alter.type_name))),
        NodeEnum::CreateRangeStmt(create) if !has_no_code(create) => {
            (CODE, ("create", "type", dotted(&create.type_name)))
        }
        NodeEnum::AlterOperatorStmt(alter) => {
            let parts = alter.opername.as_ref().map(|operator| names::dotted(&operator.objname));
            (CODE, ("alter", "operator", other(&parts.unwrap_or_default())))
        }
        _ => return None,
    })
}

/// Objects through which data comes from elsewhere.
fn elsewhere(node: &NodeEnum) -> Option<(&'static str, Change)> {
    const EXTENSION: &str = "an extension brings code that is not seen";
    const FOREIGN: &str = "a foreign server holds data from elsewhere";
    Some(match node {
        NodeEnum::CreateExtensionStmt(create) => {
            (EXTENSION, ("create", "extension", other(&create.extname)))
        }
        NodeEnum::AlterExtensionStmt(alter) => {
            (EXTENSION, ("alter", "extension", other(&alter.extname)))
        }
        NodeEnum::AlterExtensionContentsStmt(alter) => {
            (EXTENSION, ("alter", "extension", other(&alter.extname)))
        }
        NodeEnum::CreateFdwStmt(create) => {
            (FOREIGN, ("create", "foreign-data-wrapper", other(&create.fdwname)))
        }
        NodeEnum::AlterFdwStmt(alter) => {
            (FOREIGN, ("alter", "foreign-data-wrapper", other(&alter.fdwname)))
        }
        NodeEnum::CreateForeignServerStmt(create) => {
            (FOREIGN, ("create", "server", other(&create.servername)))
        }
        NodeEnum::AlterForeignServerStmt(alter) => {
            (FOREIGN, ("alter", "server", other(&alter.servername)))
        }
        NodeEnum::CreateUserMappingStmt(create) => {
            (FOREIGN, ("create", "user-mapping", other(&create.servername)))
        }
        NodeEnum::AlterUserMappingStmt(alter) => {
            (FOREIGN, ("alter", "user-mapping", other(&alter.servername)))
        }
        NodeEnum::ImportForeignSchemaStmt(import) => {
            (FOREIGN, ("import", "schema", other(&import.local_schema)))
        }
        other => return server(other),
    })
}

/// Statements about the server as a whole, and about more than they name.
fn server(node: &NodeEnum) -> Option<(&'static str, Change)> {
    const REPLICATION: &str = "logical replication carries data elsewhere";
    const SERVER: &str = "the statement changes the server itself";
    const OWNED: &str = "the statement changes objects that it does not name";
    Some(match node {
        NodeEnum::CreatePublicationStmt(create) => {
            (REPLICATION, ("create", "publication", other(&create.pubname)))
        }
        NodeEnum::AlterPublicationStmt(alter) => {
            (REPLICATION, ("alter", "publication", other(&alter.pubname)))
        }
        NodeEnum::CreateSubscriptionStmt(create) => {
            (REPLICATION, ("create", "subscription", other(&create.subname)))
        }
        NodeEnum::AlterSubscriptionStmt(alter) => {
            (REPLICATION, ("alter", "subscription", other(&alter.subname)))
        }
        NodeEnum::AlterSystemStmt(alter) => {
            let name = alter.setstmt.as_ref().map(|set| set.name.to_ascii_lowercase());
            (SERVER, ("alter", "system", other(&name.unwrap_or_default())))
        }
        NodeEnum::CreateTableSpaceStmt(create) => {
            (SERVER, ("create", "tablespace", other(&create.tablespacename)))
        }
        NodeEnum::DropOwnedStmt(drop) => {
            (OWNED, ("drop", "owned", other(&names::roles(&drop.roles).join(","))))
        }
        NodeEnum::ReassignOwnedStmt(reassign) => {
            (OWNED, ("alter", "owned", other(&names::roles(&reassign.roles).join(","))))
        }
        NodeEnum::AlterTableMoveAllStmt(alter) => {
            (OWNED, ("alter", "tablespace", other(&alter.orig_tablespacename)))
        }
        _ => return None,
    })
}

/// Objects that are made or dropped, and do nothing.
fn plain(node: &NodeEnum) -> Option<Change> {
    Some(match node {
        NodeEnum::CreateSeqStmt(create) => ("create", "sequence", range(create.sequence.as_ref())),
        NodeEnum::CompositeTypeStmt(create) => {
            ("create", "type", type_range(create.typevar.as_ref()))
        }
        NodeEnum::CreateEnumStmt(create) => ("create", "type", dotted(&create.type_name)),
        NodeEnum::CreateRangeStmt(create) => ("create", "type", dotted(&create.type_name)),
        NodeEnum::CreatedbStmt(create) => ("create", "database", other(&create.dbname)),
        NodeEnum::DropdbStmt(drop) => ("drop", "database", other(&drop.dbname)),
        NodeEnum::DropTableSpaceStmt(drop) => ("drop", "tablespace", other(&drop.tablespacename)),
        NodeEnum::DropSubscriptionStmt(drop) => ("drop", "subscription", other(&drop.subname)),
        NodeEnum::DropUserMappingStmt(drop) => ("drop", "user-mapping", other(&drop.servername)),
        _ => return None,
    })
}

/// The name of a type that comes with no code of somebody's.
fn plain_type(node: &NodeEnum) -> Option<Name> {
    match node {
        NodeEnum::CompositeTypeStmt(create) => Some(names::relation_of(create.typevar.as_ref())),
        NodeEnum::CreateEnumStmt(create) => Some(names::qualified(&create.type_name)),
        NodeEnum::CreateRangeStmt(create) if has_no_code(create) => {
            Some(names::qualified(&create.type_name))
        }
        _ => None,
    }
}

/// Whether a range's bounds are compared by the server's own code alone, as far as is written.
fn has_no_code(create: &CreateRangeStmt) -> bool {
    create.params.iter().all(|parameter| match parameter.node.as_ref() {
        Some(NodeEnum::DefElem(parameter)) => {
            ["subtype", "collation", "multirange_type_name"].contains(&parameter.defname.as_str())
        }
        _ => false,
    })
}

/// Objects that are changed, and do nothing.
fn altered(node: &NodeEnum) -> Option<Change> {
    Some(match node {
        NodeEnum::AlterSeqStmt(alter) => ("alter", "sequence", range(alter.sequence.as_ref())),
        NodeEnum::AlterEnumStmt(alter) => ("alter", "type", dotted(&alter.type_name)),
        NodeEnum::AlterCollationStmt(alter) => ("alter", "collation", dotted(&alter.collname)),
        NodeEnum::AlterStatsStmt(alter) => ("alter", "statistics", dotted(&alter.defnames)),
        NodeEnum::AlterTsconfigurationStmt(alter) => {
            ("alter", "text-search", dotted(&alter.cfgname))
        }
        NodeEnum::AlterDatabaseStmt(alter) => ("alter", "database", other(&alter.dbname)),
        NodeEnum::AlterDatabaseRefreshCollStmt(alter) => {
            ("alter", "database", other(&alter.dbname))
        }
        NodeEnum::AlterTableSpaceOptionsStmt(alter) => {
            ("alter", "tablespace", other(&alter.tablespacename))
        }
        NodeEnum::AlterEventTrigStmt(alter) => ("alter", "event-trigger", other(&alter.trigname)),
        NodeEnum::AlterDefaultPrivilegesStmt(_) => ("alter", "default-privileges", other("")),
        _ => return None,
    })
}

fn other(name: &str) -> Object {
    Object::Other(name.to_owned())
}

fn dotted(parts: &[Node]) -> Object {
    Object::Other(names::dotted(parts))
}

fn range(relation: Option<&RangeVar>) -> Object {
    Object::Relation(names::relation_of(relation))
}

fn type_range(relation: Option<&RangeVar>) -> Object {
    let name: Name = names::relation_of(relation);
    Object::Other(name.to_string())
}

fn role(spec: Option<&RoleSpec>) -> String {
    spec.map(names::role).unwrap_or_default()
}

/// The names of the options of a role.
fn option_names(nodes: &[Node]) -> String {
    options(nodes).map(|option| option.defname.as_str()).collect::<Vec<_>>().join(",")
}
