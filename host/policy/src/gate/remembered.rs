//! What pure policies said before, in this session: bounded, and forgotten when the policies change.

use std::collections::HashMap;
use std::sync::Arc;

use crate::memory::{LONGEST, size_of_command, size_of_judged, size_of_shape};
use crate::{Command, CommandParts, Judged, Masking, Observation, Operations, Shape};

type Planned = (Arc<Masking>, Arc<[Observation]>);

/// How many verdicts, and how many plans, a session remembers.
const MOST: usize = 256;
/// Results of larger shapes are planned anew each time, in bytes: a wide table's is larger than a question.
const LONGEST_SHAPE: usize = 4 * LONGEST;

#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// By what the guards look at: the whole command, or all but its text.
    verdicts: HashMap<Arc<Command>, Arc<Judged>>,
    /// The operations that were judged last where no text is looked at, by their place in memory.
    last: Option<Last>,
    plans: HashMap<Shape, Planned>,
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
        if size_of_command(&seen) > LONGEST || size_of_judged(judged) > LONGEST {
            return;
        }
        make_room(&mut self.verdicts, 1);
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
        if size_of_shape(shape) > LONGEST_SHAPE {
            return;
        }
        make_room(&mut self.plans, 1);
        self.plans.insert(shape.clone(), (Arc::clone(masking), Arc::clone(observed)));
    }

    /// Takes up what was learned elsewhere by the same policies, and was no larger than what is kept here.
    pub(super) fn learn(&mut self, other: Self) {
        make_room(&mut self.verdicts, other.verdicts.len());
        self.verdicts.extend(other.verdicts);
        self.last = other.last.or(self.last.take());
        make_room(&mut self.plans, other.plans.len());
        self.plans.extend(other.plans);
    }

    pub(super) fn forget(&mut self) {
        self.verdicts.clear();
        self.last = None;
        self.plans.clear();
    }
}

/// What is remembered is forgotten as a whole where there would be too much of it.
fn make_room<K, V>(map: &mut HashMap<K, V>, more: usize) {
    if map.len() + more > MOST {
        map.clear();
    }
}

#[cfg(test)]
mod tests;
