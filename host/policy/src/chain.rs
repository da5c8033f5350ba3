//! The policies that are in force, and what they say together.

use std::sync::Arc;

use crate::memory::{LONGEST, size_of_verdict};
use crate::{
    Batch, Command, CommandParts, Context, ContextParts, Denial, Field, Hold, Masking, Memory,
    Plan, Policy, PolicyFailure, Review, Ruling, Scope, Shape, Treatment, Verdict,
};

/// Whether a policy's answers bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They do.
    #[default]
    Enforce,
    /// They are recorded and change nothing.
    Observe,
}

/// One policy in its place.
#[derive(Clone)]
pub struct Placed {
    /// What runs.
    pub policy: Arc<dyn Policy>,
    /// Whether its answers bind.
    pub mode: Mode,
    /// Where it acts.
    pub scope: Scope,
    /// What it said before, in any session.
    pub memory: Arc<Memory>,
}

impl Placed {
    /// A policy that binds everywhere, with nothing remembered.
    #[must_use]
    pub fn everywhere(policy: Arc<dyn Policy>) -> Self {
        let (mode, scope, memory) = Default::default();
        Self { policy, mode, scope, memory }
    }

    fn judge(&self, seat: &Seat, command: &Arc<Command>) -> Result<Verdict, PolicyFailure> {
        let command = &seat.judges_by.of(command);
        let ask = || self.memory.count(self.policy.judge(&seat.view, command));
        if !self.policy.is_pure() {
            return ask();
        }
        if let Some(verdict) = self.memory.verdict(&seat.key, command) {
            return Ok(verdict);
        }
        let verdict = ask()?;
        self.memory.keep_verdict(&seat.key, command, &verdict);
        Ok(verdict)
    }

    fn plan(&self, seat: &Seat, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let ask = || self.memory.count(self.policy.plan(&seat.view, shape));
        if !self.policy.is_pure() {
            return ask();
        }
        if let Some(plan) = self.memory.plan(&seat.key, shape) {
            return Ok(plan);
        }
        let plan = ask()?;
        self.memory.keep_plan(&seat.key, shape, &plan);
        Ok(plan)
    }
}

impl std::fmt::Debug for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.policy.name();
        f.debug_struct("Placed").field("name", &name).field("mode", &self.mode).finish()
    }
}

/// The whole set of policies: one immutable value, swapped as a whole.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// Grows with each swap; zero is the empty set before the first.
    pub version: u64,
    /// In the order of the policy files.
    pub policies: Vec<Placed>,
}

/// A policy that only observes would have decided otherwise than to allow or to keep, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The policy's name.
    pub policy: String,
    /// What it would have done: `deny`, `hold`, `rewrite`, `mask` or `fail`.
    pub word: &'static str,
    /// The rule's id, empty where there is none.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// What a chain says of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What binds.
    pub ruling: Ruling,
    /// What observing policies would have done.
    pub observed: Vec<Observation>,
    /// The policy that decided; empty where nobody objected.
    pub by: String,
    /// Whether the same command would always be judged the same.
    pub memorable: bool,
}

/// What the reviewers of a chain say of a held command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// A person must decide.
    Undecided,
    /// A policy grants it.
    Approved {
        /// Its name.
        by: String,
        /// Why.
        reason: String,
    },
    /// A policy refuses it, or failed.
    Denied {
        /// Its name.
        by: String,
        /// Why.
        reason: String,
    },
}

/// The policies of one set that act in one session.
#[derive(Clone, Debug)]
pub struct Chain {
    set: Arc<PolicySet>,
    guards: Vec<Seat>,
    masks: Vec<Seat>,
    reviewers: Vec<Seat>,
    /// Masks that only observe.
    observers: Vec<Seat>,
}

/// A policy's place in the set, and what it sees of the session's context.
#[derive(Clone, Debug)]
struct Seat {
    index: usize,
    view: Arc<Context>,
    /// What its answers are remembered by: the view, and who acts even where it does not look at that, so that nobody can
    /// tell by the time of an answer what others asked.
    key: Arc<Context>,
    /// What it sees of a command.
    judges_by: CommandParts,
}

impl Seat {
    fn new(index: usize, policy: &dyn Policy, context: &Context) -> Self {
        let looks_at = policy.looks_at();
        let view = Arc::new(looks_at.of(context));
        let key = match looks_at.principal {
            true => Arc::clone(&view),
            false => Arc::new(ContextParts { principal: true, ..looks_at }.of(context)),
        };
        Self { index, view, key, judges_by: policy.judges_by() }
    }
}

impl Chain {
    /// Picks out of a set what acts in this context.
    #[must_use]
    pub fn new(set: Arc<PolicySet>, context: &Context) -> Self {
        let (mut guards, mut masks, mut reviewers, mut observers) = Default::default();
        let sit = |seats: &mut Vec<Seat>, seat: &Seat| seats.push(seat.clone());
        for (index, placed) in set.policies.iter().enumerate() {
            if !placed.scope.covers(context) {
                continue;
            }
            let (hooks, enforced) = (placed.policy.hooks(), placed.mode == Mode::Enforce);
            let seat = Seat::new(index, &*placed.policy, context);
            if hooks.guard {
                sit(&mut guards, &seat);
            }
            if hooks.mask {
                sit(if enforced { &mut masks } else { &mut observers }, &seat);
            }
            if hooks.reviewer && enforced {
                sit(&mut reviewers, &seat);
            }
        }
        Self { set, guards, masks, reviewers, observers }
    }

    /// The set's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.set.version
    }

    /// Whether no policy of this chain looks at results.
    #[must_use]
    pub fn masks_nothing(&self) -> bool {
        self.masks.is_empty() && self.observers.is_empty()
    }

    /// Whether a guard looks at the texts of commands: where none does, commands with equal operations are judged alike.
    #[must_use]
    pub fn judges_by_text(&self) -> bool {
        self.guards.iter().any(|seat| seat.judges_by.text)
    }

    /// Asks every guard.
    #[must_use]
    pub fn judge(&self, command: &Arc<Command>) -> Judged {
        let mut judged =
            Judged { ruling: Ruling::Allow, observed: vec![], by: String::new(), memorable: true };
        for (placed, seat) in self.placed(&self.guards) {
            if !placed.scope.asks_about(command) {
                continue;
            }
            judged.memorable &= placed.policy.is_pure();
            let answer = placed.judge(seat, command);
            // A failure may pass; only answers are remembered, and no long ones.
            judged.memorable &= answer.as_ref().is_ok_and(|it| size_of_verdict(it) <= LONGEST);
            match placed.mode {
                Mode::Observe => judged.observed.extend(observation(placed, &answer)),
                Mode::Enforce => {
                    let verdict =
                        answer.unwrap_or_else(|failure| Verdict::Deny(failed(placed, &failure)));
                    let before = judged.ruling.word();
                    judged.ruling = judged.ruling.and(verdict);
                    if judged.ruling.word() != before {
                        placed.policy.name().clone_into(&mut judged.by);
                    }
                }
            }
        }
        judged
    }

    /// What the guards would say whose answers depend on nothing but the question.
    #[must_use]
    pub fn foresee(&self, command: &Arc<Command>) -> Ruling {
        let mut ruling = Ruling::Allow;
        for (placed, seat) in self.placed(&self.guards) {
            let counts = placed.mode == Mode::Enforce && placed.policy.is_pure();
            if counts && placed.scope.asks_about(command) {
                let answer = placed.judge(seat, command);
                ruling = ruling
                    .and(answer.unwrap_or_else(|failure| Verdict::Deny(failed(placed, &failure))));
            }
        }
        ruling
    }

    /// Whether every mask would always plan the same for a result of the same shape.
    #[must_use]
    pub fn plans_last(&self) -> bool {
        let seats = self.placed(&self.masks).chain(self.placed(&self.observers));
        seats.into_iter().all(|(placed, _)| placed.policy.is_pure())
    }

    /// Asks every mask what to do with a result.
    ///
    /// # Errors
    /// A denial when a policy fails or plans for another shape: the result must be withheld.
    pub fn plan(&self, shape: &Shape) -> Result<Masking, Denial> {
        let mut masking = Masking::default();
        if let Shape::Table(fields) = shape {
            masking.fields.resize_with(fields.len(), Default::default);
        }
        for (placed, seat) in self.placed(&self.masks) {
            add_plan(&mut masking, placed, seat, shape)
                .map_err(|failure| failed(placed, &failure))?;
        }
        Ok(masking)
    }

    /// What the masks that only observe would have covered of a result that is masked like this.
    #[must_use]
    pub fn observe(&self, shape: &Shape, masking: &Masking) -> Vec<Observation> {
        let observed = self.placed(&self.observers).filter_map(|(placed, seat)| {
            let mut theirs = Masking::default();
            let (word, reason) = match add_plan(&mut theirs, placed, seat, shape) {
                Ok(()) => ("mask", newly_covered(shape, masking, &theirs)?),
                Err(failure) => ("fail", failure.to_string()),
            };
            let (policy, rule) = (placed.policy.name().into(), String::new());
            Some(Observation { policy, word, rule, reason })
        });
        observed.collect()
    }

    /// Sends values to the `inspect` of the policy at a place that a [`Masking`] of this chain named.
    ///
    /// # Errors
    /// A denial when the policy fails or answers with another number of values.
    pub fn inspect(&self, index: usize, values: Batch) -> Result<Batch, Denial> {
        let seat = self.masks.iter().find(|seat| seat.index == index);
        let placed = seat.and_then(|seat| Some((self.set.policies.get(index)?, seat)));
        let Some((placed, seat)) = placed else { return Ok(values) };
        let answer = placed.memory.count(placed.policy.inspect(&seat.view, &values));
        let answer = answer.map_err(|failure| failed(placed, &failure))?;
        if answer.ends.is_empty() {
            return Ok(values);
        }
        if answer.is_well_formed(values.ends.len()) {
            return Ok(answer);
        }
        let failure = PolicyFailure::Answer("another number of values than it was given".into());
        Err(failed(placed, &failure))
    }

    /// Asks the reviewers in whose scope a held command is; the first that decides is heard, a refusal beats a grant.
    #[must_use]
    pub fn review(&self, command: &Command, hold: &Hold) -> Reviewed {
        let mut reviewed = Reviewed::Undecided;
        for (placed, seat) in self.placed(&self.reviewers) {
            if !placed.scope.asks_about(command) {
                continue;
            }
            let by = || placed.policy.name().to_owned();
            match placed.memory.count(placed.policy.review(&seat.view, command, hold)) {
                Ok(Review::Approve(reason))
                    if reviewed == Reviewed::Undecided
                        && placed.scope.surely_asks_about(command)
                        // It would approve what it cannot see.
                        && hold.for_approvers.is_empty() =>
                {
                    reviewed = Reviewed::Approved { by: by(), reason };
                }
                Ok(Review::Undecided | Review::Approve(_)) => {}
                Ok(Review::Deny(reason)) => return Reviewed::Denied { by: by(), reason },
                Err(failure) => {
                    return Reviewed::Denied { by: by(), reason: failure.to_string() };
                }
            }
        }
        reviewed
    }

    fn placed<'a>(&'a self, seats: &'a [Seat]) -> impl Iterator<Item = (&'a Placed, &'a Seat)> {
        seats.iter().filter_map(|seat| Some((self.set.policies.get(seat.index)?, seat)))
    }
}

fn add_plan(
    masking: &mut Masking,
    placed: &Placed,
    seat: &Seat,
    shape: &Shape,
) -> Result<(), PolicyFailure> {
    let plan = placed.plan(seat, shape)?;
    masking.add(seat.index, shape, &plan).map_err(PolicyFailure::Answer)
}

/// The fields of a table that one plan treats and the other keeps, for a person to read.
fn newly_covered(shape: &Shape, masking: &Masking, theirs: &Masking) -> Option<String> {
    let Shape::Table(fields) = shape else { return None };
    let covers = |masking: &Masking, index| {
        let covers = |it: &Treatment| it.cover.is_some() || !it.inspect.is_empty();
        masking.fields.get(index).is_some_and(covers)
    };
    let name = |(_, field): (usize, &Field)| match field.sources.as_slice() {
        [] => field.name.clone(),
        sources => format!("{} ({})", field.name, sources.join(", ")),
    };
    let fields = fields.iter().enumerate();
    let newly =
        fields.filter(|(index, _)| !covers(masking, *index) && covers(theirs, *index)).map(name);
    let newly: Vec<String> = newly.collect();
    (!newly.is_empty()).then(|| format!("would cover {}", newly.join(", ")))
}

fn failed(placed: &Placed, failure: &PolicyFailure) -> Denial {
    Denial {
        reason: format!("the policy \"{}\" {failure}", placed.policy.name()),
        rule: "gateway.policy-failed".into(),
        hint: "Nothing passes while a policy fails; tell whoever operates the gateway.".into(),
    }
}

fn observation(placed: &Placed, answer: &Result<Verdict, PolicyFailure>) -> Option<Observation> {
    let (word, rule, reason) = match answer {
        Ok(Verdict::Allow) => return None,
        Ok(Verdict::Deny(denial)) => ("deny", denial.rule.clone(), denial.reason.clone()),
        Ok(Verdict::Hold(hold)) => ("hold", hold.rule.clone(), hold.reason.clone()),
        Ok(Verdict::Rewrite(text)) => ("rewrite", String::new(), text.clone()),
        Err(failure) => ("fail", String::new(), failure.to_string()),
    };
    Some(Observation { policy: placed.policy.name().into(), word, rule, reason })
}

#[cfg(test)]
mod tests;
