//! One relation, and where the values of its columns come from.

use std::collections::{BTreeMap, BTreeSet};

use palisade_policy::Operation;
use palisade_sql::{Name, Outputs, PostgreSql, Statement, Trusted};

use super::behind::behind_names;
use super::names::is_system_column;
use super::sources::given_by;
use super::{ColumnName, FRESH, Known, column_sources, resolve, source_names, unresolved};

/// How many parts of a relation are told one by one.
const MOST_PARTS: usize = 64;

/// How deep views may stand on views.
pub(crate) const DEEPEST: usize = 32;

/// A table, view or other relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// Its OID.
    pub oid: u32,
    /// Its schema; `pg_temp` for temporary ones.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns by number.
    pub columns: BTreeMap<i16, String>,
    /// Their types: the OID and the modifier, with a dot between.
    pub types: BTreeMap<i16, String>,
    /// The numbers of its generated columns, which a `COPY` leaves out.
    pub generated: BTreeSet<i16>,
    /// What its generated columns are made of, and those that its parts have, by their names. Where it is not said of one, it
    /// may be any other column.
    pub made: BTreeMap<String, BTreeSet<String>>,
    /// The tables that it inherits from or is a partition of, as (schema, name), also of theirs.
    pub parents: Vec<(String, String)>,
    /// What it is made of, for a view.
    pub view: Option<View>,
    /// Code that somebody hung on it: functions of triggers and defaults as (schema, name), rules as (`rule`, name),
    /// the server of a foreign table, or of a part that is one, as (`foreign`, name).
    pub runs: Vec<(String, String)>,
    /// Its columns that no two rows have the same value in, alone or with others.
    pub unique: BTreeSet<String>,
    /// Its primary key; empty where it says nothing of the rows of its parts.
    pub primary: BTreeSet<String>,
    /// The columns whose values are tested, or computed with, when they are written: by a check, a foreign key, a domain, a
    /// partition's bounds, a row policy, an index's expression or condition, statistics.
    pub tested: BTreeSet<String>,
    /// The columns by which row policies pick rows.
    pub judged_by: BTreeSet<String>,
    /// The columns that say which partition a row belongs to.
    pub split_by: BTreeSet<String>,
    /// The indexes that rows may be read by in some order, its own and those of its parts, by their names.
    pub indexes: BTreeMap<String, Index>,
    /// Its partitions and the tables that inherit from it, also theirs.
    pub parts: Vec<(String, String)>,
    /// The tables whose foreign keys follow it, and how; also those that follow these.
    pub cascades: Vec<(Cascade, (String, String))>,
    /// The functions of triggers that such a table runs then.
    pub cascade_runs: Vec<(Cascade, (String, String))>,
    /// Code that hangs on it may change settings.
    pub sets: bool,
}

/// An index that rows may be read by in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The columns that it orders by, alone, within expressions, or by which rows it has.
    pub keys: BTreeSet<String>,
    /// The columns that it has besides.
    pub carried: BTreeSet<String>,
}

/// How a foreign key follows the row that it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cascade {
    /// Its row is deleted with that row.
    Delete,
    /// Its columns are emptied when that row is deleted.
    Empty,
    /// Its columns change with that row's.
    Update,
}

/// What a view is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The query that defines it: whoever reads it runs that. Its outputs say nothing where it is not understood.
    pub statement: Statement,
    /// The relations that it reads, with their schemas.
    pub reads: BTreeSet<Name>,
}

impl View {
    /// Reads a view's definition, as the server prints it while the search path is empty.
    #[must_use]
    pub fn read(definition: &str, trusted: &Trusted) -> Self {
        let mut analysis = PostgreSql.trusting(definition, trusted);
        let complete = analysis.is_complete();
        let mut statement = analysis.statements.pop().unwrap_or_default();
        let reads = statement.operations.iter().filter_map(|operation| match &operation.object {
            palisade_sql::Object::Relation(name) => Some(name.clone()),
            palisade_sql::Object::Other(_) => None,
        });
        let reads = reads.collect();
        if !complete {
            statement.outputs = Outputs { opaque: true, ..Outputs::default() };
        }
        Self { statement, reads }
    }
}

impl Relation {
    /// A table that was made in a transaction which is not over. Which schema it is in is not known, nor are its columns.
    pub(crate) fn fresh(name: &str) -> Self {
        Self { schema: FRESH.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// It may have parts of which nothing was told: any table may be one.
    pub(crate) fn has_more_parts(&mut self) {
        self.parts.push(("?".to_owned(), "?".to_owned()));
    }

    /// It has more parts than were asked what becomes of values there: it may be anything.
    pub(crate) fn is_compared_throughout(&mut self) {
        let all: BTreeSet<String> = self.columns.values().cloned().collect();
        self.indexes.insert("(more)".to_owned(), Index { keys: all.clone(), ..Index::default() });
        self.made.insert("(more)".to_owned(), all.clone());
        self.unique.extend(all.iter().cloned());
        self.tested = all;
    }

    /// `schema.name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// It as (schema, name).
    pub(crate) fn place(&self) -> (String, String) {
        (self.schema.clone(), self.name.clone())
    }

    /// Adds every name under which a policy may know a value of this column: its own, that of parents, those that a view takes it from.
    pub(crate) fn sources(&self, known: &Known, column: &str, into: &mut BTreeSet<ColumnName>) {
        self.sources_within(known, column, into, 0);
    }

    /// The names of a column of its own: its own, those of its parents, whose column it is too, and those of its parts,
    /// whose rows are also its rows and may be protected by names of their own. Parts beyond those that are told one by one
    /// are told by their schemas, each as a table that may be any.
    pub(crate) fn names(&self, column: &str) -> impl Iterator<Item = ColumnName> {
        let (told, beyond) = self.parts.split_at(self.parts.len().min(MOST_PARTS));
        let told = told.iter().map(move |(schema, name)| ColumnName::new(schema, name, column));
        let schemas: BTreeSet<&str> = beyond.iter().map(|(schema, _)| schema.as_str()).collect();
        let beyond = schemas.into_iter().map(move |schema| ColumnName::new(schema, "?", column));
        let sampled = self.samples(column).then(ColumnName::any);
        self.names_of_all_rows(column).chain(told).chain(beyond).chain(sampled)
    }

    /// The names that a column has for each of its rows, wherever that lies: its own, and those of its parents.
    pub(crate) fn names_of_all_rows(&self, column: &str) -> impl Iterator<Item = ColumnName> {
        let parents = self.parents.iter();
        let parents = parents.map(move |(schema, name)| ColumnName::new(schema, name, column));
        std::iter::once(self.name_of(column)).chain(parents)
    }

    /// The name that it has by itself.
    pub(crate) fn name_of(&self, column: &str) -> ColumnName {
        ColumnName::new(&self.schema, &self.name, column)
    }

    /// Whether a column holds values of whichever tables there are: those that the server keeps as statistics.
    fn samples(&self, column: &str) -> bool {
        self.schema == "pg_catalog"
            && match self.name.as_str() {
                "pg_statistic" => column.starts_with("stavalues"),
                "pg_statistic_ext_data" => matches!(column, "stxdmcv" | "stxdexpr"),
                name if name.starts_with("pg_stats") => matches!(
                    column,
                    "most_common_vals"
                        | "histogram_bounds"
                        | "most_common_elems"
                        | "range_bounds_histogram"
                ),
                _ => false,
            }
    }

    pub(super) fn sources_within(
        &self,
        known: &Known,
        column: &str,
        into: &mut BTreeSet<ColumnName>,
        depth: usize,
    ) {
        if self.schema == FRESH {
            // All that it holds was written to it just now: a protected value could not be.
            let column = if column == "*" { "(any)" } else { column };
            into.insert(self.name_of(column));
            if self.may_call(known, column) {
                given_by(known, column, into, depth);
            }
            return;
        }
        // A column that it does not have may be a function of the whole row.
        if self.lacks(column) || self.may_call(known, column) {
            for column in self.columns.values() {
                self.sources_within(known, column, into, depth);
            }
            if known.defines_function(column) {
                given_by(known, column, into, depth);
            }
            return;
        }
        let column = if self.has(column) || is_system_column(column) { column } else { "*" };
        // That a child has named it says nothing of its own parts yet.
        let fresh = !into.contains(&self.name_of(column));
        into.extend(self.names(column));
        if self.is_foreign() {
            // Another server's values, or this one's by another way.
            into.insert(ColumnName::any());
        }
        if depth > DEEPEST {
            into.insert(ColumnName::any());
            return;
        }
        if !fresh {
            return;
        }
        let Some(view) = &self.view else { return };
        let position = self.columns.values().position(|name| name == column);
        let (sources, opaque) =
            column_sources(&view.statement.outputs, position, self.columns.len());
        // A function that only chooses rows may yet change what others see.
        let unseen = || view.statement.unknown.iter().any(|label| known.does(label).is_none());
        if opaque || unseen() || behind_names(&view.statement, known).next().is_some() {
            into.insert(ColumnName::any());
        }
        for source in sources {
            source_names(known, source, into, depth + 1);
        }
    }

    /// Adds it and every relation that it reads or is a part of, as (schema, name).
    pub(crate) fn touched(&self, known: &Known, into: &mut BTreeSet<(String, String)>) {
        if !into.insert(self.place()) || into.len() > 1000 {
            return;
        }
        into.extend(self.parents.iter().cloned());
        into.extend(self.parts.iter().take(MOST_PARTS).cloned());
        let Some(view) = &self.view else { return };
        for name in &view.reads {
            for relation in resolve(known, name) {
                relation.touched(known, into);
            }
        }
        let calls = view.statement.unknown.iter().filter_map(|label| known.function_reads(label));
        for relation in calls.flatten() {
            relation.touched(known, into);
        }
    }

    /// Adds the views that reading it reads: itself, and those that it is made of, by their full names.
    pub(crate) fn views<'a>(&'a self, known: &'a Known, into: &mut BTreeMap<String, &'a View>) {
        let Some(view) = &self.view else { return };
        if into.len() > 1000 || into.insert(self.full_name(), view).is_some() {
            return;
        }
        for name in &view.reads {
            for relation in resolve(known, name) {
                relation.views(known, into);
            }
        }
    }

    /// Whether another server has its rows, or those of a part of it.
    pub(crate) fn is_foreign(&self) -> bool {
        self.runs.iter().any(|(kind, _)| kind == "foreign")
    }

    /// Whether an action on it sets off code that somebody hung on it.
    pub(crate) fn runs_code(&self, action: &str) -> bool {
        is_write(action) && !(self.runs.is_empty() && self.cascade_runs.is_empty())
    }

    /// Adds what an action on it does besides: to its parts, by foreign keys, by code that hangs on it.
    pub(crate) fn done_elsewhere(&self, action: &str, known: &Known, into: &mut Vec<Operation>) {
        if !is_write(action) {
            return;
        }
        let on = |action: &str, (schema, name): &(String, String), via: &str| Operation {
            action: action.to_owned(),
            object: format!("{schema}.{name}"),
            facts: vec![
                ("via".to_owned(), via.to_owned()),
                ("through".to_owned(), self.full_name()),
                ("where".to_owned(), "present".to_owned()),
            ],
            ..Operation::default()
        };
        if self.parts.len() <= MOST_PARTS {
            into.extend(self.parts.iter().map(|part| on(action, part, "part")));
        } else {
            // Too many to be named one by one: what counts is which schemas they lie in.
            let schemas: BTreeSet<_> = self.parts.iter().map(|(schema, _)| schema).collect();
            let parts = |schema: &String| on(action, &(schema.clone(), "(parts)".into()), "part");
            into.extend(schemas.into_iter().map(parts));
        }
        let follows = |cascade: &Cascade| cascade_of(*cascade, action);
        for (cascade, other) in &self.cascades {
            into.extend(follows(cascade).map(|done| on(done, other, "foreign-key")));
        }
        let runs = self.cascade_runs.iter().filter(|(cascade, _)| follows(cascade).is_some());
        let runs = self.runs.iter().chain(runs.map(|(_, code)| code));
        for code in runs.filter(|code| !known.trusts(code)) {
            let mut call = on("call", code, "written");
            call.facts = vec![
                ("function".to_owned(), "unknown".to_owned()),
                ("through".to_owned(), self.full_name()),
            ];
            into.push(call);
        }
    }

    /// Whether foreign keys take over what is written to a column that they refer to.
    pub(crate) fn is_followed(&self) -> bool {
        self.cascades.iter().any(|(cascade, _)| *cascade == Cascade::Update)
    }

    /// The generated columns, its own and those of its parts, that may be made of a column.
    pub(crate) fn made_of(&self, column: &str) -> impl Iterator<Item = &str> {
        let own = self.generated.iter().filter_map(|at| self.columns.get(at));
        let made: BTreeSet<&str> = own.chain(self.made.keys()).map(String::as_str).collect();
        made.into_iter().filter(move |it| self.made.get(*it).is_none_or(|of| of.contains(column)))
    }

    /// The type of a column, where both are known.
    pub(crate) fn type_of(&self, column: &str) -> Option<&str> {
        let (number, _) = self.columns.iter().find(|(_, name)| *name == column)?;
        self.types.get(number).map(String::as_str)
    }

    /// Whether it is known to have no such column, so that a function may be meant.
    pub(super) fn lacks(&self, column: &str) -> bool {
        // A view has no columns but its own.
        let system = self.view.is_none() && is_system_column(column);
        !self.columns.is_empty() && !self.has(column) && column != "*" && !system
    }

    /// Whether a function of somebody's own may be meant, since nothing is known of its columns, or it has none.
    pub(super) fn may_call(&self, known: &Known, column: &str) -> bool {
        let defines = || known.defines_function(column) || known.defines_cast(column);
        self.columns.is_empty() && column != "*" && defines()
    }

    /// Whether it has a column of this name.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.values().any(|name| name == column)
    }

    /// Adds the full names of every relation that this view reads, also through other views.
    pub(crate) fn bases(&self, known: &Known, into: &mut BTreeSet<String>) {
        for name in self.view.iter().flat_map(|view| &view.reads) {
            let mut found = false;
            for relation in resolve(known, name) {
                found = true;
                if into.insert(relation.full_name()) && into.len() < 1000 {
                    relation.bases(known, into);
                }
            }
            if !found {
                into.insert(unresolved(name));
            }
        }
    }
}

/// Whether an action changes rows.
pub(crate) fn is_write(action: &str) -> bool {
    matches!(action, "insert" | "update" | "delete" | "merge" | "truncate")
}

/// What an action on a table does to one that follows it so, if anything.
fn cascade_of(cascade: Cascade, action: &str) -> Option<&'static str> {
    match (cascade, action) {
        (Cascade::Delete, "delete" | "merge") => Some("delete"),
        (Cascade::Empty, "delete" | "merge") | (Cascade::Update, "update" | "merge") => {
            Some("update")
        }
        _ => None,
    }
}
