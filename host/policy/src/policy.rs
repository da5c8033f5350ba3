//! The one trait between the gate and whatever runs policies.

use crate::{Batch, Command, CommandParts, Context, ContextParts, Hold, Plan, Shape, Verdict};

/// Which hooks a policy has; the gate calls no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Judges commands.
    pub guard: bool,
    /// Plans and inspects results.
    pub mask: bool,
    /// Reviews held commands.
    pub reviewer: bool,
}

impl Hooks {
    /// The names of these hooks, as the contract has them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let Self { guard, mask, reviewer } = self;
        let all = [("guard", guard), ("mask", mask), ("reviewer", reviewer)];
        all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }
}

/// Why a policy gave no answer. Each of these becomes a denial, in the gate and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFailure {
    /// It ran longer than it may.
    #[error("ran over its time limit")]
    Time,
    /// It asked for more memory than it may have.
    #[error("ran over its memory limit")]
    Memory,
    /// It asked for what its policy file does not grant.
    #[error("asks for what it is not granted: {0}")]
    Ungranted(String),
    /// It trapped.
    #[error("trapped: {0}")]
    Trap(String),
    /// It answered with something that cannot be right.
    #[error("gave an unusable answer: {0}")]
    Answer(String),
}

/// What a reviewer says of a held command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// A person must decide.
    Undecided,
    /// Granted, for this reason.
    Approve(String),
    /// Refused, for this reason.
    Deny(String),
}

/// A loaded and configured policy. Calls are synchronous and bounded in time by the implementation.
pub trait Policy: Send + Sync {
    /// The name under which the operator knows it.
    fn name(&self) -> &str;

    /// Which of the calls below have a meaning.
    fn hooks(&self) -> Hooks;

    /// Whether equal arguments always give equal answers, so that answers may be remembered.
    fn is_pure(&self) -> bool;

    /// What it looks at of a context; it is given nothing else.
    fn looks_at(&self) -> ContextParts {
        ContextParts::ALL
    }

    /// What it looks at of a command when it judges one; it is given nothing else.
    fn judges_by(&self) -> CommandParts {
        CommandParts::ALL
    }

    /// Judges a command.
    ///
    /// # Errors
    /// When the policy gave no usable answer.
    fn judge(&self, context: &Context, command: &Command) -> Result<Verdict, PolicyFailure>;

    /// Plans what to do with a result of this shape.
    ///
    /// # Errors
    /// When the policy gave no usable answer.
    fn plan(&self, context: &Context, shape: &Shape) -> Result<Plan, PolicyFailure>;

    /// Looks at the values that its plan marked [`Inspect`](crate::Action::Inspect).
    /// As many values come back; an empty batch says that all are unchanged.
    ///
    /// # Errors
    /// When the policy gave no usable answer.
    fn inspect(&self, context: &Context, values: &Batch) -> Result<Batch, PolicyFailure>;

    /// Looks at a held command.
    ///
    /// # Errors
    /// When the policy gave no usable answer.
    fn review(
        &self,
        context: &Context,
        command: &Command,
        hold: &Hold,
    ) -> Result<Review, PolicyFailure>;
}
