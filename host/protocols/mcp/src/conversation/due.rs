//! What each side of a session owes the other.

use palisade_policy::{Decision, Later};

use super::{Stream, judge};
use crate::catalog::Catalog;
use crate::json::Json;
use crate::message::Id;
use crate::request::Ask;

/// A client's request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) stream: Stream,
    pub(super) id: Id,
    /// Under which it wants to hear of progress.
    pub(super) token: Option<Json>,
    /// What tells it from all others of the session, also when it comes back.
    pub(super) key: u64,
    /// Whether clients may keep what comes of it (revision 2026-07-28, schema `CacheableResult`).
    pub(super) cacheable: bool,
    /// What its params take in memory, in bytes.
    pub(super) size: usize,
}

/// A server, as far as it is known.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) state: State,
    /// Why it is lost, in words that hold no secret.
    pub(super) why: String,
    /// Whether it is spoken to without a session (revision 2026-07-28).
    pub(super) stateless: bool,
    pub(super) capabilities: Json,
    pub(super) instructions: Option<String>,
    pub(super) catalog: Catalog,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Starting,
    Ready,
    Lost,
}

/// What a server owes an answer for.
pub(super) enum Due {
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
    /// The answer to a subscription of this client's request, which comes by a notification.
    Watch { sent: Option<Sent>, uri: String },
    /// A page of a list.
    Page { gather: u64 },
    /// A client's request.
    Request(Sent),
    /// Something whose answer is of no interest.
    Ignored,
}

impl Due {
    /// The client's request, where it is one.
    pub(super) fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Request(sent) => Some(sent),
            Self::Watch { sent, .. } => sent.as_ref(),
            Self::Initialize | Self::Discover | Self::Page { .. } | Self::Ignored => None,
        }
    }

    /// Whether a session begins by it.
    pub(super) fn begins(&self) -> bool {
        matches!(self, Self::Initialize | Self::Discover | Self::Page { .. })
    }
}

/// A client's request that was sent on.
pub(super) struct Sent {
    pub(super) caller: Caller,
    pub(super) ask: Ask,
    /// What the client asked for, where a policy put something else in its place.
    pub(super) asked: Option<Box<Ask>>,
    /// Its number in the record.
    pub(super) number: u64,
}

/// What a client owes a server an answer for.
pub(super) struct Owed {
    pub(super) server: usize,
    /// The server's id.
    pub(super) id: Id,
    pub(super) method: &'static str,
    pub(super) number: u64,
}

/// A decision that is waited for.
pub(super) struct Held {
    pub(super) job: judge::Job,
    pub(super) decision: Later<Decision>,
    /// What the client is told meanwhile; empty where only the record is waited for.
    pub(super) words: String,
    pub(super) told: u64,
}
