//! `CREATE TABLE`, `ALTER TABLE`, `CREATE INDEX` and what else shapes a relation.

use super::{Walker, names};
use crate::lineage::{Flow, Item, Piece, Scope, Shape};
use crate::{EVERY_COLUMN, Name, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, Constraint, CreateStatsStmt,
    CreateStmt, DropBehavior, IndexStmt, Node, RangeVar,
};

impl Walker<'_> {
    /// `CREATE TABLE` (also the part of `CREATE FOREIGN TABLE` that is one).
    pub(super) fn create_table(&mut self, create: &CreateStmt, kind: &'static str) {
        let name = names::relation_of(create.relation.as_ref());
        let temporary = create.relation.as_ref().is_some_and(|range| range.relpersistence == "t");
        let operation = Operation::on("create", name.clone()).fact("kind", kind);
        self.define(operation.fact_if(temporary, "temporary", "true"));
        for parent in &create.inh_relations {
            if let Some(NodeEnum::RangeVar(parent)) = parent.node.as_ref() {
                let parent = names::relation(parent);
                self.found.operate(Operation::on("references", parent).fact("via", "inherit"));
            }
        }
        let scope = new_relation_scope(&name);
        if let Some(partitioning) = &create.partspec {
            self.all(&partitioning.part_params, &scope);
        }
        if let Some(bound) = &create.partbound {
            for datums in [&bound.listdatums, &bound.lowerdatums, &bound.upperdatums] {
                self.bounds(datums);
            }
        }
        for element in create.table_elts.iter().chain(&create.constraints) {
            self.table_element(element, &scope);
        }
    }

    /// Bounds of a partition: constants, or expressions without columns.
    fn bounds(&mut self, datums: &[Node]) {
        for datum in datums {
            match datum.node.as_ref() {
                Some(NodeEnum::PartitionRangeDatum(datum)) => {
                    self.optional(datum.value.as_deref(), &Scope::root());
                }
                // MINVALUE and MAXVALUE are written as columns.
                Some(NodeEnum::ColumnRef(_)) => {}
                _ => drop(self.expression(datum, &Scope::root())),
            }
        }
    }

    fn table_element(&mut self, element: &Node, scope: &Scope<'_>) {
        match element.node.as_ref() {
            Some(NodeEnum::ColumnDef(column)) => self.column_definition(column, scope),
            Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint, scope),
            Some(NodeEnum::TableLikeClause(like)) => {
                let like = names::relation_of(like.relation.as_ref());
                self.found.operate(Operation::on("references", like).fact("via", "like"));
            }
            _ => drop(self.unreadable()),
        }
    }

    fn column_definition(&mut self, column: &ColumnDef, scope: &Scope<'_>) {
        self.kept(column.raw_default.as_deref(), scope);
        for constraint in &column.constraints {
            match constraint.node.as_ref() {
                Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint, scope),
                Some(NodeEnum::CollateClause(_)) => {}
                _ => drop(self.unreadable()),
            }
        }
    }

    fn constraint(&mut self, constraint: &Constraint, scope: &Scope<'_>) {
        self.kept(constraint.raw_expr.as_deref(), scope);
        self.optional(constraint.where_clause.as_deref(), scope);
        for exclusion in &constraint.exclusions {
            if let Some(NodeEnum::List(pair)) = exclusion.node.as_ref() {
                self.exclusion(&pair.items, scope);
            }
        }
        if let Some(other) = &constraint.pktable {
            let other = names::relation(other);
            let fields = names::strings(&constraint.pk_attrs);
            let operation = Operation::on("references", other).fields(fields);
            self.found.operate(operation.fact("via", "foreign-key"));
        }
    }

    /// `EXCLUDE (element WITH operator)`.
    fn exclusion(&mut self, pair: &[Node], scope: &Scope<'_>) {
        for part in pair {
            match part.node.as_ref() {
                Some(NodeEnum::List(operator)) => self.check_operator(&operator.items),
                _ => drop(self.expression(part, scope)),
            }
        }
    }

    /// `ALTER TABLE` and its kin: one operation, with a fact for each change.
    pub(super) fn alter_table(&mut self, alter: &AlterTableStmt) {
        let name = names::relation_of(alter.relation.as_ref());
        let scope = relation_scope(&name);
        let index = self.found.operations.len();
        let kind = super::ddl::kind(alter.objtype());
        self.define(Operation::on("alter", name.clone()).fact("kind", kind));
        for command in &alter.cmds {
            match command.node.as_ref() {
                Some(NodeEnum::AlterTableCmd(command)) => {
                    self.say(index, "change", &change(command));
                    self.drop_column(command, &name);
                    self.alter_command(command, &name, &scope);
                }
                _ => drop(self.unreadable()),
            }
        }
    }

    /// `DROP COLUMN`: data is lost as it is by dropping the table.
    fn drop_column(&mut self, command: &AlterTableCmd, relation: &Name) {
        if command.subtype() == AlterTableType::AtDropColumn {
            let cascade = command.behavior() == DropBehavior::DropCascade;
            let operation = Operation::on("drop", relation.clone());
            let operation = operation.fields(vec![command.name.clone()]).fact("kind", "column");
            self.define(operation.fact_if(cascade, "cascade", "true"));
        }
    }

    /// What `USING` puts in the place of all values of a column, where nothing of a row is in it.
    fn replaced(&mut self, to: &ColumnDef, (table, column): (&Name, &str), scope: &Scope<'_>) {
        let Some(using) = to.raw_default.as_deref() else { return };
        let kept = self.found.set_aside();
        let flow = self.expression(using, scope);
        self.found.take_back(kept);
        if flow.is_empty() {
            let operation = Operation::on("update", table.clone());
            let operation = operation.fields(vec![column.to_owned()]);
            self.found.operate(operation.fact("via", "alter").fact("where", "absent"));
        }
    }

    fn alter_command(&mut self, command: &AlterTableCmd, name: &Name, scope: &Scope<'_>) {
        if command.subtype() == AlterTableType::AtChangeOwner {
            self.changes_rights("OWNER TO");
        }
        let Some(definition) = command.def.as_deref() else { return };
        match definition.node.as_ref() {
            Some(NodeEnum::ColumnDef(column)) => {
                if command.subtype() == AlterTableType::AtAlterColumnType {
                    self.compute_with(name, &command.name);
                    self.replaced(column, (name, &command.name), scope);
                }
                self.column_definition(column, scope);
            }
            Some(NodeEnum::Constraint(constraint)) => {
                self.constraint(constraint, scope);
                self.constrained(constraint, name);
            }
            Some(NodeEnum::PartitionCmd(partition)) => {
                let part = names::relation_of(partition.name.as_ref());
                if command.subtype() == AlterTableType::AtAttachPartition {
                    self.found.store(name, EVERY_COLUMN, &Flow::of(&part, "*"));
                }
                self.found.operate(Operation::on("alter", part).fact("change", "partition-of"));
                if let Some(bound) = &partition.bound {
                    for datums in [&bound.listdatums, &bound.lowerdatums, &bound.upperdatums] {
                        self.bounds(datums);
                    }
                }
            }
            Some(NodeEnum::RangeVar(other)) => {
                let other = names::relation(other);
                if command.subtype() == AlterTableType::AtAddInherit {
                    self.found.store(&other, EVERY_COLUMN, &Flow::of(name, "*"));
                }
                self.found.operate(Operation::on("references", other).fact("via", "inherit"));
            }
            Some(
                NodeEnum::List(_)
                | NodeEnum::TypeName(_)
                | NodeEnum::ReplicaIdentityStmt(_)
                | NodeEnum::AtalterConstraint(_)
                | NodeEnum::RoleSpec(_)
                | NodeEnum::DefElem(_),
            ) => {}
            _ => self.kept(Some(definition), scope),
        }
    }

    /// The rows that are there already are compared: with each other by a key, with others by a foreign one.
    fn constrained(&mut self, constraint: &Constraint, relation: &Name) {
        for column in names::strings(&constraint.keys) {
            self.found.order_by_index(relation, &column);
        }
        let before = self.found.use_for(Usage::Join);
        for column in names::strings(&constraint.fk_attrs) {
            self.found.consume(&Flow::of(relation, &column));
        }
        self.found.usage = before;
    }

    /// A new type may refuse what is there: it may be too long, or a domain with a condition of somebody's own.
    fn compute_with(&mut self, relation: &Name, column: &str) {
        let before = self.found.use_for(Usage::Expression);
        self.found.consume(&Flow::of(relation, column));
        self.found.usage = before;
    }

    /// An expression of which the relation keeps what it gives, or is tested by it from now on.
    fn kept(&mut self, expression: Option<&Node>, scope: &Scope<'_>) {
        let flow = self.optional(expression, scope);
        self.found.consume(&flow);
    }

    /// `CREATE INDEX`: the index is made, and its table changed.
    pub(super) fn create_index(&mut self, index: &IndexStmt) {
        let table = names::relation_of(index.relation.as_ref());
        let name = Name { schema: table.schema.clone(), name: index.idxname.clone() };
        let operation = Operation::on("create", name).fact("kind", "index");
        self.define(operation.fact("on", table.to_string()));
        self.changed(index.relation.as_ref(), "add-index");
        let scope = relation_scope(&table);
        let before = self.found.use_for(Usage::Sort);
        for element in &index.index_params {
            match element.node.as_ref() {
                Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                    self.found.order_by_index(&table, &element.name);
                }
                _ => drop(self.expression(element, &scope)),
            }
        }
        self.optional(index.where_clause.as_deref(), &scope);
        self.found.usage = before;
    }

    /// `CREATE STATISTICS`: samples of the columns are kept where others may read them.
    pub(super) fn create_statistics(&mut self, statistics: &CreateStatsStmt) {
        let name = names::qualified(&statistics.defnames).to_string();
        self.define(Operation::other("create", name).fact("kind", "statistics"));
        for relation in &statistics.relations {
            if let Some(NodeEnum::RangeVar(range)) = relation.node.as_ref() {
                self.changed(Some(range), "add-statistics");
                let scope = relation_scope(&names::relation(range));
                self.all(&statistics.exprs, &scope);
            }
        }
    }

    /// Notes that something was hung on a relation.
    pub(super) fn changed(&mut self, relation: Option<&RangeVar>, change: &'static str) {
        let relation = names::relation_of(relation);
        self.define(Operation::on("alter", relation).fact("change", change));
    }
}

/// A scope in which the columns of one relation are visible.
pub(super) fn relation_scope(relation: &Name) -> Scope<'static> {
    let mut scope = Scope::root();
    let shape = Shape::of(vec![Piece::star(relation.clone())]);
    scope.items.push(Item {
        relation: Some(relation.clone()),
        ..Item::named(relation.name.clone(), shape)
    });
    scope
}

/// The same for a relation that is only now made: nothing can be read from it.
fn new_relation_scope(relation: &Name) -> Scope<'static> {
    let mut scope = Scope::root();
    scope.items.push(Item::named(relation.name.clone(), Shape::opaque(Flow::default())));
    scope
}

/// `AT_AddColumn` as `add-column`.
fn change(command: &AlterTableCmd) -> String {
    let name = command.subtype().as_str_name();
    let mut words = String::new();
    for letter in name.strip_prefix("AT_").unwrap_or(name).chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
