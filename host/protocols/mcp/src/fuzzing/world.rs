//! A gate for sessions that are made up.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use palisade_policy::{
    Action, Approvals, Batch, Command, Context, Denial, Entry, Gate, Hold, HoldRequest, Hooks,
    Journal, JournalFailure, Later, Outcome, Placed, Plan, Policy, PolicyFailure, Review, Shape,
    Ticket, Verdict,
};

use crate::catalog::NewTools;
use crate::conversation::{Opening, Reverse, Settings};
use crate::pins::MemoryPins;

/// Behind `AKIA`, or under the key `password`, this is covered.
pub(super) const SECRET: &str = "IOSFODNN7EXAMPLE";

/// What surrounds a session.
#[derive(Default)]
pub(super) struct World {
    counts: Arc<Counts>,
    decided: Arc<Mutex<Option<bool>>>,
}

#[derive(Default)]
struct Counts {
    allowed: AtomicUsize,
}

impl Journal for Counts {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        let allows = match entry {
            Entry::Command { ruling, .. } => *ruling == "allow",
            Entry::Decided { outcome, .. } => matches!(outcome, Outcome::Granted { .. }),
            _ => false,
        };
        self.allowed.fetch_add(usize::from(allows), Relaxed);
        Ok(None)
    }
}

struct Paper(Arc<Mutex<Option<bool>>>);

impl Ticket for Paper {
    fn id(&self) -> &'static str {
        "h"
    }
    fn how(&self) -> String {
        "approve h".to_owned()
    }
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(std::future::poll_fn(|_| {
            match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(true) => Poll::Ready(Outcome::Granted { by: vec![] }),
                Some(false) => Poll::Ready(Outcome::Expired),
                None => Poll::Pending,
            }
        }))
    }
}

struct Desk(Arc<Mutex<Option<bool>>>);

impl Approvals for Desk {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Ok(Box::new(Paper(Arc::clone(&self.0))))
    }
}

struct ByWord;

impl Policy for ByWord {
    fn name(&self) -> &'static str {
        "by-word"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let (reason, rule) = ("word".to_owned(), "by-word".to_owned());
        Ok(if command.text.contains("forbidden") {
            Verdict::Deny(Denial { reason, rule, hint: String::new() })
        } else if command.text.contains("risky") {
            Verdict::Hold(Hold {
                reason,
                rule,
                approvers: vec![],
                quorum: 1,
                expires_in: 60,
                for_approvers: String::new(),
            })
        } else {
            Verdict::Allow
        })
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        let keys = vec![("password".to_owned(), Action::Replace("***".to_owned()))];
        Ok(Plan { fields: vec![], keys, rest: Action::Scan(vec!["aws-key".to_owned()]) })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

impl World {
    pub(super) fn opening(&self) -> Opening {
        let desk = Arc::new(Desk(Arc::clone(&self.decided)));
        let gate = Arc::new(Gate::new(desk, Arc::clone(&self.counts) as Arc<dyn Journal>));
        gate.install(vec![Placed::everywhere(Arc::new(ByWord))]);
        let allow = Reverse { sampling: true, ..Reverse::default() };
        let settings = Settings {
            servers: vec!["one".to_owned(), "two".to_owned()],
            allow,
            new_tools: NewTools::Trust,
            held: vec![],
            reads: vec![],
            record_limit: 1000,
            hold_seconds: 60,
            patience: 3,
        };
        Opening {
            gate: gate.session(Context::default()),
            settings: Arc::new(settings),
            pins: Arc::new(MemoryPins::default()),
            read_only: false,
            mask_key: [1; 32],
        }
    }

    /// Decides everything that is asked from now on.
    pub(super) fn grant(&mut self, yes: bool) {
        *self.decided.lock().unwrap_or_else(PoisonError::into_inner) = Some(yes);
    }

    /// How often something was allowed on record.
    pub(super) fn allowed(&self) -> usize {
        self.counts.allowed.load(Relaxed)
    }
}
