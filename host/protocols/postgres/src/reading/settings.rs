//! What a statement sets without saying so: by the views that it reads, itself or by the functions that it calls.

use std::collections::BTreeMap;

use palisade_policy::Operation;
use palisade_sql::{Effect, Statement};

use super::called::{Called, views};
use super::resolved;
use crate::catalog::{Known, View};

/// Whether it is a setting that changes.
pub(crate) fn is_setting(effect: &Effect) -> bool {
    matches!(effect, Effect::Set { .. } | Effect::Reset { .. } | Effect::ResetAll)
}

/// What views set that are read.
pub(super) struct SetByViews<'a>(BTreeMap<String, &'a View>);

impl<'a> SetByViews<'a> {
    pub(super) fn new(statement: &'a Statement, called: &Called<'a>, known: &'a Known) -> Self {
        let mut read = views(statement, known);
        called.views(known, &mut read);
        read.retain(|_, view| view.statement.effects.iter().any(is_setting));
        Self(read)
    }

    /// As what it does to the session.
    pub(super) fn effects(&self) -> impl Iterator<Item = Effect> {
        let effects = self.0.values().flat_map(|view| &view.statement.effects);
        effects.filter(|effect| is_setting(effect)).cloned()
    }

    /// As operations.
    pub(super) fn add_to(&self, operations: &mut Vec<Operation>, known: &Known) {
        for (name, view) in &self.0 {
            let first = operations.len();
            let sets = view.statement.operations.iter();
            for operation in sets.filter(|operation| matches!(operation.action, "set" | "reset")) {
                resolved(operation, known, operations);
            }
            for operation in operations.iter_mut().skip(first) {
                operation.facts.push(("through".to_owned(), name.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_sql::{Dialect, PostgreSql, Trusted};

    use crate::catalog::{Known, Relation, View};
    use crate::reading::Reading;

    fn read(text: &str) -> Reading {
        let query = "SELECT set_config('search_path', 'vault', false) AS x";
        let view = Relation {
            oid: 1,
            schema: "public".to_owned(),
            name: "v".to_owned(),
            columns: [(1, "x".to_owned())].into(),
            view: Some(View::read(query, &Trusted::default())),
            ..Relation::default()
        };
        Reading::new(text, &PostgreSql.analyze(text), &Known::of(vec![view]), None, true)
    }

    #[test]
    fn what_a_view_sets_is_set_by_whoever_reads_it() {
        let reading = read("SELECT 1 FROM v");
        assert!(reading.statements[0].may_change_paths());
        let mut operations = reading.command.operations.iter();
        assert!(operations.any(|it| (&*it.action, &*it.object) == ("set", "search_path")));
    }

    #[test]
    fn what_sets_something_is_not_hung_where_it_runs_unnamed() {
        for text in [
            "CREATE VIEW w AS SELECT set_config('search_path', 'vault', false) AS x",
            "CREATE MATERIALIZED VIEW w AS SELECT set_config('search_path', 'vault', false) AS x",
            "CREATE TABLE t (a int, b text DEFAULT set_config('search_path', 'vault', false))",
            "CREATE TABLE t (a int CHECK (set_config('search_path', 'vault', false) <> ''))",
            "ALTER TABLE t ALTER b SET DEFAULT set_config('search_path', 'vault', false)",
        ] {
            assert!(!read(text).command.complete, "{text}");
        }
    }
}
