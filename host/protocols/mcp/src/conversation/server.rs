//! What the servers say.

use palisade_policy::{Denial, JournalFailure};

use super::due::Sent;
use super::owing::Unanswered;
use super::{Caller, Conversation, Due, Incoming, State, denied, notification};
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, Id, Message, RpcError};
use crate::request::Ask;
use crate::results::{Kept, Treatment};

/// The error by which a server sends the client's user somewhere (revision 2025-11-25, URL mode elicitation).
const ELICITS: i64 = -32042;

/// Levels of log entries (RFC 5424).
const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

impl Conversation {
    /// Takes what comes from a server.
    pub fn server(&mut self, server: usize, incoming: Incoming) {
        if self.servers.get(server).is_none_or(|it| it.state == State::Lost) {
            return;
        }
        // What it answers may have been asked long ago, and the policies are others now.
        self.renew();
        match incoming {
            Incoming::Lost(why) => self.lost(server, &why),
            Incoming::Garbled(of, why) => self.garbled(server, of.as_ref(), &why),
            Incoming::Message(Message::Request { id, method, params }) => {
                self.server_asks(server, id, &method, params);
            }
            Incoming::Message(Message::Notification { method, params }) => {
                self.server_notification(server, &method, &params);
            }
            Incoming::Message(Message::Result { id, result }) => {
                self.server_answers(server, &id, Ok(result));
            }
            Incoming::Message(Message::Error { id: Some(id), error }) => {
                self.server_answers(server, &id, Err(error));
            }
            Incoming::Message(Message::Error { id: None, .. }) => {}
        }
    }

    /// A server is gone: nothing is sent to it any more, and what it owes fails.
    pub(super) fn lost(&mut self, index: usize, why: &str) {
        let Some(server) = self.servers.get_mut(index) else { return };
        tracing::warn!(server = server.name, why, "a server is lost");
        server.state = State::Lost;
        why.clone_into(&mut server.why);
        let owes: Vec<_> = self.due.keys().filter(|(of, _)| *of == index).copied().collect();
        let message = format!("the server is gone: {why}");
        for key in owes {
            self.unanswered(key, Unanswered { rule: "gateway.server", message: &message });
        }
        self.owed.retain(|_, owed| owed.server != index);
    }

    pub(super) fn server_answers(
        &mut self,
        server: usize,
        id: &Id,
        answer: Result<Json, RpcError>,
    ) {
        let number = match id {
            Id::Number(number) => number.parse().ok(),
            Id::Text(_) => None,
        };
        // What nobody asked for, or was answered before, is nobody's.
        let Some(due) = number.and_then(|number: u64| self.due.remove(&(server, number))) else {
            return tracing::debug!(server, "an answer to nothing is dropped");
        };
        match (due, answer) {
            (Due::Initialize, Ok(result)) => self.initialized(server, &result),
            // It may be one that has no sessions.
            (Due::Initialize, Err(_)) => self.discover_server(server),
            (Due::Discover, Ok(result)) => self.discovered(server, &result),
            (Due::Discover, Err(error)) => {
                // Its words are for the operator alone.
                tracing::warn!(code = error.code, "a server refused to be initialized");
                self.lost(server, "it refused to be initialized");
                self.one_more();
            }
            (Due::Watch { sent: Some(sent), .. }, Err(error)) => {
                self.failure(&sent.caller, sent.number, error);
            }
            (Due::Watch { sent: Some(sent), .. }, Ok(_)) => {
                let error = "the server ended the subscription before it began";
                self.failure(&sent.caller, sent.number, RpcError::new(INTERNAL_ERROR, error));
            }
            (Due::Watch { .. }, _) => tracing::warn!(server, "a server ended a subscription"),
            (Due::Page { gather }, answer) => {
                let page = answer.ok().filter(is_complete);
                self.page(server, gather, page.as_ref());
            }
            (Due::Request(Sent { caller, ask, number, .. }), Ok(result)) => {
                self.result(server, &caller, &ask, number, &result);
            }
            (Due::Request(Sent { caller, number, .. }), Err(error)) => {
                self.failure(&caller, number, error);
            }
            (Due::Ignored, _) => {}
        }
    }

    /// A result goes to the client once it is masked and recorded.
    pub(super) fn result(
        &mut self,
        server: usize,
        caller: &Caller,
        ask: &Ask,
        number: u64,
        result: &Json,
    ) {
        if let Some(denial) = unknown_kind(ask, result) {
            return self.withhold(caller, number, &denial);
        }
        let address = self.addresses(server);
        let mut treatment = Treatment {
            gate: &mut self.gate,
            masks: &mut self.masks,
            address: &address,
            kept: Kept::new(self.settings.record_limit),
        };
        let shown = treatment.result(ask, result);
        let kept = treatment.kept;
        let shown = match shown {
            Ok(shown) => shown,
            Err(denial) => return self.withhold(caller, number, &denial),
        };
        let tag = match shown.get("isError") {
            Some(Json::Bool(true)) => "failed",
            _ => "done",
        };
        match self.gate.tell_result(number, &kept.recorded(shown.to_text().len(), tag)) {
            Ok(()) => self.answer(caller, shown),
            Err(failure) => self.fail(caller, unrecorded(&failure)),
        }
    }

    pub(super) fn withhold(&mut self, caller: &Caller, number: u64, denial: &Denial) {
        // It is withheld either way.
        let _ = self.gate.tell_error(number, &denial.rule, &denial.reason);
        let mut error = denied(denial);
        error.message = format!("the result is withheld: {}", denial.reason);
        self.fail(caller, error);
    }

    /// An error in the server's words, as the client may see them.
    pub(super) fn failure(&mut self, caller: &Caller, number: u64, error: RpcError) {
        if error.code == ELICITS && !self.settings.allow.elicitation {
            let denial = Denial {
                reason: "the connection does not allow servers elicitation".to_owned(),
                rule: "gateway.elicitation".to_owned(),
                hint: String::new(),
            };
            return self.withhold(caller, number, &denial);
        }
        // Many servers put what they were told into it, as JSON or as they print it.
        let message = self.masks.text(&mut self.gate, "text/plain", &error.message);
        let message = message.and_then(|it| self.masks.message(&mut self.gate, "message", &it));
        let data = error.data.map(|data| self.masks.json(&mut self.gate, &data)).transpose();
        let (message, data) = match (message, data) {
            (Ok(message), Ok(data)) => (message, data),
            (Err(denial), _) | (_, Err(denial)) => return self.withhold(caller, number, &denial),
        };
        match self.gate.tell_error(number, &error.code.to_string(), &message) {
            Ok(()) => self.fail(caller, RpcError { code: error.code, message, data }),
            Err(failure) => self.fail(caller, unrecorded(&failure)),
        }
    }

    fn server_notification(&mut self, server: usize, method: &str, params: &Json) {
        match method {
            "notifications/progress" => self.progress(server, params),
            "notifications/cancelled" => self.server_cancels(server, params),
            "notifications/subscriptions/acknowledged" => self.watches(server, params),
            "notifications/tools/list_changed" => self.tools_changed(server),
            "notifications/prompts/list_changed" | "notifications/resources/list_changed" => {
                self.tell(None, method, Json::Object(vec![]));
            }
            "notifications/resources/updated" => {
                self.updated(server, params.str_at("uri").unwrap_or_default());
            }
            "notifications/message" => {
                // A log entry is dropped rather than shown unmasked.
                let data = params.get("data").cloned().unwrap_or(Json::Null);
                let shown = match &data {
                    Json::Text(text) => {
                        self.masks.text(&mut self.gate, "text/plain", text).map(Json::text)
                    }
                    data => self.masks.json(&mut self.gate, data),
                };
                let Ok(shown) = shown else { return };
                let level = params.str_at("level").filter(|level| LEVELS.contains(level));
                let level = level.unwrap_or("info");
                let told = Json::object([("level", Json::text(level)), ("data", shown)]);
                self.tell(None, method, told);
            }
            _ => tracing::debug!(server, "an unknown notification of a server is dropped"),
        }
    }

    fn progress(&mut self, server: usize, params: &Json) {
        let Some(Json::Number(token)) = params.get("progressToken") else { return };
        let Ok(number) = token.parse::<u64>() else { return };
        self.is_alive((server, number));
        let Some(Due::Request(Sent { caller, .. })) = self.due.get(&(server, number)) else {
            return;
        };
        let Some(token) = caller.token.clone() else { return };
        let stream = caller.stream;
        let mut told = Json::object([("progressToken", token)]);
        for name in ["progress", "total"] {
            if let Some(number @ Json::Number(_)) = params.get(name) {
                told.set(name, number.clone());
            }
        }
        if let Some(message) = params.str_at("message") {
            let Ok(message) = self.masks.text(&mut self.gate, "text/plain", message) else {
                return;
            };
            told.set("message", Json::text(message));
        }
        self.tell(Some(stream), "notifications/progress", told);
    }

    fn server_cancels(&mut self, server: usize, params: &Json) {
        let Some(id) = params.get("requestId").and_then(Id::read) else { return };
        let is_it = |held: &super::Held| matches!(&held.job, super::judge::Job::Reverse { server: of, id: known, .. } if *of == server && *known == id);
        self.held.retain(|_, held| !is_it(held));
        let owed = self.owed.iter().find(|(_, it)| it.server == server && it.id == id);
        if let Some(key) = owed.map(|(key, _)| *key) {
            self.owed.remove(&key);
            if self.revision.is_stateless() {
                return self.not_asked_any_more(key);
            }
            let params = Json::object([("requestId", super::reverse::client_id(key).json())]);
            self.effects
                .push(super::Effect::Tell(None, notification("notifications/cancelled", params)));
        }
    }
}

/// A result that is none: it is something else that the protocol has, or that nobody knows (revision 2025-11-25, Tasks;
/// revision 2026-07-28, `resultType`).
fn unknown_kind(ask: &Ask, result: &Json) -> Option<Denial> {
    let is_task = matches!(ask, Ask::Call { .. }) && result.get("task").is_some();
    (!is_complete(result) || is_task).then(|| Denial {
        reason: "it is of a kind that the gateway does not carry".to_owned(),
        rule: "gateway.result-type".to_owned(),
        hint: String::new(),
    })
}

/// Servers of older revisions do not say it.
pub(super) fn is_complete(result: &Json) -> bool {
    result.get("resultType").is_none_or(|kind| kind.as_str() == Some("complete"))
}

/// What cannot be recorded is not shown.
pub(super) fn unrecorded(failure: &JournalFailure) -> RpcError {
    let mut error = RpcError::new(INTERNAL_ERROR, failure.to_string());
    error.data = Some(Json::object([("rule", Json::text("gateway.record"))]));
    error
}
