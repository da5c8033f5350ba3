//! The one loop that carries every session: both directions in one task.
//!
//! It never waits for one peer only: a peer that does not read is owed a bounded number of bytes, and reading the other pauses meanwhile.
//! It keeps reading a peer while something is waited for on its behalf, or a client that leaves would be noticed too late.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::Sleep;

use crate::{Io, Link, Output, Peer};

/// A peer that is owed more bytes than this is waited for.
const MOST_OWED: usize = 256 * 1024;
/// What is read ahead of a machine that waits or needs no more, in bytes.
const READ_AHEAD: usize = 64 * 1024;
/// How much one read asks for at first and at most, in bytes.
const FIRST_READ: usize = 4 * 1024;
const LARGEST_READ: usize = 256 * 1024;
thread_local! {
    /// A buffer that nobody on this thread reads into now.
    static SPARE: Cell<BytesMut> = Cell::default();
}

/// How long a client may take to read the last words of a session.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How many rounds a session may take before other tasks get their turn.
const ROUNDS: usize = 64;

/// What a machine made of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It handled all it could; it needs this many bytes in all before it can go on (at least one more than there are).
    Needs(usize),
    /// It waits: for a future, or for the other peer.
    Waits,
}

/// A protocol session without I/O.
pub trait Machine: Send {
    /// What the futures that it waits for give.
    type Answer: Send;
    /// What may be asked of a running session from outside.
    type Control: Send;

    /// Handles what it can of `input`, from its start.
    fn receive(
        &mut self,
        from: Peer,
        input: &mut BytesMut,
        output: &mut Output<Self::Answer>,
    ) -> Progress;

    /// Takes the answer that it waited for on behalf of `peer`; `receive` follows.
    fn answer(&mut self, peer: Peer, answer: Self::Answer, output: &mut Output<Self::Answer>);

    /// Does what is asked of it from outside.
    fn control(&mut self, control: Self::Control, output: &mut Output<Self::Answer>);

    /// Told once when a peer has closed its end, after all that it sent was handled or cannot be.
    fn hung_up(&mut self, peer: Peer, output: &mut Output<Self::Answer>);
}

/// A machine that is large: what carries it moves it several times, and keeps room for each.
impl<M: Machine> Machine for Box<M> {
    type Answer = M::Answer;
    type Control = M::Control;

    fn receive(
        &mut self,
        from: Peer,
        input: &mut BytesMut,
        output: &mut Output<Self::Answer>,
    ) -> Progress {
        (**self).receive(from, input, output)
    }

    fn answer(&mut self, peer: Peer, answer: Self::Answer, output: &mut Output<Self::Answer>) {
        (**self).answer(peer, answer, output);
    }

    fn control(&mut self, control: Self::Control, output: &mut Output<Self::Answer>) {
        (**self).control(control, output);
    }

    fn hung_up(&mut self, peer: Peer, output: &mut Output<Self::Answer>) {
        (**self).hung_up(peer, output);
    }
}

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The machine ended it.
    Machine,
    /// A socket failed.
    Failed(Peer, io::Error),
}

/// Everything that one session's loop needs.
#[derive(Debug)]
pub struct Drive<M: Machine> {
    /// The session.
    pub machine: M,
    /// The client's link.
    pub client: Link,
    /// The server's link.
    pub server: Link,
    /// What is asked from outside.
    pub control: mpsc::Receiver<M::Control>,
    /// How long a client that is owed something may read nothing.
    pub patience: Duration,
}

/// Runs a session to its end and gives its machine back.
pub async fn drive<M: Machine>(drive: Drive<M>) -> (M, End) {
    let mut running = Running {
        machine: drive.machine,
        output: Output::default(),
        client: Side::new(drive.client),
        server: Side::new(drive.server),
        control: Some(drive.control),
        patience: drive.patience,
        stalled: None,
    };
    let end = poll_fn(|cx| running.poll(cx)).await;
    if matches!(end, End::Machine) {
        let last_words =
            poll_fn(|cx| running.client.poll_write_all(cx, &mut running.output.client));
        // Whether the client heard them changes nothing.
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
        let _ = tokio::time::timeout(
            LAST_WORDS,
            poll_fn(|cx| running.server.poll_write_all(cx, &mut running.output.server)),
        )
        .await;
        running.client.link.close(LAST_WORDS).await;
        running.server.link.close(LAST_WORDS).await;
    }
    (running.machine, end)
}

/// One link in the loop.
struct Side {
    link: Link,
    /// How many bytes the machine needs in all.
    needs: usize,
    /// How much the next read asks for.
    next_read: usize,
    /// The machine waits with these bytes.
    waits: bool,
    /// There is something new for the machine.
    fresh: bool,
    /// There was nothing to read; the task is woken when there is.
    dry: bool,
    ended: bool,
    told: bool,
    unflushed: bool,
}

impl Side {
    fn new(link: Link) -> Self {
        let fresh = !link.input.is_empty();
        Self {
            link,
            needs: 1,
            next_read: FIRST_READ,
            waits: false,
            fresh,
            dry: false,
            ended: false,
            told: false,
            unflushed: false,
        }
    }

    fn stream(&mut self) -> Pin<&mut dyn Io> {
        Pin::new(&mut *self.link.stream)
    }

    /// Writes what can be written now. Gives whether any was.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut crate::output::Queue,
    ) -> Poll<io::Result<bool>> {
        let mut wrote = false;
        while let Some(front) = queue.front() {
            match self.stream().poll_write(cx, front) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    queue.advance(count);
                    self.unflushed = true;
                    wrote = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if self.unflushed && self.stream().poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        Poll::Ready(Ok(wrote))
    }

    fn poll_write_all(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut crate::output::Queue,
    ) -> Poll<io::Result<()>> {
        loop {
            let wrote = ready!(self.poll_write(cx, queue))?;
            if queue.is_empty() && !self.unflushed {
                return Poll::Ready(Ok(()));
            }
            if !wrote {
                return Poll::Pending;
            }
        }
    }

    fn wants_to_read(&self) -> bool {
        let held = self.link.input.len();
        !self.ended
            && !self.dry
            && if self.waits { held < READ_AHEAD } else { held < self.needs.max(READ_AHEAD) }
    }

    /// Reads once. Gives whether the machine has something new.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if self.link.input.capacity() == 0 {
            self.link.input = SPARE.take();
        }
        let missing = self.needs.saturating_sub(self.link.input.len());
        self.link.input.reserve(self.next_read.max(missing.min(LARGEST_READ)));
        let room = self.link.input.capacity() - self.link.input.len();
        let read = {
            let Link { stream, input, .. } = &mut self.link;
            let reading = pin!(stream.read_buf(input));
            reading.poll(cx)
        };
        match read {
            Poll::Pending => {
                self.dry = true;
                if self.link.input.is_empty() {
                    // An idle session holds no buffer: the thread's next one that reads takes it.
                    SPARE.set(std::mem::take(&mut self.link.input));
                    self.next_read = FIRST_READ;
                }
                Ok(false)
            }
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                Ok(true)
            }
            Poll::Ready(Ok(count)) => {
                if count == room {
                    self.next_read = (self.next_read * 4).min(LARGEST_READ);
                }
                self.fresh = true;
                Ok(true)
            }
            Poll::Ready(Err(error)) if is_hangup(&error) => {
                self.ended = true;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error),
        }
    }
}

/// A peer that leaves without a word is a peer that left.
fn is_hangup(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

struct Running<M: Machine> {
    machine: M,
    output: Output<M::Answer>,
    client: Side,
    server: Side,
    control: Option<mpsc::Receiver<M::Control>>,
    patience: Duration,
    /// Ends the session unless the client reads something before.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<M: Machine> Running<M> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        while self.poll_control(cx) {}
        (self.client.dry, self.server.dry) = (false, false);
        for _ in 0..ROUNDS {
            let mut moved = false;
            for peer in [Peer::Client, Peer::Server] {
                match self.poll_side(cx, peer) {
                    Ok(side_moved) => moved |= side_moved,
                    Err(error) => return Poll::Ready(End::Failed(peer, error)),
                }
                if self.output.end {
                    return Poll::Ready(End::Machine);
                }
            }
            if self.poll_patience(cx).is_ready() {
                return Poll::Ready(End::Failed(Peer::Client, io::ErrorKind::TimedOut.into()));
            }
            if !moved {
                self.output.client.shrink();
                self.output.server.shrink();
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ready once the client was owed something for too long and read nothing.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.output.client.is_empty() {
            self.stalled = None;
            return Poll::Pending;
        }
        let patience = self.patience;
        let wait = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        wait.as_mut().poll(cx)
    }

    fn poll_control(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(receiver) = &mut self.control else { return false };
        match receiver.poll_recv(cx) {
            Poll::Ready(Some(control)) => {
                self.machine.control(control, &mut self.output);
                // It may have given up a wait, on whose behalf frames are kept.
                self.client.waits = false;
                self.client.fresh = true;
                true
            }
            Poll::Ready(None) => {
                self.control = None;
                false
            }
            Poll::Pending => false,
        }
    }

    fn poll_side(&mut self, cx: &mut Context<'_>, peer: Peer) -> io::Result<bool> {
        let mut moved = self.poll_answer(cx, peer);
        moved |= self.feed(peer);
        if self.may_read(peer) {
            moved |= self.side(peer).poll_read(cx)?;
            moved |= self.feed(peer);
        }
        self.tell_of_hangup(peer);
        for to in [peer.other(), peer] {
            moved |= self.poll_write(cx, to)?;
        }
        Ok(moved)
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>, peer: Peer) -> bool {
        let wait = self.output.wait_of(peer);
        let Some(Poll::Ready(answer)) = wait.as_mut().map(|future| future.as_mut().poll(cx)) else {
            return false;
        };
        *wait = None;
        self.machine.answer(peer, answer, &mut self.output);
        let side = self.side(peer);
        side.waits = false;
        side.fresh = true;
        true
    }

    /// Lets the machine handle what is new from `peer`, unless it waits for something first.
    fn feed(&mut self, peer: Peer) -> bool {
        let side = match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        };
        if !side.fresh || self.output.is_waiting(peer) || self.output.end {
            return false;
        }
        side.fresh = false;
        match self.machine.receive(peer, &mut side.link.input, &mut self.output) {
            Progress::Needs(bytes) => (side.needs, side.waits) = (bytes, false),
            Progress::Waits => side.waits = true,
        }
        // What one peer sent may be what the other side's frames wait for.
        let other = self.side(peer.other());
        if other.waits {
            other.fresh = true;
        }
        true
    }

    /// A server's replies are owed to the client alone; a client's commands may be answered as well as sent on.
    fn may_read(&mut self, peer: Peer) -> bool {
        let owed = match peer {
            Peer::Client => self.output.client.len().max(self.output.server.len()),
            Peer::Server => self.output.client.len(),
        };
        owed < MOST_OWED && self.side(peer).wants_to_read()
    }

    fn tell_of_hangup(&mut self, peer: Peer) {
        let waiting = self.output.is_waiting(peer) && !self.output.is_held(peer);
        let held = self.output.is_held(peer) && self.output.is_waiting(peer);
        let side = self.side(peer);
        // What a peer sent before it left is handled first, unless it waits for nothing but the peer's own patience.
        let unhandled = !held && (side.fresh || (side.waits && !side.link.input.is_empty()));
        if side.ended && !side.told && !waiting && !unhandled {
            side.told = true;
            self.machine.hung_up(peer, &mut self.output);
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, to: Peer) -> io::Result<bool> {
        let (side, queue) = match to {
            Peer::Client => (&mut self.client, &mut self.output.client),
            Peer::Server => (&mut self.server, &mut self.output.server),
        };
        if queue.is_empty() && !side.unflushed {
            return Ok(false);
        }
        match side.poll_write(cx, queue) {
            Poll::Ready(Ok(wrote)) => {
                if wrote && to == Peer::Client {
                    self.stalled = None;
                }
                Ok(wrote)
            }
            Poll::Ready(Err(error)) if is_hangup(&error) => {
                queue.advance_all();
                side.unflushed = false;
                side.ended = true;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        }
    }

    fn side(&mut self, peer: Peer) -> &mut Side {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        }
    }
}

#[cfg(test)]
mod tests;
