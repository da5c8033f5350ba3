//! What pure policies said before, in this session: bounded, and forgotten when the policies change.

use std::collections::HashMap;
use std::sync::Arc;

use crate::memory::{
    LONGEST, size_of_command, size_of_judged, size_of_masking, size_of_observed, size_of_shape,
};
use crate::{Command, CommandParts, Judged, Masking, Observation, Operations, Shape};

type Planned = (Arc<Masking>, Arc<[Observation]>);

/// Roughly how many bytes of questions and answers a session remembers.
const MOST_BYTES: usize = 4 << 20;
/// Results of larger shapes are planned anew each time, in bytes: a wide table's is larger than a question.
const LONGEST_SHAPE: usize = 4 * LONGEST;
/// Larger plans are made anew each time, in bytes: they are a multiple of their shapes.
const LONGEST_PLAN: usize = 64 * LONGEST;

#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// By what the guards look at: the whole command, or all but its text.
    verdicts: HashMap<Arc<Command>, Arc<Judged>>,
    /// The operations that were judged last where no text is looked at, by their place in memory.
    last: Option<Last>,
    plans: HashMap<Shape, Planned>,
    /// What the verdicts and the plans take, roughly.
    bytes: usize,
}

/// What was judged of operations, which are kept so that their place stays their own.
#[derive(Debug)]
struct Last {
    operations: Operations,
    complete: bool,
    judged: Arc<Judged>,
}

impl Last {
    fn is(&self, command: &Command) -> bool {
        self.complete == command.complete && self.operations.is_same(&command.operations)
    }
}

impl Remembered {
    pub(super) fn verdict(
        &mut self,
        command: &Arc<Command>,
        parts: CommandParts,
    ) -> Option<Arc<Judged>> {
        if parts.text {
            return self.verdicts.get(command).cloned();
        }
        if let Some(last) = self.last.as_ref().filter(|last| last.is(command)) {
            return Some(Arc::clone(&last.judged));
        }
        let judged = self.verdicts.get(&parts.of(command)).cloned()?;
        self.keep_last(command, &judged);
        Some(judged)
    }

    pub(super) fn keep_verdict(
        &mut self,
        command: &Arc<Command>,
        parts: CommandParts,
        judged: &Arc<Judged>,
    ) {
        let seen = parts.of(command);
        // Operations are as long as a client makes them, also where no text is looked at.
        let (question, answer) = (size_of_command(&seen), size_of_judged(judged));
        if question > LONGEST || answer > LONGEST {
            return;
        }
        self.make_room(question + answer);
        self.verdicts.insert(seen, Arc::clone(judged));
        if !parts.text {
            self.keep_last(command, judged);
        }
    }

    fn keep_last(&mut self, command: &Command, judged: &Arc<Judged>) {
        self.last = Some(Last {
            operations: command.operations.clone(),
            complete: command.complete,
            judged: Arc::clone(judged),
        });
    }

    pub(super) fn plan(&self, shape: &Shape) -> Option<Planned> {
        self.plans.get(shape).cloned()
    }

    pub(super) fn keep_plan(
        &mut self,
        shape: &Shape,
        masking: &Arc<Masking>,
        observed: &Arc<[Observation]>,
    ) {
        let question = size_of_shape(shape);
        let answer = size_of_masking(masking) + size_of_observed(observed);
        if question > LONGEST_SHAPE || answer > LONGEST_PLAN {
            return;
        }
        self.make_room(question + answer);
        self.plans.insert(shape.clone(), (Arc::clone(masking), Arc::clone(observed)));
    }

    /// Takes up what was learned elsewhere by the same policies, and was no larger than what is kept here.
    pub(super) fn learn(&mut self, other: Self) {
        self.make_room(other.bytes);
        self.verdicts.extend(other.verdicts);
        self.last = other.last.or(self.last.take());
        self.plans.extend(other.plans);
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is remembered is forgotten as a whole where there would be too much of it.
    fn make_room(&mut self, more: usize) {
        if self.bytes + more > MOST_BYTES {
            self.verdicts = HashMap::new();
            self.plans = HashMap::new();
            self.bytes = 0;
        }
        self.bytes += more;
    }
}

#[cfg(test)]
mod tests;
