//! What a part of a response was covered by, and whether it still would be.

use std::sync::Arc;

use palisade_policy::{Denial, Edition, Masking, Shape};

use super::sessions::Shared;
use crate::response::unreadable;

/// What is planned for a part of a response, and by which policies.
#[derive(Debug)]
pub(super) struct Covering {
    pub edition: Edition,
    pub shape: Shape,
    pub masking: Arc<Masking>,
}

impl Covering {
    /// Sees to it that the newest policies plan for it alike: what is covered already cannot be covered otherwise.
    ///
    /// # Errors
    /// When they plan otherwise, or fail.
    pub(super) async fn check(&mut self, session: &Shared) -> Result<(), Denial> {
        if session.teller.newest() == self.edition {
            return Ok(());
        }
        let (newest, planned) = session.plan_anew(&self.shape).await;
        if planned?.masking != self.masking {
            let hint = "Its request was run; read again what it would have told.".to_owned();
            let changed = unreadable("what is masked changed while it was under way");
            return Err(Denial { hint, ..changed });
        }
        self.edition = newest;
        Ok(())
    }
}
