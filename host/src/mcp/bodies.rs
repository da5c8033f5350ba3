//! How many requests of one client may have their bodies in memory at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use palisade_policy::Place;
use tokio::sync::Semaphore;

/// As many as of an HTTP session.
const MOST: usize = 64;

/// The places of those who have a request under way, by whose they are.
#[derive(Clone, Debug, Default)]
pub struct Bodies(Arc<Mutex<HashMap<String, Weak<Semaphore>>>>);

impl Bodies {
    /// A place for one more of this bearer's; `None` where there is none left.
    pub fn place(&self, bearer: &str) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(bearer).and_then(Weak::upgrade);
        let places = known.unwrap_or_else(|| {
            // Those of whom nothing is under way any more are forgotten.
            all.retain(|_, places| places.strong_count() > 0);
            let places = Arc::new(Semaphore::new(MOST));
            all.insert(bearer.to_owned(), Arc::downgrade(&places));
            places
        });
        let place = places.try_acquire_owned().ok()?;
        Some(Place(Box::new(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_so_many_places_and_takes_none_of_another() {
        let bodies = Bodies::default();
        let taken: Vec<_> = (0..MOST).filter_map(|_| bodies.place("one")).collect();
        assert_eq!(taken.len(), MOST);
        assert!(bodies.place("one").is_none());
        assert!(bodies.place("other").is_some());
        drop(taken);
        assert!(bodies.place("one").is_some());
        assert!(bodies.place("third").is_some());
        assert_eq!(bodies.0.lock().unwrap().len(), 1, "nothing of the others is under way");
    }
}
