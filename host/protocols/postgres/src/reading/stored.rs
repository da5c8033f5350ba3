//! What a statement stores where, so that no protected value goes to where nothing protects it.

use std::collections::{BTreeMap, BTreeSet};

use palisade_sql::{EVERY_COLUMN, Name, Object, Source, Statement, Store};

use super::keeps;
use super::targets::Targets;
use super::tested::{changes_rows, has, with};
use crate::catalog::{
    ANYWHERE, Behind, ColumnName, Known, Relation, behind_names, given_by, is_write, resolve,
    source_names,
};

/// A value that a statement stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The names of a column that it is put into, by one of which it is protected there; none where nothing is known of it.
    pub into: Vec<String>,
    /// The columns that it may come from.
    pub from: Vec<String>,
}

/// What goes into a column, by the column's names.
#[derive(Default)]
struct All(BTreeMap<BTreeSet<ColumnName>, BTreeSet<ColumnName>>);

/// What a statement stores under other names: rows that it writes, a table that it makes or renames.
pub(super) fn stored(statement: &Statement, known: &Known) -> Vec<Stored> {
    let mut all = All::default();
    for operation in &statement.operations {
        // What a typed table's columns are called is its type's to say.
        let renames = operation.action == "alter"
            && operation
                .facts
                .iter()
                .any(|(_, to)| to.contains("rename") || to.contains("schema") || to == "add-of");
        // What a materialized view is made of may be something else for as long as it is refreshed.
        let renames = renames || operation.action == "refresh";
        match &operation.object {
            Object::Relation(name) if renames => {
                all.put_anywhere([&Source::new(name, "*")], known);
            }
            // All that lies in a schema has another name with it.
            Object::Other(schema)
                if has(operation, ("kind", "schema")) && has(operation, ("change", "rename")) =>
            {
                all.let_anywhere(ColumnName::new(schema, "?", "*"));
            }
            _ => {}
        }
    }
    if statement.operations.iter().any(keeps) || keeps_what_views_gave(statement, known) {
        all.put_anywhere(&statement.outputs.all_sources, known);
    }
    if writes(statement) {
        let shadowing = behind_names(statement, known);
        let shadowing = shadowing.filter(|(kind, _)| *kind == Behind::Function);
        shadowing.for_each(|(_, name)| all.give_anywhere(name, known));
    }
    for name in let_go(statement) {
        resolve(known, name).for_each(|part| all.let_go(part));
    }
    let changes = changes_rows(statement);
    for stores in statement.stores.chunk_by(|one, other| one.target == other.target) {
        all.store(stores, changes, known);
    }
    all.finish(known)
}

/// Whether it makes a materialized view that is filled from views or functions: it keeps what these gave, whatever they are later.
/// One of tables alone is protected as they are.
fn keeps_what_views_gave(statement: &Statement, known: &Known) -> bool {
    let is_view = |operation: &palisade_sql::Operation| match &operation.object {
        Object::Relation(name) => resolve(known, name).any(|relation| relation.view.is_some()),
        Object::Other(_) => false,
    };
    with(statement, "create", ("kind", "matview")).next().is_some()
        && (!statement.unknown.is_empty() || statement.operations.iter().any(is_view))
}

/// Whether a statement writes rows.
fn writes(statement: &Statement) -> bool {
    statement.operations.iter().any(|operation| is_write(operation.action) || keeps(operation))
}

/// The parts and children that a statement takes out of their tables.
fn let_go(statement: &Statement) -> impl Iterator<Item = &Name> {
    let detaches = |operation: &palisade_sql::Operation| {
        let mut changes = operation.facts.iter().filter(|(fact, _)| *fact == "change");
        changes.any(|(_, change)| change.starts_with("detach-partition"))
    };
    let detaches = statement.operations.iter().any(detaches);
    let parts = with(statement, "alter", ("change", "partition-of")).filter(move |_| detaches);
    parts.chain(with(statement, "alter", ("change", "drop-inherit")))
}

impl All {
    /// Values that go to where nothing is known of.
    fn put_anywhere<'a>(&mut self, sources: impl IntoIterator<Item = &'a Source>, known: &Known) {
        let from = self.0.entry(BTreeSet::new()).or_default();
        sources.into_iter().for_each(|source| source_names(known, source, from, 0));
    }

    /// The same of what a function gives, should it stand behind a name of the server's own.
    fn give_anywhere(&mut self, function: &str, known: &Known) {
        given_by(known, function, self.0.entry(BTreeSet::new()).or_default(), 0);
    }

    /// The same of one column, or of all that have such a name.
    fn let_anywhere(&mut self, from: ColumnName) {
        self.0.entry(BTreeSet::new()).or_default().insert(from);
    }

    /// Values that go into one target: into each column that this may be, and into what is made of it there. Where rows
    /// change, foreign keys elsewhere may follow them.
    fn store(&mut self, stores: &[Store], changes: bool, known: &Known) {
        let Some(Store { target, .. }) = stores.first() else { return };
        let sources = stores.iter().map(|store| &store.source);
        if target.column == "*" {
            return self.put_anywhere(sources, known);
        }
        let targets = Targets::of(known, target);
        if !targets.is_known() {
            self.put_anywhere(sources.clone(), known);
        }
        if target.column == EVERY_COLUMN {
            return self.store_each(&targets, sources, known);
        }
        let mut from = BTreeSet::new();
        sources.for_each(|source| source_names(known, source, &mut from, 0));
        for (relation, column) in targets.columns() {
            self.put(relation, column, &from);
            // What is made of it there has another name, and is as good as the value.
            relation.made_of(column).for_each(|made| self.put(relation, made, &from));
            let mut taken_over = relation.made_of(column).chain([column]);
            if changes
                && relation.is_followed()
                && taken_over.any(|it| relation.unique.contains(it))
            {
                self.0.entry(BTreeSet::new()).or_default().extend(from.iter().cloned());
            }
        }
    }

    /// Rows that go into a relation as they are, each column to its own name. What is generated was made before.
    fn store_each<'a>(
        &mut self,
        targets: &Targets<'_>,
        sources: impl Iterator<Item = &'a Source>,
        known: &Known,
    ) {
        for source in sources {
            for (relation, column) in targets.columns() {
                let mut from = BTreeSet::new();
                source_names(known, &Source::new(&source.relation, column), &mut from, 0);
                self.put(relation, column, &from);
            }
        }
    }

    /// Values that go into a column. A row may come to lie in any part of its table, so that names of parts count for none.
    fn put(&mut self, relation: &Relation, column: &str, from: &BTreeSet<ColumnName>) {
        let into = relation.names_of_all_rows(column).collect();
        self.0.entry(into).or_default().extend(from.iter().cloned());
    }

    /// What goes by its own name alone from now on, and by no parent's.
    fn let_go(&mut self, part: &Relation) {
        for column in part.columns.values() {
            let into = BTreeSet::from([part.name_of(column)]);
            self.0.entry(into).or_default().extend(part.names_of_all_rows(column));
        }
    }

    fn finish(self, known: &Known) -> Vec<Stored> {
        let is_foreign = |name: &ColumnName| {
            known.find(&name.schema, &name.relation).is_some_and(|relation| relation.is_foreign())
        };
        let known_ones = |names: BTreeSet<ColumnName>| -> Vec<String> {
            // What is not known by its name alone is no column that somebody protects: an uncommitted table.
            let known = names.iter().filter(|name| name.schema != "?");
            known.map(ColumnName::to_string).collect()
        };
        let all = self.0.into_iter();
        let all = all.map(|(into, from)| {
            // Another server may be this one, by a table of which nothing else is known.
            let is_anything = |name: &ColumnName| *name == ColumnName::any() || is_foreign(name);
            let anywhere = from.iter().any(is_anything).then(|| ANYWHERE.to_owned());
            let from = known_ones(from).into_iter().chain(anywhere).collect();
            Stored { into: known_ones(into), from }
        });
        all.filter(|stored| !stored.from.is_empty()).collect()
    }
}
