//! A result on its way to the client: its plan, and what of it is recorded.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_mask::CellMask;
use palisade_policy::{
    Denial, Field, Planned, RecordedField, RecordedResult, Shape, Treatment, Written,
};
use palisade_relay::{Output, Peer};

use super::copy::{CopyMask, shape_of};
use super::encoding::Characters;
use super::expected::Refusal;
use super::opened::Under;
use super::statements::Portal;
use super::{Answer, Session, types};
use crate::catalog::{ColumnName, Relation, Wanted};
use crate::codec::backend::Column;
use crate::reading::{Reading, StatementReading};

/// A result that the server is sending.
pub(super) struct OpenResult {
    pub(super) columns: Vec<Column>,
    /// What to do with each column; empty where nothing is done.
    pub(super) masks: Vec<CellMask>,
    pub(super) planned: Option<Planned>,
    /// Whether each column is looked into by plugins.
    pub(super) inspected: Vec<bool>,
    pub(super) copy: Option<CopyMask>,
    /// Holds a value that is shown otherwise than it came, one after another.
    pub(super) cell: Vec<u8>,
    pub(super) record: RecordedResult,
    /// How many more bytes of it are recorded.
    pub(super) room: usize,
    /// The client gets nothing of it, since a policy failed.
    pub(super) withheld: Option<Denial>,
    /// What it was opened under, where another result of its statement would be opened in the same way.
    under: Option<Under>,
}

impl std::fmt::Debug for OpenResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenResult").field("under", &self.under).finish_non_exhaustive()
    }
}

impl OpenResult {
    pub(super) fn new(columns: Vec<Column>, room: usize) -> Self {
        let fields: Vec<_> = columns
            .iter()
            .map(|column| RecordedField {
                name: column.name.clone(),
                type_name: types::name(column.type_oid),
                masked: false,
                sources: None,
            })
            .collect();
        Self {
            record: RecordedResult { fields: fields.into(), ..RecordedResult::default() },
            columns,
            masks: vec![],
            planned: None,
            inspected: vec![],
            copy: None,
            cell: Vec::new(),
            room,
            withheld: None,
            under: None,
        }
    }

    /// The same result before its first row, for the next run of its statement; `None` where that may be another.
    pub(super) fn begun_anew(mut self, room: usize) -> Option<Self> {
        if self.under.is_none() || self.withheld.is_some() || self.copy.is_some() {
            return None;
        }
        let RecordedResult { fields, observed, .. } = self.record;
        self.record = RecordedResult { fields, observed, ..RecordedResult::default() };
        let treatments = self.planned.iter().flat_map(|planned| &planned.masking.fields);
        for (at, treatment) in treatments.enumerate() {
            mark(&mut self.record.fields, at, is_masked(treatment));
        }
        self.room = room;
        Some(self)
    }

    /// Whether a run under `now` would open it like this.
    pub(super) fn is_of(
        &self,
        now: &Under,
        columns: &[Column],
        format: impl Fn(usize) -> i16,
    ) -> bool {
        let same = |(at, (own, column)): (usize, (&Column, &Column))| {
            own.format == format(at)
                && (own.relation, own.number) == (column.relation, column.number)
                && (own.type_oid, &own.name) == (column.type_oid, &column.name)
        };
        self.under.as_ref().is_some_and(|under| under.is(now))
            && self.columns.len() == columns.len()
            && self.columns.iter().zip(columns).enumerate().all(same)
    }

    /// Whether its rows pass as they come.
    pub(super) fn is_plain(&self) -> bool {
        self.masks.is_empty() && self.withheld.is_none()
    }

    /// Takes up a plan for its columns.
    pub(super) fn follow(&mut self, planned: Planned) -> Result<(), Denial> {
        self.record.observed = Arc::clone(&planned.observed);
        if planned.masking.keeps_fields() {
            return Ok(());
        }
        for (at, treatment) in (0..self.columns.len()).zip(&planned.masking.fields) {
            let mask = CellMask::new(treatment).map_err(|refused| Denial {
                reason: format!("a policy asks for masking that there is not: {refused}"),
                rule: "gateway.policy-failed".into(),
                hint: "Tell whoever operates the gateway.".into(),
            })?;
            self.masks.push(mask);
            self.inspected.push(!treatment.inspect.is_empty());
            mark(&mut self.record.fields, at, is_masked(treatment));
        }
        self.planned = Some(planned);
        Ok(())
    }
}

/// Notes whether a column's values count as masked. A result that is as it was before is written as it was.
pub(super) fn mark(fields: &mut Written<Vec<RecordedField>>, at: usize, masked: bool) {
    if fields.get(at).is_some_and(|field| field.masked != masked)
        && let Some(field) = fields.change().get_mut(at)
    {
        field.masked = masked;
    }
}

/// Whether every value counts as masked; of one that is only scanned that shows when something was found.
fn is_masked(treatment: &Treatment) -> bool {
    treatment.cover.is_some() || !treatment.inspect.is_empty()
}

/// What became of the start of a result.
pub(super) enum Begun {
    /// It is open.
    Yes,
    /// Where its columns come from is looked up first.
    Waits,
}

impl Session {
    /// Opens the result of the answer that is due, whose columns are known.
    pub(super) fn begin_result(
        &mut self,
        columns: Vec<Column>,
        output: &mut Output<Answer>,
    ) -> Begun {
        let under = self.under_now();
        let format = |at: usize| columns.get(at).map_or(0, |column| column.format);
        let again = under.as_ref().and_then(|now| self.opened.take(now, &columns, format));
        if again.is_some() {
            self.result = again;
            return Begun::Yes;
        }
        let masks = !self.gate.masks_nothing();
        if masks && self.look_up_origins(&columns, output) {
            return Begun::Waits;
        }
        let under = under.filter(|_| self.knows_origins(&columns));
        let mut result = match masks {
            true => self.planned_result(columns),
            false => OpenResult::new(columns, self.record_limit),
        };
        result.under = under;
        self.result = Some(result);
        Begun::Yes
    }

    /// A result as the policies plan it.
    fn planned_result(&mut self, columns: Vec<Column>) -> OpenResult {
        let statement = self.statement_due();
        let fields = self.fields(&columns, &statement);
        let mut result = OpenResult::new(columns, self.record_limit);
        for (recorded, field) in result.record.fields.change().iter_mut().zip(&fields) {
            recorded.sources = Some(field.sources.clone());
        }
        let planned = self.gate.plan(&Shape::Table(fields));
        if let Err(denial) = planned.and_then(|planned| result.follow(planned)) {
            result.withheld = Some(denial);
        }
        result
    }

    /// Opens the result of a prepared statement, whose first row is there.
    pub(super) fn begin_prepared(
        &mut self,
        portal: &Portal,
        output: &mut Output<Answer>,
    ) -> Option<Begun> {
        let columns = portal.described_columns();
        if let (Some(now), Some(columns)) = (self.under_now(), &columns) {
            let again = self.opened.take(&now, columns, |at| portal.format(at));
            if again.is_some() {
                self.result = again;
                return Some(Begun::Yes);
            }
        }
        Some(self.begin_result(portal.columns()?, output))
    }

    /// The statement whose result the server is sending.
    pub(super) fn statement_due(&self) -> Cow<'_, StatementReading> {
        let Some((reading, at, moment)) = self.due.running() else { return Cow::default() };
        let mut statement: Cow<'_, StatementReading> =
            reading.statements.get(at).map(Cow::Borrowed).unwrap_or_default();
        if self.is_overtaken(moment) {
            // It may have waited for a lock while what it reads was made something else.
            statement.to_mut().open();
        }
        statement
    }

    /// Whether relations must be looked up before it is known where these columns come from.
    fn look_up_origins(&mut self, columns: &[Column], output: &mut Output<Answer>) -> bool {
        let oids: BTreeSet<u32> = self.catalog.look(|known| {
            let origins = columns.iter().map(|column| column.relation);
            let unknown = origins.filter(|oid| *oid != 0 && known.relation(*oid).is_none());
            unknown.filter(|oid| !self.unknown_oids.contains(oid)).collect()
        });
        if oids.is_empty() {
            return false;
        }
        self.look_up(Peer::Server, Wanted { oids, ..Wanted::default() }, output);
        true
    }

    /// A result's columns as policies see them, with every column of the catalog that may flow into each.
    fn fields(&self, columns: &[Column], statement: &StatementReading) -> Vec<Field> {
        let width = columns.len();
        let sources = |at: usize, column: &Column| {
            let mut sources = BTreeSet::new();
            let relation = self.catalog.look(|known| known.relation(column.relation).cloned());
            let is_sure =
                |relation: &Arc<Relation>| self.changing.is_none() || relation.view.is_none();
            if let Some(relation) = relation.filter(is_sure) {
                let name = relation.columns.get(&column.number).map_or("*", String::as_str);
                let mut names = BTreeSet::new();
                self.catalog.look(|known| relation.sources(known, name, &mut names));
                sources.extend(names.iter().map(ColumnName::to_string));
            }
            // An origin tells all of a value that was only read, if it is known what it is an origin of;
            // one that was written holds whatever was put in.
            if sources.is_empty() || statement.writes {
                sources.extend(statement.lineage.of(at, width).iter().cloned());
            }
            sources.into_iter().collect()
        };
        let fields = columns.iter().enumerate().map(|(at, column)| Field {
            name: column.name.clone(),
            sources: sources(at, column),
            type_name: types::name(column.type_oid),
        });
        fields.collect()
    }

    /// Refuses a text that carries protected values to where they cannot be protected.
    pub(super) fn check_flows(&mut self, reading: &Reading) -> Result<(), Refusal> {
        if self.gate.masks_nothing() {
            return Ok(());
        }
        self.check_copies(reading)?;
        for stored in reading.statements.iter().flat_map(|statement| &statement.exposure.stored) {
            let field = |sources: &Vec<String>| Field {
                name: String::new(),
                sources: sources.clone(),
                type_name: "text".to_owned(),
            };
            let fields = vec![field(&stored.from), field(&stored.into)];
            let planned = self.gate.plan(&Shape::Table(fields)).map_err(Refusal::denied)?;
            let mut covered = planned.masking.fields.iter().map(|t| t.cover.is_some());
            // What is protected may go to where it is protected as well.
            if (covered.next(), covered.next()) == (Some(true), Some(false)) {
                let reason = "this would put protected values where nothing protects them";
                let hint = "Leave the protected columns out: values can be written, but not copied, returned or renamed.";
                return Err(Refusal::of("42501", "gateway.copies-protected", reason.into(), hint));
            }
        }
        Ok(())
    }

    /// Refuses a text with a copy towards the client that must be masked and cannot be.
    fn check_copies(&mut self, reading: &Reading) -> Result<(), Refusal> {
        let mut encoding = self.encoding;
        encoding.may_become(reading);
        for copy in reading.statements.iter().filter_map(|statement| statement.copy.as_ref()) {
            // What is not there the server says best; should it be there by then, its rows are withheld.
            if copy.is_of_nothing {
                continue;
            }
            let planned = self.gate.plan(&shape_of(copy)).map_err(Refusal::denied)?;
            // A character of another encoding may hold a byte that looks like a delimiter.
            let possible = CopyMask::is_possible(copy, &planned)
                && encoding.worst_characters == Characters::Utf8;
            if !possible && !planned.masking.keeps_fields() {
                let reason = "this COPY would carry values that must be masked, in a form in which they cannot be";
                let hint = "Use COPY … TO STDOUT in text format with the columns named and no NULL text of your own, or SELECT.";
                return Err(Refusal::of("42501", "gateway.copy-unmaskable", reason.into(), hint));
            }
        }
        Ok(())
    }
}
