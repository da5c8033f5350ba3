//! The policies that are in force, and what they say together.

use std::sync::Arc;

use crate::{
    Batch, Command, Context, Denial, Hold, Masking, Policy, PolicyFailure, Review, Ruling, Scope,
    Shape, Verdict,
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

/// A policy that only observes would have decided otherwise than to allow, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The policy's name.
    pub policy: String,
    /// What it would have done: `deny`, `hold`, `rewrite` or `fail`.
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
    /// Whether the same command would always be judged the same.
    pub memorable: bool,
}

/// The policies of one set that act in one session.
#[derive(Clone, Debug)]
pub struct Chain {
    set: Arc<PolicySet>,
    guards: Vec<usize>,
    masks: Vec<usize>,
    reviewers: Vec<usize>,
}

impl Chain {
    /// Picks out of a set what acts in this context.
    #[must_use]
    pub fn new(set: Arc<PolicySet>, context: &Context) -> Self {
        let mut chain =
            Self { set: Arc::clone(&set), guards: vec![], masks: vec![], reviewers: vec![] };
        for (index, placed) in set.policies.iter().enumerate() {
            if !placed.scope.covers(context) {
                continue;
            }
            let hooks = placed.policy.hooks();
            if hooks.guard {
                chain.guards.push(index);
            }
            // Only enforced masks are asked: an observed plan would have to be carried out to say anything.
            if hooks.mask && placed.mode == Mode::Enforce {
                chain.masks.push(index);
            }
            if hooks.reviewer && placed.mode == Mode::Enforce {
                chain.reviewers.push(index);
            }
        }
        chain
    }

    /// The set's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.set.version
    }

    /// Whether no policy of this chain looks at results.
    #[must_use]
    pub fn masks_nothing(&self) -> bool {
        self.masks.is_empty()
    }

    /// Asks every guard.
    #[must_use]
    pub fn judge(&self, context: &Context, command: &Command) -> Judged {
        let mut judged = Judged { ruling: Ruling::Allow, observed: vec![], memorable: true };
        for placed in self.placed(&self.guards).filter(|it| it.scope.asks_about(command)) {
            judged.memorable &= placed.policy.is_pure();
            let answer = placed.policy.judge(context, command);
            // A failure may pass; only answers are remembered.
            judged.memorable &= answer.is_ok();
            match placed.mode {
                Mode::Observe => judged.observed.extend(observation(placed, &answer)),
                Mode::Enforce => {
                    let verdict =
                        answer.unwrap_or_else(|failure| Verdict::Deny(failed(placed, &failure)));
                    judged.ruling = judged.ruling.and(verdict);
                }
            }
        }
        judged
    }

    /// Asks every mask what to do with a result.
    ///
    /// # Errors
    /// A denial when a policy fails or plans for another shape: the result must be withheld.
    pub fn plan(&self, context: &Context, shape: &Shape) -> Result<Masking, Denial> {
        let mut masking = Masking::default();
        if let Shape::Table(fields) = shape {
            masking.fields.resize_with(fields.len(), Default::default);
        }
        for &index in &self.masks {
            let Some(placed) = self.set.policies.get(index) else { continue };
            placed
                .policy
                .plan(context, shape)
                .and_then(|plan| masking.add(index, shape, &plan).map_err(PolicyFailure::Answer))
                .map_err(|failure| failed(placed, &failure))?;
        }
        Ok(masking)
    }

    /// Sends values to the `inspect` of the policy at a place that a [`Masking`] of this chain named.
    ///
    /// # Errors
    /// A denial when the policy fails or answers with another number of values.
    pub fn inspect(&self, context: &Context, index: usize, values: Batch) -> Result<Batch, Denial> {
        let Some(placed) = self.set.policies.get(index) else { return Ok(values) };
        let answer =
            placed.policy.inspect(context, &values).map_err(|failure| failed(placed, &failure))?;
        if answer.ends.is_empty() {
            return Ok(values);
        }
        if answer.is_well_formed(values.ends.len()) {
            return Ok(answer);
        }
        let failure = PolicyFailure::Answer("another number of values than it was given".into());
        Err(failed(placed, &failure))
    }

    /// Asks the reviewers about a held command; the first that decides is heard, a refusal beats a grant.
    #[must_use]
    pub fn review(&self, context: &Context, command: &Command, hold: &Hold) -> Review {
        let mut granted = Review::Undecided;
        for placed in self.placed(&self.reviewers) {
            match placed.policy.review(context, command, hold) {
                Ok(Review::Undecided) => {}
                Ok(Review::Approve(reason)) if granted == Review::Undecided => {
                    granted = Review::Approve(format!("{}: {reason}", placed.policy.name()));
                }
                Ok(Review::Approve(_)) => {}
                Ok(Review::Deny(reason)) => {
                    return Review::Deny(format!("{}: {reason}", placed.policy.name()));
                }
                Err(failure) => return Review::Deny(failed(placed, &failure).reason),
            }
        }
        granted
    }

    fn placed<'a>(&'a self, indices: &'a [usize]) -> impl Iterator<Item = &'a Placed> {
        indices.iter().filter_map(|index| self.set.policies.get(*index))
    }
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
