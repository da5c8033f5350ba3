//! Looking relations up at the server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use palisade_relay::{Link, converse};
use palisade_sql::Trusted;

use super::ask::{Ask, Row};
use super::indexes;
use super::names::is_system;
use super::relation::{Cascade, Relation, View};
use super::routines::{self, names_of, reads};
use super::setting::{self, setting};
use super::{Catalog, Routines, Wanted};
use crate::serve::{Backend, connect};

/// How long the server may take for one look-up.
const LIMIT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that may wait unhandled.
const MOST: usize = 32 * 1024 * 1024;
/// How many rounds of views upon views, and of their parents, are followed.
const DEEPEST: usize = 16;

/// How many parts, of all relations that one look-up asks for, are told. Where there are as many, there may be more.
const MOST_PARTS_TOLD: usize = 20_000;

/// What is said of an answer that has not the form that was asked for.
const ODD: &str = "the server answered a catalog query oddly";

/// With an empty search path the server prints every name with its schema.
const OPTIONS: &str = "-c search_path= -c standard_conforming_strings=on -c statement_timeout=5000 -c lock_timeout=2000";

/// What was found.
pub(super) struct Loaded {
    pub(super) relations: Vec<Relation>,
    /// Every name of which all relations are among them.
    pub(super) names: BTreeSet<String>,
    pub(super) routines: Option<Routines>,
    pub(super) functions: Vec<(u32, (String, String))>,
    pub(super) called: routines::Routines,
    pub(super) setting: setting::Places,
}

/// Looks up what is wanted, its parents, and whatever its views are made of; also what functions and operators somebody
/// made, where `routines` says so.
pub(super) async fn load(
    catalog: &Catalog,
    link: &mut Option<Link>,
    wanted: &Wanted,
    routines: bool,
) -> Result<Loaded, String> {
    let backend = &*catalog.backend;
    let mut found: BTreeMap<u32, Relation> = BTreeMap::new();
    let mut names = wanted.names.clone();
    let mut oids = wanted.oids.clone();
    let mut asked = BTreeSet::new();
    let mut called = routines::Routines::new();
    let mut calls = wanted.called.clone();
    for _ in 0..DEEPEST {
        let routines = routines::called(backend, link, &calls, &catalog.trusted).await?;
        names.extend(routines.values().flatten().flat_map(|routine| reads(routine)));
        called.extend(routines);
        names.retain(|name| !asked.contains(name));
        asked.extend(names.iter().cloned());
        let new = oids_of(backend, link, &names, &oids).await?;
        let new: BTreeSet<u32> = new.into_iter().filter(|oid| !found.contains_key(oid)).collect();
        let relations = describe(catalog, link, &new).await?;
        oids.clear();
        let views = || relations.iter().filter_map(|relation| relation.view.as_ref());
        names = views().flat_map(|view| &view.reads).map(|name| name.name.clone()).collect();
        // Its columns are its parents' too, of which it must be known what is protected. Parts, of which there may be very
        // many, are asked after by their names alone.
        names.extend(relations.iter().flat_map(|it| &it.parents).map(|(_, name)| name.clone()));
        names.retain(|name| !asked.contains(name));
        let of_routines = called.values().flatten().flat_map(|routine| &routine.unknown);
        let labels = views().flat_map(|view| &view.statement.unknown).chain(of_routines);
        calls = labels.flat_map(|label| names_of(label)).map(str::to_owned).collect();
        calls.retain(|name| !called.contains_key(name));
        found.extend(relations.into_iter().map(|relation| (relation.oid, relation)));
        if names.is_empty() && calls.is_empty() {
            break;
        }
    }
    let routines = if routines { Some(defined(backend, link).await?) } else { None };
    let functions = functions(backend, link, &wanted.functions).await?;
    let hung = found.values().flat_map(Relation::hung);
    let setting = setting(backend, link, &called.keys().chain(hung).cloned().collect()).await?;
    found.values_mut().for_each(|relation| relation.learn_of(&setting));
    let relations = found.into_values().collect();
    Ok(Loaded { relations, names: asked, routines, functions, called, setting })
}

/// The names of functions, operators and casts that are neither the server's own nor an extension's.
async fn defined(backend: &dyn Backend, link: &mut Option<Link>) -> Result<Routines, String> {
    let foreign = |class: &str, object: &str| {
        format!(
            "{object}.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
               WHERE d.classid = 'pg_catalog.{class}'::pg_catalog.regclass AND d.objid = {object}.oid \
               AND d.deptype = 'e')"
        )
    };
    let text = format!(
        "SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p WHERE {}; \
         SELECT DISTINCT o.oprname FROM pg_catalog.pg_operator o WHERE {}; \
         SELECT t.typname FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget \
           WHERE c.castfunc <> 0 AND {} \
         UNION SELECT t.typname FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_type t \
           ON t.oid = c.contypid JOIN pg_catalog.pg_depend u ON u.objid = c.oid \
           AND u.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND u.refobjid >= 16384 \
         UNION SELECT t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_type b \
           ON b.oid = t.typbasetype WHERE t.typtype = 'd' AND b.typtype IN ('c', 'd'); \
         SELECT 1 FROM pg_catalog.pg_cast c WHERE c.castfunc <> 0 AND c.castcontext <> 'e' AND {} LIMIT 1",
        foreign("pg_proc", "p"),
        foreign("pg_operator", "o"),
        foreign("pg_cast", "c"),
        foreign("pg_cast", "c"),
    );
    let results = ask(backend, link, text).await?;
    let [functions, operators, casts, implicit] =
        <[Vec<Row>; 4]>::try_from(results).map_err(|_other| ODD)?;
    let names =
        |rows: Vec<Row>| rows.iter().filter_map(|row| text_at(row, 0).map(str::to_owned)).collect();
    Ok(Routines {
        functions: names(functions),
        operators: names(operators),
        casts: names(casts),
        implicit: !implicit.is_empty(),
    })
}

/// Functions by their OIDs, as (schema, name).
async fn functions(
    backend: &dyn Backend,
    link: &mut Option<Link>,
    oids: &BTreeSet<u32>,
) -> Result<Vec<(u32, (String, String))>, String> {
    if oids.is_empty() {
        return Ok(vec![]);
    }
    let text = format!(
        "SELECT p.oid, n.nspname, p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n \
           ON n.oid = p.pronamespace WHERE p.oid IN ({})",
        list(oids)
    );
    let results = ask(backend, link, text).await?;
    let function = |row: &Row| {
        Some((number(row, 0)?, (text_at(row, 1)?.to_owned(), text_at(row, 2)?.to_owned())))
    };
    Ok(results.first().into_iter().flatten().filter_map(function).collect())
}

async fn oids_of(
    backend: &dyn Backend,
    link: &mut Option<Link>,
    names: &BTreeSet<String>,
    oids: &BTreeSet<u32>,
) -> Result<BTreeSet<u32>, String> {
    if names.is_empty() && oids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names: Vec<_> = names.iter().map(|name| quote(name)).collect();
    let mut condition = format!("c.oid IN ({})", list(oids));
    if !names.is_empty() {
        let _ = write!(condition, " OR c.relname IN ({})", names.join(","));
    }
    let text = format!("SELECT c.oid FROM pg_catalog.pg_class c WHERE {condition}");
    let results = ask(backend, link, text).await?;
    Ok(results.first().into_iter().flatten().filter_map(|row| number(row, 0)).collect())
}

async fn describe(
    catalog: &Catalog,
    link: &mut Option<Link>,
    oids: &BTreeSet<u32>,
) -> Result<Vec<Relation>, String> {
    if oids.is_empty() {
        return Ok(vec![]);
    }
    let list = list(oids);
    let text = format!(
        "SELECT c.oid, CASE WHEN n.nspname LIKE 'pg\\_temp\\_%' THEN 'pg_temp' ELSE n.nspname END, c.relname, \
           CASE WHEN c.relkind IN ('v','m') AND n.nspname NOT IN ('pg_catalog','information_schema') \
             THEN pg_catalog.pg_get_viewdef(c.oid) END \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid IN ({list}); \
         SELECT attrelid, attnum, attname, attgenerated, atttypid || '.' || atttypmod FROM pg_catalog.pg_attribute \
         WHERE attrelid IN ({list}) AND attnum > 0 AND NOT attisdropped; \
         WITH RECURSIVE up(child, parent) AS ( \
           SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits WHERE inhrelid IN ({list}) \
           UNION SELECT up.child, i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.parent) \
         SELECT up.child, n.nspname, c.relname FROM up JOIN pg_catalog.pg_class c ON c.oid = up.parent \
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace; \
         {}",
        attached(&list)
    );
    let results = ask(&*catalog.backend, link, text).await?;
    let [relations, columns, parents, attached] =
        <[Vec<Row>; 4]>::try_from(results).map_err(|_other| ODD)?;
    let mut found: BTreeMap<u32, Relation> = relations
        .iter()
        .filter_map(|row| relation(row, &catalog.trusted))
        .map(|relation| (relation.oid, relation))
        .collect();
    for row in &columns {
        let column = (|| Some((number::<u32>(row, 0)?, number(row, 1)?, text_at(row, 2)?)))();
        let Some((oid, number, name)) = column else { continue };
        if let Some(relation) = found.get_mut(&oid) {
            relation.columns.insert(number, own(name));
            relation.types.extend(text_at(row, 4).map(|kind| (number, kind.to_owned())));
            if text_at(row, 3).is_some_and(|generated| !generated.is_empty()) {
                relation.generated.insert(number);
            }
        }
    }
    for row in &parents {
        let parent = (|| Some((number::<u32>(row, 0)?, text_at(row, 1)?, text_at(row, 2)?)))();
        let Some((oid, schema, name)) = parent else { continue };
        if let Some(relation) = found.get_mut(&oid) {
            relation.parents.push((own(schema), own(name)));
        }
    }
    for row in &attached {
        let Some(relation) = number::<u32>(row, 0).and_then(|oid| found.get_mut(&oid)) else {
            continue;
        };
        attach(relation, row);
    }
    if attached.iter().filter(|row| text_at(row, 1) == Some("part")).count() >= MOST_PARTS_TOLD {
        found.values_mut().for_each(Relation::has_more_parts);
    }
    Ok(found.into_values().collect())
}

/// What hangs on relations: code that runs when they are written (`run`), conditions of triggers (`sets`), their parts (`part`),
/// and tables whose foreign keys follow them (`delete`, `update`), and their indexes. Each row has the relation, which of these, a schema and a name.
fn attached(list: &str) -> String {
    format!(
        "WITH RECURSIVE followers AS ({followers}), {with} \
         SELECT t.tgrelid, 'run', n.nspname, p.proname FROM pg_catalog.pg_trigger t \
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
           WHERE t.tgrelid IN ({list}) AND NOT t.tgisinternal AND t.tgenabled <> 'D' \
         UNION SELECT r.ev_class, 'run', 'rule', r.rulename FROM pg_catalog.pg_rewrite r \
           WHERE r.ev_class IN ({list}) AND r.rulename <> '_RETURN' \
         UNION SELECT a.adrelid, 'run', n.nspname, p.proname FROM pg_catalog.pg_attrdef a \
           JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass \
             AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
           JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
           WHERE a.adrelid IN ({list}) AND p.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e \
             WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e') \
         UNION SELECT a.adrelid, 'run', 'pg_catalog', 'set_config' FROM pg_catalog.pg_attrdef a \
           WHERE a.adrelid IN ({list}) AND pg_catalog.pg_get_expr(a.adbin, a.adrelid) LIKE '%set\\_config%' \
         UNION SELECT k.conrelid, 'run', 'pg_catalog', 'set_config' FROM pg_catalog.pg_constraint k \
           WHERE k.conrelid IN ({list}) AND k.contype = 'c' \
             AND pg_catalog.pg_get_expr(k.conbin, k.conrelid) LIKE '%set\\_config%' \
         UNION SELECT m.root, 'run', 'foreign', s.srvname FROM every_member m \
           JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = m.child \
           JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver \
         UNION {attached} UNION {conditions} \
         UNION SELECT root, 'part', n.nspname, c.relname FROM ( \
           WITH RECURSIVE down(root, child) AS ( \
             SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits WHERE inhparent IN ({list}) \
             UNION SELECT down.root, i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.child) \
           SELECT root, child FROM down LIMIT {MOST_PARTS_TOLD}) parts JOIN pg_catalog.pg_class c ON c.oid = parts.child \
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         UNION SELECT f.root, f.what, n.nspname, c.relname FROM followers f \
           JOIN pg_catalog.pg_class c ON c.oid = f.child JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         UNION SELECT f.root, 'run-' || f.what, n.nspname, p.proname FROM followers f \
           JOIN pg_catalog.pg_trigger t ON t.tgrelid = f.child AND NOT t.tgisinternal AND t.tgenabled <> 'D' \
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace",
        followers = followers(list),
        with = indexes::with(list),
        attached = indexes::ATTACHED,
        conditions = setting::by_conditions(list),
    )
}

/// The tables whose foreign keys follow these, also through others: `delete` where rows go with a deleted row, `set` where
/// a deleted row changes theirs, `update` where a changed row does.
fn followers(list: &str) -> String {
    let first = format!(
        "SELECT k.confrelid, w.first, k.conrelid, w.done FROM pg_catalog.pg_constraint k, \
           LATERAL (SELECT 'delete', CASE k.confdeltype WHEN 'c' THEN 'delete' ELSE 'update' END \
               WHERE k.confdeltype IN ('c','n','d') \
             UNION SELECT 'update', 'update' WHERE k.confupdtype IN ('c','n','d')) w(first, done) \
           WHERE k.contype = 'f' AND k.confrelid IN ({list})"
    );
    let next = "SELECT f.root, f.first, k.conrelid, \
           CASE WHEN f.done = 'delete' AND k.confdeltype = 'c' THEN 'delete' ELSE 'update' END \
         FROM follow f JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.confrelid = f.child \
           AND CASE f.done WHEN 'delete' THEN k.confdeltype ELSE k.confupdtype END IN ('c','n','d')";
    format!(
        "WITH RECURSIVE follow(root, first, child, done) AS ({first} UNION {next}) \
         SELECT root, child, CASE WHEN first = 'update' THEN 'update' WHEN done = 'delete' THEN 'delete' \
           ELSE 'set' END AS what FROM follow LIMIT 2000"
    )
}

/// A name as it is kept: one that means something else here goes by another, which no text can write.
fn own(name: &str) -> String {
    if palisade_sql::is_reserved(name) { format!("{name} (odd)") } else { name.to_owned() }
}

fn attach(relation: &mut Relation, row: &Row) {
    let (Some(what), Some(schema), Some(name)) =
        (text_at(row, 1), text_at(row, 2), text_at(row, 3))
    else {
        return;
    };
    let other = (own(schema), own(name));
    match what {
        "run" => relation.runs.push(other),
        "sets" => relation.sets = true,
        "part" => relation.parts.push(other),
        "unique" => drop(relation.unique.insert(other.1)),
        "primary" => drop(relation.primary.insert(other.1)),
        "tested" => drop(relation.tested.insert(other.1)),
        "split" => drop(relation.split_by.insert(other.1)),
        "judged" => drop(relation.judged_by.insert(other.1)),
        "beyond" => relation.is_compared_throughout(),
        "made" => drop(relation.made.entry(other.1).or_default().insert(other.0)),
        "key" => drop(relation.indexes.entry(other.0).or_default().keys.insert(other.1)),
        "carried" => drop(relation.indexes.entry(other.0).or_default().carried.insert(other.1)),
        _ => match what.strip_prefix("run-") {
            Some(what) => relation.cascade_runs.push((cascade(what), other)),
            None => relation.cascades.push((cascade(what), other)),
        },
    }
}

/// A deleted row takes others with it, changes theirs, or a changed one does.
fn cascade(what: &str) -> Cascade {
    match what {
        "delete" => Cascade::Delete,
        "set" => Cascade::Empty,
        _ => Cascade::Update,
    }
}

fn relation(row: &Row, trusted: &Trusted) -> Option<Relation> {
    let schema = own(text_at(row, 1)?);
    let definition = text_at(row, 3).filter(|_| !is_system(&schema));
    Some(Relation {
        oid: number(row, 0)?,
        name: own(text_at(row, 2)?),
        view: definition.map(|definition| View::read(definition, trusted)),
        schema,
        ..Relation::default()
    })
}

pub(super) async fn ask(
    backend: &dyn Backend,
    link: &mut Option<Link>,
    text: String,
) -> Result<Vec<Vec<Row>>, String> {
    let open = match link.take() {
        Some(open) => open,
        None => {
            let parameters = vec![
                ("application_name", "palisade"),
                ("client_encoding", "UTF8"),
                ("options", OPTIONS),
            ];
            let connected = connect(backend, parameters, LIMIT).await;
            connected.map_err(|error| error.to_string())?.0
        }
    };
    let mut asked = Ask::new(text);
    let secure = backend.secure();
    match tokio::time::timeout(LIMIT, converse(open, &mut asked, &secure, MOST)).await {
        Ok(Ok((open, results))) => {
            *link = Some(open);
            Ok(results)
        }
        Ok(Err(palisade_relay::ConverseError::Sequence(error))) => Err(error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err("the server took too long to answer a catalog query".to_owned()),
    }
}

fn list(oids: &BTreeSet<u32>) -> String {
    // 0 is no relation's OID, and keeps the list from being empty.
    let mut list = "0".to_owned();
    for oid in oids {
        let _ = write!(list, ",{oid}");
    }
    list
}

/// A string literal, as it is read while `standard_conforming_strings` is on.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn text_at(row: &Row, index: usize) -> Option<&str> {
    row.get(index)?.as_deref()
}

fn number<T: std::str::FromStr>(row: &Row, index: usize) -> Option<T> {
    text_at(row, index)?.parse().ok()
}
