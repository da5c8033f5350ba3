//! A client's text on its way to the gate and back.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use palisade_policy::{Allowed, Asked, Decision, GateSession, Moment, Planner, Waiting};
use palisade_relay::{Output, Peer};
use palisade_sql::{Analysis, PostgreSql, Trusted};

use super::encoding::Before;
use super::expected::Refusal;
use super::protection::{Asking, Protection};
use super::{Answer, Session, encoding, read_only};
use crate::catalog::{Catalog, Known, Wanted};
use crate::reading::{Reading, wanted, wanted_by_new};
use crate::reply;

/// What became of a question.
pub(super) enum Told {
    /// It may pass, and this is what it says.
    Allow(Allowed, Arc<Reading>),
    /// It may not.
    Refuse(Refusal),
    /// The answer comes later; the frame is handled again then.
    Waits,
}

/// What is known of the frame at hand while its answer is waited for.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    /// The gate's decision.
    decided: Option<Decision>,
    /// Analyses of the texts that it is about.
    analyses: HashMap<Box<str>, Arc<Analysis>>,
    /// Names that were looked up for it in the catalog's generation `generation`.
    looked_up: BTreeSet<String>,
    generation: u64,
    /// How often the catalog changed while they were.
    tries: usize,
    /// Why they could not be.
    problem: Option<String>,
    /// The client cancelled it.
    cancelled: bool,
}

/// How often a look-up is begun anew because the catalog changed meanwhile.
const MOST_TRIES: usize = 20;

impl AtHand {
    /// Forgets what was looked up before the catalog changed.
    fn renew(&mut self, generation: u64) {
        if self.generation != generation {
            self.looked_up.clear();
            self.generation = generation;
        }
    }

    /// Whether something could not be looked up.
    pub(super) fn failed(&self) -> bool {
        self.problem.is_some()
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.decided = Some(decision);
    }

    fn analysis(&mut self, text: &str, trusted: &Trusted) -> Arc<Analysis> {
        let known = self.analyses.get(text).cloned();
        known.unwrap_or_else(|| {
            let analysis = Arc::new(PostgreSql.trusting(text, trusted));
            self.analyses.insert(text.into(), Arc::clone(&analysis));
            analysis
        })
    }

    pub(super) fn cancel(&mut self) {
        *self = Self { cancelled: true, ..Self::default() };
    }

    pub(super) fn looked_up(
        &mut self,
        names: BTreeSet<String>,
        kept: bool,
        result: Result<(), String>,
    ) {
        if kept {
            self.looked_up.extend(names);
        } else {
            self.tries += 1;
        }
        let result = match result {
            Ok(()) if self.tries > MOST_TRIES => Err("they change all the time".to_owned()),
            other => other,
        };
        if let Err(problem) = result {
            self.problem = Some(format!(
                "the gateway could not look up the relations that it names: {problem}"
            ));
        }
    }
}

impl Session {
    /// Reads and judges a text. After any other answer than [`Told::Waits`] what was at hand is forgotten.
    pub(super) fn judge(
        &mut self,
        text: &[u8],
        moment: Moment,
        output: &mut Output<Answer>,
    ) -> Told {
        if let Some(refusal) = self.cancelled() {
            return Told::Refuse(refusal);
        }
        let Some(reading) = self.read(text, output) else { return Told::Waits };
        // What the gateway itself refuses is not held for anybody first.
        if self.at_hand.decided.is_none()
            && let Err(refusal) = self.check_flows(&reading)
        {
            self.at_hand = AtHand::default();
            self.gate.refuse(&reading.command, &refusal.denial);
            return Told::Refuse(refusal);
        }
        self.ask(reading, moment, output)
    }

    /// Judges what was read.
    pub(super) fn ask(
        &mut self,
        reading: Arc<Reading>,
        moment: Moment,
        output: &mut Output<Answer>,
    ) -> Told {
        if let Some(refusal) = self.cancelled() {
            return Told::Refuse(refusal);
        }
        if let Some(denial) = &reading.refused {
            self.at_hand = AtHand::default();
            self.gate.refuse(&reading.command, denial);
            return Told::Refuse(Refusal::denied(denial.clone()));
        }
        if let Some(refused) = self.refused_as_writing(&reading) {
            return refused;
        }
        // What was decided on must still be what the text means: a name may stand for something else by now.
        let decided = self.at_hand.decided.take().filter(|decision| match decision {
            Decision::Allow(allowed) if allowed.rewritten => {
                let rewriting = Rewriting::new(&self.catalog, &self.gate, &mut self.protection);
                rewriting.read(&allowed.command.text).command == allowed.command
            }
            Decision::Allow(allowed) => allowed.command == reading.command,
            Decision::Deny(_) => true,
        });
        let decision = match decided {
            Some(decision) => decision,
            None => {
                let rewriting = Rewriting::new(&self.catalog, &self.gate, &mut self.protection);
                let reread = |text: &str| Arc::clone(&rewriting.read(text).command);
                match self.gate.ask(&reading.command, moment, &reread) {
                    Asked::Decided(decision) => decision,
                    Asked::Waiting(waiting) => return self.wait(waiting, output),
                }
            }
        };
        self.at_hand = AtHand::default();
        match decision {
            Decision::Deny(denial) => Told::Refuse(Refusal::denied(denial)),
            Decision::Allow(allowed) if allowed.rewritten => {
                let rewriting = Rewriting::new(&self.catalog, &self.gate, &mut self.protection);
                let reading = rewriting.read(&allowed.command.text);
                let refused = self.refused_as_writing(&reading);
                refused.unwrap_or(Told::Allow(allowed, reading))
            }
            Decision::Allow(allowed) => Told::Allow(allowed, reading),
        }
    }

    /// The refusal of what does more than read, where the session only reads.
    fn refused_as_writing(&mut self, reading: &Reading) -> Option<Told> {
        let denial = self.read_only.then(|| read_only::refusal(&reading.command)).flatten()?;
        self.at_hand = AtHand::default();
        self.gate.refuse(&reading.command, &denial);
        Some(Told::Refuse(Refusal::denied(denial)))
    }

    /// Records that a statement runs which was allowed before.
    pub(super) fn run_again(
        &mut self,
        allowed: &Allowed,
        reading: Arc<Reading>,
        output: &mut Output<Answer>,
    ) -> Told {
        let decision = match self.at_hand.decided.take() {
            Some(decision) => decision,
            None => match self.gate.run_again(allowed) {
                Asked::Decided(decision) => decision,
                Asked::Waiting(waiting) => return self.wait(waiting, output),
            },
        };
        self.at_hand = AtHand::default();
        match decision {
            Decision::Allow(allowed) => Told::Allow(allowed, reading),
            Decision::Deny(denial) => Told::Refuse(Refusal::denied(denial)),
        }
    }

    /// The refusal of a frame that the client cancelled while it waited.
    pub(super) fn cancelled(&mut self) -> Option<Refusal> {
        let cancelled = self.at_hand.cancelled;
        cancelled.then(|| {
            self.at_hand = AtHand::default();
            let reason = "canceling statement due to user request".to_owned();
            Refusal::of("57014", "", reason, "")
        })
    }

    fn wait(&mut self, waiting: Waiting, output: &mut Output<Answer>) -> Told {
        let Waiting { notices, decision } = waiting;
        output.client.build(|out| {
            for notice in &notices {
                reply::held(notice, out);
            }
        });
        let decision = Box::pin(async { Answer::Decision(decision.await) });
        if notices.is_empty() {
            output.wait(Peer::Client, decision);
        } else {
            output.hold(decision);
        }
        Told::Waits
    }

    /// Turns a text into what the gate judges; `None` while names are looked up.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let unreadable = |reason| {
            let text = String::from_utf8_lossy(text).into_owned();
            Some(Arc::new(Reading::unreadable(text, reason)))
        };
        let before = self.before();
        let read = match self.encoding.readable(text, before) {
            Ok(text) => text,
            // What the server says at the end of the run decides.
            Err(_) if before == Before::Unseen && self.due.settles_by_itself() => return None,
            Err(reason) => return unreadable(reason),
        };
        if let Cow::Owned(stood_in) = &read
            && encoding::names_what_is_not_known(stood_in)
        {
            return unreadable(encoding::UNKNOWN_NAME);
        }
        if !self.encoding.keeps_names(&read) {
            return unreadable(encoding::OTHER_NAME);
        }
        self.read_as(&read, output)
    }

    /// The same for a text of which it is settled what its bytes stand for, and what a backslash is.
    pub(super) fn read_as(
        &mut self,
        text: &str,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let shape = self.reads_alone(text).then(|| palisade_sql::shape(text)).flatten();
        let known = shape.as_deref().and_then(|shape| self.catalog.of_shape(shape));
        if let Some(known) = known {
            return Some(Arc::new(self.mark(&known).of_text(text)));
        }
        let reading = self.read_text(text, shape.as_deref(), output)?;
        let reading =
            if reading.depends_on_session() { self.in_session(&reading, output)? } else { reading };
        Some(self.mark(&reading))
    }

    /// The reading with what of it is protected by the policies of this moment.
    pub(super) fn mark(&mut self, reading: &Arc<Reading>) -> Arc<Reading> {
        let Some(planner) = self.protection.renew(&mut self.gate, &self.catalog) else {
            return Arc::clone(reading);
        };
        let marked = self.protection.mark(reading, Asking::new(&planner, &self.catalog));
        marked.unwrap_or_else(|denial| {
            Arc::new(Reading::refused(reading.command.text.clone(), denial))
        })
    }

    /// Whether a text of this session means what it means in any other.
    fn reads_alone(&self, text: &str) -> bool {
        self.changing.is_none() && self.follows(text)
    }

    /// What a text means; where that holds for all of its `shape`, it is remembered for those.
    pub(super) fn read_text(
        &mut self,
        text: &str,
        shape: Option<&str>,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let follows = self.follows(text);
        let remembered = self.catalog.reading(text).filter(|_| self.reads_alone(text));
        if remembered.is_some() {
            return remembered;
        }
        let analysis = self.at_hand.analysis(text, self.catalog.trusted());
        let generation = self.catalog.generation();
        let mut wanted: Wanted = self.catalog.look(|known| {
            let mut wanted = wanted(&analysis, known);
            if let Some(touched) = &self.changing {
                wanted_by_new(&analysis, known, touched, &mut wanted);
            }
            wanted
        });
        self.at_hand.renew(generation);
        wanted.names.retain(|name| !self.at_hand.looked_up.contains(name));
        if self.at_hand.problem.is_some() {
            wanted = Wanted::default();
        }
        wanted.routines &= self.at_hand.problem.is_none();
        if !wanted.is_empty() {
            self.look_up(Peer::Client, wanted, output);
            return None;
        }
        let problem = self.at_hand.problem.as_deref();
        let read = |known: &Known| {
            let certain = !known.is_doubtful();
            Arc::new(Reading::new(text, &analysis, known, problem, certain))
        };
        if let Some(touched) = &self.changing {
            let doubted = self.catalog.look(|known| known.doubted(touched));
            return Some(read(&if follows { doubted } else { doubted.following_nothing() }));
        }
        if !follows {
            // The server may read the bodies of functions otherwise than the judge does.
            return Some(self.catalog.look(|known| read(&known.following_nothing())));
        }
        let reading = self.catalog.look(read);
        // What names a relation that is not there (yet) may read otherwise next time.
        let resolved =
            self.catalog.look(|known| crate::reading::wanted(&analysis, known).is_empty());
        if problem.is_none() && resolved {
            match shape.filter(|_| analysis.of_shape) {
                Some(shape) => self.catalog.keep_shape(shape, &reading, generation),
                None => self.catalog.keep_reading(text, &reading, generation),
            }
        }
        Some(reading)
    }

    /// How often others have changed what names mean.
    pub(super) fn changes_of_others(&self) -> u64 {
        self.catalog.changes().wrapping_sub(self.own_changes)
    }

    /// Whether what this session's statement was judged by may be something else by now.
    pub(super) fn is_overtaken(&self, moment: u64) -> bool {
        moment != self.changes_of_others() || self.catalog.commits() > usize::from(self.committing)
    }

    /// Its changes are there, or never will be.
    pub(super) fn end_commit(&mut self) {
        if std::mem::take(&mut self.committing) {
            self.catalog.end_commit();
        }
    }

    /// Lets other sessions know that what they were judged by may be, or become, something else.
    pub(super) fn tell_of_changes(&mut self) {
        self.catalog.forget();
        self.catalog.change();
        self.own_changes = self.own_changes.wrapping_add(1);
        if !self.committing {
            self.committing = true;
            self.catalog.begin_commit();
        }
    }
}

/// How a text is read that a policy put in another's place. Its names were not looked up: what is not known is in doubt.
struct Rewriting<'a> {
    catalog: &'a Catalog,
    planner: Option<Planner>,
    protection: RefCell<&'a mut Protection>,
}

impl<'a> Rewriting<'a> {
    /// By the policies that the reading at hand was marked by.
    fn new(catalog: &'a Catalog, gate: &GateSession, protection: &'a mut Protection) -> Self {
        let planner = (!gate.masks_nothing()).then(|| gate.planner());
        Self { catalog, planner, protection: RefCell::new(protection) }
    }

    fn read(&self, text: &str) -> Arc<Reading> {
        let analysis = PostgreSql.trusting(text, self.catalog.trusted());
        let read = |known: &Known| Reading::new(text, &analysis, known, None, false);
        let reading = Arc::new(self.catalog.look(read));
        let Some(planner) = &self.planner else { return reading };
        let asking = Asking::new(planner, self.catalog);
        let marked = self.protection.borrow_mut().mark(&reading, asking);
        marked.unwrap_or_else(|denial| Arc::new(Reading::refused(text.to_owned(), denial)))
    }
}
