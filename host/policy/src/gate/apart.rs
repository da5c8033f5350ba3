//! Questions that take long, asked apart from their session's own gate, which others have meanwhile.

use std::sync::Arc;

use super::remembered::Remembered;
use super::{GateSession, Planned};
use crate::Shape;

impl GateSession {
    /// What is remembered as planned for a result of this shape, so that no policy is asked.
    #[must_use]
    pub fn planned(&self, shape: &Shape) -> Option<Planned> {
        let (masking, observed) = self.remembered.plan(shape)?;
        Some(Planned { masking, observed, chain: Arc::clone(&self.chain) })
    }

    /// A gate for questions that take long: it judges and records as this one does now, and keeps it from nobody meanwhile.
    /// It remembers nothing yet; what it learns goes back by [`learn`](Self::learn).
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            newest: self.newest.clone(),
            context: Arc::clone(&self.context),
            edition: self.edition,
            chain: Arc::clone(&self.chain),
            remembered: Remembered::default(),
            numbers: Arc::clone(&self.numbers),
            last_number: self.last_number,
        }
    }

    /// Remembers what a gate [`apart`](Self::apart) from this one learned, where both judge by the same.
    pub fn learn(&mut self, apart: Self) {
        if apart.edition == self.edition {
            self.remembered.learn(apart.remembered);
        }
    }
}
