//! The extended query protocol: Parse, Bind, Describe, Execute, Close.

use std::sync::Arc;

use palisade_policy::{Allowed, Moment};
use palisade_relay::Output;

use super::client::Fate;
use super::expected::{Expected, Refusal};
use super::judge::{AtHand, Told};
use super::standing::Planned;
use super::statements::{Found, Portal, Statement};
use super::{Answer, CopyIn, Session};
use crate::codec::{Frame, FrameError, build, frontend};
use crate::reading::Reading;
use crate::reply;

/// The client's text and the one that is sent in its place.
pub(super) fn both(from: &[u8], to: &str) -> (Arc<str>, Arc<str>) {
    (String::from_utf8_lossy(from).into(), to.into())
}

impl Session {
    pub(super) fn parse(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let parse = frontend::Parse::decode(frame)?;
        if !self.names.may_prepare(parse.name, self.segment) {
            return Ok(Fate::Wait);
        }
        if self.names.is_full() {
            return Ok(self.refuse_more("parse", output));
        }
        // Before it is read: what changes meanwhile is not in the reading.
        let generation = self.catalog.generation();
        let (allowed, reading) = match self.judge(parse.text, Moment::Prepare, output) {
            Told::Waits => return Ok(Fate::Wait),
            Told::Refuse(refusal) => {
                if parse.name.is_empty() {
                    // The server would have dropped the one before.
                    self.names.close_statement("");
                }
                return Ok(self.refuse_recorded(refusal, output));
            }
            Told::Allow(allowed, reading) => (allowed, reading),
        };
        let rewritten = allowed.rewritten.then(|| Arc::clone(&allowed.command));
        if !parse.name.is_empty() {
            // SQL's own EXECUTE can run it by its name.
            self.prepared.add(parse.name, &reading.command.text);
        }
        let texts = rewritten.as_ref().map(|command| both(parse.text, &command.text));
        let statement = Arc::new(Statement::new(reading, generation, allowed, self.segment, texts));
        self.names.prepare(parse.name, &statement);
        self.due.push(Expected::Parse { name: parse.name.to_owned(), statement });
        if let Some(command) = rewritten {
            output.server.build(|out| build::parse(out, parse.name, &command.text, parse.types));
            return Ok(Fate::Drop);
        }
        Ok(Fate::Forward)
    }

    pub(super) fn bind(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let bind = frontend::Bind::decode(frame)?;
        if let Some(refusal) = self.cancelled() {
            return Ok(self.refuse_message(bind.portal, refusal, output));
        }
        let statement = match self.names.find(bind.statement, self.segment) {
            Found::This(statement) => statement,
            Found::NotYet => return Ok(Fate::Wait),
            Found::Nothing => return Ok(self.refuse_unknown(bind.statement, output)),
        };
        let named = !bind.portal.is_empty();
        if self.names.is_full() || named && self.cursors.is_full() {
            return Ok(self.refuse_more("bind", output));
        }
        let moment = self.changes_of_others();
        let Some(reading) = self.read_to_plan(&statement, output) else { return Ok(Fate::Wait) };
        self.transaction.plan(&reading);
        let planned = Arc::new(Planned::new(reading, moment, self.described_now()));
        if named {
            // SQL's own FETCH can read from it by its name.
            self.cursors.add_portal(bind.portal, &planned, self.segment);
        }
        let portal = Portal::new(statement, planned, bind.result_formats, self.segment);
        let portal = Arc::new(portal);
        self.names.bind(bind.portal, &portal);
        self.due.push(Expected::Bind { name: bind.portal.to_owned(), portal });
        Ok(Fate::Forward)
    }

    pub(super) fn describe(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        match frontend::Named::decode(frame)? {
            frontend::Named::Statement(name) => match self.names.find(name, self.segment) {
                Found::This(statement) => {
                    let under = self.described_now();
                    self.due.push(Expected::DescribeStatement { statement, under });
                    Ok(Fate::Forward)
                }
                Found::NotYet => Ok(Fate::Wait),
                Found::Nothing => Ok(self.refuse_unknown(name, output)),
            },
            frontend::Named::Portal(name) => match self.names.portal(name, self.segment) {
                Found::This(portal) => {
                    self.due.push(Expected::DescribePortal { portal, own: false });
                    Ok(Fate::Forward)
                }
                Found::NotYet => Ok(Fate::Wait),
                // A description runs nothing; a cursor of SQL's own has one too.
                Found::Nothing => {
                    self.due.push(Expected::DescribeOther);
                    Ok(Fate::Forward)
                }
            },
        }
    }

    pub(super) fn execute(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let (name, _) = frontend::execute(frame)?;
        if let Some(refusal) = self.cancelled() {
            return Ok(self.refuse_message(name, refusal, output));
        }
        let portal = match self.names.portal(name, self.segment) {
            Found::This(portal) => portal,
            Found::NotYet => return Ok(Fate::Wait),
            Found::Nothing => return Ok(self.refuse_unknown_portal(name, output)),
        };
        // Before it is read: what changes meanwhile is not in the reading.
        let moment = portal.planned.moment_of_run(self.changes_of_others());
        let Some(reading) = self.read_to_run(&portal, output) else { return Ok(Fate::Wait) };
        let allowed = match self.may_run(&portal, &reading, output) {
            Told::Waits => return Ok(Fate::Wait),
            Told::Refuse(refusal) => return Ok(self.refuse_recorded(refusal, output)),
            Told::Allow(allowed, _) => allowed,
        };
        if allowed.command.text != reading.command.text {
            // What was prepared is no longer what may run.
            let reason = "the policies changed, and now rewrite this prepared statement".to_owned();
            let refusal =
                Refusal::of("42501", "gateway.policy-changed", reason, "Prepare it again.");
            return Ok(self.refuse_message(&reading.command.text, refusal, output));
        }
        if let Err(refusal) = self.check_flows(&reading) {
            return Ok(self.refuse_message(&reading.command.text, refusal, output));
        }
        self.run(name, portal, (&reading, moment), &allowed, output);
        Ok(Fate::Forward)
    }

    /// What a statement is planned as if it is bound now.
    fn read_to_plan(
        &mut self,
        statement: &Statement,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let reading = statement.reading();
        // What uses names of the session's is not planned; what the session itself changes is in doubt until its transaction
        // ends, and its portals with it.
        if reading.depends_on_session() || self.changing.is_some() {
            return Some(reading);
        }
        let reading = self.read_now(statement, output)?;
        self.at_hand = AtHand::default();
        Some(reading)
    }

    /// What a portal gives if it runs now: what its statement means now, and what it was planned as. What is not planned began
    /// with its first run, and gives the rest of that.
    fn read_to_run(
        &mut self,
        portal: &Portal,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let now = self.read_now(&portal.statement, output)?;
        let planned = &portal.planned.reading;
        let then = match planned.depends_on_session() {
            true => portal.begun_as(),
            false => Some(Arc::clone(planned)),
        };
        let Some(then) = then else { return Some(now) };
        let both = now.or_as_planned(&then);
        Some(if Arc::ptr_eq(&both, &now) { both } else { self.mark(&both) })
    }

    /// What a statement means now: names may stand for something else than when it was prepared.
    pub(super) fn read_now(
        &mut self,
        statement: &Statement,
        output: &mut Output<Answer>,
    ) -> Option<Arc<Reading>> {
        let reading = statement.reading();
        let generation = self.catalog.generation();
        let read_by = (generation, self.gate.newest());
        let stands = statement.read_by() == read_by && self.changing.is_none();
        // The server keeps what it parsed: what the bytes of the text stand for was settled then, and what could not be told
        // cannot be told now.
        if stands && !reading.depends_on_session() || reading.is_unreadable() {
            return Some(reading);
        }
        let reading = self.read_as(&reading.command.text, output)?;
        if !self.at_hand.failed() {
            statement.read_again(Arc::clone(&reading), read_by);
        }
        Some(reading)
    }

    /// What a description that comes now holds under.
    pub(super) fn described_now(&self) -> (u64, u64) {
        (self.transaction.paths(), self.catalog.generation())
    }

    /// Asks the gate again where its last answer does not cover this run.
    fn may_run(
        &mut self,
        portal: &Arc<Portal>,
        reading: &Arc<Reading>,
        output: &mut Output<Answer>,
    ) -> Told {
        // The rest of a portal's rows belongs to the run that was allowed, while the policies are the same.
        let begun = portal.begun(&reading.command);
        let goes_on = begun.is_some();
        match begun.or_else(|| portal.statement.take_grant(reading)) {
            Some(allowed) if self.gate.still_allows(&allowed) => {
                let told = self.run_again(&allowed, Arc::clone(reading), output);
                if matches!(told, Told::Waits) && !goes_on {
                    // Nothing was spent yet.
                    portal.statement.put_back(allowed, reading);
                }
                told
            }
            _ => self.ask(Arc::clone(reading), Moment::Run, output),
        }
    }

    fn run(
        &mut self,
        name: &str,
        portal: Arc<Portal>,
        (reading, moment): (&Arc<Reading>, u64),
        allowed: &Allowed,
        output: &mut Output<Answer>,
    ) {
        portal.begin(allowed, reading);
        if !allowed.once {
            portal.statement.put_back(allowed.clone(), reading);
        }
        if !portal.take_description(self.described_now()) || reading.depends_on_session() {
            // Rows may come without a description; the gateway asks for it itself.
            output.server.build(|out| build::describe_portal(out, name));
            self.due.push(Expected::DescribePortal { portal: Arc::clone(&portal), own: true });
        }
        self.follow(reading, moment);
        if reading.last_copy_in().is_some() {
            self.copy_in = CopyIn::Due;
        }
        let reading = Arc::clone(reading);
        self.due.push(Expected::Execute { number: allowed.number, portal, reading, moment });
    }

    pub(super) fn close(
        &mut self,
        frame: &Frame<'_>,
        _output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        match frontend::Named::decode(frame)? {
            frontend::Named::Statement(name) => {
                if matches!(self.names.find(name, self.segment), Found::NotYet) {
                    return Ok(Fate::Wait);
                }
                self.names.close_statement(name);
            }
            frontend::Named::Portal(name) => self.names.close_portal(name),
        }
        self.due.push(Expected::Close);
        Ok(Fate::Forward)
    }

    fn refuse_more(&mut self, what: &str, output: &mut Output<Answer>) -> Fate {
        let reason = "too many prepared statements and portals in this session".to_owned();
        let refusal = Refusal::of("53400", "postgres.limit", reason, "Close some of them.");
        self.refuse_message(what, refusal, output)
    }

    fn refuse_unknown(&mut self, name: &str, output: &mut Output<Answer>) -> Fate {
        let reason = format!("prepared statement \"{name}\" does not exist");
        let hint = "A statement made by SQL's PREPARE is run by SQL's EXECUTE.";
        let refusal = Refusal::of("26000", "postgres.unknown-statement", reason, hint);
        self.refuse_message(name, refusal, output)
    }

    fn refuse_unknown_portal(&mut self, name: &str, output: &mut Output<Answer>) -> Fate {
        let reason = format!("portal \"{name}\" does not exist");
        let hint = "A cursor made by SQL's DECLARE is read by SQL's FETCH.";
        let refusal = Refusal::of("34000", "postgres.unknown-portal", reason, hint);
        self.refuse_message(name, refusal, output)
    }

    /// Refuses a message with a name of which it is not known what the server keeps.
    pub(super) fn refuse_name(&mut self, error: &FrameError, output: &mut Output<Answer>) {
        let hint = "Give it a name in ASCII.";
        let refusal = Refusal::of(error.sqlstate(), "postgres.name", error.to_string(), hint);
        self.refuse_message("a name", refusal, output);
    }

    /// Refuses a message for a reason of the protocol's own, and records that.
    fn refuse_message(
        &mut self,
        what: &str,
        refusal: Refusal,
        output: &mut Output<Answer>,
    ) -> Fate {
        self.record_refusal(what, &refusal);
        self.refuse_recorded(refusal, output)
    }

    /// Sends what fails at the server in the message's place, and drops the rest of the run as the server does.
    fn refuse_recorded(&mut self, refusal: Refusal, output: &mut Output<Answer>) -> Fate {
        output.server.build(|out| build::parse(out, reply::FAILING_NAME, reply::FAILING, &[0, 0]));
        self.due.push(Expected::Refused { refusal, simple: None });
        self.skipping = true;
        Fate::Drop
    }
}
