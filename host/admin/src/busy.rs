//! How many requests of one caller are answered at the same time: until the answer is written, for who reads none takes a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many of one caller are: an eighth of the connections that there may be.
const MOST: usize = 32;

/// The callers whose requests are being answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<Mutex<HashMap<String, usize>>>);

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Place {
    busy: Busy,
    caller: String,
}

impl Busy {
    /// A place for a request of this caller; `None` where they have all of theirs.
    pub(crate) fn enter(&self, caller: String) -> Option<Place> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = callers.entry(caller.clone()).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place { busy: self.clone(), caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self.busy.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_places_and_no_more_whatever_others_have() {
        let busy = Busy::default();
        let mut places: Vec<_> = (0..MOST).map(|_| busy.enter("ada".into()).unwrap()).collect();
        assert!(busy.enter("ada".into()).is_none());
        assert!(busy.enter("bob".into()).is_some());
        places.pop();
        assert!(busy.enter("ada".into()).is_some());
    }

    #[test]
    fn nothing_is_kept_of_callers_who_are_answered() {
        let busy = Busy::default();
        drop(busy.enter("ada".into()));
        assert!(busy.0.lock().unwrap().is_empty());
    }
}
