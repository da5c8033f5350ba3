//! When sessions end, and who tells them: one for all, so that a session only waits to be told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use palisade_policy::Ending;
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::Service;
use tokio::sync::watch;

use super::Sessions;

/// How long to wait for a time where there is none: sooner ones are told of.
const LONG: Duration = Duration::from_secs(3600);

/// When a session ends, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// From when on.
    pub at: Instant,
    /// What it is told then.
    pub ending: Ending,
}

impl Due {
    /// Now.
    pub fn now(ending: Ending) -> Self {
        Self { at: Instant::now(), ending }
    }
}

/// Tells a session of its end. One that was told already hears of no other, but for one in the midst of what it does.
pub(super) fn tell(session: &watch::Sender<Option<Ending>>, ending: &Ending) {
    session.send_if_modified(|told| {
        let counts = told.as_ref().is_none_or(|told| ending.at_once && !told.at_once);
        if counts {
            *told = Some(ending.clone());
        }
        counts
    });
}

/// Tells the sessions when their times are over.
pub struct Timekeeper(pub Arc<Sessions>);

#[async_trait]
impl Service for Timekeeper {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        loop {
            let now = Instant::now();
            let next = self.0.tell_the_time(now).unwrap_or(now + LONG);
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = self.0.sooner() => {}
            }
        }
    }

    fn name(&self) -> &str {
        "times"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
