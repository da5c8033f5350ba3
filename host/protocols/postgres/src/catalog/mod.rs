//! What is known of a server's relations: their schemas, columns, parents, and what their views are made of.
//!
//! Looked up over the gateway's own connection, once per relation, and forgotten when a session changes the catalog or when told to.

mod ask;
mod behind;
mod indexes;
mod load;
mod names;
mod relation;
mod routines;
mod setting;
mod sources;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use palisade_relay::Link;
use palisade_sql::{Routine, Trusted};
use tokio::sync::Mutex;

use crate::reading::Reading;
use crate::serve::Backend;

pub(crate) use behind::{Behind, behind_names};
pub(crate) use names::{ANYWHERE, ColumnName, FRESH, is_system, resolve, unresolved};
#[cfg(test)]
pub(crate) use relation::Cascade;
pub(crate) use relation::{DEEPEST, View, is_write};
pub use relation::{Index, Relation};
pub(crate) use routines::{names_of, reads};
pub(crate) use sources::{column_sources, given_by, in_the_guise_of_a_column, source_names};

/// How many readings are remembered, and for texts of how many bytes.
const MOST_READINGS: usize = 4096;
const LONGEST_TEXT: usize = 16 * 1024;

/// What is known of one server's relations. Shared by the sessions of a connection.
#[derive(Debug)]
pub struct Catalog {
    backend: Arc<dyn Backend>,
    /// Functions of somebody's that the operator says are harmless.
    trusted: Trusted,
    known: RwLock<Known>,
    link: Mutex<Option<Link>>,
    /// How often a session changed what names mean.
    changes: AtomicU64,
    /// How many sessions commit such changes now.
    commits: AtomicUsize,
}

/// Everything that was looked up since the last change.
#[derive(Debug, Default)]
pub struct Known {
    by_oid: HashMap<u32, Arc<Relation>>,
    by_name: HashMap<String, Vec<u32>>,
    readings: HashMap<Arc<str>, Arc<Reading>>,
    /// What texts mean that differ in their constants alone, by their shapes; without a text.
    shapes: HashMap<Box<str>, Arc<Reading>>,
    /// What somebody defined; `None` where it was not looked up.
    routines: Option<Arc<Routines>>,
    /// Functions that the operator vouches for.
    trusted: Trusted,
    /// Functions by OID, as (schema, name).
    functions: HashMap<u32, (String, String)>,
    /// What functions do, by their names.
    called: routines::Routines,
    /// Those of them that may change settings without its being followed.
    setting: setting::Places,
    /// It is not known what every name stands for.
    doubtful: bool,
    /// The names of which it is not known; none where it may be any.
    unsure: Option<BTreeSet<String>>,
    /// Grows with each change, so that what was asked before it is not kept after it.
    generation: u64,
}

impl Known {
    /// A relation by its OID, if it was looked up and is there.
    #[must_use]
    pub fn relation(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.by_oid.get(&oid)
    }

    /// All relations of a name, in any schema; `None` where it was not looked up or there was none.
    pub fn named<'a>(&'a self, name: &str) -> Option<impl Iterator<Item = &'a Arc<Relation>>> {
        self.by_name.get(name).map(|oids| oids.iter().filter_map(|oid| self.by_oid.get(oid)))
    }

    /// The columns of a relation; none where it is not known.
    pub(crate) fn columns(&self, schema: &str, name: &str) -> Vec<String> {
        let relation = self.find(schema, name);
        relation.map(|relation| relation.columns.values().cloned().collect()).unwrap_or_default()
    }

    /// The columns of a relation, each with every name that it goes by, of parents and parts too; none where it is not
    /// known.
    pub(crate) fn column_names(&self, schema: &str, name: &str) -> Vec<(String, Vec<String>)> {
        let Some(relation) = self.find(schema, name) else { return vec![] };
        let columns = relation.columns.values();
        let names = |column: &String| relation.names(column).map(|name| name.to_string()).collect();
        columns.map(|column| (column.clone(), names(column))).collect()
    }

    /// A relation by its schema and its name.
    pub(crate) fn find(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        let mut relations = self.named(name).into_iter().flatten();
        relations.find(|relation| relation.schema == schema)
    }

    /// Whether it was looked up what somebody defined.
    pub(crate) fn has_routines(&self) -> bool {
        self.routines.is_some()
    }

    /// Whether somebody may have defined a function of this name.
    pub(crate) fn defines_function(&self, name: &str) -> bool {
        self.routines.as_ref().is_none_or(|routines| routines.functions.contains(name))
    }

    /// Whether somebody may have defined an operator of this name.
    pub(crate) fn defines_operator(&self, name: &str) -> bool {
        self.routines.as_ref().is_none_or(|routines| routines.operators.contains(name))
    }

    /// Whether somebody may have defined a cast to a type of this name.
    pub(crate) fn defines_cast(&self, name: &str) -> bool {
        self.routines.as_ref().is_none_or(|routines| routines.casts.contains(name))
    }

    /// Whether somebody may have defined a cast that runs without being written.
    pub(crate) fn casts_by_itself(&self) -> bool {
        self.routines.as_ref().is_none_or(|routines| routines.implicit)
    }

    /// Whether the operator vouches for a function, given as (schema, name).
    pub(crate) fn trusts(&self, (schema, name): &(String, String)) -> bool {
        self.trusted.names(schema, name)
    }

    /// Whether changes are under way that others do not see yet.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Whether it is not known what a name stands for.
    fn is_unsure(&self, name: &str) -> bool {
        self.doubtful && self.unsure.as_ref().is_none_or(|names| names.contains(name))
    }

    /// A function by its OID, as (schema, name), if it was looked up and is there.
    pub(crate) fn function(&self, oid: u32) -> Option<&(String, String)> {
        self.functions.get(&oid)
    }
}

/// The names of functions and operators that are not the server's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Routines {
    pub(crate) functions: HashSet<String>,
    pub(crate) operators: HashSet<String>,
    /// Types that a cast of somebody's leads to, and domains with checks that run somebody's function.
    pub(crate) casts: HashSet<String>,
    /// Whether one of these runs without being written.
    pub(crate) implicit: bool,
}

/// What changes under way mean for names, while others do not see them yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// These names may stand for something else than is known.
    Names {
        /// All of them.
        all: BTreeSet<String>,
        /// Those of them that are tables made by the change itself, with nothing in them but what is written there.
        fresh: BTreeSet<String>,
        /// New names, each with the old ones that it may stand for.
        renamed: BTreeMap<String, BTreeSet<String>>,
        /// Functions that were made, by their names.
        routines: BTreeMap<String, Vec<Arc<Routine>>>,
        /// Names of what may run code that nobody has seen.
        code: BTreeSet<String>,
        /// Names of what was altered, or got parts: what hangs on it, and what becomes of values there, is not known.
        altered: BTreeSet<String>,
    },
    /// Any name may: a schema or code got another name or schema.
    Any,
}

impl Default for Touched {
    fn default() -> Self {
        Self::Names {
            all: BTreeSet::new(),
            fresh: BTreeSet::new(),
            renamed: BTreeMap::new(),
            routines: BTreeMap::new(),
            code: BTreeSet::new(),
            altered: BTreeSet::new(),
        }
    }
}

/// What a session needs looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of relations, without schema.
    pub names: BTreeSet<String>,
    /// OIDs of relations.
    pub oids: BTreeSet<u32>,
    /// OIDs of functions.
    pub functions: BTreeSet<u32>,
    /// Names of functions, without schema, of which it matters what they do.
    pub called: BTreeSet<String>,
    /// What functions, operators and casts somebody defined.
    pub routines: bool,
}

impl Wanted {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing = self.names.is_empty() && self.oids.is_empty() && self.functions.is_empty();
        nothing && self.called.is_empty() && !self.routines
    }
}

impl Catalog {
    /// A catalog of which nothing is known yet.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, trusted: Trusted) -> Self {
        let known = Known { trusted: trusted.clone(), ..Known::default() };
        Self {
            backend,
            trusted,
            known: RwLock::new(known),
            link: Mutex::default(),
            changes: AtomicU64::new(0),
            commits: AtomicUsize::new(0),
        }
    }

    /// Functions of somebody's that the operator says are harmless.
    #[must_use]
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Lets `look` see what is known.
    pub fn look<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A reading of this text that was remembered.
    #[must_use]
    pub fn reading(&self, text: &str) -> Option<Arc<Reading>> {
        self.look(|known| known.readings.get(text).cloned())
    }

    /// Remembers a reading that depends on nothing but the text and the catalog of this `generation`.
    pub fn keep_reading(&self, text: &str, reading: &Arc<Reading>, generation: u64) {
        if text.len() > LONGEST_TEXT {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation {
            return;
        }
        if known.readings.len() >= MOST_READINGS {
            known.readings.clear();
        }
        known.readings.insert(text.into(), Arc::clone(reading));
    }

    /// What texts of this shape mean, if that was remembered; it has no text of its own.
    #[must_use]
    pub fn of_shape(&self, shape: &str) -> Option<Arc<Reading>> {
        self.look(|known| known.shapes.get(shape).cloned())
    }

    /// Remembers a reading that depends on nothing but the text's shape and the catalog of this `generation`.
    pub fn keep_shape(&self, shape: &str, reading: &Reading, generation: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation {
            return;
        }
        if known.shapes.len() >= MOST_READINGS {
            known.shapes.clear();
        }
        known.shapes.insert(shape.into(), Arc::new(reading.of_text("")));
    }

    /// The generation of what is known.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.look(|known| known.generation)
    }

    /// How often a session changed what names mean, or began to.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// How many sessions commit such changes now.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// A session begins to; it says when it is done.
    pub fn begin_commit(&self) {
        self.commits.fetch_add(1, Ordering::SeqCst);
    }

    /// It is done.
    pub fn end_commit(&self) {
        self.commits.fetch_sub(1, Ordering::SeqCst);
    }

    /// Counts one more such change.
    pub fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets everything: the server's catalog has changed, or may have.
    pub fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let generation = known.generation + 1;
        let trusted = std::mem::take(&mut known.trusted);
        *known = Known { generation, trusted, ..Known::default() };
    }

    /// Looks up what is wanted. What the server does not have stays unknown.
    ///
    /// # Errors
    /// Why nothing could be looked up.
    pub async fn load(&self, wanted: &Wanted) -> Result<(), String> {
        let generation = self.generation();
        let mut link = self.link.lock().await;
        let routines = self.look(|known| known.routines.is_none());
        let found = match load::load(self, &mut link, wanted, routines).await {
            Ok(found) => found,
            // The connection may have been idle for too long; a fresh one decides.
            Err(_) => {
                *link = None;
                load::load(self, &mut link, wanted, routines).await?
            }
        };
        drop(link);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation == generation {
            known.add(&found.names, found.relations);
            known.functions.extend(found.functions);
            known.called.extend(found.called);
            known.setting.extend(found.setting);
            if let Some(routines) = found.routines {
                known.routines = Some(Arc::new(routines));
            }
        }
        Ok(())
    }
}

impl Known {
    /// A catalog of these relations, each known by its name.
    #[cfg(test)]
    pub(crate) fn of(relations: Vec<Relation>) -> Self {
        let names = relations.iter().map(|relation| relation.name.clone()).collect();
        let mut known = Self { routines: Some(Arc::default()), ..Self::default() };
        known.add(&names, relations);
        known
    }

    /// What of it still holds while changes are under way that others do not see yet:
    /// nothing of the names that the changes give another meaning.
    #[must_use]
    pub fn doubted(&self, touched: &Touched) -> Self {
        let Touched::Names { all, fresh, renamed, routines: made, code, altered } = touched else {
            return Self { doubtful: true, ..Self::default() };
        };
        let mut by_oid = self.by_oid.clone();
        for oid in altered.iter().filter_map(|name| self.by_name.get(name)).flatten() {
            if let Some(relation) = by_oid.get_mut(oid) {
                Arc::make_mut(relation).is_compared_throughout();
            }
        }
        // A new table stands beside those of its name in other schemas.
        let sure = |name: &String| !all.contains(name) || fresh.contains(name);
        let by_name = self.by_name.iter().filter(|(name, _)| sure(name));
        let by_name = by_name.map(|(name, oids)| (name.clone(), oids.clone())).collect();
        let routines = self.routines.as_ref().map(|routines| {
            let mut routines = Routines::clone(routines);
            routines.functions.extend(code.iter().chain(made.keys()).cloned());
            routines.operators.extend(code.iter().cloned());
            routines.casts.extend(code.iter().cloned());
            Arc::new(routines)
        });
        let trusted = self.trusted.clone();
        let mut called = self.called.clone();
        called.retain(|name, _| !all.contains(name) || made.contains_key(name));
        for (name, routines) in made {
            // One that stands behind an older one of its name that is still there, or in its place.
            if let Some(called) = called.get_mut(name) {
                called.extend(routines.iter().cloned());
            }
        }
        let unsure = all.iter().filter(|name| !fresh.contains(*name)).cloned().collect();
        let mut doubted = Self {
            by_oid,
            by_name,
            routines,
            trusted,
            called,
            setting: self.setting.clone(),
            doubtful: true,
            unsure: Some(unsure),
            ..Self::default()
        };
        for (name, old) in renamed {
            let oids = old.iter().filter_map(|old| self.by_name.get(old)).flatten().copied();
            doubted.by_name.entry(name.clone()).or_default().extend(oids);
        }
        // The server's own OIDs are given from the other end.
        for (name, oid) in fresh.iter().zip((0..=u32::MAX).rev()) {
            let names = renamed.iter().filter(|(_, old)| old.contains(name)).map(|(new, _)| new);
            for name in names.chain([name]) {
                doubted.by_name.entry(name.clone()).or_default().push(oid);
            }
            doubted.by_oid.insert(oid, Arc::new(Relation::fresh(name)));
        }
        doubted
    }

    /// The same without knowing what any function does.
    #[must_use]
    pub(crate) fn following_nothing(&self) -> Self {
        Self {
            by_oid: self.by_oid.clone(),
            by_name: self.by_name.clone(),
            routines: self.routines.clone(),
            trusted: self.trusted.clone(),
            unsure: self.unsure.clone(),
            doubtful: self.doubtful,
            generation: self.generation,
            ..Self::default()
        }
    }

    fn add(&mut self, names: &BTreeSet<String>, found: Vec<Relation>) {
        for relation in found {
            // Only a name that was asked for is known in all its schemas.
            if names.contains(&relation.name) {
                let oids = self.by_name.entry(relation.name.clone()).or_default();
                if !oids.contains(&relation.oid) {
                    oids.push(relation.oid);
                }
            }
            self.by_oid.insert(relation.oid, Arc::new(relation));
        }
    }
}
