//! Prepared statements and portals, as far as it is certain what the server has under their names.
//!
//! INVARIANT: a name is found here only if the server, should it have something under it, has exactly this.
//! Whatever could have changed that (a failed message, SQL that names it, the end of a transaction) takes the name away:
//! a message that uses it is then refused, which costs a client that insists no more than an error.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_policy::{Allowed, Command, Edition};
use palisade_sql::Effect;

use super::standing::Planned;
use crate::codec::backend::Column;
use crate::reading::Reading;

/// How many statements, and how many portals, a session may hold.
const MOST: usize = 20_000;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Statement {
    /// Which run of messages between two `Sync`s prepared it.
    segment: u64,
    /// The client's text and the one that was sent, where a policy put that in its place.
    rewritten: Option<(Arc<str>, Arc<str>)>,
    meaning: Mutex<Meaning>,
    /// Its result's columns as the server described them last. Their formats are the portals' matter.
    columns: Mutex<Option<Described>>,
}

/// A result's columns, and what they were described under.
type Described = (Arc<[Column]>, (u64, u64));

/// What a statement was last read and judged to be.
#[derive(Debug)]
struct Meaning {
    reading: Arc<Reading>,
    /// The catalog's generation and the version of the policies that it was read with.
    read_by: (u64, Edition),
    /// What allows the next run; taken away when it was for one run and that run began.
    grant: Option<Allowed>,
}

impl Statement {
    pub(super) fn new(
        reading: Arc<Reading>,
        generation: u64,
        allowed: Allowed,
        segment: u64,
        rewritten: Option<(Arc<str>, Arc<str>)>,
    ) -> Self {
        let read_by = (generation, allowed.edition);
        let meaning = Meaning { reading, read_by, grant: Some(allowed) };
        Self { segment, rewritten, meaning: Mutex::new(meaning), columns: Mutex::default() }
    }

    /// The client's text and the one that was sent, where a policy put that in its place.
    pub(super) fn rewritten(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.rewritten.clone()
    }

    pub(super) fn reading(&self) -> Arc<Reading> {
        Arc::clone(&self.lock().reading)
    }

    /// Its result's columns, once the server described them.
    pub(super) fn columns(&self) -> Option<Arc<[Column]>> {
        let described = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        described.as_ref().map(|(columns, _)| Arc::clone(columns))
    }

    /// What they were described under.
    pub(super) fn described_under(&self) -> Option<(u64, u64)> {
        let described = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        described.as_ref().map(|(_, under)| *under)
    }

    /// The server described it.
    pub(super) fn described(&self, columns: Arc<[Column]>, under: (u64, u64)) {
        *self.columns.lock().unwrap_or_else(PoisonError::into_inner) = Some((columns, under));
    }

    /// The catalog's generation and the version of the policies that it was read with.
    pub(super) fn read_by(&self) -> (u64, Edition) {
        self.lock().read_by
    }

    /// Takes up what it means now. What is something else no grant covers.
    pub(super) fn read_again(&self, reading: Arc<Reading>, read_by: (u64, Edition)) {
        let mut meaning = self.lock();
        if meaning.reading.command != reading.command {
            meaning.grant = None;
        }
        meaning.reading = reading;
        meaning.read_by = read_by;
    }

    /// What allows the next run as this reading, if something does. A grant for one run is gone thereafter.
    pub(super) fn take_grant(&self, reading: &Arc<Reading>) -> Option<Allowed> {
        let mut meaning = self.lock();
        if !Arc::ptr_eq(&meaning.reading, reading) {
            return None;
        }
        let once = meaning.grant.as_ref().is_some_and(|allowed| allowed.once);
        if once { meaning.grant.take() } else { meaning.grant.clone() }
    }

    /// Keeps a grant for the next run as this reading.
    pub(super) fn put_back(&self, allowed: Allowed, reading: &Arc<Reading>) {
        let mut meaning = self.lock();
        if Arc::ptr_eq(&meaning.reading, reading) {
            meaning.grant = Some(allowed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Meaning> {
        self.meaning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A portal.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) statement: Arc<Statement>,
    /// None (all text), one (for all), or one for each column.
    formats: Vec<i16>,
    segment: u64,
    /// What its statement meant when it was bound, and so planned.
    pub(super) planned: Arc<Planned>,
    /// Its own columns: another portal of its statement may have been planned otherwise.
    columns: Mutex<Option<Arc<[Column]>>>,
    /// What allowed it to begin: the rest of its rows needs no other approval.
    begun: Mutex<Option<Begun>>,
    confirmed: AtomicBool,
}

/// What a portal began as.
#[derive(Debug)]
struct Begun {
    allowed: Allowed,
    /// As what that was allowed.
    command: Arc<Command>,
    /// As what its first run was read.
    reading: Arc<Reading>,
}

impl Portal {
    pub(super) fn new(
        statement: Arc<Statement>,
        planned: Arc<Planned>,
        formats: Vec<i16>,
        segment: u64,
    ) -> Self {
        let (columns, begun, confirmed) = Default::default();
        Self { statement, formats, segment, planned, columns, begun, confirmed }
    }

    /// It is bound: the server has said so.
    pub(super) fn confirm(&self) {
        self.confirmed.store(true, Relaxed);
    }

    /// The format of the column at `position`.
    pub(super) fn format(&self, position: usize) -> i16 {
        match self.formats.as_slice() {
            [] => 0,
            [all] => *all,
            each => each.get(position).copied().unwrap_or(0),
        }
    }

    /// Its columns, once they are known. Their formats are those of the description.
    pub(super) fn described_columns(&self) -> Option<Arc<[Column]>> {
        let own = self.columns.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.or_else(|| self.statement.columns())
    }

    /// The same in this portal's formats.
    pub(super) fn columns(&self) -> Option<Vec<Column>> {
        let columns = self.described_columns()?;
        let columns = columns.iter().cloned().enumerate();
        Some(columns.map(|(at, column)| Column { format: self.format(at), ..column }).collect())
    }

    /// The server described it.
    pub(super) fn described(&self, columns: Arc<[Column]>) {
        self.statement.described(Arc::clone(&columns), self.planned.under);
        *self.columns.lock().unwrap_or_else(PoisonError::into_inner) = Some(columns);
    }

    /// Takes its statement's columns for its own where both were described or planned under `now`. Gives whether it has them.
    pub(super) fn take_description(&self, now: (u64, u64)) -> bool {
        let same = self.planned.under == now && self.statement.described_under() == Some(now);
        if same {
            let columns = self.statement.columns();
            *self.columns.lock().unwrap_or_else(PoisonError::into_inner) = columns;
        }
        same
    }

    /// What allowed it to begin as this command, if it did.
    pub(super) fn begun(&self, command: &Command) -> Option<Allowed> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let same = begun.as_ref().filter(|begun| *begun.command == *command);
        same.map(|begun| begun.allowed.clone())
    }

    /// As what its first run was read, if there was one.
    pub(super) fn begun_as(&self) -> Option<Arc<Reading>> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.as_ref().map(|begun| Arc::clone(&begun.reading))
    }

    /// Sets what allowed it to begin.
    pub(super) fn begin(&self, allowed: &Allowed, reading: &Arc<Reading>) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let first = begun.take().map_or_else(|| Arc::clone(reading), |begun| begun.reading);
        let (allowed, command) = (allowed.clone(), Arc::clone(&reading.command));
        *begun = Some(Begun { allowed, command, reading: first });
    }
}

/// What a name stands for.
#[derive(Clone, Debug)]
struct Named {
    statement: Arc<Statement>,
    confirmed: bool,
}

/// A session's statements and portals by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    statements: HashMap<String, Named>,
    portals: HashMap<String, Arc<Portal>>,
}

/// What is found under a name.
pub(super) enum Found<T> {
    /// This.
    This(Arc<T>),
    /// What it stands for depends on an answer that is still due.
    NotYet,
    /// Nothing that is certain.
    Nothing,
}

impl Names {
    /// Whether nothing more may be prepared or bound.
    pub(super) fn is_full(&self) -> bool {
        self.statements.len() >= MOST || self.portals.len() >= MOST
    }

    /// What a name stands for in this segment.
    ///
    /// A statement of an earlier segment that is not confirmed may have failed.
    pub(super) fn find(&self, name: &str, segment: u64) -> Found<Statement> {
        match self.statements.get(name) {
            None => Found::Nothing,
            Some(named) if named.confirmed || named.statement.segment == segment => {
                Found::This(Arc::clone(&named.statement))
            }
            Some(_) => Found::NotYet,
        }
    }

    /// Whether a name may be prepared now; the unnamed statement always.
    pub(super) fn may_prepare(&self, name: &str, segment: u64) -> bool {
        name.is_empty() || !matches!(self.find(name, segment), Found::NotYet)
    }

    pub(super) fn prepare(&mut self, name: &str, statement: &Arc<Statement>) {
        let named = Named { statement: Arc::clone(statement), confirmed: false };
        self.statements.insert(name.to_owned(), named);
    }

    /// The server has prepared it.
    pub(super) fn confirm(&mut self, name: &str, statement: &Arc<Statement>) {
        if let Some(named) = self.statements.get_mut(name)
            && Arc::ptr_eq(&named.statement, statement)
        {
            named.confirmed = true;
        }
    }

    /// The server has not prepared it; what it has under the name instead is not certain.
    pub(super) fn not_prepared(&mut self, name: &str, statement: &Arc<Statement>) {
        if self.statements.get(name).is_some_and(|n| Arc::ptr_eq(&n.statement, statement)) {
            self.statements.remove(name);
        }
    }

    pub(super) fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }

    pub(super) fn bind(&mut self, name: &str, portal: &Arc<Portal>) {
        self.portals.insert(name.to_owned(), Arc::clone(portal));
    }

    /// The server has not bound it; what it has under the name instead is not certain.
    pub(super) fn not_bound(&mut self, name: &str, portal: &Arc<Portal>) {
        if self.portals.get(name).is_some_and(|current| Arc::ptr_eq(current, portal)) {
            self.portals.remove(name);
        }
    }

    /// The portal of a name. One that was bound in an earlier segment and is not confirmed may have failed: then the server has
    /// what was there before.
    pub(super) fn portal(&self, name: &str, segment: u64) -> Found<Portal> {
        match self.portals.get(name) {
            None => Found::Nothing,
            Some(portal) if portal.confirmed.load(Relaxed) || portal.segment == segment => {
                Found::This(Arc::clone(portal))
            }
            Some(_) => Found::NotYet,
        }
    }

    pub(super) fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    /// A transaction has ended with this segment: the portals that were bound up to it are gone.
    pub(super) fn end_transaction(&mut self, segment: u64) {
        self.portals.retain(|_, portal| portal.segment > segment);
    }

    /// SQL of its own was sent that may take names away, or give them another meaning.
    pub(super) fn follow(&mut self, effect: &Effect) {
        match effect {
            Effect::Prepare { name } | Effect::Deallocate { name: Some(name) } => {
                self.statements.remove(name);
            }
            Effect::Deallocate { name: None } => self.statements.clear(),
            Effect::DeclareCursor { name, .. } | Effect::CloseCursor { name: Some(name) } => {
                self.portals.remove(name);
            }
            Effect::CloseCursor { name: None } | Effect::RollbackTo { .. } => self.portals.clear(),
            Effect::Discard { what: "all" } => {
                self.statements.clear();
                self.portals.clear();
            }
            _ => {}
        }
    }
}
