//! What pure policies said before, in this session: bounded, and forgotten when the policies change.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Command, Judged, Masking, Observation, Shape};

type Planned = (Arc<Masking>, Arc<[Observation]>);

/// How many verdicts, and how many plans, a session remembers.
const MOST: usize = 256;
/// Longer texts are judged anew each time, in bytes.
const LONGEST_TEXT: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Remembered {
    verdicts: HashMap<Arc<Command>, Arc<Judged>>,
    plans: HashMap<Shape, Planned>,
}

impl Remembered {
    pub(super) fn verdict(&self, command: &Arc<Command>) -> Option<Arc<Judged>> {
        self.verdicts.get(command).cloned()
    }

    pub(super) fn keep_verdict(&mut self, command: &Arc<Command>, judged: &Arc<Judged>) {
        if command.text.len() > LONGEST_TEXT {
            return;
        }
        if self.verdicts.len() >= MOST {
            self.verdicts.clear();
        }
        self.verdicts.insert(Arc::clone(command), Arc::clone(judged));
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
        if self.plans.len() >= MOST {
            self.plans.clear();
        }
        self.plans.insert(shape.clone(), (Arc::clone(masking), Arc::clone(observed)));
    }

    pub(super) fn forget(&mut self) {
        self.verdicts.clear();
        self.plans.clear();
    }
}
