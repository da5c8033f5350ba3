//! Sessions that are made of bytes, and what must hold in each.

mod client;
mod hostile;
mod server;
mod statements;
mod world;

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use palisade_policy::{Context, Ending, Gate, Placed};
use palisade_relay::{Machine, Output, Peer};

use self::client::Client;
use self::server::Honest;
use self::world::{Guard, Kept, MARKER, Server, Yes, lock};
use super::{Answer, Control, Session};
use crate::catalog::Catalog;
use crate::codec::{Frame, frontend, peek};
use crate::fuzzing::choices::Choices;
use crate::reply;
use crate::serve::{Admission, Options};

/// Most steps of one session.
const STEPS: usize = 300;
/// How a session may end between an honest server and a client that is at worst impatient.
const ENDS: [&str; 3] = ["came within a copy", "the token's time is over", "the client"];

/// Plays a session: the first byte says with which server, the others what happens.
pub(crate) fn play(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut choices = Choices::new(rest);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { return };
    let _entered = runtime.enter();
    let mut play = Play::new(&runtime);
    if kind % 4 == 3 {
        return hostile::play(&mut play, &mut choices);
    }
    for _ in 0..STEPS {
        if choices.is_spent() || play.output.is_ended() {
            break;
        }
        play.step(&mut choices);
    }
    play.finish();
}

/// A session and everything around it.
struct Play<'r> {
    runtime: &'r tokio::runtime::Runtime,
    session: Session,
    output: Output<Answer>,
    gate: Arc<Gate>,
    kept: Arc<Kept>,
    /// What the policies in force have allowed, and whether these are the strict ones.
    allowed: Arc<Mutex<HashSet<String>>>,
    strict: bool,
    client: Client,
    server: Honest,
    /// Bytes on their way to the session, and those that have arrived.
    wires: [BytesMut; 2],
    inputs: [BytesMut; 2],
    /// Messages on their way to the server, and whether policies were strict then.
    to_server: VecDeque<(Vec<u8>, bool)>,
}

/// The end of a session whose time is over.
pub(crate) fn over() -> Ending {
    Ending::soon("the token's time is over", "")
}

impl<'r> Play<'r> {
    fn new(runtime: &'r tokio::runtime::Runtime) -> Self {
        let kept = Arc::new(Kept::default());
        let gate = Arc::new(Gate::new(Arc::new(Yes), Arc::clone(&kept) as _));
        let allowed = install(&gate, false);
        let admission = Admission {
            gate: gate.session(Context::default()),
            catalog: Arc::new(Catalog::new(Arc::new(Server), palisade_sql::Trusted::default())),
            backend: Arc::new(Server),
            ends: tokio::sync::watch::channel(None).1,
            read_only: false,
            mask_key: [7; 32],
        };
        let options = Options { frame_limit: 1 << 16, record_limit: 64, ..Options::default() };
        Self {
            runtime,
            session: Session::new(admission, &options, &[]),
            output: Output::default(),
            gate,
            kept,
            allowed,
            strict: false,
            client: Client::default(),
            server: Honest::new(),
            wires: Default::default(),
            inputs: Default::default(),
            to_server: VecDeque::new(),
        }
    }

    /// One thing happens.
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..=4 => {
                let [client, _] = &mut self.wires;
                self.client.send(client, choices);
            }
            5 | 6 => self.arrive(Peer::Client, usize::MAX),
            7 => self.arrive(Peer::Client, choices.below(20)),
            8..=10 => self.serve(choices),
            11 | 12 => self.arrive(Peer::Server, usize::MAX),
            13 => self.arrive(Peer::Server, choices.below(20)),
            14 => self.resolve(),
            _ => self.rarely(choices),
        }
    }

    fn rarely(&mut self, choices: &mut Choices<'_>) {
        match choices.below(12) {
            0..=3 => self.settle(choices),
            4 | 5 if !self.output.is_waiting(Peer::Client) => {
                self.strict = choices.one_in(2);
                self.allowed = install(&self.gate, self.strict);
            }
            6 => self.kept.slow.store(choices.one_in(2), Ordering::Relaxed),
            7 => self.kept.broken.store(choices.one_in(3), Ordering::Relaxed),
            8 => {
                let (told, _) = tokio::sync::oneshot::channel();
                self.session.control(Control::Cancel(told), &mut self.output);
                self.turn();
            }
            9 if choices.one_in(8) => {
                self.session.control(Control::End(over()), &mut self.output);
                self.turn();
            }
            10 if choices.one_in(8) => self.session.hung_up(Peer::Client, &mut self.output),
            _ => {}
        }
    }

    /// Bytes arrive at the session.
    fn arrive(&mut self, peer: Peer, count: usize) {
        let at = usize::from(peer == Peer::Server);
        if let (Some(wire), Some(input)) = (self.wires.get_mut(at), self.inputs.get_mut(at)) {
            let count = count.min(wire.len());
            input.unsplit(wire.split_to(count));
        }
        self.turn();
    }

    /// The server handles a message.
    fn serve(&mut self, choices: &mut Choices<'_>) {
        let Some((message, strict)) = self.to_server.pop_front() else { return };
        self.server.handle(&message, strict, choices);
        let [_, server] = &mut self.wires;
        server.unsplit(self.server.out.split());
        self.check_runs();
    }

    /// What the session waits for is there.
    fn resolve(&mut self) {
        for peer in [Peer::Client, Peer::Server] {
            if let Some(wait) = self.output.take_wait(peer) {
                let answer = self.runtime.block_on(wait);
                self.session.answer(peer, answer, &mut self.output);
            }
        }
        self.turn();
    }

    /// Lets the session handle all it can, as the driver does.
    fn turn(&mut self) {
        loop {
            let before = self.left();
            for (peer, input) in [Peer::Client, Peer::Server].into_iter().zip(&mut self.inputs) {
                if !self.output.is_ended() && !self.output.is_waiting(peer) {
                    self.session.receive(peer, input, &mut self.output);
                }
            }
            if before == self.left() {
                break;
            }
        }
        self.collect();
    }

    fn left(&self) -> (usize, usize, usize) {
        let left = self.inputs.iter().map(BytesMut::len).sum();
        (left, self.output.client.len(), self.output.server.len())
    }

    /// Takes what the session has sent, and looks at it.
    fn collect(&mut self) {
        let sent = self.output.client.take();
        assert!(!shows_marker(&sent), "a protected value reached the client");
        for message in messages(&sent) {
            let Ok(Some(header)) = peek(message, u32::MAX) else { continue };
            self.client.take(&Frame::of(message, header));
        }
        let sent = self.output.server.take();
        for message in messages(&sent) {
            self.check_sent(message);
            self.to_server.push_back((message.to_vec(), self.strict));
        }
    }

    /// A text that is sent on was allowed, by the policies in force.
    fn check_sent(&self, message: &[u8]) {
        let Ok(Some(header)) = peek(message, u32::MAX) else { return };
        let frame = Frame::of(message, header);
        let text = match frame.tag {
            b'Q' => frontend::query(&frame).ok(),
            b'P' => frontend::Parse::decode(&frame).ok().map(|parse| parse.text),
            tag => return assert!(b"BDECSHXdcf".contains(&tag), "message {tag} was sent on"),
        };
        let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
        let allowed = text == reply::FAILING || lock(&self.allowed).contains(&text);
        assert!(allowed, "a text that nobody allowed was sent on: {text}");
    }

    /// Nothing runs more often than it was recorded to, or granted.
    fn check_runs(&self) {
        let times = |text: &str| self.server.ran.iter().filter(|ran| ran.text == text).count();
        for ran in &self.server.ran {
            let counts =
                if ran.text.contains("held") { &self.kept.granted } else { &self.kept.ran };
            let recorded = lock(counts).get(&ran.text).copied().unwrap_or(0);
            assert!(times(&ran.text) <= recorded, "this ran and was not recorded: {ran:?}");
            assert!(!(ran.strict && ran.reads_shut), "this ran against the policies: {ran:?}");
        }
    }

    /// Everybody does all they can.
    fn settle(&mut self, choices: &mut Choices<'_>) {
        for _ in 0..STEPS {
            let wires = self.wires.iter().map(BytesMut::len).sum::<usize>();
            let waits =
                self.output.is_waiting(Peer::Client) || self.output.is_waiting(Peer::Server);
            if self.output.is_ended() || wires == 0 && self.to_server.is_empty() && !waits {
                return;
            }
            self.arrive(Peer::Client, usize::MAX);
            self.serve(choices);
            self.arrive(Peer::Server, usize::MAX);
            self.resolve();
        }
    }

    /// The client ends what it began; then nobody owes anybody anything.
    fn finish(&mut self) {
        let choices = &mut Choices::new(&[]);
        self.kept.broken.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            self.settle(choices);
            let [client, _] = &mut self.wires;
            self.client.finish(client);
        }
        self.settle(choices);
        if self.server.ended {
            // A server that was told goodbye closes its connection.
            self.session.hung_up(Peer::Server, &mut self.output);
        }
        if self.output.is_ended() {
            let (how, ..) = self.session.ending();
            let fair = ENDS.iter().any(|end| how.contains(end));
            return assert!(fair, "a session with an honest server ended: {how}");
        }
        assert!(self.client.is_answered(), "a client waits for ever: {:?}", self.client);
        assert!(self.session.due.is_empty(), "waiting for a server: {:?}", self.session.due);
        assert!(self.server.is_idle(), "the server waits: {:?}", self.server);
        assert_eq!(self.client.ready, self.server.ready, "the server was ready another time");
        assert_eq!(self.session.status, self.server.status, "another state of the transaction");
    }
}

/// Puts a guard in force. Gives the texts that it will allow.
fn install(gate: &Gate, strict: bool) -> Arc<Mutex<HashSet<String>>> {
    let allowed = Arc::<Mutex<HashSet<String>>>::default();
    let policy = Arc::new(Guard { strict, allowed: Arc::clone(&allowed) });
    gate.install(vec![Placed::everywhere(policy)]);
    allowed
}

/// The messages in these bytes.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut messages = Vec::new();
    while let Ok(Some(header)) = peek(rest, u32::MAX) {
        let Some((message, after)) = rest.split_at_checked(header.size) else { break };
        messages.push(message);
        rest = after;
    }
    assert!(rest.is_empty(), "half a message was sent");
    messages
}

fn shows_marker(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}
