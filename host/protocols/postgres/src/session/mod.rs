//! A PostgreSQL session without I/O: client and server frames in, judged, masked and recorded frames out.
//!
//! INVARIANT: a frame that can run something reaches the server only after the gate allowed it and recorded that.
//! INVARIANT: the answers in [`Due`] are those that the server still owes, in order; `ReadyForQuery` closes each run of them.

mod client;
mod copy;
mod copying;
mod covered;
mod encoding;
mod expected;
mod extended;
mod failing;
mod functions;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod judge;
mod messages;
mod opened;
mod prepared;
mod protection;
pub(crate) mod read_only;
mod result;
mod rewritten;
mod rows;
mod server;
mod standing;
mod statements;
mod transaction;
mod types;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::BytesMut;
use palisade_mask::{Masker, MessageMask};
use palisade_policy::{Decision, Edition, Ending, GateSession};
use palisade_relay::{Machine, Output, Peer, Progress};
use tokio::sync::oneshot;

use self::covered::Covered;
use self::encoding::Encoding;
use self::expected::Due;
use self::judge::AtHand;
use self::opened::Opened;
use self::prepared::Prepared;
use self::protection::Protection;
use self::result::OpenResult;
use self::standing::Cursors;
use self::statements::Names;
use self::transaction::Transaction;
use crate::catalog::{Catalog, Touched, Wanted};
use crate::codec::{FrameError, build};
use crate::reply;
use crate::serve::{Admission, Options};

/// What a session waits for.
#[derive(Debug)]
pub enum Answer {
    /// The gate has decided on the frame at hand.
    Decision(Decision),
    /// Relations were looked up.
    LookedUp {
        /// What of it.
        found: LookedUp,
        /// Why not.
        result: Result<(), String>,
    },
}

/// What was looked up, whether it is there or not.
#[derive(Debug, Default)]
pub struct LookedUp {
    /// Relations of these names.
    pub names: BTreeSet<String>,
    /// Relations of these OIDs.
    pub oids: BTreeSet<u32>,
    /// Functions of these OIDs.
    pub functions: BTreeSet<u32>,
    /// The catalog did not change meanwhile, so that what was found is known now.
    pub kept: bool,
}

/// What may be asked of a running session.
#[derive(Debug)]
pub enum Control {
    /// Cancel what it does. Says whether that was only a wait of the gateway's own;
    /// otherwise the server is to be told.
    Cancel(oneshot::Sender<bool>),
    /// Say whether the server still owes it something.
    Runs(oneshot::Sender<bool>),
    /// End it: at once, or when what runs is done.
    End(Ending),
}

/// Where a copy from the client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyIn {
    /// There is none.
    None,
    /// A command was sent that may begin one; nothing else is sent until the server says so.
    Due,
    /// The server takes rows.
    Open,
}

/// One session.
pub struct Session {
    gate: GateSession,
    catalog: Arc<Catalog>,
    masker: Masker,
    frame_limit: u32,
    record_limit: usize,
    encoding: Encoding,
    /// What the server still owes.
    due: Due,
    /// The server's transaction status, as of its last `ReadyForQuery`.
    status: u8,
    names: Names,
    /// What SQL's own `PREPARE` and `DECLARE` made, and what `Parse` named, for `EXECUTE` and `FETCH`.
    prepared: Prepared,
    cursors: Cursors,
    /// Counts the runs of messages that a `Sync` or a `Query` ends.
    segment: u64,
    /// A message of this run was refused: what follows is dropped up to the `Sync`, as the server does.
    skipping: bool,
    copy_in: CopyIn,
    at_hand: AtHand,
    result: Option<OpenResult>,
    /// Results of earlier runs, ready to be opened again.
    opened: Opened,
    /// A result was withheld: the client gets nothing more up to the next `ReadyForQuery`.
    muted: bool,
    /// OIDs that were looked up in vain.
    unknown_oids: BTreeSet<u32>,
    /// The same for functions.
    unknown_functions: BTreeSet<u32>,
    /// What is protected.
    protection: Protection,
    /// What was covered, which messages must not repeat.
    seen: Covered,
    /// How messages are treated, by the policies of a version.
    message_mask: Option<(Edition, Arc<MessageMask>)>,
    /// A statement of the transaction could make the server quote a protected value, also at its end.
    guarded: bool,
    /// What was sent and may end, or be undone with, its transaction.
    transaction: Transaction,
    /// Statements were sent that change the catalog, and others may not see that yet: these names are touched.
    changing: Option<Touched>,
    /// What it changes is something that was there before.
    changing_meanings: bool,
    /// How often it told others of its changes.
    own_changes: u64,
    /// Others were told that it commits them.
    committing: bool,
    /// Why it ends once nothing of it runs.
    over: Option<Ending>,
    read_only: bool,
    /// The client has left or said that it does; the server finishes what is due.
    leaving: Option<&'static str>,
    /// The server has said that it ends the session.
    server_ended: bool,
    ended: Option<String>,
    bytes_in: u64,
    bytes_out: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("due", &self.due).finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_commit();
    }
}

impl Session {
    /// A session that was let in, with the parameters that the server reported at its start.
    #[must_use]
    pub fn new(admission: Admission, options: &Options, parameters: &[(String, String)]) -> Self {
        let mut session = Self {
            gate: admission.gate,
            catalog: admission.catalog,
            masker: Masker::new(admission.mask_key),
            frame_limit: options.frame_limit,
            record_limit: options.record_limit,
            encoding: Encoding::default(),
            due: Due::default(),
            status: b'I',
            names: Names::default(),
            prepared: Prepared::default(),
            cursors: Cursors::default(),
            segment: 0,
            skipping: false,
            copy_in: CopyIn::None,
            at_hand: AtHand::default(),
            result: None,
            opened: Opened::default(),
            muted: false,
            unknown_oids: BTreeSet::new(),
            unknown_functions: BTreeSet::new(),
            protection: Protection::default(),
            seen: Covered::default(),
            message_mask: None,
            guarded: false,
            transaction: Transaction::default(),
            changing: None,
            changing_meanings: false,
            own_changes: 0,
            committing: false,
            over: None,
            read_only: admission.read_only,
            leaving: None,
            server_ended: false,
            ended: None,
            bytes_in: 0,
            bytes_out: 0,
        };
        for (name, value) in parameters {
            session.encoding.follow(name, value);
        }
        session
    }

    /// Why it ended, and how many bytes came from and went to the client.
    #[must_use]
    pub fn ending(&self) -> (&str, u64, u64) {
        (self.ended.as_deref().unwrap_or("the connection failed"), self.bytes_in, self.bytes_out)
    }

    /// Looks up what is wanted while a peer waits.
    fn look_up(&self, peer: Peer, wanted: Wanted, output: &mut Output<Answer>) {
        let catalog = Arc::clone(&self.catalog);
        let load = async move {
            let before = catalog.generation();
            let result = catalog.load(&wanted).await;
            let kept = catalog.generation() == before;
            let Wanted { names, oids, functions, .. } = wanted;
            Answer::LookedUp { found: LookedUp { names, oids, functions, kept }, result }
        };
        output.wait(peer, Box::pin(load));
    }

    /// A run of messages ends with what is sent now.
    fn end_run(&mut self) {
        self.segment += 1;
        self.transaction.end_run();
    }

    /// Ends the session with a last word to the client.
    fn fail(&mut self, code: &str, message: &str, hint: &str, output: &mut Output<Answer>) {
        self.break_off_result();
        // The session ends either way.
        let _ = self.gate.tell_error(0, code, message);
        output.client.build(|out| reply::fatal(code, message, hint, out));
        output.server.build(build::terminate);
        self.end(message, output);
    }

    fn fail_on_frame(&mut self, peer: Peer, error: &FrameError, output: &mut Output<Answer>) {
        let whose = match peer {
            Peer::Client => "client",
            Peer::Server => "server",
        };
        self.fail(error.sqlstate(), &format!("from the {whose}: {error}"), "", output);
    }

    /// The client sends nothing more. What it sent before is finished, as the server itself would do it.
    fn leave(&mut self, how: &'static str, output: &mut Output<Answer>) {
        output.server.build(build::terminate);
        let waits = output.is_waiting(Peer::Client);
        if self.due.is_empty() || waits || self.copy_in == CopyIn::Open {
            self.end(how, output);
        } else {
            self.leaving = Some(how);
        }
    }

    fn end(&mut self, how: &str, output: &mut Output<Answer>) {
        self.ended.get_or_insert_with(|| how.to_owned());
        output.end();
    }

    /// Its time is over: what runs is finished, what waits is withdrawn, and nothing more begins.
    fn run_out(&mut self, ending: Ending, output: &mut Output<Answer>) {
        self.over = Some(ending);
        if output.is_waiting(Peer::Client) {
            output.give_up(Peer::Client);
            self.at_hand = AtHand::default();
        }
        self.end_if_over(output);
    }

    /// Ends a session whose time is over, once nothing of it runs.
    fn end_if_over(&mut self, output: &mut Output<Answer>) {
        // What the client would have to finish itself is not waited for.
        let finishes = self.copy_in != CopyIn::Open && self.due.comes_by_itself();
        if (self.due.is_empty() || !finishes)
            && !output.is_ended()
            && let Some(Ending { reason, hint, .. }) = self.over.take()
        {
            self.fail("57P01", &reason, &hint, output);
        }
    }
}

impl Machine for Session {
    type Answer = Answer;
    type Control = Control;

    fn receive(
        &mut self,
        from: Peer,
        input: &mut BytesMut,
        output: &mut Output<Answer>,
    ) -> Progress {
        match from {
            Peer::Client => self.receive_client(input, output),
            Peer::Server => self.receive_server(input, output),
        }
    }

    fn answer(&mut self, peer: Peer, answer: Answer, output: &mut Output<Answer>) {
        match (peer, answer) {
            (_, Answer::Decision(decision)) => self.at_hand.decide(decision),
            (Peer::Client, Answer::LookedUp { found, result }) => {
                if found.kept {
                    self.unknown_functions.extend(found.functions);
                }
                self.at_hand.looked_up(found.names, found.kept, result);
            }
            (Peer::Server, Answer::LookedUp { found, result }) => {
                if let Err(problem) = result {
                    let message = format!(
                        "the gateway could not look up where a result comes from: {problem}"
                    );
                    self.fail("58000", &message, "", output);
                }
                if found.kept {
                    self.unknown_oids.extend(found.oids);
                }
            }
        }
        self.end_if_over(output);
    }

    fn control(&mut self, control: Control, output: &mut Output<Answer>) {
        match control {
            Control::Cancel(reply) => {
                let waits = output.is_waiting(Peer::Client);
                if waits {
                    output.give_up(Peer::Client);
                    self.at_hand.cancel();
                }
                // Whoever asked may be gone.
                let _ = reply.send(waits);
            }
            Control::Runs(reply) => {
                // Whoever asked may be gone.
                let _ = reply.send(!self.due.is_empty());
            }
            Control::End(Ending { at_once: true, reason, hint, .. }) => {
                self.fail("57P01", &reason, &hint, output);
            }
            Control::End(ending) => self.run_out(ending, output),
        }
    }

    fn hung_up(&mut self, peer: Peer, output: &mut Output<Answer>) {
        match peer {
            Peer::Client => self.leave("the client closed the connection", output),
            Peer::Server if output.is_ended() => {}
            Peer::Server if self.leaving.is_some() => {
                let how = self.leaving.unwrap_or_default();
                self.end(how, output);
            }
            Peer::Server if self.server_ended => self.end("the server ended the session", output),
            Peer::Server => {
                let message = "the server closed the connection";
                self.fail("57P01", message, "Connect again.", output);
            }
        }
    }
}

#[cfg(test)]
mod tests;
