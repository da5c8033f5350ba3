//! A client's text on its way to the gate and back.

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_policy::{Allowed, Asked, Command, Decision, Moment, Waiting};
use palisade_relay::{Output, Peer};
use palisade_sql::{Analysis, Dialect, Effect, PostgreSql};

use super::expected::Refusal;
use super::{Answer, Session};
use crate::catalog::Wanted;
use crate::reading::{Lineage, Reading, wanted};
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
    /// The text's analysis.
    analysis: Option<Arc<Analysis>>,
    /// Names that were looked up for it.
    looked_up: BTreeSet<String>,
    /// Why they could not be.
    problem: Option<String>,
    /// The client cancelled it.
    cancelled: bool,
}

impl AtHand {
    pub(super) fn decide(&mut self, decision: Decision) {
        self.decided = Some(decision);
    }

    pub(super) fn cancel(&mut self) {
        *self = Self { cancelled: true, ..Self::default() };
    }

    pub(super) fn looked_up(&mut self, names: BTreeSet<String>, result: Result<(), String>) {
        self.looked_up.extend(names);
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
        if self.at_hand.cancelled {
            return self.cancelled();
        }
        let Some(reading) = self.read(text, output) else { return Told::Waits };
        self.ask(reading, moment, output)
    }

    /// Judges what was read.
    pub(super) fn ask(
        &mut self,
        reading: Arc<Reading>,
        moment: Moment,
        output: &mut Output<Answer>,
    ) -> Told {
        if self.at_hand.cancelled {
            return self.cancelled();
        }
        let decision = match self.at_hand.decided.take() {
            Some(decision) => decision,
            None => {
                let catalog = &self.catalog;
                let reread = |text: &str| {
                    let analysis = PostgreSql.analyze(text);
                    catalog.look(|known| Reading::new(text, &analysis, known, None)).command
                };
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
                let analysis = PostgreSql.analyze(&allowed.command.text);
                let text = &allowed.command.text;
                let reading = self.catalog.look(|known| Reading::new(text, &analysis, known, None));
                Told::Allow(allowed, Arc::new(reading))
            }
            Decision::Allow(allowed) => Told::Allow(allowed, reading),
        }
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

    fn cancelled(&mut self) -> Told {
        self.at_hand = AtHand::default();
        let reason = "canceling statement due to user request".to_owned();
        Told::Refuse(Refusal::of("57014", "", reason, ""))
    }

    fn wait(&mut self, waiting: Waiting, output: &mut Output<Answer>) -> Told {
        let Waiting { notices, decision } = waiting;
        output.client.build(|out| {
            for notice in &notices {
                reply::held(notice, out);
            }
        });
        output.wait(Peer::Client, Box::pin(async { Answer::Decision(decision.await) }));
        Told::Waits
    }

    /// Turns a text into what the gate judges; `None` while names are looked up.
    fn read(&mut self, text: &[u8], output: &mut Output<Answer>) -> Option<Arc<Reading>> {
        let text = match self.encoding.readable(text) {
            Ok(text) => text,
            Err(reason) => {
                let text = String::from_utf8_lossy(text).into_owned();
                return Some(Arc::new(Reading::unreadable(text, reason)));
            }
        };
        let reading = match self.catalog.reading(text) {
            Some(reading) => reading,
            None => self.read_anew(text, output)?,
        };
        if reading.depends_on_session() { Some(self.in_session(&reading)) } else { Some(reading) }
    }

    fn read_anew(&mut self, text: &str, output: &mut Output<Answer>) -> Option<Arc<Reading>> {
        let analysis = match &self.at_hand.analysis {
            Some(analysis) => Arc::clone(analysis),
            None => Arc::new(PostgreSql.analyze(text)),
        };
        self.at_hand.analysis = Some(Arc::clone(&analysis));
        let generation = self.catalog.generation();
        let mut wanted: Wanted = self.catalog.look(|known| wanted(&analysis, known));
        wanted.names.retain(|name| !self.at_hand.looked_up.contains(name));
        if !wanted.is_empty() {
            let catalog = Arc::clone(&self.catalog);
            let load = async move {
                let result = catalog.load(&wanted).await;
                Answer::LookedUp { names: wanted.names, oids: BTreeSet::new(), result }
            };
            output.wait(Peer::Client, Box::pin(load));
            return None;
        }
        let problem = self.at_hand.problem.as_deref();
        let reading =
            Arc::new(self.catalog.look(|known| Reading::new(text, &analysis, known, problem)));
        // What names a relation that is not there (yet) may read otherwise next time.
        let unresolved =
            self.catalog.look(|known| !crate::reading::wanted(&analysis, known).is_empty());
        if problem.is_none() && !unresolved {
            self.catalog.keep_reading(text, &reading, generation);
        }
        Some(reading)
    }

    /// Adds what stored statements and cursors mean that the text runs.
    fn in_session(&self, reading: &Arc<Reading>) -> Arc<Reading> {
        let mut commands: Vec<Arc<Command>> = Vec::new();
        let mut gaps = Vec::new();
        let mut extended_statements = reading.statements.clone();
        for statement in &mut extended_statements {
            for effect in statement.effects.clone() {
                let (what, name, stored) = match &effect {
                    Effect::Execute { name } => ("prepared statement", name, &self.prepared),
                    Effect::Fetch { cursor } => ("cursor", cursor, &self.cursors),
                    _ => continue,
                };
                match stored.get(name) {
                    Some(readings) => {
                        commands.extend(readings.iter().map(|stored| Arc::clone(&stored.command)));
                        let meanings: Vec<_> =
                            readings.iter().flat_map(|stored| &stored.statements).collect();
                        // What it stands for is known now, so that only that says whether it writes.
                        statement.writes = meanings.iter().any(|stored| stored.writes);
                        statement.lineage = match meanings.as_slice() {
                            [only] => only.lineage.clone(),
                            several => Lineage::union(several.iter().map(|stored| &stored.lineage)),
                        };
                    }
                    // A portal can be read from by FETCH, and its statement was judged when it was prepared.
                    None if what == "cursor" && self.names.portal(name).is_some() => {}
                    None => {
                        gaps.push(format!("the {what} \"{name}\" was not made in this session"))
                    }
                }
            }
        }
        let mut extended = reading.extended(commands.iter().map(|command| &**command), &gaps);
        extended.statements = extended_statements;
        Arc::new(extended)
    }

    /// Remembers what a statement that is sent on does to the session.
    pub(super) fn follow(&mut self, reading: &Arc<Reading>) {
        self.catalog_changes |= reading.changes_catalog();
        for statement in &reading.statements {
            for effect in &statement.effects {
                let (stored, name) = match effect {
                    Effect::Prepare { name } => (&mut self.prepared, name),
                    Effect::DeclareCursor { name, .. } => (&mut self.cursors, name),
                    _ => continue,
                };
                // A name may have stood for something else before, and may still do so if this fails.
                let readings = stored.entry(name.clone()).or_default();
                if readings.len() < super::MOST_MEANINGS {
                    readings.push(Arc::clone(reading));
                } else {
                    // Too many to tell apart: from here on nothing is known of it.
                    readings.clear();
                    readings.push(Arc::new(Reading::unreadable(
                        String::new(),
                        "a name was used for too many statements in this session",
                    )));
                }
            }
        }
    }
}

/// What is known of how the server reads the bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoding {
    /// The client's encoding is UTF-8, or none.
    pub(super) utf8: bool,
    /// A backslash in a plain literal is a backslash.
    pub(super) conforming_strings: bool,
}

impl Encoding {
    /// The text, if the server reads it as the judge does.
    fn readable(self, text: &[u8]) -> Result<&str, &'static str> {
        if !self.conforming_strings {
            return Err("standard_conforming_strings is off in this session");
        }
        if !self.utf8 && !text.is_ascii() {
            return Err("it has characters beyond ASCII, and the session's encoding is not UTF-8");
        }
        std::str::from_utf8(text).map_err(|_invalid| "it is not valid UTF-8")
    }
}
