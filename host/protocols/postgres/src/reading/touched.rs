//! What a text that changes the catalog makes uncertain, while others do not see the change yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use palisade_policy::Operation;
use palisade_sql::Routine;

use super::USE;
use crate::catalog::Touched;

/// Adds the relations whose meaning may be another once this was done.
pub(super) fn touch(operations: &[Operation], defines: &[Arc<Routine>], touched: &mut Touched) {
    let Touched::Names { all, fresh, renamed, routines, code, altered } = touched else { return };
    if operations.iter().any(moves) || replaces(operations, renamed) {
        *touched = Touched::Any;
        return;
    }
    let name = bare_name;
    for operation in operations.iter().filter(|operation| operation.action == "alter") {
        let fact = |name: &str| operation.facts.iter().find(|(known, _)| known == name);
        if let (Some((_, change)), Some((_, to))) = (fact("change"), fact("to"))
            && change == "rename"
        {
            let old = name(operation);
            let before = renamed.get(&old).cloned().unwrap_or_default();
            renamed.entry(to.clone()).or_default().extend(before.into_iter().chain([old]));
        }
    }
    altered.extend(operations.iter().filter(|o| alters(o)).map(name));
    // What is only altered is still found under its name.
    let is_column = |o: &Operation| o.facts.iter().any(|(_, kind)| kind == "column");
    let changed = operations
        .iter()
        .filter(|o| ["create", "drop", "import"].contains(&o.action.as_str()) && !is_column(o));
    all.extend(changed.map(name));
    // A view of a new table's name is another relation.
    fresh.retain(|known| !operations.iter().any(|o| shows(o) && name(o) == *known));
    // What has to do with something that was there before may hold what that holds; a foreign key takes nothing from there,
    // and a LIKE what is hung on it.
    touch_code(operations, defines, all, routines, code);
    let known_fresh = fresh.clone();
    let is_new = |o: &&Operation| {
        let runs = |o: &Operation| o.facts.iter().any(|(fact, _)| fact == "runs");
        let via = |o: &Operation| {
            o.facts.iter().any(|(_, v)| v == "foreign-key" || (v == "like" && !runs(o)))
        };
        o.action == USE
            || (o.action == "create" && !o.object.is_empty())
            || known_fresh.contains(&name(o))
            || o.object.starts_with("?.")
            || o.object.starts_with("(new).")
            || (o.action == "references" && via(o))
    };
    let made = |kinds: &'static [&str]| {
        let made = move |o: &&Operation| {
            o.action == "create" && o.facts.iter().any(|(_, kind)| kinds.contains(&kind.as_str()))
        };
        operations.iter().filter(made).map(name)
    };
    if !operations.iter().all(|operation| is_new(&operation)) {
        // A table that becomes a part of another holds what is written to that, and something else of its name may
        // hold anything.
        let changes =
            |o: &&Operation| ["alter", "references", "create"].contains(&o.action.as_str());
        fresh.retain(|known| !operations.iter().filter(changes).any(|o| name(o) == *known));
        fresh.extend(made(&["index", "sequence"]));
        return;
    }
    fresh.extend(made(&["index", "sequence", "table"]));
}

/// Whether it is not told what gets another name or schema, by this or by all that lies in it.
fn moves(operation: &Operation) -> bool {
    let has = |what: &str| operation.facts.iter().any(|(_, it)| it == what);
    let mut facts = operation.facts.iter();
    let is_code =
        facts.any(|(fact, kind)| fact == "kind" && (kind == "schema" || !is_plain_kind(kind)));
    let gets_another_name = is_code && has("rename");
    operation.action == "alter" && (has("set-schema") || gets_another_name) || is_dotted(operation)
}

/// Whether one shows something else than what was there, under one of the names that a relation had.
fn replaces(operations: &[Operation], renamed: &BTreeMap<String, BTreeSet<String>>) -> bool {
    let mut shown = operations.iter().filter(|o| shows(o)).map(bare_name);
    shown.any(|name| renamed.contains_key(&name) || renamed.values().any(|it| it.contains(&name)))
}

/// Whether it changes what hangs on a relation, or what becomes of values there, as a part does that it gets.
fn alters(operation: &Operation) -> bool {
    let inherits = |(_, via): &(String, String)| via == "inherit";
    operation.action == "alter"
        || operation.action == "references" && operation.facts.iter().any(inherits)
}

/// Whether it makes a relation that shows what is elsewhere.
fn shows(operation: &Operation) -> bool {
    let kinds = ["view", "matview", "materialized-view", "foreign-table"];
    let is_kind = |(_, kind): &(String, String)| kinds.contains(&kind.as_str());
    operation.action == "create" && operation.facts.iter().any(is_kind)
}

/// Whether it changes something of which the name alone does not tell where the schema's ends: there is a dot in one.
fn is_dotted(operation: &Operation) -> bool {
    ["create", "drop", "import", "alter"].contains(&operation.action.as_str())
        && operation.object.matches('.').count() > 1
}

/// Adds what may run code, by the names that it got.
fn touch_code(
    operations: &[Operation],
    defines: &[Arc<Routine>],
    all: &mut BTreeSet<String>,
    routines: &mut BTreeMap<String, Vec<Arc<Routine>>>,
    code: &mut BTreeSet<String>,
) {
    for routine in defines {
        routines.entry(routine.name.name.clone()).or_default().push(Arc::clone(routine));
        all.insert(routine.name.name.clone());
    }
    for operation in operations.iter().filter(|o| ["create", "alter"].contains(&o.action.as_str()))
    {
        let kind = operation.facts.iter().find(|(fact, _)| fact == "kind");
        let is_defined = defines
            .iter()
            .any(|routine| routine.name.to_string() == operation.object && routine.gaps.is_empty());
        if !is_defined && kind.is_some_and(|(_, kind)| !is_plain_kind(kind)) {
            let unknown = Arc::new(Routine::unknown("it was changed in this transaction"));
            routines.entry(bare_name(operation)).or_default().push(unknown);
            all.insert(bare_name(operation));
            code.insert(bare_name(operation));
        }
    }
}

/// An operation's object without its schema.
fn bare_name(operation: &Operation) -> String {
    operation.object.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Whether what is of this kind, as `create` calls it, runs no code under its own name.
fn is_plain_kind(kind: &str) -> bool {
    matches!(
        kind,
        "column"
            | "constraint"
            | "index"
            | "materialized-view"
            | "policy"
            | "publication"
            | "rule"
            | "schema"
            | "sequence"
            | "statistics"
            | "table"
            | "trigger"
            | "view"
    )
}
