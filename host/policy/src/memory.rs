//! What one policy said before, in any session, and how often it was asked and failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Action, Command, Context, Cover, Denial, Hold, Judged, Masking, Observation, Operation, Plan,
    PolicyFailure, Ruling, Shape, Treatment, Verdict,
};

/// Roughly how many bytes of questions and answers are remembered for one policy.
const MOST_BYTES: usize = 4 << 20;
/// Longer questions, and those with longer answers, are asked anew each time, in bytes.
pub(crate) const LONGEST: usize = 16 << 10;

/// The answers of one policy, by whom they were given for, by what it looks at of the context, and by what it was asked; and its
/// counts.
///
/// It belongs to one plugin with one configuration: another of either begins with another memory.
#[derive(Debug, Default)]
pub struct Memory {
    answers: Mutex<Answers>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Answers {
    known: HashMap<Arc<Context>, Known>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Known {
    verdicts: HashMap<Arc<Command>, Verdict>,
    plans: HashMap<Shape, Plan>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    remembered: AtomicU64,
    time: AtomicU64,
    memory: AtomicU64,
    trap: AtomicU64,
    answer: AtomicU64,
}

/// How often a policy was asked, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounts {
    /// Calls of the plugin.
    pub asked: u64,
    /// Answers that were remembered from an earlier call.
    pub remembered: u64,
    /// Calls that ran over their time.
    pub time: u64,
    /// Calls that ran over their memory, or over their tables.
    pub memory: u64,
    /// Calls that trapped, or asked for what is not granted.
    pub trap: u64,
    /// Calls whose answer could not be used.
    pub answer: u64,
}

impl std::ops::Add for PolicyCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            remembered: self.remembered + other.remembered,
            time: self.time + other.time,
            memory: self.memory + other.memory,
            trap: self.trap + other.trap,
            answer: self.answer + other.answer,
        }
    }
}

impl Memory {
    /// How often the policy was asked, and what came of it.
    #[must_use]
    pub fn counts(&self) -> PolicyCounts {
        let Counts { asked, remembered, time, memory, trap, answer } = &self.counts;
        PolicyCounts {
            asked: asked.load(Relaxed),
            remembered: remembered.load(Relaxed),
            time: time.load(Relaxed),
            memory: memory.load(Relaxed),
            trap: trap.load(Relaxed),
            answer: answer.load(Relaxed),
        }
    }

    pub(crate) fn verdict(&self, view: &Arc<Context>, command: &Arc<Command>) -> Option<Verdict> {
        let verdict = self.answers().known.get(view)?.verdicts.get(command).cloned()?;
        self.counts.remembered.fetch_add(1, Relaxed);
        Some(verdict)
    }

    pub(crate) fn keep_verdict(
        &self,
        view: &Arc<Context>,
        command: &Arc<Command>,
        verdict: &Verdict,
    ) {
        let sizes = [size_of_command(command), size_of_verdict(verdict), size_of_view(view)];
        if let Some(mut answers) = self.room(sizes) {
            let known = answers.known.entry(Arc::clone(view)).or_default();
            known.verdicts.insert(Arc::clone(command), verdict.clone());
        }
    }

    pub(crate) fn plan(&self, view: &Arc<Context>, shape: &Shape) -> Option<Plan> {
        let plan = self.answers().known.get(view)?.plans.get(shape).cloned()?;
        self.counts.remembered.fetch_add(1, Relaxed);
        Some(plan)
    }

    pub(crate) fn keep_plan(&self, view: &Arc<Context>, shape: &Shape, plan: &Plan) {
        let sizes = [size_of_shape(shape), size_of_plan(plan), size_of_view(view)];
        if let Some(mut answers) = self.room(sizes) {
            let known = answers.known.entry(Arc::clone(view)).or_default();
            known.plans.insert(shape.clone(), plan.clone());
        }
    }

    /// Counts a call, and gives back what came of it.
    pub(crate) fn count<T>(&self, answer: Result<T, PolicyFailure>) -> Result<T, PolicyFailure> {
        self.counts.asked.fetch_add(1, Relaxed);
        let failures = match &answer {
            Ok(_) => return answer,
            Err(PolicyFailure::Time) => &self.counts.time,
            Err(PolicyFailure::Memory) => &self.counts.memory,
            Err(PolicyFailure::Trap(_) | PolicyFailure::Ungranted(_)) => &self.counts.trap,
            Err(PolicyFailure::Answer(_)) => &self.counts.answer,
        };
        failures.fetch_add(1, Relaxed);
        answer
    }

    /// The answers, with room for one of these sizes; everything is forgotten where there was none.
    fn room(&self, sizes: [usize; 3]) -> Option<MutexGuard<'_, Answers>> {
        if sizes.iter().any(|size| *size > LONGEST) {
            return None;
        }
        let size: usize = sizes.iter().sum();
        let mut answers = self.answers();
        answers.bytes += size;
        if answers.bytes > MOST_BYTES {
            *answers = Answers { bytes: size, ..Answers::default() };
        }
        Some(answers)
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        // Each change is one insertion: a panic elsewhere does not make it wrong.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry costs besides its texts, roughly.
const ENTRY: usize = 256;

/// What a command takes in memory, roughly.
pub(crate) fn size_of_command(command: &Command) -> usize {
    let operations = command.operations.iter().map(|each| {
        let texts = each.fields.iter().chain(each.facts.iter().flat_map(|(name, of)| [name, of]));
        let own = size_of::<Operation>() + each.action.len() + each.object.len();
        own + texts.map(|text| text.len() + 24).sum::<usize>()
    });
    // What a journal writes them as is kept beside them.
    ENTRY + command.text.len() + 2 * operations.sum::<usize>()
}

/// What a whole chain's judgement takes in memory, roughly.
pub(crate) fn size_of_judged(judged: &Judged) -> usize {
    let of_holds = |holds: &[Hold]| {
        holds.iter().map(|hold| size_of::<Hold>() + size_of_hold(hold)).sum::<usize>()
    };
    let ruling = match &judged.ruling {
        Ruling::Allow => 0,
        Ruling::Deny(denial) => size_of_denial(denial),
        Ruling::Hold(holds) => of_holds(holds),
        Ruling::Rewrite { text, holds } => text.len() + of_holds(holds),
    };
    ruling + judged.by.len() + size_of_observed(&judged.observed)
}

/// What observations take in memory, roughly.
pub(crate) fn size_of_observed(observed: &[Observation]) -> usize {
    let of = |it: &Observation| {
        size_of::<Observation>() + it.policy.len() + it.rule.len() + it.reason.len()
    };
    observed.iter().map(of).sum()
}

fn size_of_denial(Denial { reason, rule, hint }: &Denial) -> usize {
    reason.len() + rule.len() + hint.len()
}

fn size_of_hold(hold: &Hold) -> usize {
    let approvers = hold.approvers.iter().map(|name| name.len() + 24);
    hold.reason.len() + hold.rule.len() + hold.for_approvers.len() + approvers.sum::<usize>()
}

/// What a verdict takes in memory, roughly.
pub(crate) fn size_of_verdict(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Deny(denial) => size_of_denial(denial),
        Verdict::Hold(hold) => size_of_hold(hold),
        Verdict::Rewrite(text) => text.len(),
    }
}

/// What a plan takes in memory, roughly.
pub(crate) fn size_of_plan(plan: &Plan) -> usize {
    let fields = plan.fields.iter().map(size_of_action).sum::<usize>();
    fields + size_of_keys(&plan.keys) + size_of_action(&plan.rest)
}

fn size_of_action(action: &Action) -> usize {
    match action {
        Action::Replace(text) => 32 + text.len(),
        Action::Scan(detectors) => 32 + detectors.iter().map(|name| name.len() + 24).sum::<usize>(),
        _ => 32,
    }
}

fn size_of_keys(keys: &[(String, Action)]) -> usize {
    keys.iter().map(|(pattern, action)| 24 + pattern.len() + size_of_action(action)).sum()
}

/// What a whole chain's plan takes in memory, roughly: for each column a set of detectors, which is much more than its name.
pub(crate) fn size_of_masking(masking: &Masking) -> usize {
    let Masking { fields, documents, rest } = masking;
    let documents =
        documents.iter().map(|rules| 24 + size_of_keys(&rules.keys) + size_of_action(&rules.rest));
    fields.iter().map(size_of_treatment).sum::<usize>()
        + documents.sum::<usize>()
        + size_of_treatment(rest)
}

fn size_of_treatment(Treatment { cover, inspect, scan }: &Treatment) -> usize {
    /// What a text takes besides its bytes: where it is, and what an allocation is rounded up by.
    const TEXT: usize = 48;
    let cover = match cover {
        Some(Cover::Replace(text)) => text.len(),
        _ => 0,
    };
    // A set has room for more than is in it.
    let scan = scan.iter().map(|name| 2 * TEXT + name.len()).sum::<usize>();
    size_of::<Treatment>() + cover + size_of_val(inspect.as_slice()) + scan
}

fn size_of_view(view: &Context) -> usize {
    let Context { session, principal, target, client_address } = view;
    let roles = principal.roles.iter().map(|role| role.len() + 24).sum::<usize>();
    let labels = target.labels.iter().map(|(name, value)| name.len() + value.len() + 48);
    session.len() + principal.subject.len() + roles + labels.sum::<usize>() + client_address.len()
}

/// What a shape takes in memory, roughly.
pub(crate) fn size_of_shape(shape: &Shape) -> usize {
    let fields = match shape {
        Shape::Table(fields) => fields,
        Shape::Document(media_type) => return ENTRY + media_type.len(),
        Shape::ByteStream => return ENTRY,
    };
    let of = |field: &crate::Field| {
        24 + field.name.len() + field.sources.iter().map(|source| source.len() + 24).sum::<usize>()
    };
    ENTRY + fields.iter().map(of).sum::<usize>()
}

#[cfg(test)]
mod tests;
