//! The keys that clients were given to cancel with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use palisade_policy::Ending;
use palisade_relay::{Sequence, Step, converse};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, oneshot};

use super::Backend;
use crate::codec::build;
use crate::login::TlsMode;
use crate::session::Control;

/// A running session that can be cancelled.
struct Running {
    key: Vec<u8>,
    control: mpsc::Sender<Control>,
    backend: Arc<dyn Backend>,
    /// The server's own process id and key.
    process: u32,
    secret: Vec<u8>,
}

/// All running sessions by the process ids that their clients were given.
#[derive(Default)]
pub struct Cancels {
    running: Mutex<HashMap<u32, Arc<Running>>>,
}

impl std::fmt::Debug for Cancels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancels").finish_non_exhaustive()
    }
}

/// What a client is given to cancel with; it is forgotten when this is dropped.
pub(super) struct Ticket {
    cancels: Arc<Cancels>,
    running: Arc<Running>,
    pub(super) process: u32,
    pub(super) key: Vec<u8>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancels.lock().remove(&self.process);
    }
}

impl Ticket {
    /// What ends the session in its midst. What the server does for it then is cancelled, within `limit`: it would else be
    /// carried through, though nobody is left to answer for it.
    pub(super) fn cut_off(&self, limit: Duration) -> CutOff {
        CutOff { running: Arc::clone(&self.running), limit }
    }
}

/// Ends a session in the midst of what it does.
pub(super) struct CutOff {
    running: Arc<Running>,
    limit: Duration,
}

impl CutOff {
    pub(super) async fn end(self, ending: Ending) {
        let Self { running, limit } = self;
        let control = running.control.clone();
        let (reply, runs) = oneshot::channel();
        // A session that has ended meanwhile needs no telling.
        if control.send(Control::Runs(reply)).await.is_err() {
            return;
        }
        // Whoever waits for the session's end does not wait for this.
        tokio::spawn(async move {
            if runs.await == Ok(true) {
                let _ = tokio::time::timeout(limit, cancel_at_server(&running)).await;
            }
        });
        let _ = control.send(Control::End(ending)).await;
    }
}

impl Cancels {
    /// Gives a session's client a key of `length` bytes. `None` where no random numbers are to be had.
    pub(super) fn register(
        self: &Arc<Self>,
        length: usize,
        control: mpsc::Sender<Control>,
        backend: Arc<dyn Backend>,
        server: (u32, Vec<u8>),
    ) -> Option<Ticket> {
        let random = SystemRandom::new();
        let mut key = vec![0; length];
        random.fill(&mut key).ok()?;
        let mut running = self.lock();
        let (server_process, secret) = server;
        // The server's own process id, which clients compare with what they hear from it, unless two servers have the same.
        let mut process = server_process;
        while process == 0 || running.contains_key(&process) {
            let mut id = [0; 4];
            random.fill(&mut id).ok()?;
            // Some clients keep it in a signed number.
            process = u32::from_be_bytes(id) & 0x7fff_ffff;
        }
        let entry = Running { key: key.clone(), control, backend, process: server_process, secret };
        let entry = Arc::new(entry);
        running.insert(process, Arc::clone(&entry));
        drop(running);
        Some(Ticket { cancels: Arc::clone(self), running: entry, process, key })
    }

    /// Cancels what the session of this key does. A wrong key does nothing, as in PostgreSQL.
    pub(super) async fn cancel(&self, process: u32, key: &[u8]) {
        let Some(running) = self.lock().get(&process).cloned() else { return };
        if !bool::from(running.key.ct_eq(key)) {
            return;
        }
        let (reply, waited) = oneshot::channel();
        if running.control.send(Control::Cancel(reply)).await.is_err() {
            return;
        }
        if waited.await == Ok(false) {
            // PostgreSQL tells nobody whether a cancel came through; neither can the gateway.
            let _ = cancel_at_server(&running).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn cancel_at_server(running: &Running) -> Option<()> {
    let link = running.backend.dial().await.ok()?;
    let mut request = CancelAtServer { running, state: State::Start };
    let secure = running.backend.secure();
    converse(link, &mut request, &secure, 16).await.ok()?;
    Some(())
}

/// Asks for TLS as the connection says, then cancels.
struct CancelAtServer<'a> {
    running: &'a Running,
    state: State,
}

enum State {
    Start,
    AwaitTlsAnswer,
    Send,
    AwaitClose,
}

impl Sequence for CancelAtServer<'_> {
    type Done = ();
    type Error = ();

    fn step(
        &mut self,
        input: &mut bytes::BytesMut,
        output: &mut bytes::BytesMut,
    ) -> Result<Step<()>, ()> {
        let mode = self.running.backend.tls_mode();
        match self.state {
            State::Start if mode != TlsMode::Disable => {
                build::ssl_request(output);
                self.state = State::AwaitTlsAnswer;
                return Ok(Step::Read);
            }
            State::AwaitTlsAnswer => match input.first() {
                None => return Ok(Step::Read),
                Some(b'S') => {
                    input.clear();
                    return Ok(Step::Secure);
                }
                Some(b'N') if mode == TlsMode::Prefer => input.clear(),
                Some(_) => return Err(()),
            },
            State::Start | State::Send => {}
            // The server closes the connection once it has handled the request.
            State::AwaitClose => return Ok(Step::Read),
        }
        build::cancel_request(output, self.running.process, &self.running.secret);
        self.state = State::AwaitClose;
        Ok(Step::Read)
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {
        self.state = State::Send;
    }
}
