//! What a machine wants done: bytes to either peer, futures to wait for, an end.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};

/// A future that can be kept and sent between threads.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One of the two ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The agent, person or service.
    Client,
    /// The system it uses.
    Server,
}

impl Peer {
    /// The opposite end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Smaller pieces are copied together, so that many small frames leave in one write.
const COPY_BELOW: usize = 4 * 1024;

/// How much memory an idle queue keeps, in bytes and in pieces.
const KEPT: usize = 1024;
const KEPT_PIECES: usize = 8;

/// Bytes on their way to one peer, in order.
#[derive(Debug, Default)]
pub struct Queue {
    whole: VecDeque<Bytes>,
    tail: BytesMut,
    len: usize,
}

impl Queue {
    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes by copying them.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Adds bytes, without copying where they are many.
    pub fn push(&mut self, bytes: BytesMut) {
        if bytes.len() < COPY_BELOW {
            self.extend(&bytes);
            return;
        }
        self.len += bytes.len();
        if !self.tail.is_empty() {
            self.whole.push_back(self.tail.split().freeze());
        }
        self.whole.push_back(bytes.freeze());
    }

    /// Adds the first `count` bytes of `input`, without copying where they are many.
    pub fn pass(&mut self, input: &mut BytesMut, count: usize) {
        if count < COPY_BELOW {
            self.extend(input.get(..count).unwrap_or_default());
            input.advance(count);
        } else {
            self.push(input.split_to(count));
        }
    }

    /// Lets `build` append to the queue.
    pub fn build(&mut self, build: impl FnOnce(&mut BytesMut)) {
        let before = self.tail.len();
        build(&mut self.tail);
        self.len += self.tail.len() - before;
    }

    /// Takes all bytes out, for tests that drive a machine by hand.
    pub fn take(&mut self) -> Vec<u8> {
        let taken = std::mem::take(self);
        taken.whole.iter().flatten().chain(&taken.tail).copied().collect()
    }

    pub(crate) fn front(&self) -> Option<&[u8]> {
        let tail = (!self.tail.is_empty()).then_some(&self.tail[..]);
        self.whole.front().map(|bytes| &bytes[..]).or(tail)
    }

    pub(crate) fn advance(&mut self, count: usize) {
        self.len -= count;
        let Some(front) = self.whole.front_mut() else { return self.tail.advance(count) };
        front.advance(count);
        if front.is_empty() {
            self.whole.pop_front();
        }
    }

    /// Forgets what waits, for a peer that left.
    pub(crate) fn advance_all(&mut self) {
        *self = Self::default();
    }

    /// Gives memory back while nothing waits, but for what the next small message needs.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty()
            && (self.tail.try_reclaim(KEPT + 1) || self.whole.capacity() > KEPT_PIECES)
        {
            *self = Self::default();
        }
    }
}

/// What a machine wants done. The driver empties it.
pub struct Output<A> {
    /// Bytes for the client.
    pub client: Queue,
    /// Bytes for the server.
    pub server: Queue,
    client_wait: Option<Later<A>>,
    server_wait: Option<Later<A>>,
    /// The client's wait is for its own sake: it is given up when the client leaves.
    held: bool,
    pub(crate) end: bool,
}

impl<A> Default for Output<A> {
    fn default() -> Self {
        Self {
            client: Queue::default(),
            server: Queue::default(),
            client_wait: None,
            server_wait: None,
            held: false,
            end: false,
        }
    }
}

impl<A> std::fmt::Debug for Output<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("client", &self.client.len())
            .field("server", &self.server.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl<A> Output<A> {
    /// Waits for a future before anything more from `peer` is handled; at most one waits for each.
    pub fn wait(&mut self, peer: Peer, future: Later<A>) {
        *self.wait_of(peer) = Some(future);
        self.held &= peer != Peer::Client;
    }

    /// Whether what is waited for ends with the leaving of `peer`.
    pub(crate) fn is_held(&self, peer: Peer) -> bool {
        peer == Peer::Client && self.held
    }

    /// The same for the client, whose leaving ends the wait: nobody is there any more for whom to decide.
    pub fn hold(&mut self, future: Later<A>) {
        self.client_wait = Some(future);
        self.held = true;
    }

    /// Gives up waiting for `peer`, dropping the future.
    pub fn give_up(&mut self, peer: Peer) {
        *self.wait_of(peer) = None;
    }

    /// Whether something is waited for before more from `peer` is handled.
    #[must_use]
    pub fn is_waiting(&self, peer: Peer) -> bool {
        match peer {
            Peer::Client => self.client_wait.is_some(),
            Peer::Server => self.server_wait.is_some(),
        }
    }

    /// Takes what is waited for, for tests that drive a machine by hand.
    pub fn take_wait(&mut self, peer: Peer) -> Option<Later<A>> {
        self.wait_of(peer).take()
    }

    pub(crate) fn wait_of(&mut self, peer: Peer) -> &mut Option<Later<A>> {
        match peer {
            Peer::Client => &mut self.client_wait,
            Peer::Server => &mut self.server_wait,
        }
    }

    /// Ends the session once the client was sent what waits for it.
    pub fn end(&mut self) {
        self.end = true;
    }

    /// Whether the session is to end.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.end
    }
}
