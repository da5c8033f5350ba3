//! Prepared statements and portals, as the server has them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use palisade_policy::Allowed;

use crate::codec::backend::Column;
use crate::reading::Reading;

/// How many statements, and how many portals, a session may hold.
const MOST: usize = 20_000;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) reading: Arc<Reading>,
    /// Which run of messages between two `Sync`s prepared it.
    pub(super) segment: u64,
    /// What allowed it; taken away when it was for one run and that run began.
    grant: Mutex<Option<Allowed>>,
    /// Its result's columns, once the server described them. Their formats are the portals' matter.
    pub(super) columns: OnceLock<Arc<[Column]>>,
}

impl Statement {
    pub(super) fn new(reading: Arc<Reading>, allowed: Allowed, segment: u64) -> Self {
        Self { reading, segment, grant: Mutex::new(Some(allowed)), columns: OnceLock::new() }
    }

    /// What allows the next run, if something does. A grant for one run is gone thereafter.
    pub(super) fn take_grant(&self) -> Option<Allowed> {
        let mut grant = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        if grant.as_ref().is_some_and(|allowed| allowed.once) {
            grant.take()
        } else {
            grant.clone()
        }
    }

    /// Keeps a grant for the next run.
    pub(super) fn put_back(&self, allowed: Allowed) {
        *self.grant.lock().unwrap_or_else(PoisonError::into_inner) = Some(allowed);
    }
}

/// A portal.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) statement: Arc<Statement>,
    /// None (all text), one (for all), or one for each column.
    formats: Vec<i16>,
    /// What allowed it to begin: the rest of its rows needs no other approval.
    begun: OnceLock<Allowed>,
}

impl Portal {
    pub(super) fn new(statement: Arc<Statement>, formats: Vec<i16>) -> Self {
        Self { statement, formats, begun: OnceLock::new() }
    }

    /// The format of the column at `position`.
    pub(super) fn format(&self, position: usize) -> i16 {
        match self.formats.as_slice() {
            [] => 0,
            [all] => *all,
            each => each.get(position).copied().unwrap_or(0),
        }
    }

    /// The statement's columns in this portal's formats, once they are known.
    pub(super) fn columns(&self) -> Option<Vec<Column>> {
        let columns = self.statement.columns.get()?.iter().cloned().enumerate();
        Some(columns.map(|(at, column)| Column { format: self.format(at), ..column }).collect())
    }

    /// What allowed it to begin, if it did.
    pub(super) fn begun(&self) -> Option<Allowed> {
        self.begun.get().cloned()
    }

    pub(super) fn begin(&self, allowed: &Allowed) {
        let _ = self.begun.set(allowed.clone());
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

/// What is found under a statement's name.
pub(super) enum Found {
    /// This.
    Statement(Arc<Statement>),
    /// What it stands for depends on an answer that is still due.
    NotYet,
    /// Nothing that was prepared by `Parse`.
    Nothing,
}

impl Names {
    /// Whether nothing more may be prepared or bound.
    pub(super) fn is_full(&self) -> bool {
        self.statements.len() >= MOST || self.portals.len() >= MOST
    }

    /// What a name stands for in this segment.
    ///
    /// A statement of an earlier segment that is not confirmed may have failed, and the name then stands for what it did before.
    pub(super) fn find(&self, name: &str, segment: u64) -> Found {
        match self.statements.get(name) {
            None => Found::Nothing,
            Some(named) if named.confirmed || named.statement.segment == segment => {
                Found::Statement(Arc::clone(&named.statement))
            }
            Some(_) => Found::NotYet,
        }
    }

    /// Whether a name may be prepared now; the unnamed statement always.
    pub(super) fn may_prepare(&self, name: &str, segment: u64) -> bool {
        name.is_empty() || !matches!(self.find(name, segment), Found::NotYet)
    }

    /// Gives what the name stood for before.
    pub(super) fn prepare(
        &mut self,
        name: &str,
        statement: &Arc<Statement>,
    ) -> Option<Arc<Statement>> {
        let named = Named { statement: Arc::clone(statement), confirmed: false };
        self.statements.insert(name.to_owned(), named).map(|previous| previous.statement)
    }

    /// The server has prepared it.
    pub(super) fn confirm(&mut self, name: &str, statement: &Arc<Statement>) {
        match self.statements.get_mut(name) {
            Some(named) if Arc::ptr_eq(&named.statement, statement) => named.confirmed = true,
            // Prepared anew meanwhile, or closed.
            Some(_) | None => {}
        }
    }

    /// The server has not prepared it.
    pub(super) fn undo(
        &mut self,
        name: &str,
        statement: &Arc<Statement>,
        previous: Option<Arc<Statement>>,
    ) {
        let current = self.statements.get(name);
        if name.is_empty() {
            // Whether the server still has an older one depends on why it failed: nothing may be bound to it.
            if current.is_some_and(|named| !named.confirmed) {
                self.statements.remove(name);
            }
            return;
        }
        if !current.is_some_and(|named| Arc::ptr_eq(&named.statement, statement)) {
            return;
        }
        match previous {
            Some(statement) => {
                self.statements.insert(name.to_owned(), Named { statement, confirmed: true });
            }
            None => {
                self.statements.remove(name);
            }
        }
    }

    pub(super) fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }

    pub(super) fn bind(&mut self, name: &str, portal: Portal) {
        self.portals.insert(name.to_owned(), Arc::new(portal));
    }

    pub(super) fn portal(&self, name: &str) -> Option<&Arc<Portal>> {
        self.portals.get(name)
    }

    pub(super) fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    /// Outside of a transaction no portal is left, and a simple query drops the unnamed statement.
    pub(super) fn end_transaction(&mut self) {
        self.portals.clear();
    }
}
