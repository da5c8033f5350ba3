//! What nobody wants any more is withdrawn, or cancelled where it is.

use super::due::{Caller, Due, Sent};
use super::{Conversation, Effect, Stream, notification};
use crate::json::Json;
use crate::message::Id;

impl Conversation {
    /// The client has left this stream and does not come back: what is held for it is withdrawn. Where there are no
    /// sessions, that is how all that was asked by it is cancelled.
    pub fn abandoned(&mut self, stream: Stream) {
        if self.revision.is_stateless() {
            while self.withdraw_one(|caller| caller.stream == stream) {}
            self.listens_no_more(stream);
            return;
        }
        let of_it = |held: &super::Held| held.job.caller().is_some_and(|it| it.stream == stream);
        let keys: Vec<u64> =
            self.held.iter().filter(|(_, held)| of_it(held)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(caller) = self.held.remove(&key).and_then(|held| held.job.into_caller()) {
                self.silence(&caller);
            }
        }
    }

    /// The client cancels the request of this id.
    pub(super) fn client_cancels(&mut self, id: &Id) {
        // Without a session it leaves the request's stream: ids are not its own there.
        if !self.revision.is_stateless() {
            self.withdraw_one(|caller| caller.id == *id);
        }
    }

    /// Gives whether there was one.
    fn withdraw_one(&mut self, is_it: impl Fn(&Caller) -> bool) -> bool {
        let is = |caller: Option<&Caller>| caller.is_some_and(&is_it);
        let held = self.held.iter().find(|(_, held)| is(held.job.caller())).map(|(key, _)| *key);
        let list = self.gathers.iter().find(|(_, it)| is(it.caller())).map(|(key, _)| *key);
        let mut due = self.due.iter();
        let due = due.find(|(_, due)| is(due.sent().map(|sent| &sent.caller)));
        let due = due.map(|(key, _)| *key);
        let caller = if let Some(key) = held {
            self.held.remove(&key).and_then(|held| held.job.into_caller())
        } else if let Some(key) = list {
            self.gathers.remove(&key).and_then(|it| it.into_caller())
        } else if let Some((server, number)) = due {
            self.cancel_at(server, number, "the client cancelled it");
            match self.due.remove(&(server, number)) {
                Some(
                    Due::Request(Sent { caller, number, .. })
                    | Due::Watch { sent: Some(Sent { caller, number, .. }), .. },
                ) => {
                    // The answer is of no interest to anybody any more.
                    let _ = self.gate.tell_error(number, "cancelled", "the client cancelled it");
                    Some(caller)
                }
                _ => None,
            }
        } else {
            None
        };
        if let Some(caller) = &caller {
            self.silence(caller);
        }
        caller.is_some()
    }

    fn silence(&mut self, caller: &Caller) {
        self.asked.remove(&self.asked_as(caller));
        self.effects.push(Effect::Silence(caller.stream));
    }

    pub(super) fn cancel_at(&mut self, server: usize, id: u64, reason: &str) {
        let params =
            Json::object([("requestId", Json::number(id)), ("reason", Json::text(reason))]);
        self.send(server, notification("notifications/cancelled", params));
    }
}
