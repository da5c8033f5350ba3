//! Tries policies on what was recorded: what would they have said last week?
//!
//! ```text
//!   record ─ pages ─▶ parts ─▶ workers: chain.judge, chain.plan ─▶ compared with what was recorded ─▶ Report
//! ```
//!
//! What was recorded is what the gate judged: the same operations, in the same context. A policy that asks for the time, for
//! counters or for the network would answer by today's, so it is left out and named.

mod compare;
mod report;
mod timed;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use palisade_policy::{Context, Memory, Placed, Policy, PolicySet, Target};

use self::compare::try_session;
use self::timed::Timed;
use crate::config::Config;
use crate::plugins::InForce;
use crate::recorded::{Part, RecordedSession};

pub use report::{Report, micros, word};

/// Policies to be tried.
pub struct Candidates {
    set: Arc<PolicySet>,
    timed: Vec<Arc<Timed>>,
    /// Those that are left out, and what they ask for.
    pub left_out: Vec<String>,
}

impl Candidates {
    /// These policies, without those whose answers are more than a function of what they are asked.
    pub fn new(in_force: &[InForce]) -> Self {
        let (mut policies, mut timed, mut left_out) = (vec![], vec![], vec![]);
        for one in in_force {
            if !one.policy.is_pure() {
                left_out.push(one.name.clone());
                continue;
            }
            let policy = Arc::new(Timed::new(Arc::clone(&one.policy) as Arc<dyn Policy>));
            timed.push(Arc::clone(&policy));
            policies.push(Placed {
                policy,
                mode: one.used.mode,
                scope: one.used.scope.clone(),
                memory: Arc::new(Memory::default()),
            });
        }
        Self { set: Arc::new(PolicySet { version: 1, policies }), timed, left_out }
    }
}

/// Tries candidates on all that `next` gives, piece by piece until it gives none, on every core.
/// `progress` is told how many commands were tried, between pages.
///
/// # Errors
/// Those of `next`.
pub fn run<E>(
    config: &Config,
    candidates: &Candidates,
    mut next: impl FnMut() -> Result<Option<Vec<Part>>, E>,
    mut progress: impl FnMut(u64),
) -> Result<Report, E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tried = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(threads * 2);
        let receive = Arc::new(Mutex::new(receive));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let receive = Arc::clone(&receive);
                let tried = &tried;
                scope.spawn(move || work(config, candidates, &receive, tried))
            })
            .collect();
        drop(receive);
        let fed = loop {
            match next() {
                Ok(None) => break Ok(()),
                Ok(Some(parts)) => {
                    if send.send(parts).is_err() {
                        break Ok(());
                    }
                    progress(tried.load(Relaxed));
                }
                Err(error) => break Err(error),
            }
        };
        drop(send);
        let mut report = Report::default();
        for worker in workers {
            match worker.join() {
                Ok(found) => report.add(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        report.policies = candidates.timed.iter().map(|timed| timed.times()).collect();
        report.left_out.clone_from(&candidates.left_out);
        fed.map(|()| report)
    })
}

type Queue = Mutex<Receiver<Vec<Part>>>;

fn work(config: &Config, candidates: &Candidates, queue: &Queue, tried: &AtomicU64) -> Report {
    let mut report = Report::default();
    loop {
        let parts = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(parts) = parts else { return report };
        for part in parts {
            let before = report.commands;
            let Ok(session) = part.session() else {
                report.damaged += 1;
                continue;
            };
            let context = context(config, &session);
            try_session(candidates, &context, session.events, &mut report);
            tried.fetch_add(report.commands - before, Relaxed);
        }
    }
}

/// The context in which a session was judged; its labels are those that its connection has now, in the file or else in the
/// store.
fn context(config: &Config, recorded: &RecordedSession) -> Context {
    let session = &recorded.session;
    let labels = config.connection(&session.connection).map(|connection| &connection.labels);
    let labels = labels.or(recorded.labels.as_ref()).into_iter().flatten();
    Context {
        session: session.id.clone(),
        principal: session.principal(),
        target: Target {
            connection: session.connection.clone(),
            protocol: session.protocol.clone(),
            labels: labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
        },
        client_address: session.client_address.clone(),
    }
}
