//! A policy whose calls are timed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use palisade_policy::{
    Batch, Command, CommandParts, Context, ContextParts, Hold, Hooks, Plan, Policy, PolicyFailure,
    Review, Shape, Verdict,
};

use super::report::Times;

/// The policy, and how long each of its calls took.
pub(super) struct Timed {
    policy: Arc<dyn Policy>,
    calls: Mutex<Vec<Duration>>,
}

impl Timed {
    pub(super) fn new(policy: Arc<dyn Policy>) -> Self {
        Self { policy, calls: Mutex::default() }
    }

    pub(super) fn times(&self) -> Times {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.sort_unstable();
        let at = |share: f64| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a place in a list, from a share of it"
            )]
            let index = (calls.len() as f64 * share) as usize;
            calls.get(index.min(calls.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        let all: Duration = calls.iter().sum();
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        Times {
            policy: self.policy.name().to_owned(),
            calls: calls.len(),
            mean: all.checked_div(count).unwrap_or_default(),
            p99: at(0.99),
            most: calls.last().copied().unwrap_or_default(),
        }
    }

    fn timed<T>(&self, call: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let answer = call();
        let took = started.elapsed();
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        answer
    }
}

impl Policy for Timed {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn hooks(&self) -> Hooks {
        self.policy.hooks()
    }

    fn is_pure(&self) -> bool {
        self.policy.is_pure()
    }

    fn looks_at(&self) -> ContextParts {
        self.policy.looks_at()
    }

    fn judges_by(&self) -> CommandParts {
        self.policy.judges_by()
    }

    fn judge(&self, context: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        self.timed(|| self.policy.judge(context, command))
    }

    fn plan(&self, context: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        self.timed(|| self.policy.plan(context, shape))
    }

    fn inspect(&self, context: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        self.timed(|| self.policy.inspect(context, values))
    }

    fn review(
        &self,
        context: &Context,
        command: &Command,
        hold: &Hold,
    ) -> Result<Review, PolicyFailure> {
        self.timed(|| self.policy.review(context, command, hold))
    }
}
