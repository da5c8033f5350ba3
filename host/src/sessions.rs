//! Whose sessions there are and were: one document each, written when a session opens and when it ends.
//!
//! What happens between is the journal's; it is counted here in memory, so that no command costs a document.

mod times;
mod visits;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use palisade_admin::SessionFilter;
use palisade_identity::Identity;
use palisade_policy::{Ended, Ending, Principal, SessionContext};
use palisade_store::{BySession, Collection, SessionId, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::clock;
use crate::config::TrustedIssuer;
use crate::connections::Destination;
use crate::record::Record;
use crate::recorded;

pub use self::times::{Due, Timekeeper};
pub use self::visits::Visit;

/// How many of the newest documents are looked through for those that a caller may see.
const LOOKED_THROUGH: usize = 10_000;
/// How many refused logins are recorded in a minute; a flood of them must not fill the disk.
const REFUSED_A_MINUTE: u64 = 600;

/// How a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs.
    Open,
    /// It ended.
    Ended,
    /// The gateway ended before it did.
    Interrupted,
    /// The client was not let in.
    Refused,
}

/// A session, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDocument {
    /// Its id, a UUIDv7.
    pub id: String,
    /// How it is.
    pub state: State,
    /// The connection that the client picked.
    pub connection: String,
    /// The connection's protocol; empty where there is no such connection.
    pub protocol: String,
    /// Who acts; empty where nobody could be told.
    pub subject: String,
    /// Who vouches for the subject.
    pub issuer: String,
    /// The roles of the token.
    pub roles: Vec<String>,
    /// Roles that the token dropped when it was exchanged, which policies act on all the same.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// Whom the subject acts for.
    pub acting_for: Option<String>,
    /// The token's id.
    pub token: String,
    /// The ids of the tokens that it was exchanged for, the first of them last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Where the client came from.
    pub client_address: String,
    /// When it opened, RFC 3339.
    pub opened_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How it ended.
    pub ended: Option<String>,
    /// How many commands were about to run.
    pub commands: u64,
    /// How many times a command was denied.
    pub denied: u64,
    /// How many times a command was held.
    pub held: u64,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Whether a tunnel passed in it that nobody looked into.
    #[serde(default)]
    pub blind: bool,
}

impl SessionDocument {
    /// Who acts in it.
    pub fn principal(&self) -> Principal {
        Principal {
            subject: self.subject.clone(),
            issuer: self.issuer.clone(),
            roles: self.roles.clone(),
            dropped: self.dropped.clone(),
            acting_for: self.acting_for.clone(),
            ..Principal::default()
        }
    }
}

/// What happened in a running session, in numbers.
#[derive(Debug, Default)]
pub struct Counts {
    commands: AtomicU64,
    denied: AtomicU64,
    held: AtomicU64,
}

impl Counts {
    /// Counts one judged command.
    pub fn command(&self, runs: bool, verdict: &str) {
        self.commands.fetch_add(u64::from(runs), Relaxed);
        self.denied.fetch_add(u64::from(verdict == "deny"), Relaxed);
        self.held.fetch_add(u64::from(verdict == "hold"), Relaxed);
    }

    fn write_to(&self, document: &mut SessionDocument) {
        document.commands = self.commands.load(Relaxed);
        document.denied = self.denied.load(Relaxed);
        document.held = self.held.load(Relaxed);
    }
}

/// A session that runs.
#[derive(Debug)]
struct Open {
    counts: Arc<Counts>,
    seat: Seat,
    /// Whether it is a visit, and counts as no session.
    is_visit: bool,
    /// When and why it ends.
    due: Due,
    /// Tells it so, when it is time.
    ends: watch::Sender<Option<Ending>>,
}

/// The sessions that run.
#[derive(Debug, Default)]
struct Running {
    all: BySession<Open>,
    /// When somebody looks next whose time is over.
    next_look: Option<Instant>,
    /// Whether the gateway stops.
    stopping: bool,
}

/// What a running session goes by.
#[derive(Debug)]
pub struct Seat {
    /// Whose it is.
    pub bearer: Identity,
    /// The issuers that the bearer's token goes back to, as they were when it was verified.
    pub vouchers: Vec<TrustedIssuer>,
    /// Where it leads.
    pub connection: String,
    /// What that was when it opened.
    pub destination: Destination,
    /// The service whose credential it has, where it has one: another of the same name is another.
    pub service: Option<u64>,
    /// Whether it only reads.
    pub read_only: bool,
    /// When it opened.
    pub opened: Instant,
    /// When its token's time is over.
    pub token_over: Instant,
    /// What its commands are judged in.
    pub context: SessionContext,
}

/// Why a session does not open.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Its bearer has as many as it may have.
    #[error("you have as many sessions as you may have at once: {0}")]
    TooMany(usize),
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Stopping,
    /// It cannot be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Store,
    documents: Collection<SessionDocument>,
    open: RwLock<Running>,
    /// Told when a session's time is over before anybody looks.
    sooner: Notify,
    /// Sessions are looked at again by one at a time: whoever looked first must not be the last to say what he saw.
    looking: Mutex<()>,
    /// The minute, and how many refusals were recorded in it.
    refused: Mutex<(u64, u64)>,
}

impl Sessions {
    /// The sessions of a store.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(store: Store) -> Result<Self, StoreError> {
        let documents = store.collection("sessions")?;
        Ok(Self {
            store,
            documents,
            open: RwLock::default(),
            sooner: Notify::new(),
            looking: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// Records that a session opens, unless its bearer has `most` already. Gives what it is told of its end, when it is
    /// time; `None` until then. After an end that waits for what runs there may come one that does not.
    ///
    /// # Errors
    /// Why the session must not open.
    pub fn open(
        &self,
        id: SessionId,
        document: &SessionDocument,
        (seat, due): (Seat, Due),
        most: Option<usize>,
    ) -> Result<watch::Receiver<Option<Ending>>, NotOpened> {
        let (tell, ends) = watch::channel(None);
        {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            if open.stopping {
                return Err(NotOpened::Stopping);
            }
            let its =
                |other: &&Open| !other.is_visit && is_same_bearer(&other.seat.bearer, &seat.bearer);
            let its = open.all.values().filter(its).count();
            if let Some(most) = most.filter(|most| its >= *most) {
                return Err(NotOpened::TooMany(most));
            }
            let at = due.at;
            let counts = Arc::default();
            open.all.insert(id, Open { counts, seat, due, ends: tell, is_visit: false });
            self.look_by(&open, at);
        }
        if let Err(error) = self.documents.put(&document.id, document) {
            self.open.write().unwrap_or_else(PoisonError::into_inner).all.remove(&id);
            return Err(error.into());
        }
        Ok(ends)
    }

    /// Sees to it that somebody looks at this time.
    fn look_by(&self, open: &Running, at: Instant) {
        if open.next_look.is_none_or(|next| at < next) {
            self.sooner.notify_one();
        }
    }

    /// Ends when a session's time is over sooner than was said last.
    async fn sooner(&self) {
        self.sooner.notified().await;
    }

    /// Tells the sessions whose time is over at `now`. Gives the time of the next, before which nobody needs to look.
    fn tell_the_time(&self, now: Instant) -> Option<Instant> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let (over, open_still) = open.all.values().partition::<Vec<_>, _>(|one| one.due.at <= now);
        over.iter().for_each(|one| times::tell(&one.ends, &one.due.ending));
        let next = open_still.iter().map(|one| one.due.at).min();
        open.next_look = next;
        next
    }

    /// Ends all sessions, and lets none open from now on: the gateway stops.
    pub fn stop(&self) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.stopping = true;
        open.all.values().for_each(|one| times::tell(&one.ends, &Ending::stopping()));
    }

    /// Ends the sessions whose bearers `meant` picks at once, for this reason. Gives how many there are.
    pub fn end_those(&self, meant: impl Fn(&Identity) -> bool, reason: &str) -> usize {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let those: Vec<_> = open.all.values().filter(|open| meant(&open.seat.bearer)).collect();
        let ending = Ending::at_once(reason);
        those.iter().for_each(|session| times::tell(&session.ends, &ending));
        those.iter().filter(|one| !one.is_visit).count()
    }

    /// Looks again how each session stands, or one of them. Gives how many end now. Nobody else looks meanwhile, so that
    /// what was changed before this is called is what sessions go by afterwards.
    pub fn look_again(&self, one: Option<SessionId>, look: impl Fn(&Seat) -> Due) -> usize {
        let _alone = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let looked: Vec<_> = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            let looked_at = open.all.iter().filter(|(id, _)| one.is_none_or(|one| one == **id));
            looked_at.map(|(id, session)| (*id, look(&session.seat))).collect()
        };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut over = 0;
        for (id, due) in looked {
            let Some(session) = open.all.get_mut(&id) else { continue };
            // One that ends already ends for the reason that it was told.
            if session.ends.borrow().is_some() {
                continue;
            }
            let at = due.at;
            session.due = due;
            if at <= now {
                times::tell(&session.ends, &session.due.ending);
                over += usize::from(!session.is_visit);
            } else {
                self.look_by(&open, at);
            }
        }
        over
    }

    /// Records that a session ended.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn end(&self, id: SessionId, ended: &Ended) -> Result<(), StoreError> {
        let counts = {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            open.all.remove(&id).map(|open| open.counts).unwrap_or_default()
        };
        self.documents.update(&id.to_string(), |document| {
            let mut document = document?;
            counts.write_to(&mut document);
            document.state = State::Ended;
            document.ended_at = Some(clock::rfc3339(clock::now_micros()));
            document.ended = Some(ended.how.clone());
            (document.bytes_in, document.bytes_out) = (ended.bytes_in, ended.bytes_out);
            Some(document)
        })?;
        Ok(())
    }

    /// Records that a tunnel passes in a session that nobody looks into.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn blind(&self, id: &str) -> Result<(), StoreError> {
        self.documents.update(id, |document| Some(SessionDocument { blind: true, ..document? }))?;
        Ok(())
    }

    /// Records that a client was not let in. In a flood of refusals only some are recorded; all are logged.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn refuse(&self, document: &SessionDocument) -> Result<(), StoreError> {
        {
            let minute = clock::now_seconds() / 60;
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            let before = if refused.0 == minute { refused.1 } else { 0 };
            *refused = (minute, before + 1);
            if before >= REFUSED_A_MINUTE {
                return Ok(());
            }
        }
        self.documents.put(&document.id, document)
    }

    /// The counters of a running session.
    pub fn counts(&self, id: SessionId) -> Option<Arc<Counts>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.all.get(&id).map(|open| Arc::clone(&open.counts))
    }

    /// How many sessions run.
    pub fn open_count(&self) -> usize {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.all.values().filter(|one| !one.is_visit).count()
    }

    /// The newest sessions of those that are asked for and that `seen` lets through, the newest first.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn newest(
        &self,
        limit: usize,
        filter: &SessionFilter,
        seen: impl Fn(&SessionDocument) -> bool,
    ) -> Result<Vec<SessionDocument>, StoreError> {
        let newest = self.documents.backwards(filter.before.as_deref()).take(LOOKED_THROUGH);
        let documents = newest.map(|document| document.map(|(document, _)| document));
        let named = recorded::is_named(filter.connection.as_deref());
        let subject = filter.subject.as_deref();
        let asked_for = |document: &SessionDocument| {
            let acts = || [Some(document.subject.as_str()), document.acting_for.as_deref()];
            named(document) && (subject.is_none() || acts().contains(&subject))
        };
        // One that cannot be read is told of, whoever may see it.
        let is_listed = |document: &SessionDocument| asked_for(document) && seen(document);
        let found = documents.filter(|found| found.as_ref().map_or(true, is_listed)).take(limit);
        found.map(|document| Ok(self.with_counts(document?))).collect()
    }

    /// The sessions from an id on, in the order in which they opened.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn from(&self, id: &str, limit: usize) -> Result<Vec<SessionDocument>, StoreError> {
        let documents = self.documents.from(id, limit)?;
        Ok(documents.into_iter().map(|(_, document)| document).collect())
    }

    /// One session.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn get(&self, id: &str) -> Result<Option<SessionDocument>, StoreError> {
        Ok(self.documents.get(id)?.map(|document| self.with_counts(document)))
    }

    /// Marks the sessions that a crash left open, and counts from their events what nobody counted.
    /// Gives how many there were.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn mark_interrupted(&self) -> Result<usize, StoreError> {
        let mut left = vec![];
        for document in self.documents.readable() {
            let document = document?;
            if let (State::Open, Ok(id)) = (document.state, document.id.parse()) {
                left.push((id, document));
            }
        }
        let ids: Vec<_> = left.iter().map(|(id, _)| *id).collect();
        let counted = self.recount(&ids)?;
        let marked = left.len();
        for (id, mut document) in left {
            let last = counted.get(&id).map(|(counts, last)| {
                counts.write_to(&mut document);
                *last
            });
            document.state = State::Interrupted;
            document.ended = Some("the gateway was stopped while the session ran".into());
            document.ended_at =
                Some(last.map_or_else(|| document.opened_at.clone(), clock::rfc3339));
            self.documents.put(&document.id, &document)?;
        }
        Ok(marked)
    }

    /// What happened in sessions, in numbers, and when the last of it did.
    fn recount(&self, ids: &[SessionId]) -> Result<BySession<(Counts, u64)>, StoreError> {
        let mut counted = BySession::<(Counts, u64)>::default();
        // What is damaged is told to whoever reads the session; here it is only not counted.
        self.store.read_together(ids, |id, event| {
            let (counts, last) = counted.entry(id).or_default();
            *last = event.at_micros;
            if let Ok(Record::Command { moment, verdict, .. }) =
                serde_json::from_slice(&event.payload)
            {
                counts.command(moment == "run", &verdict);
            }
        })?;
        Ok(counted)
    }

    fn with_counts(&self, mut document: SessionDocument) -> SessionDocument {
        if let Some(counts) = document.id.parse().ok().and_then(|id| self.counts(id)) {
            counts.write_to(&mut document);
        }
        document
    }
}

fn is_same_bearer(one: &Identity, other: &Identity) -> bool {
    one.principal.subject == other.principal.subject
        && one.principal.issuer == other.principal.issuer
}

#[cfg(test)]
pub(crate) mod tests;
