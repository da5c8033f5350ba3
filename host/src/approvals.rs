//! Held commands that wait: every decision is in the store before whoever waits is told, and counts once.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palisade_identity::{Identity, Roles};
use palisade_policy::{HoldRequest, Outcome, Ticket};
use palisade_store::{Collection, Store, StoreError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::blocking::blocking;
use crate::clock;
use crate::holds::{HoldDocument, HoldState, NotDecided};

/// A list ends after so many holds, or so many bytes of them.
const MOST_LISTED: usize = 1000;
const LARGEST_LIST: usize = 8 << 20;
/// So many of those that ended are looked through for a list, or so many bytes.
const MOST_LOOKED_AT: usize = 1000;
const MOST_BYTES_LOOKED_AT: usize = 32 << 20;
/// So much is left in a hold's document for the decisions on it, with their reasons, and for its end.
const ROOM_TO_DECIDE: usize = 64 << 10;

/// Which holds are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed<'a> {
    /// Those that have ended, too.
    pub all: bool,
    /// Those that opened before this one, by its id.
    pub before: Option<&'a str>,
}

/// All holds.
#[derive(Clone, Debug)]
pub struct Approvals {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    documents: Collection<HoldDocument>,
    waiting: Mutex<HashMap<String, Waiting>>,
}

/// Somebody waits for a decision.
#[derive(Debug)]
struct Waiting {
    tell: oneshot::Sender<Outcome>,
    /// By what it is known who may see it: the hold without what it says, so that none is read for whoever may not.
    known_by: Arc<HoldDocument>,
    /// Who decided so far, and when, as their decisions say.
    deciders: Vec<(String, Identity)>,
}

impl Approvals {
    /// The holds of a store. Those that a crash left open are withdrawn: nobody waits for them any more.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        let documents = store.collection::<HoldDocument>("holds")?;
        let inner = Inner { documents, waiting: Mutex::default() };
        // One by one, for there may be very many.
        for document in inner.documents.readable() {
            let document = document?;
            if document.state == HoldState::Open {
                // One that cannot be ended keeps nothing from starting: it does not wait, and no decision on it is taken.
                if let Err(error) = inner.end(&document.id, HoldState::Withdrawn) {
                    let hold = document.id;
                    tracing::error!(hold, %error, "a hold that nobody waits for cannot be ended");
                }
            }
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A page of the holds that `seen` lets through, the newest first: it ends where it gets large, and at least one hold is
    /// on it where one is seen. The next begins before its last.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn list(
        &self,
        listed: Listed<'_>,
        seen: impl Fn(&HoldDocument) -> bool,
    ) -> Result<Vec<HoldDocument>, StoreError> {
        if listed.all {
            return self.inner.looked_through(listed.before, seen);
        }
        let (mut page, mut bytes) = (vec![], 0);
        for id in self.inner.open_ids(listed.before, &seen) {
            let Some((hold, size)) = self.inner.documents.sized(&id)? else { continue };
            bytes += size;
            page.extend(Some(hold).filter(&seen));
            if page.len() >= MOST_LISTED || bytes >= LARGEST_LIST {
                break;
            }
        }
        Ok(page)
    }

    /// One hold.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn get(&self, id: &str) -> Result<Option<HoldDocument>, StoreError> {
        self.inner.documents.get(id)
    }

    /// How many holds wait.
    pub fn open_count(&self) -> usize {
        self.inner.waiting().len()
    }

    /// Takes a person's decision. Waits for the disk.
    ///
    /// # Errors
    /// When it does not count.
    pub fn decide(
        &self,
        id: &str,
        by: &Identity,
        roles: &Roles,
        granted: bool,
        reason: &str,
    ) -> Result<HoldDocument, NotDecided> {
        let now = clock::now_micros();
        let mut decided = Err(NotDecided::Unknown);
        let changed = self.inner.documents.update(id, |old| {
            let Some(old) = old else {
                decided = Err(NotDecided::Unknown);
                return None;
            };
            let mut new = old.clone();
            decided = new.decide(by, roles, granted, reason, now);
            // Nobody waits for it any more, though that may not be written yet.
            if decided.is_ok() && !self.inner.waiting().contains_key(id) {
                decided = Err(NotDecided::Over(HoldState::Withdrawn.word()));
            }
            Some(if decided.is_ok() { new } else { old })
        });
        let changed = changed.map_err(|error| NotDecided::Store(error.to_string()))?;
        decided?;
        let document = changed.after.ok_or(NotDecided::Unknown)?;
        match document.outcome() {
            Some(outcome) => self.inner.tell(id, outcome),
            None => self.inner.remember(id, clock::rfc3339(now), by),
        }
        Ok(document)
    }

    /// Lets the decisions on an open hold count no more of those who, as `stands` says, may not decide on it any more.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn recount(
        &self,
        id: &str,
        stands: impl Fn(&HoldDocument, &Identity) -> bool,
    ) -> Result<(), StoreError> {
        let deciders = self.inner.waiting().get(id).map(|waiting| waiting.deciders.clone());
        let Some(deciders) = deciders.filter(|deciders| !deciders.is_empty()) else {
            return Ok(());
        };
        let changed = self.inner.documents.update(id, |document| {
            let mut document = document?;
            let fallen = deciders.iter().filter(|(_, by)| !stands(&document, by));
            let fallen: Vec<_> = fallen.map(|(at, by)| (at, &by.principal.subject)).collect();
            for decided in &mut document.decisions {
                decided.void |= fallen.contains(&(&decided.at, &decided.subject));
            }
            Some(document)
        });
        changed.map(drop)
    }
}

impl palisade_policy::Approvals for Approvals {
    fn open(&self, request: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        let id = id_of(Uuid::now_v7());
        let document = HoldDocument::open(id.clone(), &request, clock::now_micros());
        let (tell, told) = oneshot::channel();
        // First, so that a decision that comes at once finds somebody to tell.
        let known_by = Arc::new(bare(&document));
        self.inner.waiting().insert(id.clone(), Waiting { tell, known_by, deciders: vec![] });
        let expires = Instant::now() + Duration::from_secs(request.terms.expires_in.into());
        let waiter = Waiter { inner: Arc::clone(&self.inner), id, told, expires, over: false };
        blocking(|| self.inner.documents.put_with_room(&waiter.id, &document, ROOM_TO_DECIDE))
            .map_err(|error| error.to_string())?;
        Ok(Box::new(waiter))
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The holds that wait and are seen, the newest first.
    fn open_ids(&self, before: Option<&str>, seen: impl Fn(&HoldDocument) -> bool) -> Vec<String> {
        // Who may see them is asked when others may go on waiting.
        let open: Vec<_> = {
            let waiting = self.waiting();
            let open = waiting.values().map(|waiting| Arc::clone(&waiting.known_by));
            open.filter(|hold| before.is_none_or(|before| *hold.id < *before)).collect()
        };
        let seen = open.iter().filter(|hold| seen(hold)).map(|hold| hold.id.clone());
        let mut ids: Vec<_> = seen.collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids
    }

    /// The holds before one that are seen, of as many as are looked through.
    fn looked_through(
        &self,
        before: Option<&str>,
        seen: impl Fn(&HoldDocument) -> bool,
    ) -> Result<Vec<HoldDocument>, StoreError> {
        let (mut page, mut read, mut kept) = (vec![], 0, 0);
        for hold in self.documents.backwards(before).take(MOST_LOOKED_AT) {
            let (hold, size) = hold?;
            read += size;
            if seen(&hold) {
                kept += size;
                page.push(hold);
            }
            if kept >= LARGEST_LIST || read >= MOST_BYTES_LOOKED_AT {
                break;
            }
        }
        Ok(page)
    }

    fn tell(&self, id: &str, outcome: Outcome) {
        if let Some(waiting) = self.waiting().remove(id) {
            // Whoever waited may have gone; the record has it either way.
            let _ = waiting.tell.send(outcome);
        }
    }

    fn remember(&self, id: &str, at: String, by: &Identity) {
        if let Some(waiting) = self.waiting().get_mut(id) {
            waiting.deciders.push((at, by.clone()));
        }
    }

    /// Ends a hold that is still open, and says what became of it. Where its document has no room for that, it is shortened:
    /// the record has the whole.
    fn end(&self, id: &str, state: HoldState) -> Result<Option<Outcome>, StoreError> {
        match self.end_as(id, state, false) {
            Err(StoreError::TooLarge { .. }) => self.end_as(id, state, true),
            ended => ended,
        }
    }

    fn end_as(
        &self,
        id: &str,
        state: HoldState,
        shortened: bool,
    ) -> Result<Option<Outcome>, StoreError> {
        let now = clock::now_micros();
        let changed = self.documents.update(id, |document| {
            let mut document = document?;
            if document.state == HoldState::Open {
                document.end(state, now);
                if shortened {
                    document.shorten();
                }
            }
            Some(document)
        })?;
        Ok(changed.after.and_then(|document| document.outcome()))
    }
}

/// A held command's place in the queue.
struct Waiter {
    inner: Arc<Inner>,
    id: String,
    told: oneshot::Receiver<Outcome>,
    expires: Instant,
    over: bool,
}

impl Waiter {
    async fn wait(&mut self) -> Outcome {
        let outcome = tokio::select! {
            told = &mut self.told => told.unwrap_or_else(|_| gone()),
            () = tokio::time::sleep_until(self.expires) => {
                // A decision that was stored a moment ago counts.
                match blocking(|| self.inner.end(&self.id, HoldState::Expired)) {
                    Ok(Some(outcome)) => outcome,
                    Ok(None) => gone(),
                    Err(error) => Outcome::Failed(error.to_string()),
                }
            }
        };
        self.over = true;
        self.inner.waiting().remove(&self.id);
        outcome
    }
}

impl Ticket for Waiter {
    fn id(&self) -> &str {
        &self.id
    }

    fn how(&self) -> String {
        format!("palisade approvals approve {}", self.id)
    }

    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(self.wait())
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.inner.waiting().remove(&self.id);
        if let Err(error) = blocking(|| self.inner.end(&self.id, HoldState::Withdrawn)) {
            tracing::error!(hold = %self.id, %error, "cannot record that a hold was withdrawn");
        }
    }
}

/// A hold without what it says.
fn bare(hold: &HoldDocument) -> HoldDocument {
    let mut bare = hold.clone();
    (bare.text, bare.reason, bare.for_approvers) = Default::default();
    bare.operations = vec![];
    bare
}

fn gone() -> Outcome {
    Outcome::Failed("the hold is gone".into())
}

/// An id that a person can type: the time and 32 random bits of a UUIDv7 in 16 characters of Crockford's base 32.
fn id_of(uuid: Uuid) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let uuid = uuid.as_u128();
    let value = (uuid >> 80) << 32 | uuid & 0xffff_ffff;
    (0..16)
        .rev()
        .map(|place| (value >> (place * 5) & 31) as usize)
        .filter_map(|digit| DIGITS.get(digit).map(|byte| char::from(*byte)))
        .collect()
}

#[cfg(test)]
mod tests;
