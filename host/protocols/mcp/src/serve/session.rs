//! One session: a task that carries messages between the client, the conversation and the servers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use palisade_policy::{Edition, Ended, Ending, Later, Place, Teller};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::direct::Piece;
use super::outbox::{Outbox, UNASKED};
use super::{Admission, Beginning, Inner};
use crate::conversation::{Conversation, Effect, Incoming, Stream};
use crate::message::{DENIED, Message, RpcError};
use crate::revision::Revision;
use crate::upstream::Way;

/// So many messages wait for the session's task before their senders do.
const MOST_WAITING: usize = 64;
/// The stream of `initialize`, whose answer is no event.
const BEGINNING: Stream = Stream::MAX;

/// What a client's requests tell a session.
pub(super) enum Event {
    /// Messages, by a stream where some of them are requests.
    Client {
        stream: Stream,
        messages: Vec<Message>,
        bytes: usize,
        /// Arguments that headers repeat, where there is no session.
        mirrored: Vec<(String, String)>,
    },
    /// The client of a request without a session has left its stream.
    Left(Stream),
    /// The client ends the session.
    Close,
}

/// A session, as its client's requests see it.
pub(super) struct Live {
    /// Whose it is.
    pub(super) owner: String,
    /// With whose it is counted.
    pub(super) bearer: String,
    revision: Revision,
    events: mpsc::Sender<Event>,
    outbox: Arc<Mutex<Outbox>>,
    /// Tells which policies are in force.
    newest: Teller,
    /// Whether no new request is for it.
    spent: Arc<AtomicBool>,
}

impl Live {
    /// Whether the next request without a session needs another.
    pub(super) fn is_over(&self) -> bool {
        self.events.is_closed() || self.spent.load(Relaxed)
    }

    /// Opens a stream for the one answer of a request without a session.
    pub(super) fn open_direct(&self) -> (Stream, mpsc::Receiver<Piece>) {
        lock(&self.outbox).open_direct()
    }

    /// Tells that the client of this stream has left. Where that cannot be told now, the next tick finds it.
    pub(super) fn left(&self, stream: Stream) {
        let _ = self.events.try_send(Event::Left(stream));
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Tells the session something; false where it is over.
    pub(super) async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Opens a stream for so many answers.
    pub(super) fn open(&self, due: usize) -> (Stream, mpsc::Receiver<Bytes>) {
        lock(&self.outbox).open(due)
    }

    /// Goes on with a stream.
    pub(super) fn listen(&self, last_event: Option<&str>) -> Option<mpsc::Receiver<Bytes>> {
        // What is sent once more was masked when it came, and the policies may be others now.
        lock(&self.outbox).listen(last_event, self.newest.newest())
    }
}

/// Begins a session. The answer comes once the servers are there.
pub(super) fn begin(
    inner: Arc<Inner>,
    name: String,
    (owner, bearer): (String, String),
    admission: Admission,
    beginning: Beginning,
    bytes: usize,
) -> oneshot::Receiver<Message> {
    let Admission { opening, backend, ends, place } = admission;
    let servers = opening.settings.servers.clone();
    let conversation = match beginning {
        Beginning::Initialize(id, params) => Conversation::begin(opening, BEGINNING, id, &params),
        Beginning::Stateless(capabilities) => {
            Conversation::begin_stateless(opening, BEGINNING, capabilities)
        }
    };
    let mut outbox = Outbox::new(inner.options.replay_bytes);
    outbox.primes = conversation.revision().primes_streams();
    let outbox = Arc::new(Mutex::new(outbox));
    let (events, from_client) = mpsc::channel(MOST_WAITING);
    let (inbox, from_servers) = mpsc::channel(MOST_WAITING);
    let (begun, answer) = oneshot::channel();
    let revision = conversation.revision();
    let spent = Arc::new(AtomicBool::new(false));
    let live = Live {
        owner,
        bearer,
        revision,
        events,
        outbox: Arc::clone(&outbox),
        newest: conversation.teller(),
        spent: Arc::clone(&spent),
    };
    let open = |server| Way::open(Arc::clone(&backend), server, inbox.clone(), inner.ways.clone());
    let servers = servers.into_iter().enumerate();
    let task = Task {
        ways: servers.map(open).collect(),
        end: EndOnDrop {
            session: conversation.session().to_owned(),
            name,
            inner,
            outbox: Arc::clone(&outbox),
            how: "the gateway stopped".to_owned(),
            bytes_in: bytes as u64,
            _place: place,
        },
        conversation,
        outbox,
        begun: Some(begun),
        ending: None,
        quiet: 0,
        spent,
    };
    // Before the task runs, which takes it out again.
    let mut sessions = task.end.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.insert(task.end.name.clone(), Arc::new(live));
    drop(sessions);
    tokio::spawn(task.run(from_client, from_servers, ends));
    answer
}

struct Task {
    conversation: Conversation,
    ways: Vec<Way>,
    outbox: Arc<Mutex<Outbox>>,
    begun: Option<oneshot::Sender<Message>>,
    /// Why nothing more is begun.
    ending: Option<Ending>,
    /// For so many ticks nothing was heard of the client.
    quiet: u32,
    spent: Arc<AtomicBool>,
    end: EndOnDrop,
}

/// The host hears of the end also when the task is dropped on the way.
struct EndOnDrop {
    inner: Arc<Inner>,
    name: String,
    session: String,
    outbox: Arc<Mutex<Outbox>>,
    how: String,
    bytes_in: u64,
    /// Given back once the host was told.
    _place: Place,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let mut sessions = self.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&self.name);
        drop(sessions);
        let mut outbox = lock(&self.outbox);
        outbox.end();
        let ended = Ended {
            how: std::mem::take(&mut self.how),
            bytes_in: self.bytes_in,
            bytes_out: outbox.bytes_out,
        };
        drop(outbox);
        self.inner.host.ended(&self.session, &ended);
    }
}

impl Task {
    async fn run(
        mut self,
        mut from_client: mpsc::Receiver<Event>,
        mut from_servers: mpsc::Receiver<(usize, Incoming)>,
        ends: watch::Receiver<Option<Ending>>,
    ) {
        let options = self.end.inner.options.clone();
        let mut ticks = tokio::time::interval(options.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let start = tokio::time::sleep(options.start);
        tokio::pin!(start);
        let mut over: Later<Ending> = Box::pin(told(ends.clone(), Option::is_some));
        let (reason, hint) = loop {
            self.carry_out();
            if let Some(done) = self.is_done() {
                break done;
            }
            tokio::select! {
                biased;
                ending = &mut over => {
                    self.spent.store(true, Relaxed);
                    self.ending = Some(ending);
                    // What runs is finished first, unless there comes a reason to end it at once.
                    over = Box::pin(told(ends.clone(), Ending::is_at_once));
                }
                event = from_client.recv() => match event {
                    Some(Event::Client { stream, messages, bytes, mirrored }) => {
                        self.conversation.mirror(mirrored);
                        self.heard(stream, messages, bytes);
                    }
                    Some(Event::Left(stream)) => {
                        lock(&self.outbox).done(stream);
                        self.conversation.abandoned(stream);
                    }
                    Some(Event::Close) => break ("the client ended it".to_owned(), String::new()),
                    None => break ("the client is gone".to_owned(), String::new()),
                },
                Some((server, incoming)) = from_servers.recv() => {
                    if self.begun.is_none() && matches!(incoming, Incoming::Lost(_)) {
                        // Whoever asks without a session next finds the server there again.
                        self.spent.store(true, Relaxed);
                    }
                    self.conversation.server(server, incoming);
                }
                () = std::future::poll_fn(|context| self.conversation.poll_decisions(context)) => {}
                _ = ticks.tick() => self.tick(options.patience),
                () = &mut start, if !self.conversation.has_begun() => self.conversation.overdue(),
            }
        };
        self.conversation.finish(&reason, &hint);
        self.carry_out();
        self.end.how = reason;
    }

    /// Whether the session is over, why, and what the client can do about it.
    fn is_done(&self) -> Option<(String, String)> {
        if let Some(ending) = &self.ending
            && (ending.at_once || self.conversation.is_idle())
        {
            return Some((ending.reason.clone(), ending.hint.clone()));
        }
        let stateless = self.conversation.revision().is_stateless();
        if stateless && self.spent.load(Relaxed) && self.conversation.is_idle() {
            return Some(("another took its place".to_owned(), String::new()));
        }
        if self.begun.is_none() && self.conversation.is_lost() && self.conversation.is_idle() {
            return Some(("its servers are gone".to_owned(), String::new()));
        }
        (self.quiet >= self.end.inner.options.idle)
            .then(|| ("nothing was heard of the client".to_owned(), String::new()))
    }

    fn heard(&mut self, stream: Stream, messages: Vec<Message>, bytes: usize) {
        self.quiet = 0;
        self.end.bytes_in += bytes as u64;
        for message in messages {
            match (&self.ending, message) {
                (Some(ending), Message::Request { id, .. }) => {
                    let error = RpcError::new(DENIED, format!("{} {}", ending.reason, ending.hint));
                    let error = Message::Error { id: Some(id), error };
                    let mut outbox = lock(&self.outbox);
                    outbox.send(Some(stream), &error, self.conversation.teller().newest());
                    outbox.done(stream);
                }
                (_, message) => self.conversation.client(stream, message),
            }
        }
    }

    fn tick(&mut self, patience: u32) {
        let mut outbox = lock(&self.outbox);
        let is_read = outbox.is_read();
        let left = outbox.tick(patience);
        let unasked = outbox.take_unasked();
        drop(outbox);
        self.quiet = if is_read { 0 } else { self.quiet.saturating_add(1) };
        for stream in left {
            self.conversation.abandoned(stream);
        }
        for id in unasked {
            // Its server waits for an answer.
            let error = RpcError::new(DENIED, "the policies changed before the client was asked");
            self.conversation.client(UNASKED, Message::Error { id: Some(id), error });
        }
        self.conversation.tick();
    }

    /// Does what the conversation wants done.
    fn carry_out(&mut self) {
        loop {
            let (edition, effects) = self.conversation.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.carry_out_one(effect, edition);
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect, edition: Edition) {
        match effect {
            Effect::Server(server, message) => {
                if !self.ways.get(server).is_some_and(|way| way.send(message)) {
                    let why = "it takes no more messages".to_owned();
                    self.conversation.server(server, Incoming::Lost(why));
                }
            }
            Effect::Answer(BEGINNING, message) => {
                // Whoever began it may have left.
                if self.begun.take().is_some_and(|begun| begun.send(message).is_err()) {
                    self.quiet = u32::MAX;
                }
            }
            Effect::Answer(stream, message) => {
                let mut outbox = lock(&self.outbox);
                outbox.send(Some(stream), &message, edition);
                outbox.done(stream);
            }
            Effect::Tell(stream, message) => lock(&self.outbox).send(stream, &message, edition),
            Effect::Silence(stream) => lock(&self.outbox).done(stream),
        }
    }
}

/// Ends when the session is told of an end that counts.
async fn told(
    mut ends: watch::Receiver<Option<Ending>>,
    counts: fn(&Option<Ending>) -> bool,
) -> Ending {
    let heard = Ending::told(ends.wait_for(counts).await);
    match heard {
        Some(ending) => ending,
        // Nobody is left who could tell.
        None => std::future::pending().await,
    }
}

fn lock(outbox: &Mutex<Outbox>) -> std::sync::MutexGuard<'_, Outbox> {
    outbox.lock().unwrap_or_else(PoisonError::into_inner)
}
