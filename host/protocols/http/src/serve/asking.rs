//! A session's questions to its policies: no lock is held while one of them thinks, and no thread waits that serves others.

use std::sync::Arc;

use palisade_policy::{Command, Denial, Edition, GateSession, Planned, Shape};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::sessions::Shared;

/// How many questions of one session are put to its policies at the same time: so many threads it may keep busy.
pub(super) const MOST_QUESTIONS: usize = 4;

impl Shared {
    /// Asks about a command by the newest policies: at once where it is known what they say.
    pub(super) async fn question<T>(
        &self,
        command: &Arc<Command>,
        ask: impl FnOnce(&mut GateSession) -> T,
    ) -> T {
        {
            let mut gate = self.gate();
            gate.renew();
            if gate.knows(command) {
                return ask(&mut gate);
            }
        }
        self.question_apart(ask).await
    }

    /// Asks by the newest policies, with a gate apart from the session's own.
    pub(super) async fn question_apart<T>(&self, ask: impl FnOnce(&mut GateSession) -> T) -> T {
        // It is never closed.
        let _place = self.questions.acquire().await;
        let mut apart = {
            let mut gate = self.gate();
            gate.renew();
            gate.apart()
        };
        let answer = blocking(|| ask(&mut apart));
        self.gate().learn(apart);
        answer
    }

    /// Plans for a result of this shape, by the policies that were taken up last.
    ///
    /// # Errors
    /// When a policy fails; the result must then be withheld.
    pub(super) async fn plan(&self, shape: &Shape) -> Result<Planned, Denial> {
        self.plan_by(shape, |_| ()).await.1
    }

    /// The same by the newest policies; says which these are.
    pub(super) async fn plan_anew(&self, shape: &Shape) -> (Edition, Result<Planned, Denial>) {
        let newest = |gate: &mut GateSession| {
            gate.renew();
        };
        self.plan_by(shape, newest).await
    }

    async fn plan_by(
        &self,
        shape: &Shape,
        begin: impl Fn(&mut GateSession),
    ) -> (Edition, Result<Planned, Denial>) {
        if let Some(known) = self.planned(shape, &begin) {
            return known;
        }
        // It is never closed.
        let _place = self.questions.acquire().await;
        // What waited with this one may have learnt it.
        if let Some(known) = self.planned(shape, &begin) {
            return known;
        }
        let mut apart = self.gate().apart();
        let edition = apart.edition();
        let planned = blocking(|| apart.plan(shape));
        self.gate().learn(apart);
        (edition, planned)
    }

    /// What is planned where nobody has to be asked.
    fn planned(
        &self,
        shape: &Shape,
        begin: impl Fn(&mut GateSession),
    ) -> Option<(Edition, Result<Planned, Denial>)> {
        let mut gate = self.gate();
        begin(&mut gate);
        let edition = gate.edition();
        if let Some(planned) = gate.planned(shape) {
            return Some((edition, Ok(planned)));
        }
        gate.masks_nothing().then(|| (edition, gate.plan(shape)))
    }
}

/// Does what may take long, and tells the runtime where it has other threads for what else is to be done.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
