//! What functions do that somebody defined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use palisade_relay::Link;
use palisade_sql::{Object, Operation, PostgreSql, Routine, Trusted};

use super::ask::Row;
use super::load::{ask, quote, text_at};
use super::{Known, Relation, resolve};
use crate::serve::Backend;

/// How many functions a call may run one after another.
const MOST: usize = 200;

/// Extensions whose functions, operators and casts compute from what they are given, and read or run nothing else.
pub(super) const COMPUTING: [&str; 17] = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "seg",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// What the server calls its own code behind the functions that come with a range type.
const RANGES: [&str; 5] = [
    "multirange_constructor0",
    "multirange_constructor1",
    "multirange_constructor2",
    "range_constructor2",
    "range_constructor3",
];

/// Functions by their names without schema; none under a name that was looked up and is nobody's.
pub(super) type Routines = BTreeMap<String, Vec<Arc<Routine>>>;

impl Known {
    /// Whether it was looked up what functions there are of a name as written.
    pub(crate) fn has_called(&self, label: &str) -> bool {
        names_of(label).all(|name| self.called.contains_key(name))
    }

    /// All that a function does and what it calls does, by its name as written; none where not all of it is understood.
    pub(crate) fn does(&self, label: &str) -> Option<Vec<&Operation>> {
        let mut operations = Vec::new();
        let mut seen = BTreeSet::new();
        self.follow(label, &mut operations, &mut seen).then_some(operations)
    }

    /// All that a block of code does, or a function that is being defined, which may call itself.
    pub(crate) fn block_does<'a>(&'a self, block: &'a Routine) -> Option<Vec<&'a Operation>> {
        let mut operations = Vec::new();
        let mut seen = BTreeSet::from([block.name.to_string(), block.name.name.clone()]);
        self.follow_into(block, &mut operations, &mut seen).then_some(operations)
    }

    /// The relations that a function touches; none where not all that it does is understood.
    pub(crate) fn function_reads(&self, label: &str) -> Option<Vec<&Arc<Relation>>> {
        let operations = self.does(label)?;
        let names = operations.into_iter().filter_map(|operation| operation.object.relation());
        Some(names.flat_map(|name| resolve(self, name)).collect())
    }

    fn follow<'a>(
        &'a self,
        label: &str,
        into: &mut Vec<&'a Operation>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        self.all_of(label, seen, &mut |_, routine, seen| self.follow_into(routine, into, seen))
    }

    /// Whether something holds for each function that may be meant by a name as written, which is known by one without schema; not where that is not known, or there is
    /// none. One that was seen before is not asked about again.
    pub(super) fn all_of<'a>(
        &'a self,
        label: &str,
        seen: &mut BTreeSet<String>,
        holds: &mut dyn FnMut(&str, &'a Routine, &mut BTreeSet<String>) -> bool,
    ) -> bool {
        if !seen.insert(label.to_owned()) {
            return true;
        }
        let schema = label.rsplit_once('.').map(|(schema, _)| schema);
        let mut found = false;
        for name in names_of(label) {
            let Some(routines) = self.called.get(name) else { return false };
            for routine in routines {
                let other = name != label && routine.name.schema.as_deref() != schema;
                if other {
                    continue;
                }
                found = true;
                if seen.len() > MOST || !holds(name, routine, seen) {
                    return false;
                }
            }
        }
        found
    }

    /// Whether something of somebody's own may stand behind a name of the server's own that it uses.
    pub(super) fn is_shadowed(&self, routine: &Routine) -> bool {
        routine.calls.iter().any(|name| self.defines_function(name))
            || routine.operators.iter().any(|name| self.defines_operator(name))
            || routine.casts.iter().any(|name| self.defines_cast(name))
    }

    fn follow_into<'a>(
        &'a self,
        routine: &'a Routine,
        into: &mut Vec<&'a Operation>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        let unsure = routine.operations.iter().any(|operation| match &operation.object {
            Object::Relation(name) => self.is_unsure(&name.name),
            Object::Other(_) => false,
        });
        if !routine.gaps.is_empty() || self.is_shadowed(routine) || unsure {
            return false;
        }
        into.extend(&routine.operations);
        routine.unknown.iter().all(|label| self.follow(label, into, seen))
    }
}

/// The names under which a function may be known that is written so: without its schema, and with all dots in its name.
pub(crate) fn names_of(label: &str) -> impl Iterator<Item = &str> {
    let bare = label.rsplit_once('.').map(|(_, bare)| bare);
    bare.into_iter().chain([label])
}

/// The names that a function may read relations by.
pub(crate) fn reads(routine: &Routine) -> impl Iterator<Item = String> {
    routine.operations.iter().filter_map(|operation| match &operation.object {
        Object::Relation(name) => Some(name.name.clone()),
        Object::Other(_) => None,
    })
}

/// Looks up functions by their names.
pub(super) async fn called(
    backend: &dyn Backend,
    link: &mut Option<Link>,
    names: &BTreeSet<String>,
    trusted: &Trusted,
) -> Result<Routines, String> {
    let mut routines: Routines = names.iter().map(|name| (name.clone(), vec![])).collect();
    if names.is_empty() {
        return Ok(routines);
    }
    let list: Vec<_> = names.iter().map(|name| quote(name)).collect();
    let text = format!(
        "SELECT p.proname, CASE WHEN n.nspname LIKE 'pg\\_temp\\_%' THEN 'pg_temp' ELSE n.nspname END, \
           l.lanname, p.prosrc, e.extname, \
           CASE WHEN l.lanname IN ('sql','plpgsql') AND p.prokind IN ('f','p') THEN pg_catalog.pg_get_functiondef(p.oid) END \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
           JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
           LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
             AND d.objid = p.oid AND d.deptype = 'e' \
           LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
         WHERE p.proname IN ({})",
        list.join(",")
    );
    let results = ask(backend, link, text).await?;
    for row in results.first().into_iter().flatten() {
        let Some(name) = text_at(row, 0) else { continue };
        let mut routine = routine(row, trusted);
        routine.name.schema = text_at(row, 1).map(str::to_owned);
        routine.name.name = name.to_owned();
        routines.entry(name.to_owned()).or_default().push(Arc::new(routine));
    }
    Ok(routines)
}

fn routine(row: &Row, trusted: &Trusted) -> Routine {
    if let Some(extension) = text_at(row, 4) {
        return if COMPUTING.contains(&extension) {
            Routine::default()
        } else {
            Routine::unknown("it belongs to an extension")
        };
    }
    if text_at(row, 2) == Some("internal") && text_at(row, 3).is_some_and(|it| RANGES.contains(&it))
    {
        return Routine::default();
    }
    let Some(definition) = text_at(row, 5) else {
        return Routine::unknown("its language is not followed");
    };
    let analysis = PostgreSql.trusting(definition, trusted);
    let mut defined = analysis.statements.into_iter().flat_map(|statement| statement.defines);
    defined.next().unwrap_or_else(|| Routine::unknown("its definition cannot be read"))
}
