//! What of a text is protected: the columns that the policies in force would cover.
//!
//! Policies say what they cover by planning; they are asked once for each relation.
//! What a text does with such columns is then told to the policies that judge it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use palisade_policy::{Command, Denial, Edition, GateSession, Operation, Planner};

use crate::catalog::{ANYWHERE, Catalog, FRESH};
use crate::reading::{Reading, StatementReading, USE, unaccounted};

/// How many marked readings are remembered.
const MOST: usize = 1024;

/// A relation, as (schema, name).
type Relation = (String, String);

/// What is known to be protected in one session.
#[derive(Debug, Default)]
pub(super) struct Protection {
    edition: Edition,
    generation: u64,
    columns: HashMap<Relation, Arc<BTreeSet<String>>>,
    /// Whether a value that may come from anywhere is covered: somebody protects something.
    anywhere: Option<bool>,
    /// Marked readings by what they were made of, which is kept so that its address stays its own.
    marked: HashMap<usize, (Arc<Reading>, Arc<Reading>)>,
}

/// What there is to ask while a text is marked.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    planner: &'a Planner,
    catalog: &'a Catalog,
}

impl<'a> Asking<'a> {
    pub(super) fn new(planner: &'a Planner, catalog: &'a Catalog) -> Self {
        Self { planner, catalog }
    }
}

impl Protection {
    /// Takes up the newest policies. `None` where they mask nothing, so that nothing is protected.
    pub(super) fn renew(&mut self, gate: &mut GateSession, catalog: &Catalog) -> Option<Planner> {
        let (edition, generation) = (gate.renew(), catalog.generation());
        if (edition, generation) != (self.edition, self.generation) || !gate.plans_last() {
            *self = Self { edition, generation, ..Self::default() };
        }
        (!gate.masks_nothing()).then(|| gate.planner())
    }

    /// The reading with what of it is protected.
    ///
    /// # Errors
    /// A denial when a policy fails.
    pub(super) fn mark(
        &mut self,
        reading: &Arc<Reading>,
        asking: Asking<'_>,
    ) -> Result<Arc<Reading>, Denial> {
        let address = Arc::as_ptr(reading).addr();
        if let Some((_, marked)) = self.marked.get(&address) {
            return Ok(Arc::clone(marked));
        }
        let marked = Arc::new(self.marked_anew(reading, asking)?);
        if self.marked.len() >= MOST {
            self.marked.clear();
        }
        self.marked.insert(address, (Arc::clone(reading), Arc::clone(&marked)));
        Ok(marked)
    }

    fn marked_anew(&mut self, reading: &Reading, asking: Asking<'_>) -> Result<Reading, Denial> {
        let mut operations = reading.command.operations.to_vec();
        let mut complete = reading.command.complete;
        // What nothing is certain of may be a view of something that is protected.
        let in_doubt = reading.statements.iter().any(|statement| statement.exposure.in_doubt);
        for operation in operations.iter_mut().filter(|o| o.action == USE) {
            self.mark_use(operation, in_doubt, asking)?;
        }
        let mut guarded = Vec::with_capacity(reading.statements.len());
        for statement in reading.statements.iter() {
            let touches = self.touches(statement, asking)?;
            if touches {
                for reason in &statement.exposure.reservations {
                    operations.push(unaccounted(&format!(
                        "it touches a protected relation, and {reason}"
                    )));
                    complete = false;
                }
            }
            let opaque = statement.is_opaque() && self.anywhere(asking)?;
            guarded.push(touches || opaque);
        }
        let (text, operations) = (reading.command.text.clone(), operations.into());
        Ok(reading.marked(Command { text, operations, complete }, &guarded))
    }

    /// Adds which of the columns that an operation uses are protected. A dot may be in the name of the schema or of the
    /// relation as well: then it is each of the relations that may be meant.
    fn mark_use(
        &mut self,
        operation: &mut Operation,
        in_doubt: bool,
        asking: Asking<'_>,
    ) -> Result<(), Denial> {
        let all = operation.fields.iter().any(|field| field == "*");
        let mut hit: BTreeSet<String> = BTreeSet::new();
        for (at, _) in operation.object.match_indices('.') {
            let (schema, name) = operation.object.split_at(at);
            let name = name.trim_start_matches('.');
            let unknown = || asking.catalog.look(|known| known.columns(schema, name).is_empty());
            if in_doubt && schema != FRESH && unknown() && self.anywhere(asking)? {
                protect(operation, ["?".to_owned()]);
                return Ok(());
            }
            let covered = self.covered(&(schema.to_owned(), name.to_owned()), asking)?;
            let used = covered.iter().filter(|column| all || operation.fields.contains(column));
            hit.extend(used.cloned());
        }
        protect(operation, hit);
        Ok(())
    }

    fn touches(
        &mut self,
        statement: &StatementReading,
        asking: Asking<'_>,
    ) -> Result<bool, Denial> {
        for relation in &statement.exposure.relations {
            if !self.covered(relation, asking)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(statement.exposure.in_doubt && self.anywhere(asking)?)
    }

    /// The protected columns of a relation, by whatever name they are protected. What is not known of yet has none for
    /// now, which is not remembered: it may be looked up by the next text.
    fn covered(
        &mut self,
        relation: &Relation,
        asking: Asking<'_>,
    ) -> Result<Arc<BTreeSet<String>>, Denial> {
        if let Some(columns) = self.columns.get(relation) {
            return Ok(Arc::clone(columns));
        }
        let (schema, name) = relation;
        let columns = asking.catalog.look(|known| known.column_names(schema, name));
        if columns.is_empty() {
            return Ok(Arc::default());
        }
        let (columns, names): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let covered = asking.planner.covered(names)?;
        let protected = columns.into_iter().zip(covered).filter(|(_, covered)| *covered);
        let protected: Arc<BTreeSet<String>> = Arc::new(protected.map(|(name, _)| name).collect());
        self.columns.insert(relation.clone(), Arc::clone(&protected));
        Ok(protected)
    }

    /// Whether somebody protects something.
    pub(super) fn anywhere(&mut self, asking: Asking<'_>) -> Result<bool, Denial> {
        if let Some(known) = self.anywhere {
            return Ok(known);
        }
        let covered = asking.planner.covered([vec![ANYWHERE.to_owned()]])?.contains(&true);
        self.anywhere = Some(covered);
        Ok(covered)
    }
}

/// Notes which columns are protected of those that an operation uses, and how often it may guess at their values. Testing
/// for NULL is no guess, and reading in an index's order asks nothing by itself.
fn protect(operation: &mut Operation, columns: impl IntoIterator<Item = String>) {
    let is_guesses = |(fact, _): &(String, String)| fact == "guesses";
    let before = operation.facts.len();
    let columns = columns.into_iter();
    operation.facts.extend(columns.map(|column| ("protected".to_owned(), column)));
    let asks =
        |(fact, how): &(String, String)| fact == "how" && how != "null-test" && how != "by-index";
    if operation.facts.len() == before {
        operation.facts.retain(|fact| !is_guesses(fact));
    } else if operation.facts.iter().any(asks) && !operation.facts.iter().any(is_guesses) {
        operation.facts.push(("guesses".to_owned(), "1".to_owned()));
    }
}
