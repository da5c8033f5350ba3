//! Frames from the client.

use bytes::{Buf, BytesMut};
use palisade_policy::Moment;
use palisade_relay::{Output, Peer, Progress};

use super::expected::{Expected, Refusal};
use super::extended::both;
use super::judge::Told;
use super::{Answer, CopyIn, Session};
use crate::codec::{Frame, FrameError, build, frame::HEADER, frontend, peek};
use crate::reading::Reading;
use crate::reply;

/// How many answers may be due before a client that sends more waits.
const MOST_DUE: usize = 10_000;

/// What becomes of a frame.
pub(super) enum Fate {
    /// It is sent on, as it came.
    Forward,
    /// It was answered, replaced or is to be ignored.
    Drop,
    /// It stays until something else has happened.
    Wait,
}

impl Session {
    pub(super) fn receive_client(
        &mut self,
        input: &mut BytesMut,
        output: &mut Output<Answer>,
    ) -> Progress {
        loop {
            self.end_if_over(output);
            if self.over.is_some() || self.leaving.is_some() || output.is_ended() {
                return Progress::Waits;
            }
            let header = match peek(input, self.frame_limit) {
                Ok(Some(header)) => header,
                Ok(None) => return Progress::Needs(HEADER),
                Err(error) => {
                    self.fail_on_frame(Peer::Client, &error, output);
                    return Progress::Waits;
                }
            };
            if input.len() < header.size {
                return Progress::Needs(header.size);
            }
            let fate = self.client_frame(&Frame::of(input, header), output);
            match fate {
                Ok(Fate::Wait) => return Progress::Waits,
                Ok(Fate::Forward) => output.server.pass(input, header.size),
                Ok(Fate::Drop) => input.advance(header.size),
                Err(error @ FrameError::Name { .. }) => {
                    self.refuse_name(&error, output);
                    input.advance(header.size);
                }
                Err(error) => {
                    self.fail_on_frame(Peer::Client, &error, output);
                    return Progress::Waits;
                }
            }
            self.bytes_in += header.size as u64;
        }
    }

    fn client_frame(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        if matches!(frame.tag, b'H' | b'S' | b'c') {
            frame.reader().end()?;
        }
        if frame.tag == b'X' {
            if self.leaving.is_none() {
                self.leave("the client ended it", output);
            }
            return Ok(Fate::Drop);
        }
        if let Some(fate) = self.around_copy(frame.tag, output) {
            return Ok(fate);
        }
        if self.skipping && frame.tag != b'S' {
            return Ok(Fate::Drop);
        }
        if self.due.len() >= MOST_DUE {
            return Ok(Fate::Wait);
        }
        match frame.tag {
            b'Q' => self.query(frame, output),
            b'P' => self.parse(frame, output),
            b'B' => self.bind(frame, output),
            b'D' => self.describe(frame, output),
            b'E' => self.execute(frame, output),
            b'C' => self.close(frame, output),
            b'H' => Ok(Fate::Forward),
            b'S' => Ok(self.sync()),
            b'F' => self.function_call(frame, output),
            other => {
                let message = format!(
                    "message '{}' is not understood, so it is refused",
                    char::from(other).escape_default()
                );
                self.fail("08P01", &message, "", output);
                Ok(Fate::Drop)
            }
        }
    }

    /// While a copy from the client is due or open, only its own messages pass.
    fn around_copy(&mut self, tag: u8, output: &mut Output<Answer>) -> Option<Fate> {
        match (self.copy_in, tag) {
            // A server outside of a copy ignores these: they may be late, after a copy that failed.
            (CopyIn::None, b'd' | b'c' | b'f') => Some(Fate::Drop),
            (CopyIn::None, _) => None,
            (_, b'H') => Some(Fate::Forward),
            (CopyIn::Due, b'S') => None,
            (CopyIn::Due, _) => Some(Fate::Wait),
            (CopyIn::Open, b'd') => Some(Fate::Forward),
            (CopyIn::Open, b'c' | b'f') => {
                // The same query may go on with another copy.
                self.copy_in = self.copy_in_due(1);
                Some(Fate::Forward)
            }
            // The server would ignore it.
            (CopyIn::Open, b'S') => Some(Fate::Drop),
            (CopyIn::Open, other) => {
                let message =
                    format!("message '{}' came within a copy", char::from(other).escape_default());
                self.fail("08P01", &message, "", output);
                Some(Fate::Drop)
            }
        }
    }

    fn query(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let text = frontend::query(frame)?;
        // Before it is read: what changes meanwhile is not in the reading.
        let moment = self.changes_of_others();
        let (allowed, reading) = match self.judge(text, Moment::Run, output) {
            Told::Waits => return Ok(Fate::Wait),
            Told::Refuse(refusal) => return Ok(self.refuse_query(refusal, output)),
            Told::Allow(allowed, reading) => (allowed, reading),
        };
        if let Err(refusal) = self.check_flows(&reading) {
            self.gate.refuse(&reading.command, &refusal.denial);
            return Ok(self.refuse_query(refusal, output));
        }
        self.follow(&reading, moment);
        if reading.last_copy_in().is_some() {
            self.copy_in = CopyIn::Due;
        }
        let (number, segment) = (allowed.number, self.segment);
        let rewritten = allowed.rewritten.then(|| both(text, &allowed.command.text));
        self.due.push(Expected::Query { number, segment, reading, moment, complete: 0, rewritten });
        self.end_run();
        if allowed.rewritten {
            output.server.build(|out| build::query(out, &allowed.command.text));
            return Ok(Fate::Drop);
        }
        Ok(Fate::Forward)
    }

    pub(super) fn refuse_query(&mut self, refusal: Refusal, output: &mut Output<Answer>) -> Fate {
        output.server.build(|out| build::query(out, reply::FAILING));
        self.due.push(Expected::Refused { refusal, simple: Some(self.segment) });
        self.end_run();
        Fate::Drop
    }

    fn sync(&mut self) -> Fate {
        self.skipping = false;
        self.due.push(Expected::Sync { segment: self.segment });
        self.end_run();
        Fate::Forward
    }

    /// Refuses a text for a reason of the protocol's own, and records that.
    pub(super) fn record_refusal(&mut self, what: &str, refusal: &Refusal) {
        let command = Reading::unreadable(what.to_owned(), &refusal.denial.reason).command;
        self.gate.refuse(&command, &refusal.denial);
    }
}
