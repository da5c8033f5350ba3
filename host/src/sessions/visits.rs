//! Visits: tunnels in which sessions begin and end, and which end as these do though nothing is recorded of them.

use std::sync::{Arc, PoisonError};

use palisade_policy::Ending;
use palisade_store::SessionId;
use tokio::sync::watch;

use super::{Due, Open, Seat, Sessions, times};

/// A visit, until it is dropped.
#[derive(Debug)]
pub struct Visit {
    sessions: Arc<Sessions>,
    id: SessionId,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut open = self.sessions.open.write().unwrap_or_else(PoisonError::into_inner);
        open.all.remove(&self.id);
    }
}

impl Sessions {
    /// Has a visit looked at and told of its end as a session is. It counts as none.
    pub fn visit(
        self: &Arc<Self>,
        id: SessionId,
        (seat, due): (Seat, Due),
    ) -> (Visit, watch::Receiver<Option<Ending>>) {
        let (tell, ends) = watch::channel(None);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.stopping {
            times::tell(&tell, &Ending::stopping());
        }
        let at = due.at;
        let counts = Arc::default();
        open.all.insert(id, Open { counts, seat, due, ends: tell, is_visit: true });
        self.look_by(&open, at);
        (Visit { sessions: Arc::clone(self), id }, ends)
    }
}
