//! Results of statements that were run before, ready to be opened again: where a result comes from, and how it is masked, is found
//! out once for each statement and shape.

use std::sync::Arc;

use palisade_policy::Edition;

use super::Session;
use super::result::OpenResult;
use crate::codec::backend::Column;
use crate::reading::StatementReading;

/// How many results a session keeps.
const MOST: usize = 16;

/// What decides, besides its columns, how a statement's result is opened.
#[derive(Clone, Debug)]
pub(super) struct Under {
    /// What was read, by its place in memory, and which of its statements it is.
    statements: Arc<[StatementReading]>,
    at: usize,
    /// The catalog's generation.
    generation: u64,
    edition: Edition,
}

impl Under {
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.statements, &other.statements)
            && (self.at, self.generation, self.edition)
                == (other.at, other.generation, other.edition)
    }
}

/// The results that a session keeps, the newest last.
#[derive(Debug, Default)]
pub(super) struct Opened(Vec<OpenResult>);

impl Opened {
    /// A result that is open as one under `now` would be, with these columns in these formats.
    pub(super) fn take(
        &mut self,
        now: &Under,
        columns: &[Column],
        format: impl Fn(usize) -> i16,
    ) -> Option<OpenResult> {
        let at = self.0.iter().rposition(|kept| kept.is_of(now, columns, &format))?;
        Some(self.0.remove(at))
    }

    /// Keeps one that is complete, for the next run.
    pub(super) fn keep(&mut self, result: OpenResult) {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(result);
    }
}

impl Session {
    /// What decides how the result that is due is opened; `None` where that is no rule for the next.
    pub(super) fn under_now(&self) -> Option<Under> {
        let (reading, at, moment) = self.due.running()?;
        reading.statements.get(at)?;
        if self.changing.is_some() || self.is_overtaken(moment) || !self.gate.plans_last() {
            return None;
        }
        let statements = Arc::clone(&reading.statements);
        let (generation, edition) = (self.catalog.generation(), self.gate.edition());
        Some(Under { statements, at, generation, edition })
    }

    /// Whether everything is known that these columns say that they are of.
    pub(super) fn knows_origins(&self, columns: &[Column]) -> bool {
        let mut origins = columns.iter().map(|column| column.relation).filter(|oid| *oid != 0);
        self.gate.masks_nothing()
            || self.catalog.look(|known| origins.all(|oid| known.relation(oid).is_some()))
    }
}
