//! What a session is judged by, which may change while it runs.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::Context;

/// A session's context, which whoever opened the session may exchange: it counts from the next command on.
#[derive(Clone, Debug)]
pub struct SessionContext(Arc<ArcSwap<Numbered>>);

#[derive(Debug)]
struct Numbered {
    number: u64,
    context: Arc<Context>,
}

impl SessionContext {
    /// This context, until there is another.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let context = Arc::new(context);
        Self(Arc::new(ArcSwap::from_pointee(Numbered { number: 0, context })))
    }

    /// Puts another context in force, if it is another. The session stays the one that it is.
    pub fn change(&self, context: Context) {
        let context = Arc::new(context);
        self.0.rcu(|now| match now.context == context {
            true => Arc::clone(now),
            false => Arc::new(Numbered { number: now.number + 1, context: Arc::clone(&context) }),
        });
    }

    /// The context in force.
    #[must_use]
    pub fn get(&self) -> Arc<Context> {
        Arc::clone(&self.0.load().context)
    }

    pub(super) fn number(&self) -> u64 {
        self.0.load().number
    }

    pub(super) fn now(&self) -> (u64, Arc<Context>) {
        let now = self.0.load();
        (now.number, Arc::clone(&now.context))
    }
}

/// What something was judged by; equal ones mean that it would be judged alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edition {
    /// The version of the policies.
    pub policies: u64,
    /// How often the session's context was exchanged.
    pub context: u64,
}
