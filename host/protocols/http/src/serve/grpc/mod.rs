//! A gRPC call, from its head to its trailers: judged, carried in both directions at once, and recorded.
//!
//! ```text
//!   client ─▶ Call ─▶ judged ─▶ up: messages (each judged where it can be read) ─▶ service
//!                                down: head, messages (masked), trailers ◀────────┘
//! ```
//!
//! The streams are pingora's. Both directions are futures of one task, each polled for as long as both sides are there:
//! what one side does not read, the other cannot send, and what either cancels is cancelled on the other side.

mod client;
mod down;
mod gathered;
mod ledger;
mod metadata;
mod sink;
mod up;
mod upstream;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use palisade_policy::{
    Allowed, Asked, Command, Decision, Denial, Edition, Ending, GateSession, JournalFailure,
    Moment, Observation, Shape,
};
use pingora_core::protocols::http::ServerSession;
use tokio::time::Instant;

use self::client::Client;
use self::ledger::Ledger;
use super::app::Connection;
use super::request;
use super::sessions::Use;
use crate::grpc::{Call, Code, Cover, Described, MESSAGES, Said, Told, command};
use crate::response::unreadable;
use crate::{Descriptors, Head, Refused, Reply};

/// A call that is under way.
struct Talk<'a> {
    connection: &'a Connection,
    session: &'a Use,
    client: Client<'a>,
    head: Head,
    call: Call,
    method: Option<Described>,
    until: Option<Instant>,
    ledger: Mutex<Ledger>,
    /// The number of what was allowed.
    number: OnceLock<u64>,
    observed: OnceLock<Arc<[Observation]>>,
}

/// How a call's answer is covered, by which policies.
struct Planned {
    cover: Option<Cover>,
    edition: Edition,
}

/// Why a call ends otherwise than its service says.
#[derive(Debug)]
enum Stop {
    /// The client has cancelled, or is gone.
    Gone,
    /// It is told so.
    Told(Told),
}

impl From<Told> for Stop {
    fn from(told: Told) -> Self {
        Self::Told(told)
    }
}

impl Connection {
    /// Answers a call.
    pub(super) async fn call(
        &self,
        http: &mut ServerSession,
        session: &Use,
        descriptors: &Descriptors,
        head: Head,
    ) -> pingora_error::Result<()> {
        let read = Call::read(&head, http.is_http2());
        let (call, http) = match (read, http) {
            (Ok(call), ServerSession::H2(http)) => (call, http),
            (read, http) => {
                let refused = read.err().unwrap_or(Refused::Version);
                request::refuse(session, &head, &refused.denial());
                return self.last_words(http, &Reply::refused(refused, &session.id)).await;
            }
        };
        let patience = self.service.runner.options.patience;
        let talk = Talk {
            connection: self,
            session,
            client: Client::new(http, patience),
            head,
            method: descriptors.method(&call.service, &call.method).filter(|_| call.is_proto),
            until: call.timeout.and_then(|time| Instant::now().checked_add(time)),
            call,
            ledger: Mutex::default(),
            number: OnceLock::new(),
            observed: OnceLock::new(),
        };
        let ended = talk.run().await;
        session.count(talk.client.sent(), talk.ledger().answered());
        ended.map_err(|()| {
            pingora_error::Error::explain(
                pingora_error::ErrorType::ConnectionClosed,
                "the client left",
            )
        })
    }
}

impl Talk<'_> {
    /// Carries the call to its end; an error says that nobody is left to be told of it.
    async fn run(&self) -> Result<(), ()> {
        let ended = tokio::select! {
            biased;
            () = self.client.gone() => Err(Stop::Gone),
            ending = self.session.over_at_once() => Err(self.over(&ending)),
            () = at(self.until) => {
                let why = "the call's time is over";
                Err(self.told(Code::DeadlineExceeded, why).into())
            }
            ended = self.carry() => ended,
        };
        match ended {
            Ok(()) => Ok(()),
            Err(Stop::Gone) => {
                self.record_broken("CANCELLED", "the client cancelled, or left");
                Err(())
            }
            Err(Stop::Told(told)) => {
                self.record_broken(told.code.name(), &told.reason);
                self.client.tell(&told).map_err(drop)
            }
        }
    }

    async fn carry(&self) -> Result<(), Stop> {
        let mut planned = self.plan().await?;
        let (number, first) = tokio::select! {
            biased;
            opened = self.open() => opened?,
            // A call whose message is not judged is not under way.
            ending = self.session.told_to_end() => return Err(self.over(&ending)),
        };
        // It is opened once.
        let _ = self.number.set(number);
        let (sink, mut upstream, echo) = self.connect().await?;
        tokio::select! {
            stop = self.up(&sink, first) => Err(stop),
            ended = self.down(&mut upstream, &mut planned, echo) => ended,
        }
    }

    /// What covers the messages of the response, where something does. A call whose response nobody could cover is refused
    /// before it is sent.
    async fn plan(&self) -> Result<Planned, Stop> {
        let shape = Shape::Document(MESSAGES.to_owned());
        let (edition, planned) = self.session.plan_anew(&shape).await;
        let covers = planned.and_then(|planned| {
            // The first is that of the call's beginning.
            let _ = self.observed.set(Arc::clone(&planned.observed));
            Ok(self.session.plans.of(&planned.masking)?.map(|plan| Cover {
                plan,
                masking: planned.masking,
                masker: self.session.masker.clone(),
                held: self.connection.service.runner.options.response_limit,
            }))
        });
        let covers = covers.and_then(|cover| match (cover, &self.method) {
            (Some(_), None) => Err(undescribed()),
            (cover, _) => Ok(cover),
        });
        let cover = covers.map_err(|denial| self.refuse(&denial))?;
        Ok(Planned { cover, edition })
    }

    /// Plans anew where the policies have changed: a call may last for days.
    async fn follow(&self, planned: &mut Planned) -> Result<(), Stop> {
        if self.session.teller.newest() != planned.edition {
            *planned = self.plan().await?;
        }
        Ok(())
    }

    /// Judges something that the call says, and waits for whoever decides. Nothing is judged once the session was told to end.
    async fn judge(&self, said: Said) -> Result<Allowed, Stop> {
        if let Some(ending) = self.session.ending() {
            return Err(self.over(&ending));
        }
        // A message's tree takes more memory than its bytes, and whoever decides may take long: it ends here.
        let command = Arc::new(command(&self.call, self.method.as_ref(), said));
        let asked = self.session.question(&command, |gate| self.ask(gate, &command)).await?;
        let decision = match asked {
            Asked::Decided(decision) => decision,
            Asked::Waiting(waiting) => tokio::select! {
                decision = waiting.decision => decision,
                // What waits is not under way yet.
                ending = self.session.over() => return Err(self.over(&ending)),
            },
        };
        match decision {
            Decision::Deny(denial) => Err(self.denied(&denial)),
            Decision::Allow(allowed) if allowed.rewritten => {
                let denial = Denial {
                    reason: "a policy rewrote this call, and calls of gRPC cannot be rewritten"
                        .to_owned(),
                    rule: "gateway.rewrite".to_owned(),
                    hint: "Whoever operates the gateway may have it allowed, denied or held."
                        .to_owned(),
                };
                self.session.gate().refuse(&allowed.command, &denial);
                Err(self.denied(&denial))
            }
            Decision::Allow(allowed) => Ok(allowed),
        }
    }

    fn ask(&self, gate: &mut GateSession, command: &Arc<Command>) -> Result<Asked, Stop> {
        let only_reads = self.method.as_ref().is_some_and(Described::only_reads);
        if self.session.read_only && !only_reads {
            let denial = Denial {
                reason: "this session only reads, and no descriptor says that this method does"
                    .to_owned(),
                rule: "gateway.read-only".to_owned(),
                hint: "It takes a role that may write here, or a method that is marked NO_SIDE_EFFECTS."
                    .to_owned(),
            };
            gate.refuse(command, &denial);
            return Err(self.denied(&denial));
        }
        let again = |text: &str| {
            Arc::new(Command { text: text.to_owned(), operations: [].into(), complete: false })
        };
        Ok(gate.ask(command, Moment::Run, &again))
    }

    /// Records a refusal of the gateway's own.
    fn refuse(&self, denial: &Denial) -> Stop {
        let command = command(&self.call, self.method.as_ref(), Said::Unread);
        self.session.gate().refuse(&command, denial);
        self.denied(denial)
    }

    fn denied(&self, denial: &Denial) -> Stop {
        Told::of(&Reply::denied(denial, &self.session.id)).into()
    }

    fn over(&self, ending: &Ending) -> Stop {
        Told::of(&Reply::over(ending, &self.session.id)).into()
    }

    fn told(&self, code: Code, reason: impl Into<String>) -> Told {
        Told::new(code, reason, &self.session.id)
    }

    /// Puts on record how the call ended.
    fn record(&self, end: &str, masked: bool) -> Result<(), JournalFailure> {
        let Some(number) = self.number.get() else { return Ok(()) };
        let observed = self.observed.get().cloned().unwrap_or_else(|| Arc::new([]));
        let result = self.ledger().result(end, masked, &observed);
        self.session.teller.tell_result(*number, &result)
    }

    /// The same of a call that broke off.
    fn record_broken(&self, code: &str, why: &str) {
        let Some(number) = self.number.get() else { return };
        // The call is over either way.
        let _ = self.record("broke off", false);
        let _ = self.session.teller.tell_error(*number, code, why);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Sums and a list, each changed as a whole.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of the client's time.
    fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}

/// Ends at an instant, where there is one.
async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The denial of a call under a mask whose messages nothing describes.
fn undescribed() -> Denial {
    Denial {
        hint: "Ask whoever operates the gateway for the service's `descriptors`, with this method in them."
            .to_owned(),
        ..unreadable("no descriptor says what its messages are")
    }
}
