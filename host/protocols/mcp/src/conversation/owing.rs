//! What servers do not give: an answer in time, or one that is a message.

use super::due::{Due, Sent};
use super::judge::Job;
use super::{Conversation, Held, State};
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, Id, RpcError};

/// Why a request has no answer.
pub(super) struct Unanswered<'a> {
    pub(super) rule: &'a str,
    pub(super) message: &'a str,
}

impl Conversation {
    /// A server has sent something that is no message. Where it may have been an answer, whoever waits for one is told.
    pub(super) fn garbled(&mut self, server: usize, of: Option<&Id>, why: &str) {
        let owes = |key: &(usize, u64)| {
            key.0 == server && of.is_none_or(|id| *id == Id::Number(key.1.to_string()))
        };
        let keys: Vec<_> = self.due.keys().filter(|key| owes(key)).copied().collect();
        let message = format!("the server's answer cannot be read: {why}");
        for key in keys {
            match self.due.get(&key) {
                None | Some(Due::Ignored | Due::Watch { sent: None, .. }) => continue,
                Some(Due::Initialize | Due::Discover) => {
                    let error = RpcError::new(INTERNAL_ERROR, &message);
                    let id = Id::Number(key.1.to_string());
                    self.server_answers(server, &id, Err(error));
                    continue;
                }
                Some(Due::Page { .. } | Due::Request(_) | Due::Watch { .. }) => {}
            }
            self.cancel_at(server, key.1, "its answer cannot be read");
            self.unanswered(key, Unanswered { rule: "gateway.server-message", message: &message });
        }
    }

    /// Gives up what servers have said nothing of for too long.
    pub(super) fn tick_due(&mut self) {
        let mut silent = std::mem::take(&mut self.silent);
        silent.retain(|key, _| self.due.contains_key(key));
        let mut late = Vec::new();
        for (key, due) in &self.due {
            let is_waited_for = match due {
                Due::Page { .. } => self.is_begun(),
                due => due.sent().is_some(),
            };
            if !is_waited_for {
                continue;
            }
            let ticks = silent.entry(*key).or_default();
            // Who waits for the client cannot answer.
            *ticks = if self.waits_for_client(key.0) { 0 } else { *ticks + 1 };
            if *ticks > self.settings.patience {
                late.push(*key);
            }
        }
        self.silent = silent;
        let message = "the server did not answer in time (`answer_seconds`)";
        for key in late {
            self.cancel_at(key.0, key.1, "it took too long");
            self.unanswered(key, Unanswered { rule: "gateway.server-timeout", message });
        }
    }

    fn waits_for_client(&self, server: usize) -> bool {
        let asks =
            |held: &Held| matches!(&held.job, Job::Reverse { server: of, .. } if *of == server);
        self.owed.values().any(|owed| owed.server == server) || self.held.values().any(asks)
    }

    /// A server works on what it was asked.
    pub(super) fn is_alive(&mut self, key: (usize, u64)) {
        self.silent.remove(&key);
    }

    /// Nothing comes of what a server was asked: whoever waits for it is told why.
    pub(super) fn unanswered(&mut self, key: (usize, u64), why: Unanswered<'_>) {
        match self.due.remove(&key) {
            Some(
                Due::Request(Sent { caller, number, .. })
                | Due::Watch { sent: Some(Sent { caller, number, .. }), .. },
            ) => {
                let Unanswered { rule, message } = why;
                let _ = self.gate.tell_error(number, rule, message);
                let mut error = RpcError::new(INTERNAL_ERROR, message);
                error.data = Some(Json::object([("rule", Json::text(rule))]));
                self.fail(&caller, error);
            }
            Some(Due::Page { gather }) => self.page(key.0, gather, None),
            Some(Due::Initialize | Due::Discover) => self.one_more(),
            Some(Due::Ignored | Due::Watch { sent: None, .. }) | None => {}
        }
    }

    /// Servers that are not ready by now are given up.
    pub fn overdue(&mut self) {
        let waited: Vec<usize> = match &self.starting {
            None => vec![],
            Some(_) => {
                let begin = self.due.iter().filter(|(_, due)| due.begins());
                begin.map(|((server, _), _)| *server).collect()
            }
        };
        for server in waited {
            if self.servers.get(server).is_some_and(|it| it.state != State::Lost) {
                self.lost(server, "it did not answer in time");
            }
        }
    }
}
