//! The function-call message, which names a function by its OID: judged as the SELECT that it amounts to.
//!
//! Source: PostgreSQL documentation, "Message Flow", "Function Call".

use palisade_mask::{CellForm, CellMask, Treated};
use palisade_policy::{Field, Moment, Shape};
use palisade_relay::{Output, Peer};

use super::client::Fate;
use super::expected::{Expected, Refusal};
use super::judge::Told;
use super::{Answer, Session};
use crate::catalog::Wanted;
use crate::codec::{Frame, FrameError, backend, build, frontend};

impl Session {
    pub(super) fn function_call(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<Fate, FrameError> {
        let (oid, arguments) = frontend::function_call(frame)?;
        let Some(text) = self.call_text(oid, arguments, output) else { return Ok(Fate::Wait) };
        let text = match text {
            Ok(text) => text,
            Err(refusal) => {
                self.record_refusal("function call", &refusal);
                return Ok(self.refuse_query(refusal, output));
            }
        };
        let moment = self.changes_of_others();
        let (allowed, reading) = match self.judge(text.as_bytes(), Moment::Run, output) {
            Told::Waits => return Ok(Fate::Wait),
            Told::Refuse(refusal) => return Ok(self.refuse_query(refusal, output)),
            Told::Allow(allowed, reading) => (allowed, reading),
        };
        if allowed.rewritten {
            let reason = "the policies rewrite this call, and a function-call message has no text";
            let hint = "Call the function in a SELECT.";
            let refusal = Refusal::of("42501", "postgres.function-call", reason.to_owned(), hint);
            self.record_refusal(&text, &refusal);
            return Ok(self.refuse_query(refusal, output));
        }
        self.follow(&reading, moment);
        let (number, segment) = (allowed.number, self.segment);
        self.due.push(Expected::Function { number, segment, reading, moment });
        self.end_run();
        Ok(Fate::Forward)
    }

    /// The SELECT that a call amounts to; `None` while the function's name is looked up.
    fn call_text(
        &mut self,
        oid: u32,
        arguments: usize,
        output: &mut Output<Answer>,
    ) -> Option<Result<String, Refusal>> {
        let known = self.catalog.look(|known| known.function(oid).cloned());
        if known.is_none() && !self.unknown_functions.contains(&oid) {
            let wanted = Wanted { functions: [oid].into(), ..Wanted::default() };
            self.look_up(Peer::Client, wanted, output);
            return None;
        }
        Some(match known {
            Some((schema, name)) => {
                let places: Vec<_> = (1..=arguments).map(|place| format!("${place}")).collect();
                let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
                let (schema, name) = (quote(&schema), quote(&name));
                Ok(format!("SELECT {schema}.{name}({})", places.join(", ")))
            }
            None => {
                let reason = format!("there is no function with OID {oid}, as far as is known");
                let hint = "Call the function in a SELECT.";
                Err(Refusal::of("42883", "postgres.function-call", reason, hint))
            }
        })
    }

    /// `FunctionCallResponse`: a value that may come from anywhere is covered where somebody protects something.
    pub(super) fn function_result(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<bool, FrameError> {
        let value = backend::function_result(frame)?;
        if self.gate.masks_nothing() || value.is_none() {
            return Ok(true);
        }
        let statement = self.statement_due();
        let sources = statement.lineage.all().to_vec();
        let field = Field { name: String::new(), sources, type_name: "unknown".to_owned() };
        let planned = self.gate.plan(&Shape::Table(vec![field]));
        let mask =
            planned.ok().and_then(|planned| CellMask::new(planned.masking.fields.first()?).ok());
        if mask.is_some_and(|mask| self.leaves_as_it_is(&mask, value.unwrap_or_default())) {
            return Ok(true);
        }
        output.client.build(build::function_null);
        Ok(false)
    }

    /// Whether a mask has nothing to do with a value of whatever type.
    fn leaves_as_it_is(&mut self, mask: &CellMask, value: &[u8]) -> bool {
        if mask.covers() {
            self.seen.remember(value);
        }
        let mut cell = Vec::new();
        let treated = self.masker.treat(mask, CellForm::Text, value, &mut cell);
        mask.is_keep() || matches!(treated, Treated::Unchanged)
    }
}
