//! Sessions of the record: one for a token at a connection from one address, whatever number of TCP connections it comes by.
//!
//! Who audits finds what an agent did in one place, and a client that connects anew for each request costs no more than one
//! that does not: the token is verified once. A session ends with its token's time, with a revocation, when the gateway stops,
//! or when no request came for a while; the next request then opens another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use palisade_mask::Masker;
use palisade_policy::{Ended, Ending, GateSession, NotAdmitted, Place, Teller};
use ring::digest::{Context, SHA256};
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::Instant;

use super::asking::MOST_QUESTIONS;
use super::pending::Pending;
use super::{Admission, Backend, Host, Login};
use crate::response::{Plans, Tags};
use crate::token::Written;

/// How many tunnels of the forward proxy one session may have at the same time.
pub(super) const MOST_TUNNELS: usize = 128;
/// How many requests of one session may have their bodies in memory at the same time; of calls, messages in each direction.
const MOST_BODIES: usize = 64;

type Key = [u8; 32];
type Cell = Arc<OnceCell<Arc<Shared>>>;

/// The sessions that are open.
pub(super) struct Sessions {
    host: Arc<dyn Host>,
    idle: Duration,
    open: Mutex<HashMap<Key, Cell>>,
}

/// One session, as its requests share it.
pub(super) struct Shared {
    /// Its id.
    pub id: String,
    /// Its gate. It is locked for what is known and for the record, and never while a policy is asked.
    gate: Mutex<GateSession>,
    /// What records results, which wait for nobody's question.
    pub teller: Teller,
    /// Places for questions to policies.
    pub questions: Semaphore,
    pub backend: Arc<dyn Backend>,
    pub read_only: bool,
    /// The token that opened it, to be kept from the service.
    pub token: Written,
    pub masker: Masker,
    /// What is to be covered of its responses.
    pub plans: Plans,
    /// The validators that its client has.
    pub tags: Tags,
    /// Places for requests whose bodies are in memory.
    pub bodies: Arc<Semaphore>,
    /// Places for messages of services that are gathered to be covered. Those of clients wait for their service to read, which
    /// may wait for these.
    pub answers: Semaphore,
    /// Places for tunnels.
    pub tunnels: Arc<Semaphore>,
    /// Requests that were held and are asked for.
    pub pending: Pending,
    over: watch::Sender<Option<Ending>>,
    /// What the host says of its end, of which `over` is told a little later.
    ends: watch::Receiver<Option<Ending>>,
    host: Arc<dyn Host>,
    bytes: (AtomicU64, AtomicU64),
    running: AtomicUsize,
    used: Mutex<Instant>,
    _place: Place,
}

/// A request's hold on its session, which does not end for want of requests meanwhile.
pub(super) struct Use(Arc<Shared>);

impl std::ops::Deref for Use {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Use {
    fn of(shared: Arc<Shared>) -> Self {
        shared.running.fetch_add(1, Relaxed);
        Self(shared)
    }

    /// One more, for what goes on when the request has its answer.
    pub(super) fn again(&self) -> Self {
        Self::of(Arc::clone(&self.0))
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.running.fetch_sub(1, Relaxed);
    }
}

impl Sessions {
    pub(super) fn new(host: Arc<dyn Host>, idle: Duration) -> Self {
        Self { host, idle, open: Mutex::default() }
    }

    /// The session of a token at a connection: the one that is open, or a new one. Whoever admits one that has ended by
    /// then is told so, and does not try again: nobody knows that the next would not end as it did.
    pub(super) async fn enter(self: &Arc<Self>, login: &Login<'_>) -> Result<Use, NotAdmitted> {
        let key = key_of(login);
        loop {
            let cell = Arc::clone(self.open().entry(key).or_default());
            let mut is_new = false;
            let admitted = cell.get_or_try_init(|| async {
                is_new = true;
                self.admit(key, login)
            });
            let opened = admitted.await;
            let shared = match opened {
                Ok(shared) => Arc::clone(shared),
                Err(refused) => {
                    self.forget(key, &cell);
                    return Err(refused);
                }
            };
            let used = Use::of(shared);
            if used.over.borrow().is_none() && used.ends.borrow().is_none() {
                return Ok(used);
            }
            // It ended just now, and its place is for the next.
            self.forget(key, &cell);
            if let Some(ending) = used.ending().filter(|_| is_new) {
                return Err(NotAdmitted::Unavailable(ending.text()));
            }
        }
    }

    fn admit(self: &Arc<Self>, key: Key, login: &Login<'_>) -> Result<Arc<Shared>, NotAdmitted> {
        let admission = self.host.admit(login)?;
        let Admission { gate, backend, ends, read_only, mask_key, place } = admission;
        let shared = Arc::new(Shared {
            id: gate.context().session.clone(),
            teller: gate.teller(),
            gate: Mutex::new(gate),
            questions: Semaphore::new(MOST_QUESTIONS),
            backend,
            read_only,
            token: Written::of(login.token),
            masker: Masker::new(mask_key),
            plans: Plans::default(),
            tags: Tags::new(&mask_key),
            bodies: Arc::new(Semaphore::new(MOST_BODIES)),
            answers: Semaphore::new(MOST_BODIES),
            tunnels: Arc::new(Semaphore::new(MOST_TUNNELS)),
            pending: Pending::default(),
            over: watch::Sender::new(None),
            ends: ends.clone(),
            host: Arc::clone(&self.host),
            bytes: Default::default(),
            running: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
            _place: place,
        });
        let keeper = Keeper {
            sessions: Arc::downgrade(self),
            key,
            shared: Arc::downgrade(&shared),
            idle: self.idle,
        };
        tokio::spawn(keeper.keep(ends));
        Ok(shared)
    }

    /// Forgets a session, but not one that took its place.
    fn forget(&self, key: Key, cell: &Cell) {
        let mut open = self.open();
        if open.get(&key).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            open.remove(&key);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Key, Cell>> {
        // An entry comes or goes: a panic elsewhere does not make the map wrong.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The session's gate, for what takes no policy's word. Whoever asks one does so apart from it ([`Self::question`]).
    pub(super) fn gate(&self) -> MutexGuard<'_, GateSession> {
        // The gate changes as a whole with each question.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the session is over, with the reason.
    pub(super) async fn over(&self) -> Ending {
        told(&mut self.over.subscribe(), Option::is_some).await
    }

    /// What the host says of its end, where it said so. An end for want of requests is none for a request that came.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.ends.borrow().clone()
    }

    /// Ends when the host says that the session ends.
    pub(super) async fn told_to_end(&self) -> Ending {
        told(&mut self.ends.clone(), Option::is_some).await
    }

    /// Ends when the session is over for what is under way as well.
    pub(super) async fn over_at_once(&self) -> Ending {
        told(&mut self.over.subscribe(), Ending::is_at_once).await
    }

    /// Whether it is over for what is under way as well.
    pub(super) fn is_over_at_once(&self) -> bool {
        Ending::is_at_once(&self.over.borrow())
    }

    /// Ends when the session is over for what is under way as well, or gone with the last of it. It keeps no session.
    pub(super) fn is_gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut over = self.over.subscribe();
        async move {
            // Nobody is left to say more where the session is gone.
            let _ = over.wait_for(Ending::is_at_once).await;
        }
    }

    pub(super) fn count(&self, bytes_in: u64, bytes_out: u64) {
        self.bytes.0.fetch_add(bytes_in, Relaxed);
        self.bytes.1.fetch_add(bytes_out, Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let ending = self.over.borrow().clone().unwrap_or_else(Ending::stopping);
        let how = ending.text();
        let bytes = (self.bytes.0.load(Relaxed), self.bytes.1.load(Relaxed));
        self.host.ended(&self.id, &Ended { how, bytes_in: bytes.0, bytes_out: bytes.1 });
    }
}

/// Sees to it that a session ends.
struct Keeper {
    sessions: Weak<Sessions>,
    key: Key,
    shared: Weak<Shared>,
    idle: Duration,
}

impl Keeper {
    async fn keep(self, mut ends: watch::Receiver<Option<Ending>>) {
        let ending = tokio::select! {
            ending = told(&mut ends, Option::is_some) => ending,
            () = self.unused() => Ending::soon("no request came for a while", ""),
        };
        let at_once = ending.at_once;
        self.end(ending);
        if at_once {
            return;
        }
        // What is under way may have to end after all.
        tokio::select! {
            ending = told(&mut ends, Ending::is_at_once) => self.end(ending),
            () = self.is_gone() => {}
        }
    }

    fn end(&self, ending: Ending) {
        let Some(shared) = self.shared.upgrade() else { return };
        shared.over.send_replace(Some(ending));
        let Some(sessions) = self.sessions.upgrade() else { return };
        let cell = sessions.open().get(&self.key).cloned();
        let own = cell.filter(|cell| cell.get().is_some_and(|known| Arc::ptr_eq(known, &shared)));
        own.inspect(|cell| sessions.forget(self.key, cell));
    }

    /// Ends when the last request of the session has.
    async fn is_gone(&self) {
        let over = self.shared.upgrade().map(|shared| shared.over.subscribe());
        if let Some(mut over) = over {
            // It changes once more, or goes with the session.
            let _ = over.changed().await;
        }
    }

    /// Ends when no request has come for a while.
    async fn unused(&self) {
        let mut at = Instant::now() + self.idle;
        loop {
            tokio::time::sleep_until(at).await;
            let Some(shared) = self.shared.upgrade() else { return };
            let used = *shared.used.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            at = if shared.running.load(Relaxed) > 0 { now } else { used } + self.idle;
            if at <= now {
                return;
            }
        }
    }
}

/// What a session is found by: it is no token, and tells none.
fn key_of(login: &Login<'_>) -> Key {
    let mut hash = Context::new(&SHA256);
    for part in [login.token, login.connection, &login.client_address.ip().to_string()] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}

/// Ends when a session is told of an end that counts.
async fn told(
    ends: &mut watch::Receiver<Option<Ending>>,
    counts: impl FnMut(&Option<Ending>) -> bool,
) -> Ending {
    let heard = Ending::told(ends.wait_for(counts).await);
    match heard {
        Some(ending) => ending,
        // Nobody is left who could tell.
        None => std::future::pending().await,
    }
}
