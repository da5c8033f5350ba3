//! Frames from the server.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use palisade_relay::{Output, Peer, Progress};

use super::expected::Expected;
use super::result::{Begun, OpenResult};
use super::rows::{Covering, RowsStop};
use super::{Answer, Session};
use crate::codec::{Frame, FrameError, backend, frame::HEADER, peek};
use crate::reply;

/// What becomes of a frame.
pub(super) enum Fate {
    /// It goes to the client as it came.
    Forward,
    /// It was answered otherwise, or is the gateway's own business.
    Drop,
    /// It stays until something else has happened.
    Wait,
    /// It is looked at again, since what it belongs to is open now.
    Again,
}

impl Session {
    pub(super) fn receive_server(
        &mut self,
        input: &mut BytesMut,
        output: &mut Output<Answer>,
    ) -> Progress {
        // Frames that pass as they came leave in one piece, up to the first that does not.
        let mut passed = 0;
        let progress = loop {
            let rest = input.get(passed..).unwrap_or(&[]);
            let header = match peek(rest, self.frame_limit) {
                Ok(Some(header)) => header,
                Ok(None) => break Progress::Needs(HEADER),
                Err(error) => {
                    self.send_passed(input, &mut passed, output);
                    self.fail_on_frame(Peer::Server, &error, output);
                    return Progress::Waits;
                }
            };
            if rest.len() < header.size {
                break Progress::Needs(header.size);
            }
            let frame = Frame::of(rest, header);
            let fate = match self.passes_plainly(&frame) {
                Some(Ok(())) => Ok(Fate::Forward),
                Some(Err(error)) => Err(error),
                None => {
                    self.send_passed(input, &mut passed, output);
                    if header.tag == b'D' && self.masks_rows() {
                        match self.mask_rows(input, output) {
                            Ok(()) => continue,
                            Err(error) => Err(error),
                        }
                    } else {
                        self.server_frame(&Frame::of(input, header), output)
                    }
                }
            };
            match fate {
                Ok(Fate::Again) => {}
                Ok(Fate::Forward) if self.muted && is_answer(header.tag) => {
                    input.advance(header.size);
                }
                Ok(Fate::Forward) => passed += header.size,
                Ok(Fate::Drop) => input.advance(header.size),
                Ok(Fate::Wait) => return Progress::Waits,
                Err(error) => {
                    self.fail_on_frame(Peer::Server, &error, output);
                    return Progress::Waits;
                }
            }
            if output.is_ended() {
                break Progress::Waits;
            }
        };
        self.send_passed(input, &mut passed, output);
        progress
    }

    fn send_passed(
        &mut self,
        input: &mut BytesMut,
        passed: &mut usize,
        output: &mut Output<Answer>,
    ) {
        if *passed > 0 {
            self.bytes_out += *passed as u64;
            output.client.pass(input, *passed);
            *passed = 0;
        }
    }

    /// Handles the frames that make up the bulk: rows of a result that nothing is done with.
    fn passes_plainly(&mut self, frame: &Frame<'_>) -> Option<Result<(), FrameError>> {
        let result = self.result.as_mut().filter(|_| !self.muted)?;
        match frame.tag {
            b'D' if result.is_plain() && result.copy.is_none() => Some(result.pass_row(frame)),
            b'd' if result.is_plain() && result.copy.is_none() => {
                result.pass_copy(frame.body);
                Some(Ok(()))
            }
            _ => None,
        }
    }

    fn masks_rows(&self) -> bool {
        let open = self.result.as_ref().filter(|_| !self.muted);
        open.is_some_and(|result| !result.masks.is_empty() && result.withheld.is_none())
    }

    fn mask_rows(
        &mut self,
        input: &mut BytesMut,
        output: &mut Output<Answer>,
    ) -> Result<(), FrameError> {
        let Some(result) = &mut self.result else { return Ok(()) };
        let mut masked = Ok(0);
        let before = output.client.len();
        output.client.build(|out| {
            let covering = Covering { masker: &self.masker, seen: &mut self.seen };
            masked = result.mask_rows(covering, input, self.frame_limit, out);
        });
        self.bytes_out += (output.client.len() - before) as u64;
        match masked {
            Ok(taken) => input.advance(taken),
            Err(RowsStop::Frame(error)) => return Err(error),
            Err(RowsStop::Denied(denial)) => result.withheld = Some(denial),
        }
        Ok(())
    }

    fn server_frame(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        match frame.tag {
            b'1' | b'2' | b'3' => self.acknowledged(frame.tag, output),
            b't' => Ok(Fate::Forward),
            b'N' => self.notice(frame, output).map(as_it_came),
            b'A' => self.notification(frame, output).map(as_it_came),
            b'S' => self.parameter_status(frame, output).map(as_it_came),
            b'V' => self.function_returned(frame, output),
            b'T' => self.row_description(frame, output),
            b'n' => Ok(self.no_data(output)),
            b'D' => Ok(self.first_row(frame, output)),
            b'd' => self.copy_data(frame, output),
            b'H' => self.copy_out(frame),
            b'c' => Ok(self.copy_done(output)),
            b'G' => Ok(self.copy_in(output)),
            b'C' | b'I' | b's' => self.completed(frame, output),
            b'E' => self.error(frame, output),
            b'Z' => self.ready(frame, output),
            // Replication, authentication: none of these was asked for.
            other => Ok(self.out_of_order(other, output)),
        }
    }

    pub(super) fn out_of_order(&mut self, tag: u8, output: &mut Output<Answer>) -> Fate {
        let tag = char::from(tag).escape_default();
        let message = format!("the server sent message '{tag}' out of order");
        self.fail("08P01", &message, "", output);
        Fate::Drop
    }

    /// `ParseComplete`, `BindComplete`, `CloseComplete`.
    fn acknowledged(&mut self, tag: u8, output: &mut Output<Answer>) -> Result<Fate, FrameError> {
        match (tag, self.due.pop()) {
            (b'1', Some(Expected::Parse { name, statement, .. })) => {
                self.names.confirm(&name, &statement);
                Ok(Fate::Forward)
            }
            (b'2', Some(Expected::Bind { portal, .. })) => {
                portal.confirm();
                if !self.is_overtaken(portal.planned.moment) {
                    portal.planned.settle();
                }
                Ok(Fate::Forward)
            }
            (b'3', Some(Expected::Close)) => Ok(Fate::Forward),
            _ => Ok(self.out_of_order(tag, output)),
        }
    }

    fn row_description(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let columns = backend::row_description(frame)?;
        if self.names_tell(&columns) {
            let message = "a column's name repeats a value that is covered";
            self.fail("42501", message, "Name the columns otherwise.", output);
            return Ok(Fate::Drop);
        }
        match self.due.front() {
            Some(Expected::Query { .. }) => {
                return Ok(match self.begin_result(columns, output) {
                    Begun::Waits => Fate::Wait,
                    Begun::Yes if self.is_withheld() => Fate::Drop,
                    Begun::Yes => Fate::Forward,
                });
            }
            Some(Expected::DescribeStatement { .. } | Expected::DescribePortal { .. }) => {}
            Some(Expected::DescribeOther) => {
                self.due.pop();
                return Ok(Fate::Forward);
            }
            _ => return Ok(self.out_of_order(b'T', output)),
        }
        Ok(self.described(columns.into()))
    }

    /// `NoData`.
    fn no_data(&mut self, output: &mut Output<Answer>) -> Fate {
        match self.due.front() {
            Some(Expected::DescribeStatement { .. } | Expected::DescribePortal { .. }) => {
                self.described([].into())
            }
            Some(Expected::DescribeOther) => {
                self.due.pop();
                Fate::Forward
            }
            _ => self.out_of_order(b'n', output),
        }
    }

    fn described(&mut self, columns: Arc<[backend::Column]>) -> Fate {
        match self.due.pop() {
            Some(Expected::DescribeStatement { statement, under }) => {
                statement.described(columns, under);
                Fate::Forward
            }
            Some(Expected::DescribePortal { portal, own }) => {
                portal.described(columns);
                if own { Fate::Drop } else { Fate::Forward }
            }
            _ => Fate::Drop,
        }
    }

    /// The first row of an `Execute`'s result, or a row of one that is withheld.
    fn first_row(&mut self, frame: &Frame<'_>, output: &mut Output<Answer>) -> Fate {
        if self.result.is_some() {
            // Only a result that the client does not get is handled row by row.
            return Fate::Drop;
        }
        let Some(Expected::Execute { portal, .. }) = self.due.front() else {
            return self.out_of_order(frame.tag, output);
        };
        let portal = Arc::clone(portal);
        // Its own turn comes when the result is open.
        match self.begin_prepared(&portal, output) {
            Some(Begun::Yes) => Fate::Again,
            Some(Begun::Waits) => Fate::Wait,
            None => self.out_of_order(frame.tag, output),
        }
    }

    pub(super) fn is_withheld(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.withheld.is_some())
    }

    /// `CommandComplete`, `EmptyQueryResponse`, `PortalSuspended`.
    fn completed(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        self.settle_cursor();
        let (number, executes) = match self.due.front_mut() {
            Some(Expected::Query { number, complete, .. }) => {
                *complete = complete.saturating_add(1);
                (*number, false)
            }
            Some(Expected::Execute { number, .. }) => {
                let number = *number;
                self.due.pop();
                (number, true)
            }
            _ => return Ok(self.out_of_order(frame.tag, output)),
        };
        self.copy_in = self.copy_in_due(0);
        // Others see what was committed before the rest of the text is answered.
        let committed = self.may_commit() || frame.body.starts_with(b"COMMIT");
        if self.changing_meanings && committed {
            self.tell_of_changes();
        } else if self.changing.is_some() && committed {
            self.catalog.forget();
        }
        let mut result =
            self.result.take().unwrap_or_else(|| OpenResult::new(vec![], self.record_limit));
        if let Some(denial) = result.withheld {
            self.tell_error(number, "42501", &denial.reason);
            if !self.muted {
                output.client.build(|out| reply::denied("42501", &denial, out));
            }
            // After an error the client gets nothing more of this run, as if the server had skipped it,
            // and nothing more of it is sent on; what was sent already runs.
            self.muted = true;
            self.skipping |= executes && !self.due.has_sync();
            return Ok(Fate::Drop);
        }
        result.record.tag = match frame.tag {
            b'C' => backend::command_tag(frame)?.to_owned(),
            b's' => "(more rows)".to_owned(),
            _ => String::new(),
        };
        // The client has it already; where the record fails, its next command will be denied.
        let _ = self.gate.tell_result(number, &result.record);
        if let Some(result) = result.begun_anew(self.record_limit) {
            self.opened.keep(result);
        }
        self.seen.rest();
        Ok(Fate::Forward)
    }

    /// `FunctionCallResponse`.
    fn function_returned(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let Some(Expected::Function { number, .. }) = self.due.front() else {
            return Ok(self.out_of_order(frame.tag, output));
        };
        let number = *number;
        let passes = self.function_result(frame, output)?;
        let mut result = OpenResult::new(vec![], self.record_limit);
        result.record.tag = "FUNCTION CALL".to_owned();
        // The client has it already; where the record fails, its next command will be denied.
        let _ = self.gate.tell_result(number, &result.record);
        Ok(as_it_came(passes))
    }

    fn ready(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        self.status = backend::status(frame)?;
        self.result = None;
        let Some(
            Expected::Query { segment, .. }
            | Expected::Function { segment, .. }
            | Expected::Sync { segment }
            | Expected::Refused { simple: Some(segment), .. },
        ) = self.due.pop()
        else {
            return Ok(self.out_of_order(b'Z', output));
        };
        self.copy_in = self.copy_in_due(0);
        self.muted = false;
        if self.status == b'I' {
            self.guarded &= !self.due.is_empty();
            self.names.end_transaction(segment);
            self.cursors.end_transaction(segment);
        }
        if self.due.is_empty() {
            self.transaction.settle(self.status);
        }
        self.catalog_settled();
        Ok(Fate::Forward)
    }

    /// Forgets what was known of a catalog that was changed: inside a transaction others do not see the change yet, and the
    /// session itself goes by what it knows of it.
    fn catalog_settled(&mut self) {
        if self.changing.is_none() {
            return;
        }
        if self.status == b'I' {
            self.catalog.forget();
        }
        self.unknown_oids.clear();
        self.unknown_functions.clear();
        // What was sent since and is not answered may change it as well.
        if self.status == b'I' && self.due.is_empty() {
            self.changing = None;
            self.changing_meanings = false;
            self.end_commit();
        }
    }
}

/// A message that passes as it came, or was told otherwise.
pub(super) fn as_it_came(passes: bool) -> Fate {
    if passes { Fate::Forward } else { Fate::Drop }
}

/// Whether a message answers a command; the others may come at any time.
fn is_answer(tag: u8) -> bool {
    !matches!(tag, b'Z' | b'N' | b'S' | b'A')
}
