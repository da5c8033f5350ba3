//! DDL, rights, maintenance, and the statements that run code.

use super::Walker;
use crate::lineage::{Scope, Shape};
use crate::{Effect, Object, Operation};
use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateTable, CreateTableLikeKind,
    ForeignKeyConstraint, GrantObjects, ObjectName, ObjectType, Statement, TableConstraint,
};

impl Walker {
    /// DDL; then the rest.
    pub(super) fn definition(&mut self, statement: &Statement) -> Shape {
        match statement {
            Statement::CreateTable(create) => {
                self.create_table(create);
                self.functions_in(statement);
            }
            Statement::CreateView(create) => {
                let name = self.relation(&create.name);
                let kind = if create.materialized { "matview" } else { "view" };
                self.strange_if(create.to.is_some(), "a view that writes elsewhere");
                self.define(Operation::on("create", name).fact("kind", kind));
                let shape = self.query(&create.query, &Scope::root(), true);
                self.found.consume(&shape.whole());
            }
            Statement::AlterView { name, query, .. } => {
                let name = self.relation(name);
                self.define(Operation::on("alter", name).fact("kind", "view"));
                let shape = self.query(query, &Scope::root(), true);
                self.found.consume(&shape.whole());
            }
            Statement::CreateIndex(create) => {
                let name = create.name.as_ref().map(|name| self.dotted(name)).unwrap_or_default();
                let table = self.relation(&create.table_name);
                let operation = Operation::other("create", name).fact("kind", "index");
                self.define(operation.fact("on", table.to_string()));
                self.define(Operation::on("alter", table).fact("change", "add-index"));
                self.functions_in(statement);
            }
            Statement::AlterTable(alter) => {
                self.alter_table(alter);
                self.functions_in(statement);
            }
            other => return self.renamed_or_dropped(other),
        }
        Shape::default()
    }

    fn renamed_or_dropped(&mut self, statement: &Statement) -> Shape {
        match statement {
            Statement::RenameTable(renames) => {
                for rename in renames {
                    let (from, to) =
                        (self.relation(&rename.old_name), self.relation(&rename.new_name));
                    let operation = Operation::on("alter", from).fact("kind", "table");
                    self.define(operation.fact("change", "rename").fact("to", to.to_string()));
                    self.define(Operation::on("create", to).fact("via", "rename"));
                }
            }
            Statement::Drop { object_type, names, cascade, temporary, table, .. } => {
                let temporary = *temporary;
                self.drop_objects(*object_type, names, *cascade, temporary);
                if let Some(table) = table {
                    let table = self.relation(table);
                    self.define(Operation::on("alter", table).fact("change", "drop-index"));
                }
            }
            Statement::Truncate(truncate) => {
                for target in &truncate.table_names {
                    let name = self.relation(&target.name);
                    self.found.operate(Operation::on("truncate", name).fact_if(
                        target.only,
                        "only",
                        "true",
                    ));
                }
            }
            other => return self.object(other),
        }
        Shape::default()
    }

    fn create_table(&mut self, create: &CreateTable) {
        let name = self.relation(&create.name);
        let operation = Operation::on("create", name).fact("kind", "table");
        self.define(operation.fact_if(create.temporary, "temporary", "true"));
        let odd = create.external || create.location.is_some() || create.clone.is_some();
        self.strange_if(odd, "a table whose rows are elsewhere");
        if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) =
            &create.like
        {
            let like = self.relation(&like.name);
            self.found.operate(Operation::on("references", like).fact("via", "like"));
        }
        for parent in create.inherits.iter().flatten().chain(&create.partition_of) {
            let parent = self.relation(parent);
            self.found.operate(Operation::on("references", parent).fact("via", "inherit"));
        }
        if let Some(query) = &create.query {
            let shape = self.query(query, &Scope::root(), true);
            self.found.consume(&shape.whole());
        }
        for constraint in &create.constraints {
            self.foreign_key(constraint);
        }
        for column in &create.columns {
            self.column_options(column);
        }
    }

    /// What a foreign key refers to.
    fn foreign_key(&mut self, constraint: &TableConstraint) {
        if let TableConstraint::ForeignKey(key) = constraint {
            self.referred(key);
        }
    }

    fn column_options(&mut self, column: &ColumnDef) {
        for option in &column.options {
            if let ColumnOption::ForeignKey(key) = &option.option {
                self.referred(key);
            }
        }
    }

    fn referred(&mut self, key: &ForeignKeyConstraint) {
        let other = self.relation(&key.foreign_table);
        let fields = key.referred_columns.iter().map(|column| self.ident(column)).collect();
        let operation = Operation::on("references", other).fields(fields);
        self.found.operate(operation.fact("via", "foreign-key"));
    }

    fn alter_table(&mut self, alter: &AlterTable) {
        let name = self.relation(&alter.name);
        let mut operation = Operation::on("alter", name.clone()).fact("kind", "table");
        for change in &alter.operations {
            operation = operation.fact("change", change_of(change));
            let odd = change_of(change) == "other";
            self.strange_if(odd, "this form of ALTER TABLE");
        }
        self.define(operation);
        for change in &alter.operations {
            match change {
                AlterTableOperation::DropPartitions { .. } => {
                    self.found
                        .operate(Operation::on("truncate", name.clone()).fact("via", "partition"));
                }
                AlterTableOperation::RenameTable { table_name } => {
                    let (sqlparser::ast::RenameTableNameKind::As(to)
                    | sqlparser::ast::RenameTableNameKind::To(to)) = table_name;
                    let to = self.relation(to);
                    self.define(Operation::on("create", to).fact("via", "rename"));
                }
                AlterTableOperation::AddConstraint { constraint, .. } => {
                    self.foreign_key(constraint)
                }
                AlterTableOperation::AddColumn { column_def, .. } => {
                    self.column_options(column_def)
                }
                _ => {}
            }
        }
    }

    fn drop_objects(
        &mut self,
        of: ObjectType,
        names: &[ObjectName],
        cascade: bool,
        temporary: bool,
    ) {
        let (kind, is_relation) = match of {
            ObjectType::Table => ("table", true),
            ObjectType::View => ("view", true),
            ObjectType::MaterializedView => ("matview", true),
            ObjectType::Sequence => ("sequence", true),
            ObjectType::Index => ("index", true),
            ObjectType::Schema => ("schema", false),
            ObjectType::Database => ("database", false),
            ObjectType::Role => ("role", false),
            ObjectType::User => ("user", false),
            ObjectType::Type => ("type", false),
            _ => ("other", false),
        };
        for name in names {
            let object = if is_relation {
                Object::Relation(self.relation(name))
            } else {
                Object::Other(self.dotted(name))
            };
            let operation = Operation::new("drop", object).fact("kind", kind);
            let operation = operation.fact_if(temporary, "temporary", "true");
            self.define(operation.fact_if(cascade, "cascade", "true"));
        }
    }

    /// Other objects and rights; then what runs code.
    fn object(&mut self, statement: &Statement) -> Shape {
        let (action, name, kind) = match statement {
            Statement::CreateSchema { schema_name, .. } => {
                ("create", schema_name.to_string(), "schema")
            }
            Statement::CreateDatabase { db_name, .. } => {
                ("create", self.dotted(db_name), "database")
            }
            Statement::CreateUser(create) => ("create", self.ident(&create.name), "user"),
            Statement::AlterUser(alter) => ("alter", alter.name.to_string(), "user"),
            Statement::CreateRole(create) => {
                let names: Vec<String> =
                    create.names.iter().map(|name| self.dotted(name)).collect();
                ("create", names.join(","), "role")
            }
            Statement::CreateSequence { name, .. } => ("create", self.dotted(name), "sequence"),
            Statement::Grant(grant) => return self.grant("grant", grant.objects.as_ref()),
            Statement::Revoke(revoke) => return self.grant("revoke", revoke.objects.as_ref()),
            Statement::DropFunction(drop) => {
                for function in &drop.func_desc {
                    let name = self.dotted(&function.name);
                    self.define(Operation::other("drop", name).fact("kind", "function"));
                }
                return Shape::default();
            }
            Statement::DropProcedure { proc_desc, .. } => {
                for procedure in proc_desc {
                    let name = self.dotted(&procedure.name);
                    self.define(Operation::other("drop", name).fact("kind", "procedure"));
                }
                return Shape::default();
            }
            Statement::DropTrigger(drop) => {
                let name = self.dotted(&drop.trigger_name);
                if let Some(table) = &drop.table_name {
                    let table = self.relation(table);
                    self.define(Operation::on("alter", table).fact("change", "drop-trigger"));
                }
                ("drop", name, "trigger")
            }
            other => return self.maintenance(other),
        };
        self.define(Operation::other(action, name).fact("kind", kind));
        Shape::default()
    }

    fn grant(&mut self, action: &'static str, objects: Option<&GrantObjects>) -> Shape {
        match objects {
            Some(GrantObjects::Tables(tables)) => {
                for table in tables {
                    let table = table.to_string();
                    // `*.*` and `schema.*` are no relations.
                    let folded = table.to_lowercase().replace('`', "");
                    self.define(Operation::other(action, folded).fact("kind", "table"));
                }
            }
            _ => self.define(Operation::other(action, "")),
        }
        Shape::default()
    }

    fn maintenance(&mut self, statement: &Statement) -> Shape {
        match statement {
            Statement::LockTables { tables } => {
                for lock in tables {
                    let name = crate::Name { schema: None, name: self.ident(&lock.table) };
                    self.found.operate(Operation::on("lock", name));
                }
            }
            Statement::UnlockTables => self.found.operate(Operation::other("unlock", "")),
            Statement::Kill { .. } => self.found.operate(Operation::other("kill", "")),
            Statement::Flush { .. } => self.found.operate(Operation::other("flush", "")),
            Statement::Analyze(analyze) => {
                if let Some(name) = &analyze.table_name {
                    let name = self.relation(name);
                    self.found.operate(Operation::on("analyze", name));
                }
            }
            Statement::OptimizeTable { name, .. } => {
                let name = self.relation(name);
                self.found.operate(Operation::on("optimize", name));
            }
            Statement::Call(function) => {
                self.found.gap("CALL runs a procedure that is not followed");
                let name = self.dotted(&function.name);
                self.found.operate(Operation::other("call", name).fact("kind", "procedure"));
                self.given(&function.args, &Scope::root());
                return self.unknown_result();
            }
            Statement::LoadData { table_name, .. } => {
                self.found.gap("LOAD DATA reads a file");
                let name = self.relation(table_name);
                self.found.operate(Operation::on("copy-from", name.clone()).fact("place", "file"));
                self.found.operate(Operation::on("insert", name).fact("via", "copy"));
            }
            Statement::CreateFunction(create) => {
                let name = self.dotted(&create.name);
                self.code("CREATE FUNCTION defines code that is not followed", &name, "function");
            }
            Statement::CreateProcedure { name, .. } => {
                let name = self.dotted(name);
                self.code("CREATE PROCEDURE defines code that is not followed", &name, "procedure");
            }
            Statement::CreateTrigger(create) => {
                let table = self.relation(&create.table_name);
                let name = self.dotted(&create.name);
                self.code("CREATE TRIGGER makes other statements run code", &name, "trigger");
                self.define(Operation::on("alter", table).fact("change", "add-trigger"));
            }
            _ => {
                self.found.gap("the statement is of a kind that is not known");
                self.found.operate(Operation::other("other", ""));
                self.found.effects.push(Effect::ChangesCatalog);
                return self.unknown_result();
            }
        }
        Shape::default()
    }

    fn code(&mut self, reason: &str, name: &str, kind: &'static str) {
        self.found.gap(reason);
        self.define(Operation::other("create", name).fact("kind", kind));
    }
}

/// What a part of an ALTER TABLE changes.
fn change_of(change: &AlterTableOperation) -> &'static str {
    match change {
        AlterTableOperation::AddColumn { .. } => "add-column",
        AlterTableOperation::DropColumn { .. } => "drop-column",
        AlterTableOperation::RenameColumn { .. } => "rename-column",
        AlterTableOperation::AlterColumn { .. } => "alter-column",
        AlterTableOperation::ModifyColumn { .. } => "alter-column",
        AlterTableOperation::ChangeColumn { .. } => "rename-column",
        AlterTableOperation::RenameTable { .. } => "rename",
        AlterTableOperation::AddConstraint { .. } => "add-constraint",
        AlterTableOperation::DropConstraint { .. } => "drop-constraint",
        AlterTableOperation::DropPrimaryKey { .. } => "drop-constraint",
        AlterTableOperation::DropForeignKey { .. } => "drop-constraint",
        AlterTableOperation::DropIndex { .. } => "drop-index",
        AlterTableOperation::DropPartitions { .. } => "drop-partition",
        AlterTableOperation::AutoIncrement { .. } => "auto-increment",
        _ => "other",
    }
}
