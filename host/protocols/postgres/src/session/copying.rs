//! Copies: rows from the server outside of a result, and rows that it takes.

use palisade_policy::Denial;
use palisade_relay::Output;
use palisade_sql::CopyFormat;

use super::copy::{CopyMask, shape_of};
use super::result::OpenResult;
use super::rows::Covering;
use super::server::Fate;
use super::{Answer, CopyIn, Session};
use crate::codec::{Frame, FrameError, backend, build};

impl Session {
    pub(super) fn copy_out(&mut self, frame: &Frame<'_>) -> Result<Fate, FrameError> {
        let (is_binary, width) = backend::copy_out(frame)?;
        let mut result = OpenResult::new(vec![], self.record_limit);
        if !self.gate.masks_nothing() {
            match self.plan_copy(is_binary, width) {
                Ok(mask) => result.copy = mask,
                Err(denial) => result.withheld = Some(denial),
            }
        }
        self.result = Some(result);
        Ok(if self.is_withheld() { Fate::Drop } else { Fate::Forward })
    }

    /// How a copy towards the client is masked, if at all; it has so many columns.
    fn plan_copy(&mut self, is_binary: bool, width: usize) -> Result<Option<CopyMask>, Denial> {
        let withheld = |reason: &str, hint: &str| Denial {
            reason: reason.to_owned(),
            rule: "gateway.copy-unmaskable".to_owned(),
            hint: hint.to_owned(),
        };
        let Some(copy) = self.statement_due().copy.clone() else {
            return Err(withheld(
                "the server copies out rows that nothing is known of",
                "Use SELECT.",
            ));
        };
        let planned = self.gate.plan(&shape_of(&copy))?;
        let mask = CopyMask::new(&copy, &planned)?;
        match &mask {
            Some(mask)
                if mask.width() != width || is_binary != (copy.format == CopyFormat::Binary) =>
            {
                let reason = "the server copies out other columns, or in another form, than were planned for";
                Err(withheld(reason, "Name the columns in the COPY."))
            }
            _ => Ok(mask),
        }
    }

    pub(super) fn copy_data(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let Some(result) = &mut self.result else { return Ok(self.out_of_order(b'd', output)) };
        if result.withheld.is_some() || self.muted {
            return Ok(Fate::Drop);
        }
        let mut masked = Ok(());
        let before = output.client.len();
        output.client.build(|out| {
            let covering = Covering { masker: &self.masker, seen: &mut self.seen };
            masked = result.mask_copy(covering, frame.body, out);
        });
        self.bytes_out += (output.client.len() - before) as u64;
        if let Err(problem) = masked {
            let message = format!("a COPY could not be masked: {problem}");
            self.fail("42501", &message, "Use SELECT.", output);
        }
        Ok(Fate::Drop)
    }

    pub(super) fn copy_done(&mut self, output: &mut Output<Answer>) -> Fate {
        if self.is_withheld() {
            return Fate::Drop;
        }
        let all = self.result.as_ref().and_then(|result| result.copy.as_ref());
        if all.is_some_and(|copy| !copy.is_done()) {
            self.fail("42501", "a COPY ended within a line", "", output);
            return Fate::Drop;
        }
        Fate::Forward
    }

    /// The server takes rows: it ignores every `Sync` that it was sent since the command.
    pub(super) fn copy_in(&mut self, output: &mut Output<Answer>) -> Fate {
        if self.copy_in != CopyIn::Due {
            return self.out_of_order(b'G', output);
        }
        self.due.forget_syncs();
        if self.muted {
            // The client was told that its query has failed: it sends no rows.
            output.server.build(|out| {
                build::frame(out, b'f', |out| build::cstr(out, "an earlier result was withheld"));
            });
            self.copy_in = self.copy_in_due(1);
            return Fate::Drop;
        }
        self.copy_in = CopyIn::Open;
        Fate::Forward
    }

    /// What is due of copies from the client, once so many more statements of the oldest command are complete.
    pub(super) fn copy_in_due(&self, more: usize) -> CopyIn {
        if self.due.may_copy_in(more) { CopyIn::Due } else { CopyIn::None }
    }
}
