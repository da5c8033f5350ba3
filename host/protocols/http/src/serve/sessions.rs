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
use palisade_policy::{Ending, GateSession};
use ring::digest::{Context, SHA256};
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::Instant;

use super::pending::Pending;
use super::{Admission, Backend, Ended, Host, Login, NotAdmitted, Place};

/// How many requests of one session may have their bodies in memory at the same time.
const MOST_BODIES: usize = 64;
/// Why sessions end with the gateway.
pub(super) const STOPPING: &str = "the gateway is stopping";

type Key = [u8; 32];
type Cell = Arc<OnceCell<Arc<Shared>>>;

/// The sessions that are open.
pub(super) struct Sessions {
    host: Arc<dyn Host>,
    idle: Duration,
    stop: watch::Receiver<bool>,
    open: Mutex<HashMap<Key, Cell>>,
}

/// One session, as its requests share it.
pub(super) struct Shared {
    /// Its id.
    pub id: String,
    /// Its gate. It is locked for a question and never while an answer is waited for.
    gate: Mutex<GateSession>,
    /// Whose turn it is to be judged: one session's requests, which may take long, never wait on more than one thread.
    pub turn: tokio::sync::Mutex<()>,
    pub backend: Arc<dyn Backend>,
    pub read_only: bool,
    pub masker: Masker,
    /// Places for requests whose bodies are in memory.
    pub bodies: Arc<Semaphore>,
    /// Requests that were held and are asked for.
    pub pending: Pending,
    over: watch::Sender<Option<Over>>,
    host: Arc<dyn Host>,
    bytes: (AtomicU64, AtomicU64),
    running: AtomicUsize,
    used: Mutex<Instant>,
    _place: Place,
}

/// Why a session is over, and whether its requests that are under way end with it.
#[derive(Clone, Debug)]
struct Over {
    reason: String,
    at_once: bool,
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
    pub(super) fn new(host: Arc<dyn Host>, idle: Duration, stop: watch::Receiver<bool>) -> Self {
        Self { host, idle, stop, open: Mutex::default() }
    }

    /// The session of a token at a connection: the one that is open, or a new one.
    pub(super) async fn enter(self: &Arc<Self>, login: &Login<'_>) -> Result<Use, NotAdmitted> {
        let key = key_of(login);
        loop {
            let cell = Arc::clone(self.open().entry(key).or_default());
            let opened = cell.get_or_try_init(|| async { self.admit(key, login) }).await;
            let shared = match opened {
                Ok(shared) => Arc::clone(shared),
                Err(refused) => {
                    self.forget(key, &cell);
                    return Err(refused);
                }
            };
            let used = Use::of(shared);
            if used.over.borrow().is_none() {
                return Ok(used);
            }
            // It ended just now, and its place is for the next.
            self.forget(key, &cell);
        }
    }

    fn admit(self: &Arc<Self>, key: Key, login: &Login<'_>) -> Result<Arc<Shared>, NotAdmitted> {
        let admission = self.host.admit(login)?;
        let Admission { gate, backend, ends, read_only, mask_key, place } = admission;
        let shared = Arc::new(Shared {
            id: gate.context().session.clone(),
            gate: Mutex::new(gate),
            turn: tokio::sync::Mutex::default(),
            backend,
            read_only,
            masker: Masker::new(mask_key),
            bodies: Arc::new(Semaphore::new(MOST_BODIES)),
            pending: Pending::default(),
            over: watch::Sender::new(None),
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
        tokio::spawn(keeper.keep(ends, self.stop.clone()));
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
    /// The session's gate, for one question.
    pub(super) fn gate(&self) -> MutexGuard<'_, GateSession> {
        // The gate changes as a whole with each question.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the session is over, with the reason.
    pub(super) async fn over(&self) -> String {
        self.over_where(|_| true).await
    }

    /// Ends when the session is over for what is under way as well.
    pub(super) async fn over_at_once(&self) -> String {
        self.over_where(|over| over.at_once).await
    }

    async fn over_where(&self, counts: impl Fn(&Over) -> bool) -> String {
        let mut over = self.over.subscribe();
        let found = over.wait_for(|over| over.as_ref().is_some_and(&counts)).await;
        let reason = found.ok().and_then(|over| over.as_ref().map(|over| over.reason.clone()));
        reason.unwrap_or_else(|| "the session is over".to_owned())
    }

    pub(super) fn count(&self, bytes_in: u64, bytes_out: u64) {
        self.bytes.0.fetch_add(bytes_in, Relaxed);
        self.bytes.1.fetch_add(bytes_out, Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let how = self.over.borrow().as_ref().map(|over| over.reason.clone());
        let how = how.unwrap_or_else(|| STOPPING.to_owned());
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
    async fn keep(self, mut ends: watch::Receiver<Ending>, mut stop: watch::Receiver<bool>) {
        let stops = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            Over { reason: STOPPING.to_owned(), at_once: true }
        };
        let unused = async {
            self.unused().await;
            Over { reason: "no request came for a while".to_owned(), at_once: false }
        };
        tokio::pin!(stops, unused);
        let over = tokio::select! {
            over = &mut stops => over,
            over = its_time(&mut ends) => over,
            over = &mut unused => over,
        };
        let at_once = over.at_once;
        self.end(over);
        if at_once {
            return;
        }
        // What is under way may have to end after all.
        let cut = async {
            if ends.wait_for(|ending| ending.at_once).await.is_err() {
                std::future::pending::<()>().await;
            }
            its_time(&mut ends).await
        };
        tokio::select! {
            over = stops => self.end(over),
            over = cut => self.end(over),
            () = self.is_gone() => {}
        }
    }

    fn end(&self, over: Over) {
        let Some(shared) = self.shared.upgrade() else { return };
        shared.over.send_replace(Some(over));
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

/// Ends when a session's time is over.
async fn its_time(ends: &mut watch::Receiver<Ending>) -> Over {
    loop {
        let Ending { at, at_once, reason, hint } = ends.borrow_and_update().clone();
        let changed = async {
            if ends.changed().await.is_err() {
                // Nobody is left who could change it.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {
                let reason = if hint.is_empty() { reason } else { format!("{reason}. {hint}") };
                return Over { reason, at_once };
            }
            () = changed => {}
        }
    }
}
