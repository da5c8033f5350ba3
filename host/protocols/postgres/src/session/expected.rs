//! What the server still owes: one entry for each message that was sent to it and is answered.

use std::collections::VecDeque;
use std::sync::Arc;

use palisade_policy::Denial;

use super::statements::{Portal, Statement};
use crate::reading::Reading;

/// One answer that is due.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// `Query`: results, then `ReadyForQuery`.
    Query {
        number: u64,
        segment: u64,
        reading: Arc<Reading>,
        /// How often others had changed the catalog when it was judged.
        moment: u64,
        /// How many of its statements are complete.
        complete: usize,
        /// The client's text and the one that was sent, where a policy put that in its place.
        rewritten: Option<(Arc<str>, Arc<str>)>,
    },
    /// `FunctionCall`: a value, then `ReadyForQuery`.
    Function { number: u64, segment: u64, reading: Arc<Reading>, moment: u64 },
    /// `Parse`.
    Parse { name: String, statement: Arc<Statement> },
    /// `Bind`.
    Bind { name: String, portal: Arc<Portal> },
    /// `Describe` of a statement, and what a description that was asked for then holds under.
    DescribeStatement { statement: Arc<Statement>, under: (u64, u64) },
    /// `Describe` of a portal; an `own` one was put in by the gateway.
    DescribePortal { portal: Arc<Portal>, own: bool },
    /// `Describe` of a portal that `Bind` did not make.
    DescribeOther,
    /// `Execute`.
    Execute { number: u64, portal: Arc<Portal>, reading: Arc<Reading>, moment: u64 },
    /// `Close`.
    Close,
    /// `Sync`.
    Sync { segment: u64 },
    /// A message that fails at the server, in place of one that was denied.
    /// The client gets the refusal where the server's error would be.
    /// A simple one ends its segment.
    Refused { refusal: Refusal, simple: Option<u64> },
}

impl Expected {
    /// Whether `ReadyForQuery` ends its answer.
    fn ends_a_run(&self) -> bool {
        match self {
            Self::Query { .. } | Self::Function { .. } | Self::Sync { .. } => true,
            Self::Refused { simple, .. } => simple.is_some(),
            _ => false,
        }
    }
}

/// What a client is told instead of running its command.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) denial: Denial,
}

impl Refusal {
    /// A policy's or the gate's denial: insufficient privilege.
    pub(super) fn denied(denial: Denial) -> Self {
        Self { code: "42501", denial }
    }

    /// A refusal of the protocol's own.
    pub(super) fn of(code: &'static str, rule: &str, reason: String, hint: &str) -> Self {
        let denial = Denial { reason, rule: rule.to_owned(), hint: hint.to_owned() };
        Self { code, denial }
    }
}

/// The answers that are due, in order.
#[derive(Debug, Default)]
pub(super) struct Due {
    queue: VecDeque<Expected>,
    /// Something was sent that no end of a run of messages has followed.
    open: bool,
}

impl Due {
    pub(super) fn push(&mut self, expected: Expected) {
        self.open = !expected.ends_a_run();
        self.queue.push_back(expected);
    }

    pub(super) fn front(&self) -> Option<&Expected> {
        self.queue.front()
    }

    /// What runs where a command does: its reading, which of its statements it is, and how often others had changed the catalog
    /// before it was read.
    pub(super) fn running(&self) -> Option<(&Arc<Reading>, usize, u64)> {
        match self.front()? {
            Expected::Query { reading, complete, moment, .. } => {
                Some((reading, *complete, *moment))
            }
            Expected::Execute { reading, moment, .. }
            | Expected::Function { reading, moment, .. } => Some((reading, 0, *moment)),
            _ => None,
        }
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Expected> {
        self.queue.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Expected> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the end of a run of messages is among them.
    pub(super) fn has_sync(&self) -> bool {
        self.queue.iter().any(|due| matches!(due, Expected::Sync { .. }))
    }

    /// Whether the server gives them without a further word of the client's: the last of them ends a run of messages.
    pub(super) fn comes_by_itself(&self) -> bool {
        self.queue.back().is_none_or(Expected::ends_a_run)
    }

    /// Whether the server has said all that it says of what it was sent: it tells of changed settings at the end of a run of
    /// messages alone, even if all of it was answered before.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.open
    }

    /// Whether all of it is answered without a further word of the client's.
    pub(super) fn settles_by_itself(&self) -> bool {
        !self.open
    }

    /// How many answers are due.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// After an error the server skips what it was sent up to the next `Sync`; gives what is skipped.
    pub(super) fn skip_to_sync(&mut self) -> impl Iterator<Item = Expected> + use<> {
        let end = self.queue.iter().position(|due| matches!(due, Expected::Sync { .. }));
        let skipped: Vec<_> = self.queue.drain(..end.unwrap_or(self.queue.len())).collect();
        skipped.into_iter()
    }

    /// Whether a command that was sent may still begin a copy from the client,
    /// once so many more statements of the oldest are complete.
    ///
    /// Only the newest command can: nothing is sent behind one that may.
    pub(super) fn may_copy_in(&self, more: usize) -> bool {
        self.queue.iter().enumerate().any(|(at, due)| match due {
            Expected::Query { reading, complete, .. } => {
                let complete = complete.saturating_add(if at == 0 { more } else { 0 });
                reading.last_copy_in().is_some_and(|last| last >= complete)
            }
            Expected::Execute { reading, .. } => {
                (at > 0 || more == 0) && reading.last_copy_in().is_some()
            }
            _ => false,
        })
    }

    /// A server that takes in a copy ignores each `Sync` that came before the copy's end.
    pub(super) fn forget_syncs(&mut self) {
        self.queue.retain(|due| !matches!(due, Expected::Sync { .. }));
        self.open = self.queue.back().is_some_and(|last| !last.ends_a_run());
    }
}
