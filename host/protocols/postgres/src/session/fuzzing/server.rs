//! A server that is honest: it answers as PostgreSQL does, with failures and pauses at will.

use std::collections::{HashMap, VecDeque};

use bytes::{BufMut, BytesMut};

use super::statements::{Act, ColumnOf, act_of, reads_shut};
use super::world::data_row;
use crate::codec::{Frame, build, frontend, peek};
use crate::fuzzing::choices::Choices;

/// What the server began to run, for whoever watches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// The whole text that was sent or prepared.
    pub(super) text: String,
    /// Whether policies were strict when the message was sent on.
    pub(super) strict: bool,
    /// Whether it reads what nobody may read while they are.
    pub(super) reads_shut: bool,
}

#[derive(Clone, Debug)]
struct Portal {
    /// The text it was made of, none for SQL's own cursors.
    text: Option<String>,
    act: Act,
    begun: bool,
    rows_left: usize,
}

/// Where a copy from the client belongs.
#[derive(Debug)]
enum CopyIn {
    /// A simple query, of which these statements are left.
    Simple(VecDeque<Act>, bool),
    Extended,
}

/// The server's side of a session.
#[derive(Debug)]
pub(super) struct Honest {
    /// What it has sent.
    pub(super) out: BytesMut,
    pub(super) status: u8,
    /// What began to run.
    pub(super) ran: Vec<Ran>,
    /// How often it was ready.
    pub(super) ready: usize,
    /// It has ended the session.
    pub(super) ended: bool,
    skipping: bool,
    statements: HashMap<String, String>,
    portals: HashMap<String, Portal>,
    copy: Option<CopyIn>,
    strict: bool,
}

/// An error was sent.
struct Failed;

type Done = Result<(), Failed>;

impl Honest {
    pub(super) fn new() -> Self {
        Self {
            out: BytesMut::new(),
            status: b'I',
            ran: Vec::new(),
            ready: 0,
            ended: false,
            skipping: false,
            statements: HashMap::new(),
            portals: HashMap::new(),
            copy: None,
            strict: false,
        }
    }

    /// Handles one message.
    pub(super) fn handle(&mut self, message: &[u8], strict: bool, choices: &mut Choices<'_>) {
        let Ok(Some(header)) = peek(message, u32::MAX) else { return };
        assert_eq!(header.size, message.len(), "half a message was sent on");
        let frame = Frame::of(message, header);
        self.strict = strict;
        if choices.one_in(16) {
            build::Report {
                severity: "NOTICE",
                code: "00000",
                message: "well",
                detail: "",
                hint: "",
            }
            .notice(&mut self.out);
        }
        if let Some(copy) = self.copy.take() {
            return self.in_copy(frame.tag, copy, choices);
        }
        match frame.tag {
            b'S' => {
                self.skipping = false;
                self.end_of_run();
            }
            b'X' => self.ended = true,
            b'H' | b'd' | b'c' | b'f' => {}
            _ if self.skipping => {}
            b'Q' => self.simple(&frame, choices),
            tag => {
                if self.extended(&frame, choices).is_err() {
                    assert!(b"PBDEC".contains(&tag), "message {tag} was sent on");
                    self.skipping = true;
                }
            }
        }
    }

    fn error(&mut self, code: &str) -> Failed {
        build::Report { severity: "ERROR", code, message: "it failed", detail: "", hint: "" }
            .error(&mut self.out);
        if self.status == b'I' {
            self.portals.clear();
        } else {
            self.status = b'E';
        }
        Failed
    }

    fn end_of_run(&mut self) {
        if self.status == b'I' {
            self.portals.clear();
        }
        self.ready += 1;
        build::ready(&mut self.out, self.status);
    }

    fn plain(&mut self, tag: u8) {
        build::frame(&mut self.out, tag, |_| {});
    }

    fn complete(&mut self, tag: &str) {
        build::frame(&mut self.out, b'C', |out| build::cstr(out, tag));
    }

    fn begins(&mut self, text: &str, act: &Act) {
        let reads_shut = reads_shut(act);
        self.ran.push(Ran { text: text.to_owned(), strict: self.strict, reads_shut });
    }

    fn simple(&mut self, frame: &Frame<'_>, choices: &mut Choices<'_>) {
        self.statements.remove("");
        self.portals.remove("");
        let text = frontend::query(frame).unwrap_or_default();
        let text = String::from_utf8_lossy(text).into_owned();
        let acts: VecDeque<Act> = text.split("; ").map(act_of).collect();
        if acts.contains(&Act::Fails) {
            self.error("42601");
            return self.end_of_run();
        }
        let several = acts.len() > 1;
        self.begins(&text, acts.front().unwrap_or(&Act::Nothing));
        if acts.iter().all(|act| *act == Act::Nothing) {
            self.plain(b'I');
            return self.end_of_run();
        }
        self.simple_acts(acts, several, choices);
    }

    fn simple_acts(&mut self, mut acts: VecDeque<Act>, several: bool, choices: &mut Choices<'_>) {
        while let Some(act) = acts.pop_front() {
            if act == Act::Nothing {
                continue;
            }
            if act == Act::CopyIn && self.may_run(&act, choices).is_ok() {
                self.copy_in_begins();
                self.copy = Some(CopyIn::Simple(acts, several));
                return;
            }
            let shut = reads_shut(&self.resolved(&act));
            assert!(!(self.strict && shut), "what nobody may read now was read: {act:?}");
            if act == Act::CopyIn || self.run_simple(&act, several, choices).is_err() {
                break;
            }
        }
        self.end_of_run();
    }

    fn run_simple(&mut self, act: &Act, several: bool, choices: &mut Choices<'_>) -> Done {
        self.may_run(act, choices)?;
        let inner = self.resolved(act);
        if let Act::Rows(columns) = inner {
            self.row_description(columns);
            let tag = if matches!(act, Act::Fetch(_)) { "FETCH 1" } else { "SELECT 1" };
            for _ in 0..choices.below(3) {
                self.row(columns, choices);
            }
            if choices.one_in(12) {
                return Err(self.error("22012"));
            }
            self.complete(tag);
            return Ok(());
        }
        self.other(act, several)
    }

    /// What `EXECUTE` and `FETCH` stand for.
    fn resolved(&self, act: &Act) -> Act {
        match act {
            Act::Execute(name) => self.statements.get(name).map_or(Act::Fails, |text| act_of(text)),
            Act::Fetch(name) => {
                self.portals.get(name).map_or(Act::Fails, |portal| portal.act.clone())
            }
            other => other.clone(),
        }
    }

    /// Fails where the transaction has failed, and now and then for reasons of its own.
    fn may_run(&mut self, act: &Act, choices: &mut Choices<'_>) -> Done {
        let ends = matches!(act, Act::Commit | Act::Rollback | Act::RollbackTo);
        if self.status == b'E' && !ends {
            return Err(self.error("25P02"));
        }
        if choices.one_in(16) && !ends {
            return Err(self.error("XX000"));
        }
        Ok(())
    }

    /// Statements without rows.
    fn other(&mut self, act: &Act, several: bool) -> Done {
        let tag = match act {
            Act::Does(tag) => tag,
            Act::CopyOut(lines, columns) => {
                self.copy_out(lines, *columns);
                "COPY 1"
            }
            Act::Begin => {
                self.status = b'T';
                "BEGIN"
            }
            Act::Commit | Act::Rollback => {
                self.status = b'I';
                self.portals.clear();
                "COMMIT"
            }
            Act::RollbackTo if self.status == b'I' => return Err(self.error("25P01")),
            Act::RollbackTo => {
                self.status = b'T';
                "ROLLBACK"
            }
            Act::Prepare(name, text) if !self.statements.contains_key(name) => {
                self.statements.insert(name.clone(), text.clone());
                "PREPARE"
            }
            Act::Declare(name, text) if self.status == b'T' || several => {
                if self.portals.contains_key(name) {
                    return Err(self.error("42P03"));
                }
                let portal = Portal { text: None, act: act_of(text), begun: true, rows_left: 9 };
                self.portals.insert(name.clone(), portal);
                "DECLARE CURSOR"
            }
            Act::Deallocate(Some(name)) if self.statements.remove(name).is_some() => "DEALLOCATE",
            Act::Deallocate(None) => {
                self.statements.clear();
                "DEALLOCATE ALL"
            }
            Act::Close(Some(name)) if self.portals.remove(name).is_some() => "CLOSE CURSOR",
            Act::Close(None) => {
                self.portals.clear();
                "CLOSE CURSOR ALL"
            }
            Act::DiscardAll if self.status == b'I' && !several => {
                self.statements.clear();
                self.portals.clear();
                "DISCARD ALL"
            }
            _ => return Err(self.error("26000")),
        };
        self.complete(tag);
        Ok(())
    }

    fn copy_in_begins(&mut self) {
        build::frame(&mut self.out, b'G', |out| out.put_slice(&[0, 0, 0]));
    }

    fn copy_out(&mut self, lines: &str, columns: u16) {
        build::frame(&mut self.out, b'H', |out| {
            out.put_u8(0);
            out.put_u16(columns);
            (0..columns).for_each(|_| out.put_u16(0));
        });
        build::frame(&mut self.out, b'd', |out| out.put_slice(lines.as_bytes()));
        self.plain(b'c');
    }

    fn in_copy(&mut self, tag: u8, copy: CopyIn, choices: &mut Choices<'_>) {
        let fails = match tag {
            b'd' => choices.one_in(8),
            b'H' | b'S' => false,
            b'c' => choices.one_in(8),
            b'f' => true,
            b'X' => {
                self.ended = true;
                return;
            }
            _ => {
                assert!(tag == b'd', "message {tag} was sent on within a copy");
                false
            }
        };
        match (fails, copy) {
            (true, CopyIn::Simple(..)) => {
                self.error("22P04");
                self.end_of_run();
            }
            (true, CopyIn::Extended) => {
                self.error("22P04");
                self.skipping = true;
            }
            (false, CopyIn::Simple(acts, several)) if tag == b'c' => {
                self.complete("COPY 1");
                self.simple_acts(acts, several, choices);
            }
            (false, CopyIn::Extended) if tag == b'c' => self.complete("COPY 1"),
            (false, copy) => self.copy = Some(copy),
        }
    }

    fn extended(&mut self, frame: &Frame<'_>, choices: &mut Choices<'_>) -> Done {
        match frame.tag {
            b'P' => self.parse(frame),
            b'B' => self.bind(frame),
            b'D' => self.describe(frame),
            b'E' => self.execute(frame, choices),
            b'C' => {
                match frontend::Named::decode(frame) {
                    Ok(frontend::Named::Statement(name)) => drop(self.statements.remove(name)),
                    Ok(frontend::Named::Portal(name)) => drop(self.portals.remove(name)),
                    Err(_) => {}
                }
                self.plain(b'3');
                Ok(())
            }
            _ => Err(self.error("08P01")),
        }
    }

    fn parse(&mut self, frame: &Frame<'_>) -> Done {
        let Ok(parse) = frontend::Parse::decode(frame) else { return Err(self.error("08P01")) };
        let text = String::from_utf8_lossy(parse.text).into_owned();
        if parse.name.is_empty() {
            self.statements.remove("");
        }
        let new = act_of(&text);
        let ends = matches!(new, Act::Commit | Act::Rollback | Act::RollbackTo | Act::Nothing);
        let failed = self.status == b'E' && !ends;
        if text.contains("; ")
            || new == Act::Fails
            || failed
            || self.statements.contains_key(parse.name)
        {
            return Err(self.error("42601"));
        }
        self.statements.insert(parse.name.to_owned(), text);
        self.plain(b'1');
        Ok(())
    }

    fn bind(&mut self, frame: &Frame<'_>) -> Done {
        let Ok(bind) = frontend::Bind::decode(frame) else { return Err(self.error("08P01")) };
        let Some(text) = self.statements.get(bind.statement).cloned() else {
            return Err(self.error("26000"));
        };
        let new = act_of(&text);
        let ends = matches!(new, Act::Commit | Act::Rollback | Act::RollbackTo | Act::Nothing);
        let taken = !bind.portal.is_empty() && self.portals.contains_key(bind.portal);
        if taken || self.status == b'E' && !ends {
            return Err(self.error("42P03"));
        }
        let portal = Portal { text: Some(text), act: new, begun: false, rows_left: 0 };
        self.portals.insert(bind.portal.to_owned(), portal);
        self.plain(b'2');
        Ok(())
    }

    fn describe(&mut self, frame: &Frame<'_>) -> Done {
        let described = match frontend::Named::decode(frame) {
            Ok(frontend::Named::Statement(name)) => {
                let found = self.statements.get(name).map(|text| act_of(text));
                if found.is_some() {
                    build::frame(&mut self.out, b't', |out| out.put_u16(0));
                }
                found
            }
            Ok(frontend::Named::Portal(name)) => {
                self.portals.get(name).map(|portal| portal.act.clone())
            }
            Err(_) => None,
        };
        let Some(described) = described else { return Err(self.error("34000")) };
        match self.resolved(&described) {
            Act::Rows(columns) => self.row_description(columns),
            _ => self.plain(b'n'),
        }
        Ok(())
    }

    fn execute(&mut self, frame: &Frame<'_>, choices: &mut Choices<'_>) -> Done {
        let Ok((name, most)) = frontend::execute(frame) else { return Err(self.error("08P01")) };
        let Some(portal) = self.portals.get(name).cloned() else { return Err(self.error("34000")) };
        let shut = reads_shut(&self.resolved(&portal.act));
        assert!(!(self.strict && shut), "what nobody may read now was read");
        self.may_run(&portal.act, choices)?;
        if let (false, Some(text)) = (portal.begun, &portal.text) {
            self.begins(text, &portal.act);
        }
        let left = if portal.begun { portal.rows_left } else { choices.below(4) };
        let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        if let Some(portal) = self.portals.get_mut(name) {
            portal.begun = true;
            portal.rows_left = left.saturating_sub(most);
        }
        match self.resolved(&portal.act) {
            Act::Nothing => self.plain(b'I'),
            Act::Rows(columns) => {
                for _ in 0..left.min(most) {
                    self.row(columns, choices);
                }
                if choices.one_in(12) {
                    return Err(self.error("22012"));
                }
                if left > most { self.plain(b's') } else { self.complete("SELECT 1") }
            }
            Act::CopyIn => {
                self.copy_in_begins();
                self.copy = Some(CopyIn::Extended);
            }
            _ if portal.begun => return Err(self.error("55000")),
            other => return self.other(&other, false),
        }
        Ok(())
    }

    fn row_description(&mut self, columns: &[ColumnOf]) {
        row_description(&mut self.out, columns);
    }

    fn row(&mut self, columns: &[ColumnOf], choices: &mut Choices<'_>) {
        let cells: Vec<Option<&[u8]>> = columns
            .iter()
            .map(|column| match column.3 {
                "bad" if !choices.one_in(4) => Some(&b"good"[..]),
                value => Some(value.as_bytes()).filter(|_| !choices.one_in(8)),
            })
            .collect();
        data_row(&mut self.out, &cells);
    }

    /// Whether it waits for nothing but a new command.
    pub(super) fn is_idle(&self) -> bool {
        self.copy.is_none() && !self.skipping
    }
}

/// Appends a `RowDescription` of text columns.
pub(super) fn row_description(out: &mut BytesMut, columns: &[ColumnOf]) {
    build::frame(out, b'T', |out| {
        out.put_u16(u16::try_from(columns.len()).unwrap_or(0));
        for (name, relation, number, _) in columns {
            build::cstr(out, name);
            out.put_u32(*relation);
            out.put_i16(*number);
            out.put_u32(25);
            out.put_slice(&[0; 8]);
        }
    });
}
