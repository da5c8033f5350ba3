//! One client's session with the servers of one connection, message by message; it does no I/O.
//!
//! ```text
//!   client ── request ──▶ ask the gate ──▶ held: progress, until it is decided ──┐
//!                             │ allowed, recorded                               │
//!                             ▼                                                 ▼
//!   client ◀── answer ── masked, recorded ◀── under an id of the gateway's ──▶ server
//! ```
//!
//! Every id is the gateway's own on either side, so that nobody can answer what they were not asked.

mod cancel;
mod client;
mod due;
mod inputs;
mod judge;
mod listen;
mod lists;
mod owing;
mod reverse;
mod server;
mod start;
mod stateless;
mod unbegun;

pub(crate) use self::start::info;
pub(crate) use self::unbegun::{META_VERSION, meta, speaks_it};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll};

use palisade_policy::{Denial, Edition, GateSession, Teller};

use self::due::{Caller, Due, Held, Owed, Server, State};
use crate::catalog::NewTools;
use crate::json::Json;
use crate::message::{DENIED, Id, Message, RpcError};
use crate::pins::Pins;
use crate::results::Masks;
use crate::revision::Revision;

/// So many requests of one client may be under way at the same time.
const MOST_REQUESTS: usize = 256;
/// So much may their params take in memory, in bytes.
const MOST_UNDER_WAY: usize = 32 << 20;
/// So much may the capabilities of a client take, which are kept as long as its session is.
pub(crate) const LARGEST_CAPABILITIES: usize = 16 << 10;

/// What a server may ask of the client. What is not allowed here is denied, and the server is not told that it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reverse {
    /// To have the client's model say something.
    pub sampling: bool,
    /// To ask the client's user for something.
    pub elicitation: bool,
    /// To be told the client's folders.
    pub roots: bool,
}

/// What is settled for a connection.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers' names, as commands name them.
    pub servers: Vec<String>,
    /// What servers may ask of clients.
    pub allow: Reverse,
    /// What is believed of tools that were not seen before.
    pub new_tools: NewTools,
    /// The servers whose tools wait all the same, since their own connections say so: what is approved of a server counts
    /// on every connection that offers it.
    pub held: Vec<String>,
    /// Globs of the tools (`server.tool`) that the operator knows to read only.
    pub reads: Vec<String>,
    /// How much of each result is recorded, in bytes.
    pub record_limit: usize,
    /// How long a call of a tool that changed waits for somebody's approval, in seconds.
    pub hold_seconds: u32,
    /// For so many ticks a server may say nothing of what it was asked.
    pub patience: u32,
}

impl Settings {
    /// What is believed of a server's tools that were not seen before, and of its instructions.
    fn new_tools_of(&self, server: &str) -> NewTools {
        match self.held.iter().any(|held| held == server) {
            true => NewTools::Hold,
            false => self.new_tools,
        }
    }
}

/// What begins a session.
pub struct Opening {
    /// Its gate.
    pub gate: GateSession,
    /// What is settled for its connection.
    pub settings: Arc<Settings>,
    /// What was approved of its tools.
    pub pins: Arc<dyn Pins>,
    /// Whether it only reads.
    pub read_only: bool,
    /// The key of its pseudonyms.
    pub mask_key: [u8; 32],
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The stream that a client's message came by; answers leave by it.
pub type Stream = u64;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This server is sent a message.
    Server(usize, Message),
    /// The client is sent the answer to a request that came by this stream.
    Answer(Stream, Message),
    /// The client is told something, by this stream where it belongs to one.
    Tell(Option<Stream>, Message),
    /// A request that came by this stream gets no answer.
    Silence(Stream),
}

/// What comes from a server.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A message.
    Message(Message),
    /// Something that is no message: to this request where that can be told, or to any that is under way. The reason holds
    /// none of it.
    Garbled(Option<Id>, String),
    /// Nothing any more, for this reason, which holds no secret.
    Lost(String),
}

/// A session.
pub struct Conversation {
    gate: GateSession,
    settings: Arc<Settings>,
    pins: Arc<dyn Pins>,
    read_only: bool,
    masks: Masks,
    servers: Vec<Server>,
    starting: Option<start::Starting>,
    revision: Revision,
    client_capabilities: Json,
    /// The number of the last id, hold or list.
    last: u64,
    due: BTreeMap<(usize, u64), Due>,
    /// For how many ticks nothing was heard of what servers owe.
    silent: BTreeMap<(usize, u64), u32>,
    owed: BTreeMap<u64, Owed>,
    held: BTreeMap<u64, Held>,
    gathers: BTreeMap<u64, lists::Gather>,
    /// Requests whose clients are asked for something, where there are no sessions.
    parked: BTreeMap<u64, inputs::Parked>,
    /// Streams by which clients hear what they subscribed to, where there are no sessions.
    listeners: BTreeMap<Stream, listen::Listener>,
    /// Addresses, as the client knows them, that it was allowed to subscribe to.
    subscribed: BTreeSet<String>,
    /// Servers whose tools changed since they were listed.
    stale: BTreeSet<usize>,
    /// Ids of the client's requests that are not answered yet, and what these take; of those without a session, with their
    /// streams.
    asked: BTreeMap<(Option<Stream>, Id), usize>,
    /// What the headers of the client's message repeat of a tool's arguments.
    mirrored: Vec<(String, String)>,
    effects: Vec<Effect>,
    /// What the oldest of the effects was masked by.
    masked_by: Edition,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Conversation {
    /// What is to be done since this was asked last, in order, and what all of it was masked by, or by something newer.
    pub fn take_effects(&mut self) -> (Edition, Vec<Effect>) {
        let edition = self.masked_by;
        self.masked_by = self.gate.edition();
        (edition, std::mem::take(&mut self.effects))
    }

    /// Tells what the session's next message is judged and masked by, apart from it.
    #[must_use]
    pub fn teller(&self) -> Teller {
        self.gate.teller()
    }

    /// Takes up the newest policies: what they say counts for whatever comes from now on, also for what was asked before.
    fn renew(&mut self) {
        let edition = self.gate.renew();
        if self.effects.is_empty() {
            self.masked_by = edition;
        }
    }

    /// The session's id in the record.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.gate.context().session
    }

    /// The revision that is spoken with the client.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether nothing of the client's is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.parked.is_empty()
    }

    /// Whether no server is left.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.servers.iter().all(|server| server.state == State::Lost)
    }

    /// Waits for the decisions on what is held, and goes on with what was decided.
    pub fn poll_decisions(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut decided = Vec::new();
        for (key, held) in &mut self.held {
            if let Poll::Ready(decision) = held.decision.as_mut().poll(context) {
                decided.push((*key, decision));
            }
        }
        if decided.is_empty() {
            return Poll::Pending;
        }
        // They may have waited for a person, and the policies are others now.
        self.renew();
        for (key, decision) in decided {
            if let Some(held) = self.held.remove(&key) {
                self.decided(held.job, decision);
            }
        }
        Poll::Ready(())
    }

    /// Tells those who wait for a person that they still do, so that they do not give up.
    pub fn tick(&mut self) {
        self.tick_parked();
        self.tick_due();
        let mut told = Vec::new();
        for held in self.held.values_mut() {
            let Some(caller) = held.job.caller() else { continue };
            let Some(token) = caller.token.as_ref().filter(|_| !held.words.is_empty()) else {
                continue;
            };
            held.told += 1;
            told.push(Effect::Tell(
                Some(caller.stream),
                judge::waits(token, held.told, &held.words),
            ));
        }
        self.effects.append(&mut told);
    }

    /// Ends everything that is under way: it is answered with this reason. Holds are withdrawn.
    pub fn finish(&mut self, reason: &str, hint: &str) {
        let error = RpcError {
            code: DENIED,
            message: reason.to_owned(),
            data: (!hint.is_empty()).then(|| Json::object([("hint", Json::text(hint))])),
        };
        let held = std::mem::take(&mut self.held);
        let mut callers: Vec<Caller> =
            held.into_values().filter_map(|held| held.job.into_caller()).collect();
        for ((server, id), due) in std::mem::take(&mut self.due) {
            if let Due::Request(sent) | Due::Watch { sent: Some(sent), .. } = due {
                self.cancel_at(server, id, reason);
                let _ = self.gate.tell_error(sent.number, "gateway.ended", reason);
                callers.push(sent.caller);
            }
        }
        let gathers = std::mem::take(&mut self.gathers);
        callers.extend(gathers.into_values().filter_map(lists::Gather::into_caller));
        callers.extend(self.starting.take().map(|starting| starting.caller));
        for caller in callers {
            self.fail(&caller, error.clone());
        }
        self.parked.clear();
        self.end_listening();
    }

    /// Whether the session has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.is_begun()
    }

    /// What tells a request from all others. Clients without a session cannot know of each other's ids.
    fn asked_as(&self, caller: &Caller) -> (Option<Stream>, Id) {
        (self.revision.is_stateless().then_some(caller.stream), caller.id.clone())
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Sends a server a request, under a new id.
    fn request(&mut self, server: usize, method: &str, params: Json, due: Due) -> u64 {
        let number = self.next();
        self.due.insert((server, number), due);
        let id = Id::Number(number.to_string());
        let params = self.introduced(server, params);
        self.send(server, Message::Request { id, method: method.to_owned(), params });
        number
    }

    fn send(&mut self, server: usize, message: Message) {
        if self.servers.get(server).is_some_and(|it| it.state != State::Lost) {
            self.effects.push(Effect::Server(server, message));
        }
    }

    fn answer(&mut self, caller: &Caller, result: Json) {
        let Some(Ok(mut result)) = self.keep_outcome(caller, Ok(result)) else { return };
        self.asked.remove(&self.asked_as(caller));
        if self.revision.is_stateless() {
            stateless::complete(&mut result, caller.cacheable);
        }
        let id = caller.id.clone();
        self.effects.push(Effect::Answer(caller.stream, Message::Result { id, result }));
    }

    fn fail(&mut self, caller: &Caller, error: RpcError) {
        let Some(Err(error)) = self.keep_outcome(caller, Err(error)) else { return };
        self.asked.remove(&self.asked_as(caller));
        let id = Some(caller.id.clone());
        self.effects.push(Effect::Answer(caller.stream, Message::Error { id, error }));
    }

    fn tell(&mut self, stream: Option<Stream>, method: &str, params: Json) {
        if stream.is_none() && self.revision.is_stateless() {
            return self.announce(method, &params);
        }
        self.effects.push(Effect::Tell(stream, notification(method, params)));
    }

    /// The name by which the client knows what a server has.
    fn shown_name(&self, server: usize, name: &str) -> String {
        match self.servers.get(server) {
            Some(it) if self.servers.len() > 1 => crate::names::prefixed(&it.name, name),
            _ => name.to_owned(),
        }
    }

    /// How the client knows the addresses of a server.
    fn addresses(&self, server: usize) -> impl Fn(&str) -> String + use<> {
        let several = self.servers.len() > 1;
        let name = self.servers.get(server).map(|it| it.name.clone()).unwrap_or_default();
        move |uri: &str| match several {
            true => crate::names::prefixed_uri(&name, uri),
            false => uri.to_owned(),
        }
    }
}

fn notification(method: &str, params: Json) -> Message {
    Message::Notification { method: method.to_owned(), params }
}

/// A denial as an error, for whatever has no other way to tell it.
pub(crate) fn denied(denial: &Denial) -> RpcError {
    let mut data = Json::object([("rule", Json::text(&denial.rule))]);
    if !denial.hint.is_empty() {
        data.set("hint", Json::text(&denial.hint));
    }
    RpcError { code: DENIED, message: denial.reason.clone(), data: Some(data) }
}

#[cfg(test)]
mod tests;
