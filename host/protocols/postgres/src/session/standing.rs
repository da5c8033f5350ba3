//! What the names of SQL's own statements and cursors, and those of portals, stand for when they are used.
//!
//! A server plans a prepared statement anew when what it reads was changed; a cursor, and a portal of what can be planned, give what was
//! planned when they were made. So the first is what its text means now, and the others are that and what it meant then.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use palisade_policy::{Command, Denial};
use palisade_relay::Output;
use palisade_sql::Effect;

use super::{Answer, Session};
use crate::reading::{Lineage, Reading, StatementReading, Stored, is_setting};

/// What `FETCH` reads from.
const CURSOR: &str = "cursor";

impl Session {
    /// Adds what stored statements, cursors and portals mean now that the text runs.
    pub(super) fn in_session(
        &mut self,
        reading: &Arc<Reading>,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let mut commands: Vec<Arc<Command>> = Vec::new();
        let mut gaps = Vec::new();
        let mut statements = reading.statements.to_vec();
        let mut operations = reading.command.operations.iter();
        let explains = operations.any(|operation| operation.action == "explain");
        for statement in &mut statements {
            for effect in statement.effects.clone() {
                let (what, name, meanings) = match &effect {
                    Effect::Execute { name } => {
                        ("prepared statement", name, self.prepared_now(name, output)?)
                    }
                    Effect::Fetch { cursor } => (CURSOR, cursor, self.cursor_now(cursor, output)?),
                    _ => continue,
                };
                let Some(meanings) = meanings else {
                    gaps.push(format!("it is not certain what the {what} \"{name}\" is"));
                    continue;
                };
                if let Err(denial) = check_queries(what, name, &meanings) {
                    return Some(Arc::new(Reading::refused(reading.command.text.clone(), denial)));
                }
                commands.extend(meanings.iter().map(|meaning| Arc::clone(&meaning.command)));
                stands_for(statement, &meanings);
                if explains {
                    // A plan tells more than the query's result does.
                    statement.open();
                }
            }
        }
        let mut extended = reading.extended(commands.iter().map(|command| &**command), &gaps);
        extended.statements = statements.into();
        Some(Arc::new(extended))
    }

    /// What a prepared statement of SQL's own may be; `None` inside where that is not certain, outside while names are looked up.
    fn prepared_now(
        &mut self,
        name: &str,
        output: &mut Output<Answer>,
    ) -> Option<Option<Vec<Arc<Reading>>>> {
        let Some(texts) = self.prepared.of(name) else { return Some(None) };
        let texts = texts.to_owned();
        let read = texts.iter().map(|text| self.read_text(text, None, output));
        read.collect::<Option<Vec<_>>>().map(Some)
    }

    /// The same for what `FETCH` reads from: cursors and portals that may have this name.
    fn cursor_now(
        &mut self,
        name: &str,
        output: &mut Output<Answer>,
    ) -> Option<Option<Vec<Arc<Reading>>>> {
        let Some(made) = self.cursors.of(name) else { return Some(None) };
        let made = made.to_owned();
        let mut meanings = Vec::with_capacity(made.len());
        for Made { planned, is_portal, .. } in made {
            // A portal that runs what a name stands for, or reads from one, began when it was first read from; what else it does
            // is followed where it is executed.
            let mut statements = planned.reading.statements.iter();
            if is_portal && statements.any(|statement| !statement.effects.is_empty()) {
                return Some(None);
            }
            let now = self.read_text(&planned.reading.command.text, None, output)?;
            let meaning = now.or_as_planned(&planned.reading);
            let certain = planned.is_settled() || !self.is_overtaken(planned.moment);
            meanings.push(if certain { meaning } else { Arc::new(meaning.opened()) });
        }
        Some(Some(meanings))
    }

    /// A cursor that was declared is planned; if nobody has changed the catalog since it was judged, as what it was read.
    pub(super) fn settle_cursor(&mut self) {
        let Some((reading, at, moment)) = self.due.running() else { return };
        let effects = reading.statements.get(at).map(|statement| &statement.effects);
        for effect in effects.into_iter().flatten() {
            if let Effect::DeclareCursor { name, .. } = effect
                && !self.is_overtaken(moment)
            {
                self.cursors.settle(name, reading);
            }
        }
    }

    /// Whether what was sent last may be committed without a further word.
    pub(super) fn may_commit(&self) -> bool {
        self.status == b'I' || self.transaction.may_have_ended()
    }

    /// Remembers what a statement that is sent on does to the session; `moment` is when it was read.
    pub(super) fn follow(&mut self, reading: &Arc<Reading>, moment: u64) {
        self.guarded |= reading.statements.iter().any(|statement| statement.guarded);
        if reading.changes_catalog() {
            reading.touch(self.changing.get_or_insert_default());
        }
        self.changing_meanings |= reading.changes_meanings();
        self.transaction.follow(reading);
        self.encoding.may_become(reading);
        if self.changing_meanings && self.may_commit() {
            self.tell_of_changes();
        }
        for effect in reading.statements.iter().flat_map(|statement| &statement.effects) {
            self.names.follow(effect);
            // A name may have stood for something else before, and may still do so if this fails.
            match effect {
                Effect::Prepare { name } => {
                    self.prepared.add(name, &reading.command.text);
                }
                Effect::DeclareCursor { name, hold } => {
                    let planned = Planned::new(Arc::clone(reading), moment, (0, 0));
                    let until = (!hold).then_some(self.segment);
                    let planned = Arc::new(planned);
                    self.cursors.add(name, Made { planned, until, is_portal: false });
                }
                _ => {}
            }
        }
    }
}

/// What a name stands for must be queries: what else a statement does (to settings, the catalog, the transaction, other names) is
/// followed where its own text runs.
///
/// # Errors
/// The denial of one that is something else.
fn check_queries(what: &str, name: &str, meanings: &[Arc<Reading>]) -> Result<(), Denial> {
    // SQL's own PREPARE and DECLARE take queries alone; their texts are those that do it.
    let prepares = |effect: &Effect| matches!(effect, Effect::Prepare { name: own } if own == name);
    let copies = |effect: &Effect| matches!(effect, Effect::CopyOut(_));
    let is_query = |meaning: &Reading| {
        let effects = || meaning.statements.iter().flat_map(|statement| &statement.effects);
        what == CURSOR || effects().any(prepares) || effects().all(copies)
    };
    if meanings.iter().all(|meaning| is_query(meaning)) {
        return Ok(());
    }
    Err(Denial {
        reason: format!("the {what} \"{name}\" does more than a query, and is run by its name"),
        rule: "postgres.runs-more-than-a-query".to_owned(),
        hint: "Run it by the protocol's own messages, or as a text of its own.".to_owned(),
    })
}

/// Makes a statement what it runs or reads from.
fn stands_for(statement: &mut StatementReading, meanings: &[Arc<Reading>]) {
    if meanings.is_empty() || meanings.iter().any(|meaning| meaning.statements.is_empty()) {
        // What could not be read may be anything.
        statement.lineage = Lineage::default();
        statement.writes = true;
        statement.sets_unseen = true;
        statement.exposure.in_doubt = true;
        return;
    }
    let meanings: Vec<_> = meanings.iter().flat_map(|meaning| meaning.statements.iter()).collect();
    // What it stands for is known now, so that only that says whether it writes.
    statement.writes = meanings.iter().any(|stored| stored.writes);
    statement.sets_unseen = meanings.iter().any(|stored| stored.sets_unseen);
    statement.lineage = match meanings.as_slice() {
        [only] => only.lineage.clone(),
        several => Lineage::union(several.iter().map(|stored| &stored.lineage)),
    };
    if statement.keeps {
        let from = statement.lineage.all().to_vec();
        statement.exposure.stored.push(Stored { into: vec![], from });
    }
    for stored in meanings {
        statement.exposure.add(&stored.exposure);
        statement
            .effects
            .extend(stored.effects.iter().filter(|effect| is_setting(effect)).cloned());
    }
}

/// What a server planned: it gives that whatever names stand for since.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) reading: Arc<Reading>,
    /// How often others had changed the catalog before it was read.
    pub(super) moment: u64,
    /// What its description holds under.
    pub(super) under: (u64, u64),
    /// It is certain that the server planned it as it was read.
    settled: AtomicBool,
}

impl Planned {
    pub(super) fn new(reading: Arc<Reading>, moment: u64, under: (u64, u64)) -> Self {
        Self { reading, moment, under, settled: AtomicBool::new(false) }
    }

    /// The server has planned it, and nobody had changed anything since it was read.
    pub(super) fn settle(&self) {
        self.settled.store(true, Relaxed);
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Relaxed)
    }

    /// Since when a change of the catalog may be in what a run that begins `now` gives.
    pub(super) fn moment_of_run(&self, now: u64) -> u64 {
        // What is not planned began with its first run, of which nothing is told here.
        let settled = self.is_settled() && !self.reading.depends_on_session();
        if settled { now } else { self.moment }
    }
}

/// How many meanings of a name are told apart.
const MOST: usize = 16;

/// What `FETCH` can read from: a cursor that SQL's `DECLARE` made, or a portal that `Bind` did.
#[derive(Clone, Debug)]
struct Made {
    planned: Arc<Planned>,
    /// The run of messages that made it, where it goes with its transaction.
    until: Option<u64>,
    is_portal: bool,
}

/// All that may have a name.
#[derive(Debug, Default)]
struct MadeAs {
    made: Vec<Made>,
    /// There were too many to tell, until when that of the last of them goes.
    too_many: Option<Option<u64>>,
}

/// How many names are told apart.
const MOST_NAMES: usize = 20_000;

/// What `FETCH` can read from, by name. Portals and cursors share their names at the server, and what is there first stays: whatever
/// was made under a name in a transaction may be what it stands for.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    names: HashMap<String, MadeAs>,
    /// There were too many names to tell.
    lost: bool,
}

impl Cursors {
    pub(super) fn is_full(&self) -> bool {
        self.names.len() >= MOST_NAMES
    }

    pub(super) fn add_portal(&mut self, name: &str, planned: &Arc<Planned>, segment: u64) {
        let planned = Arc::clone(planned);
        self.add(name, Made { planned, until: Some(segment), is_portal: true });
    }

    fn add(&mut self, name: &str, new: Made) {
        self.lost |= self.is_full() && !self.names.contains_key(name);
        if !self.lost {
            self.names.entry(name.to_owned()).or_default().add(new);
        }
    }

    /// All that a name may stand for; `None` where that is not certain.
    fn of(&self, name: &str) -> Option<&[Made]> {
        let known = self.names.get(name).filter(|known| known.too_many.is_none());
        known.filter(|_| !self.lost).map(|known| &*known.made)
    }

    fn settle(&self, name: &str, reading: &Arc<Reading>) {
        let made = self.names.get(name).into_iter().flat_map(|known| &known.made);
        let is_it = |made: &&Made| Arc::ptr_eq(&made.planned.reading, reading);
        made.filter(is_it).for_each(|made| made.planned.settle());
    }

    /// A transaction has ended with this run of messages.
    pub(super) fn end_transaction(&mut self, segment: u64) {
        self.names.retain(|_, known| known.end_transaction(segment));
    }
}

impl MadeAs {
    fn add(&mut self, mut new: Made) {
        // Of what was certain already, and means the same, the new one is all that need be told apart.
        let same = |old: &Made| {
            old.planned.is_settled() && old.planned.reading.means_the_same(&new.planned.reading)
        };
        if let Some(at) = self.made.iter().position(same) {
            let old = self.made.swap_remove(at);
            new.until = later(old.until, new.until);
            new.is_portal &= old.is_portal;
        }
        if let Some(until) = &mut self.too_many {
            *until = later(*until, new.until);
        } else if self.made.len() >= MOST {
            let all = self.made.drain(..).map(|made| made.until);
            self.too_many = Some(all.fold(new.until, later));
        } else {
            self.made.push(new);
        }
    }

    /// Gives whether the name may still stand for something.
    fn end_transaction(&mut self, segment: u64) -> bool {
        let goes = |until: Option<u64>| until.is_some_and(|until| until <= segment);
        self.made.retain(|made| !goes(made.until));
        self.too_many = self.too_many.filter(|until| !goes(*until));
        self.too_many.is_some() || !self.made.is_empty()
    }
}

/// The later of two ends; none is for ever.
fn later(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.zip(other).map(|(one, other)| one.max(other))
}
