//! Commands that fail at the server: what the client reads, what is recorded, and what is skipped with them.

use palisade_relay::Output;

use super::expected::Expected;
use super::messages::ShownReport;
use super::server::{Fate, as_it_came};
use super::{Answer, Session};
use crate::codec::{Frame, FrameError, backend};
use crate::reply;

impl Session {
    /// `ErrorResponse`: what it belongs to has failed.
    pub(super) fn error(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let report = backend::report(frame)?;
        self.server_ended |= report.severity == "FATAL" || report.severity == "PANIC";
        self.break_off_result();
        // What it belongs to is still due: whether it may be told in full depends on that.
        let refused = matches!(self.due.front(), Some(Expected::Refused { .. }));
        let shown = if refused { None } else { self.shown(frame)? };
        let message = shown.as_ref().map_or(report.message.as_str().into(), ShownReport::message);
        let message = self.recordable(&report.code, &message);
        let shown = shown.filter(|_| !self.muted);
        if let Some(shown) = &shown {
            shown.send(frame.tag, output);
        }
        // The rest of a simple query does not run; what was sent behind it may still begin a copy.
        if let Some(Expected::Query { complete, .. }) = self.due.front_mut() {
            *complete = usize::MAX;
        }
        self.copy_in = self.copy_in_due(0);
        let (number, simple) = match self.due.front() {
            Some(Expected::Refused { refusal, simple }) => {
                let refusal = refusal.clone();
                let simple = *simple;
                if !self.muted {
                    output.client.build(|out| reply::denied(refusal.code, &refusal.denial, out));
                }
                if simple.is_none() {
                    self.skip();
                }
                return Ok(Fate::Drop);
            }
            Some(Expected::Query { number, .. } | Expected::Function { number, .. }) => {
                (*number, true)
            }
            Some(Expected::Execute { number, .. }) => (*number, false),
            _ => (0, false),
        };
        self.tell_error(number, &report.code, &message);
        if !simple {
            self.skip();
        }
        Ok(as_it_came(shown.is_none()))
    }

    /// The server skips everything up to the next `Sync`, also what it has not been sent yet.
    fn skip(&mut self) {
        let owed = !self.due.is_empty();
        for skipped in self.due.skip_to_sync() {
            match skipped {
                Expected::Parse { name, statement } => self.names.not_prepared(&name, &statement),
                Expected::Bind { name, portal } => self.names.not_bound(&name, &portal),
                _ => {}
            }
        }
        self.skipping |= owed && self.due.is_empty();
        self.copy_in = self.copy_in_due(0);
    }

    /// Records what the client got of a result that does not come to its end.
    pub(super) fn break_off_result(&mut self) {
        let Some(mut result) = self.result.take() else { return };
        let number = match self.due.front() {
            Some(Expected::Query { number, .. } | Expected::Execute { number, .. }) => *number,
            _ => return,
        };
        if result.withheld.is_none() && result.record.bytes > 0 {
            "(broken off)".clone_into(&mut result.record.tag);
            // The client has it already; where the record fails, its next command will be denied.
            let _ = self.gate.tell_result(number, &result.record);
        }
    }

    /// The message of an error as the client sees it, without the values that it may quote.
    fn recordable(&self, code: &str, message: &str) -> String {
        // What a function raises may say anything; data exceptions and broken constraints quote values, the others names.
        if code.starts_with("P0") && !self.gate.masks_nothing() {
            return "(raised by a function)".to_owned();
        }
        let quotes = ["22", "23"].iter().any(|class| code.starts_with(class));
        if !quotes || self.gate.masks_nothing() {
            return message.to_owned();
        }
        let parts = message.split('"').enumerate();
        parts.map(|(at, part)| if at % 2 == 0 { part } else { "\"…\"" }).collect()
    }

    pub(super) fn tell_error(&self, number: u64, code: &str, message: &str) {
        // The client has its answer either way; its next command will be denied.
        let _ = self.gate.tell_error(number, code, message);
    }
}
