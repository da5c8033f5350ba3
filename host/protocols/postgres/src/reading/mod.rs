//! SQL text as the gate judges it and as masking needs it: analysed, with every name resolved by the catalog.

mod by_index;
mod called;
mod copy;
mod exposure;
mod lineage;
mod settings;
mod stored;
mod targets;
mod tested;
mod touched;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_policy::{Command, Denial, Operation};
use palisade_sql::{Analysis, Effect, Object, Routine, Statement};

use self::called::Called;
use self::settings::SetByViews;
use self::touched::touch;

use crate::catalog::{ANYWHERE, Known, Touched, is_system, resolve, unresolved};

pub use copy::CopyShape;
pub use exposure::{Exposure, USE};
pub use lineage::Lineage;
pub(crate) use settings::is_setting;
pub use stored::Stored;
pub use wanted::wanted;
pub(crate) use wanted::wanted_by_new;

/// The action of an operation that says why a command is not accounted for; its object is the reason.
pub const UNACCOUNTED: &str = "unaccounted";

/// Where a text that cannot be read takes rows from the client, for all that is known.
const UNREADABLE: usize = usize::MAX - 1;

/// Actions that write rows.
const WRITES: [&str; 4] = ["insert", "update", "delete", "merge"];

/// A text, read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What the gate judges.
    pub command: Arc<Command>,
    /// One for each statement in order; none where the text could not be read.
    pub statements: Arc<[StatementReading]>,
    /// The place of the last statement that takes rows from the client.
    last_copy_in: Option<usize>,
    /// Why it cannot be judged at all.
    pub(crate) refused: Option<Denial>,
}

/// One statement, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementReading {
    /// Where its result comes from.
    pub lineage: Lineage,
    /// Whether it may write, so that a returned column can hold more than its own origin tells.
    pub writes: bool,
    /// What it does to the session.
    pub effects: Vec<Effect>,
    /// What it copies out.
    pub copy: Option<CopyShape>,
    /// What of it is of consequence where something is protected.
    pub exposure: Exposure,
    /// Whether it stores what its result would be.
    pub keeps: bool,
    /// Whether what the server says of it could quote a protected value.
    pub guarded: bool,
    /// The functions that it defines.
    pub defines: Vec<Arc<Routine>>,
    /// Whether it may change settings by what is not followed.
    pub sets_unseen: bool,
}

impl Default for StatementReading {
    /// A statement of which nothing is known.
    fn default() -> Self {
        Self {
            lineage: Lineage::default(),
            writes: true,
            effects: vec![],
            copy: None,
            exposure: Exposure::default(),
            keeps: true,
            guarded: true,
            defines: vec![],
            sets_unseen: true,
        }
    }
}

impl StatementReading {
    /// Whether names without schema may stand for other relations once it has run.
    #[must_use]
    pub fn may_change_paths(&self) -> bool {
        let changes = |effect: &Effect| match effect {
            // The path may name the role itself ("$user").
            Effect::Set { name, .. } | Effect::Reset { name } => {
                matches!(name.as_str(), "search_path" | "role" | "session_authorization")
            }
            Effect::ResetAll
            | Effect::ChangesCatalog
            | Effect::Discard { .. }
            | Effect::Commit { .. }
            | Effect::Rollback { .. }
            | Effect::RollbackTo { .. }
            | Effect::PrepareTransaction
            // What is run by its name may change them.
            | Effect::Execute { .. }
            | Effect::Fetch { .. } => true,
            _ => false,
        };
        self.effects.iter().any(changes) || self.is_opaque()
    }

    /// Takes its result to hold values from anywhere: what it was judged by is no longer so.
    pub(crate) fn open(&mut self) {
        self.lineage.open();
        self.writes = true;
        self.copy = None;
        self.guarded = true;
    }

    /// Whether its result may hold a value from anywhere.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.lineage.all().iter().any(|source| source == ANYWHERE)
    }
}

impl Reading {
    /// A text that cannot be read, for one reason.
    #[must_use]
    pub fn unreadable(text: String, reason: &str) -> Self {
        let command = Command { text, operations: [unaccounted(reason)].into(), complete: false };
        // It may begin a copy from the client at any of its statements.
        let last_copy_in = Some(UNREADABLE);
        Self { command: Arc::new(command), last_copy_in, ..Self::default() }
    }

    /// Whether it is of a text that cannot be read, whatever names stand for.
    #[must_use]
    pub(crate) fn is_unreadable(&self) -> bool {
        self.refused.is_none() && self.last_copy_in == Some(UNREADABLE)
    }

    /// Reads an analysed text; `problem` says why names could not be looked up.
    /// `certain`: whether a name that nothing is known of stands for nothing.
    #[must_use]
    pub fn new(
        text: &str,
        analysis: &Analysis,
        known: &Known,
        problem: Option<&str>,
        certain: bool,
    ) -> Self {
        let known_before = known;
        let certain = certain && problem.is_none();
        let mut operations = Vec::new();
        let mut statements = Vec::new();
        // What a statement of the text changes, those behind it meet.
        let mut changing: Option<(Touched, Known)> = None;
        let mut unseen = BTreeSet::new();
        for read in &analysis.statements {
            let known = changing.as_ref().map_or(known_before, |(_, doubted)| doubted);
            let first = operations.len();
            for operation in &read.operations {
                resolved(operation, known, &mut operations);
            }
            let called = Called::new(read, known);
            called.add_to(&mut operations, first, known);
            let set = SetByViews::new(read, &called, known);
            set.add_to(&mut operations, known);
            unseen.extend(called.unseen(read));
            unseen.extend(hangs_code(read));
            operations.extend(exposure::uses(read, known));
            operations.extend(by_index::uses(read, known));
            operations.extend(tested::uses(read, known));
            operations.extend(exposure::elsewhere(read, known));
            let mut statement = statement(read, &called, known, certain && !known.is_doubtful());
            statement.effects.extend(set.effects());
            statements.push(statement);
            if read.effects.contains(&Effect::ChangesCatalog) && analysis.statements.len() > 1 {
                let own = operations.get(first..).unwrap_or_default();
                let mut touched = changing.take().map(|(touched, _)| touched).unwrap_or_default();
                let defines = read.defines.iter().cloned().map(Arc::new);
                touch(own, &defines.collect::<Vec<_>>(), &mut touched);
                let doubted = known_before.doubted(&touched);
                changing = Some((touched, doubted));
            }
        }
        let system = operations.iter().any(writes_to_system);
        let system = system.then_some("it writes to the server's own catalog");
        let gaps = analysis.gaps.iter().map(String::as_str).chain(problem).chain(system);
        let gaps: Vec<_> = gaps.chain(unseen).collect();
        let complete = gaps.is_empty();
        operations.extend(gaps.into_iter().map(unaccounted));
        let operations = operations.into();
        let command = Command { text: text.to_owned(), operations, complete };
        let copies_in = |statement: &StatementReading| statement.effects.contains(&Effect::CopyIn);
        let last_copy_in = statements.iter().rposition(copies_in);
        let statements = statements.into();
        Self { command: Arc::new(command), statements, last_copy_in, ..Self::default() }
    }

    /// Whether it means something else depending on what the session did before.
    #[must_use]
    pub fn depends_on_session(&self) -> bool {
        self.statements.iter().any(|statement| runs_what_a_name_stands_for(&statement.effects))
    }

    /// The same, with the operations of other readings that it runs, and reasons why it is not accounted for.
    #[must_use]
    pub fn extended<'a>(
        &self,
        others: impl IntoIterator<Item = &'a Command>,
        gaps: &[String],
    ) -> Self {
        let mut operations = self.command.operations.to_vec();
        let mut complete = self.command.complete && gaps.is_empty();
        for other in others {
            operations.extend(other.operations.iter().cloned());
            complete &= other.complete;
        }
        operations.extend(gaps.iter().map(|gap| unaccounted(gap)));
        let (text, operations) = (self.command.text.clone(), operations.into());
        let command = Command { text, operations, complete };
        Self { command: Arc::new(command), ..self.clone() }
    }

    /// The same, and what the server planned it as, where that was something else: then it is judged as both, and its result may
    /// hold a value from anywhere.
    #[must_use]
    pub(crate) fn or_as_planned(self: &Arc<Self>, planned: &Arc<Self>) -> Arc<Self> {
        if Arc::ptr_eq(self, planned) || self.means_the_same(planned) {
            return Arc::clone(self);
        }
        let mut both = self.extended([&*planned.command], &[]).opened();
        both.refused = both.refused.or_else(|| planned.refused.clone());
        if self.statements.len() == planned.statements.len() {
            let mut statements = both.statements.to_vec();
            for (statement, planned) in statements.iter_mut().zip(planned.statements.iter()) {
                statement.exposure.add(&planned.exposure);
                statement.sets_unseen |= planned.sets_unseen;
            }
            both.statements = statements.into();
        } else {
            // Of what is not there everything is assumed.
            both.statements = [].into();
        }
        Arc::new(both)
    }

    /// The same, with results that may hold a value from anywhere.
    #[must_use]
    pub(crate) fn opened(&self) -> Self {
        let mut statements = self.statements.to_vec();
        statements.iter_mut().for_each(StatementReading::open);
        Self { statements: statements.into(), ..self.clone() }
    }

    /// Whether it is another reading of the same text that says the same, whatever the policies say of either.
    #[must_use]
    pub(crate) fn means_the_same(&self, other: &Self) -> bool {
        let read = |reading: &Self| {
            let unguarded =
                |one: &StatementReading| StatementReading { guarded: false, ..one.clone() };
            let statements: Vec<_> = reading.statements.iter().map(unguarded).collect();
            let operations = reading.command.operations.iter();
            let operations = operations.filter(|operation| operation.action != UNACCOUNTED);
            let of_its_own = |operation: &Operation| {
                let mut own = operation.clone();
                own.facts.retain(|(fact, _)| fact != "protected" && fact != "guesses");
                own
            };
            (statements, operations.map(of_its_own).collect::<Vec<_>>())
        };
        self.command.text == other.command.text && read(self) == read(other)
    }

    /// The same, as it is to be judged: with another command, and for each statement whether it is guarded.
    #[must_use]
    pub(crate) fn marked(&self, command: Command, guarded: &[bool]) -> Self {
        let marked = self.statements.iter().zip(guarded);
        let marked = marked.map(|(statement, guarded)| StatementReading {
            guarded: *guarded,
            ..statement.clone()
        });
        Self { command: Arc::new(command), statements: marked.collect(), ..self.clone() }
    }

    /// The same for another text of which all of this holds: one that differs in its constants alone.
    #[must_use]
    pub(crate) fn of_text(&self, text: &str) -> Self {
        let Command { operations, complete, .. } = &*self.command;
        let (text, operations) = (text.to_owned(), operations.clone());
        let command = Command { text, operations, complete: *complete };
        Self { command: Arc::new(command), ..self.clone() }
    }

    /// A text that is refused whatever it does.
    pub(crate) fn refused(text: String, denial: Denial) -> Self {
        let reading = Self::unreadable(text, &denial.reason);
        Self { refused: Some(denial), ..reading }
    }

    /// Whether it is known what it does to the session.
    #[must_use]
    pub(crate) fn is_followed(&self) -> bool {
        let opaque = self.statements.iter().any(StatementReading::is_opaque);
        self.command.complete && !self.statements.is_empty() && !opaque
    }

    /// Whether it may change settings by what is not followed.
    #[must_use]
    pub(crate) fn may_set_unseen(&self) -> bool {
        let sets = self.statements.iter().any(|statement| statement.sets_unseen);
        !self.command.complete || self.statements.is_empty() || sets
    }

    /// The place of the last statement that takes rows from the client.
    #[must_use]
    pub fn last_copy_in(&self) -> Option<usize> {
        self.last_copy_in
    }

    /// Whether a statement changes the catalog.
    #[must_use]
    pub fn changes_catalog(&self) -> bool {
        let effects = self.statements.iter().flat_map(|statement| &statement.effects);
        effects.into_iter().any(|effect| *effect == Effect::ChangesCatalog)
    }

    /// Whether it may make something that is there already mean something else, also to statements that run meanwhile.
    #[must_use]
    pub fn changes_meanings(&self) -> bool {
        let is_new =
            |kind: &str| matches!(kind, "column" | "index" | "schema" | "sequence" | "table");
        let changes = |operation: &Operation| match operation.action.as_str() {
            // What is gone, or may not be looked at, leaves its name to another in the search path.
            "alter" | "commit-prepared" | "drop" | "grant" | "import" | "revoke" => true,
            "create" => !operation.facts.iter().any(|(fact, kind)| fact == "kind" && is_new(kind)),
            _ => false,
        };
        self.changes_catalog() && self.command.operations.iter().any(changes)
    }

    /// Adds the relations whose meaning may be another once this has run.
    pub fn touch(&self, touched: &mut Touched) {
        let defines = self.statements.iter().flat_map(|statement| &statement.defines);
        touch(&self.command.operations, &defines.cloned().collect::<Vec<_>>(), touched);
    }
}

fn runs_what_a_name_stands_for(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Execute { .. } | Effect::Fetch { .. }))
}

fn statement(
    statement: &Statement,
    called: &Called<'_>,
    known: &Known,
    certain: bool,
) -> StatementReading {
    let copy = statement.effects.iter().find_map(|effect| match effect {
        Effect::CopyOut(copy) => Some(CopyShape::new(copy, &statement.outputs, known, certain)),
        _ => None,
    });
    let mut lineage = Lineage::new(&statement.outputs, known);
    if exposure::runs_unseen_code(statement, known) {
        lineage.open();
    }
    if !called.is_understood(known) {
        lineage.open_whole();
    }
    let mut exposure = Exposure::new(statement, known, certain);
    called.touched(known, &mut exposure.relations);
    StatementReading {
        lineage,
        writes: statement.operations.iter().any(|operation| {
            WRITES.contains(&operation.action) || ["execute", "call"].contains(&operation.action)
        }),
        effects: statement.effects.clone(),
        copy,
        exposure,
        keeps: statement.operations.iter().any(keeps),
        guarded: false,
        sets_unseen: called.may_set(statement, known)
            || runs_what_a_name_stands_for(&statement.effects),
        defines: statement.defines.iter().cloned().map(Arc::new).collect(),
    }
}

/// Why a statement is not accounted for that hangs functions of somebody's own, or what changes settings, on a type, a table, a
/// policy or an index: others run them there without naming them, and what they read may be another by then.
fn hangs_code(statement: &Statement) -> Option<&'static str> {
    if !statement.effects.contains(&Effect::ChangesCatalog) {
        return None;
    }
    if statement.effects.iter().any(is_setting) {
        return Some("it makes settings change where they are not named");
    }
    let defines = |operation: &palisade_sql::Operation| {
        let kinds = ["view", "matview", "function", "procedure"];
        operation.action == "create"
            && operation.facts.iter().any(|(_, kind)| kinds.contains(&kind.as_str()))
    };
    // A table that is made of a query calls what that calls, now.
    let is_of_query = !statement.outputs.columns.is_empty() || !statement.outputs.exact;
    let hangs =
        !statement.unknown.is_empty() && !is_of_query && !statement.operations.iter().any(defines);
    hangs.then_some("it makes functions of somebody's own run where they are not named")
}

/// Whether an operation makes the relation keep values that the statement reads.
fn keeps(operation: &palisade_sql::Operation) -> bool {
    match operation.action {
        "alter" => true,
        "create" => operation.facts.iter().any(|(key, kind)| *key == "kind" && kind == "table"),
        _ => false,
    }
}

/// Adds an operation once for every relation that its object may be, and for those that a view passes it on to.
fn resolved(operation: &palisade_sql::Operation, known: &Known, into: &mut Vec<Operation>) {
    let facts: Vec<_> =
        operation.facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let on = |object: String, facts: Vec<(String, String)>| Operation {
        action: operation.action.to_owned(),
        object,
        fields: operation.fields.clone(),
        facts,
    };
    let name = match &operation.object {
        Object::Other(other) => return into.push(on(other.clone(), facts)),
        Object::Relation(name) => name,
    };
    let mut found = false;
    for relation in resolve(known, name) {
        found = true;
        let mut own = facts.clone();
        if operation.action == "references" && !relation.runs.is_empty() {
            own.push(("runs".to_owned(), "code".to_owned()));
        }
        into.push(on(relation.full_name(), own));
        let mut bases = BTreeSet::new();
        relation.bases(known, &mut bases);
        for base in bases {
            let mut facts = facts.clone();
            facts.push(("through".to_owned(), relation.full_name()));
            into.push(on(base, facts));
        }
    }
    if !found {
        into.push(on(unresolved(name), facts));
    }
}

/// Writing to the server's own catalog may do anything: `UPDATE pg_settings` is `SET`.
fn writes_to_system(operation: &Operation) -> bool {
    WRITES.contains(&operation.action.as_str())
        && (is_system(operation.object.split('.').next().unwrap_or_default())
            || operation.object.ends_with(".pg_settings"))
}

pub(crate) fn unaccounted(reason: &str) -> Operation {
    Operation { action: UNACCOUNTED.to_owned(), object: reason.to_owned(), ..Operation::default() }
}

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod tests;
