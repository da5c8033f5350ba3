//! Which functions may change how texts are read, as far as they are not followed: by what their texts say.

use std::collections::BTreeSet;

use palisade_relay::Link;
use palisade_sql::Operation;

use super::load::{ask, quote, text_at};
use super::routines::COMPUTING;
use super::{Known, Relation};
use crate::serve::Backend;

/// Words without which a text changes no setting that says how texts are read, and runs no other text: `SET NAMES`, what runs
/// texts, and escapes that could hide such a word among them.
const WORDS: &str = r#"set_config|client_encoding|standard_conforming_strings|pg_settings|\mnames\M|\mreset\M|execute|_to_xml|ts_stat|ts_rewrite|rewrite_query|crosstab|connectby|xpath_table|u&""#;

/// Triggers whose conditions run functions: which these are is not asked.
fn conditions(root: &str, from: &str) -> String {
    format!(
        r"SELECT {root}, 'sets', '', '' FROM {from} AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgqual IS NOT NULL
           AND (pg_catalog.pg_get_triggerdef(t.oid) LIKE '%set\_config%' OR EXISTS (
             SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
               AND d.objid = t.oid AND (d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
                 OR d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid <> t.tgfoid)))"
    )
}

/// The relations of which triggers have conditions that may change settings; `followers` are those that follow them.
pub(super) fn by_conditions(list: &str) -> String {
    let own =
        conditions("t.tgrelid", &format!("pg_catalog.pg_trigger t WHERE t.tgrelid IN ({list})"));
    let of = "followers f JOIN pg_catalog.pg_trigger t ON t.tgrelid = f.child WHERE true";
    format!("{own} UNION {}", conditions("f.root", of))
}

/// What stands for code in [`Relation::runs`] that is no function.
const NO_FUNCTIONS: [&str; 2] = ["rule", "foreign"];

/// Functions as (schema, name).
pub(super) type Places = BTreeSet<(String, String)>;

impl Known {
    /// All that a function does that is not followed, and what it calls does, as far as its text tells; none where it may change
    /// settings.
    pub(crate) fn does_without_setting(&self, label: &str) -> Option<Vec<&Operation>> {
        let mut operations = Vec::new();
        let mut seen = BTreeSet::new();
        self.sets_nothing(label, &mut operations, &mut seen).then_some(operations)
    }

    fn sets_nothing<'a>(
        &'a self,
        label: &str,
        into: &mut Vec<&'a Operation>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        self.all_of(label, seen, &mut |name, routine, seen| {
            let own = &routine.name;
            let place = (own.schema.clone().unwrap_or_default(), own.name.clone());
            if self.is_shadowed(routine) || self.is_unsure(name) || self.setting.contains(&place) {
                return false;
            }
            into.extend(&routine.operations);
            routine.unknown.iter().all(|label| self.sets_nothing(label, into, seen))
        })
    }
}

impl Relation {
    /// The code that hangs on it, also where foreign keys lead.
    fn code(&self) -> impl Iterator<Item = &(String, String)> {
        self.runs.iter().chain(self.cascade_runs.iter().map(|(_, code)| code))
    }

    /// The names of the functions that hang on it.
    pub(super) fn hung(&self) -> impl Iterator<Item = &String> {
        let functions = self.code().filter(|(kind, _)| !NO_FUNCTIONS.contains(&kind.as_str()));
        functions.map(|(_, name)| name)
    }

    /// Takes up whether code that hangs on it may change settings: of what is no function, or temporary, that is not known.
    pub(super) fn learn_of(&mut self, setting: &Places) {
        let is_unknown =
            |schema: &str| NO_FUNCTIONS.contains(&schema) || schema.starts_with("pg_temp");
        let sets = self.code().any(|code| is_unknown(&code.0) || setting.contains(code));
        self.sets |= sets;
    }
}

/// Those functions of these names that may change settings: by a word of theirs, by the name of one that may or of a table that
/// runs such a one, or since their text does not tell (another language, an aggregate, a default that is computed).
pub(super) async fn setting(
    backend: &dyn Backend,
    link: &mut Option<Link>,
    names: &BTreeSet<String>,
) -> Result<Places, String> {
    if names.is_empty() {
        return Ok(Places::new());
    }
    let names: Vec<_> = names.iter().map(|name| quote(name)).collect();
    let computing = COMPUTING.map(quote).join(",");
    let by_itself = |function: &str, language: &str| {
        format!(
            "({language}.lanname NOT IN ('sql','plpgsql','internal') OR coalesce({function}.prosrc,'') = '' \
               OR {function}.prosrc ~* {} OR ({function}.prokind = 'a' AND {function}.oid >= 16384) \
               OR pg_catalog.pg_get_expr({function}.proargdefaults, 0) LIKE '%(%')",
            quote(WORDS)
        )
    };
    let extension = |function: &str, which: &str| {
        format!(
            "EXISTS (SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
               WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = {function}.oid \
               AND d.deptype = 'e'{which})"
        )
    };
    let text = format!(
        r"SELECT CASE WHEN n.nspname LIKE 'pg\_temp\_%' THEN 'pg_temp' ELSE n.nspname END, p.proname
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
           JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE p.proname IN ({}) AND NOT {} AND ({} OR EXISTS (
           SELECT 1 FROM pg_catalog.unnest((SELECT pg_catalog.array_agg(named.name::pg_catalog.text)
             FROM pg_catalog.pg_proc q JOIN pg_catalog.pg_language m ON m.oid = q.prolang,
               LATERAL (SELECT q.proname UNION SELECT c.relname FROM pg_catalog.pg_trigger t
                 JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid WHERE t.tgfoid = q.oid) AS named(name)
             WHERE q.oid >= 16384 AND NOT {} AND {})) AS other(name)
           WHERE pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(other.name)) > 0 AND p.prosrc ~*
             ('(\A|\W)' || pg_catalog.regexp_replace(other.name, '(\W)', '\\\1', 'g') || '(\Z|\W)')))",
        names.join(","),
        extension("p", &format!(" AND e.extname IN ({computing})")),
        by_itself("p", "l"),
        extension("q", ""),
        by_itself("q", "m"),
    );
    let results = ask(backend, link, text).await?;
    let place =
        |row: &super::ask::Row| Some((text_at(row, 0)?.to_owned(), text_at(row, 1)?.to_owned()));
    Ok(results.first().into_iter().flatten().filter_map(place).collect())
}
