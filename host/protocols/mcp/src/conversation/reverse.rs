//! What servers ask of the client: denied, unless the connection's settings and the policies allow it.

use palisade_policy::Denial;

use super::judge::Job;
use super::{Conversation, Effect, Owed};
use crate::event::{refused_command, reverse_command};
use crate::json::Json;
use crate::message::{Id, METHOD_NOT_FOUND, Message, RpcError};
use crate::results::Kept;

/// So many requests of servers may wait for the client.
const MOST_OWED: usize = 32;

/// What servers can ask, and the client's capability for it.
const METHODS: [(&str, &str); 3] = [
    ("sampling/createMessage", "sampling"),
    ("elicitation/create", "elicitation"),
    ("roots/list", "roots"),
];

/// The id under which the client is asked.
pub(super) fn client_id(key: u64) -> Id {
    Id::Text(format!("palisade-{key}"))
}

impl Conversation {
    pub(super) fn server_asks(&mut self, server: usize, id: Id, method: &str, mut params: Json) {
        if method == "ping" {
            return self.send(server, Message::Result { id, result: Json::Object(vec![]) });
        }
        let Some((method, capability)) = METHODS.into_iter().find(|(known, _)| *known == method)
        else {
            let error = RpcError::new(METHOD_NOT_FOUND, "the gateway does not serve this method");
            return self.send(server, Message::Error { id: Some(id), error });
        };
        params.take("_meta");
        let params_of_task = params.get("task").is_some();
        let name = self.servers.get(server).map(|it| it.name.clone()).unwrap_or_default();
        // It is judged and recorded as the client would get it.
        let (shown, unmasked) = match self.masked(&params) {
            Ok(shown) => (shown, None),
            Err(denial) => (Json::Object(vec![]), Some(denial)),
        };
        let command = reverse_command(method, &name, &shown);
        let job = Job::Reverse { server, id, method, params };
        let allow = self.settings.allow;
        let allowed = match capability {
            "sampling" => allow.sampling,
            "elicitation" => allow.elicitation,
            _ => allow.roots,
        };
        let deny = |rule: &str, reason: String| Denial {
            reason,
            rule: rule.to_owned(),
            hint: String::new(),
        };
        let denial = if !allowed {
            let rule = format!("gateway.{capability}");
            deny(&rule, format!("the connection does not allow servers {capability}"))
        } else if self.client_capabilities.get(capability).is_none() || !self.is_begun() {
            deny("gateway.capability", format!("the client offers no {capability}"))
        } else if params_of_task {
            deny("gateway.params", "the gateway does not carry tasks".to_owned())
        } else if self.owed.len() >= MOST_OWED {
            deny("gateway.limit", "too many requests wait for the client".to_owned())
        } else if let Some(denial) = unmasked {
            denial
        } else {
            return self.ask(command, job);
        };
        let command = command.unwrap_or_else(|_| refused_command(method));
        self.deny(&command, &job, &denial);
    }

    /// What a server asks with, as the client may see it.
    pub(super) fn masked(&mut self, params: &Json) -> Result<Json, Denial> {
        let masked = self.masks.json(&mut self.gate, params)?;
        self.masks.media(&mut self.gate, &masked)
    }

    /// Asks the client on a server's behalf.
    pub(super) fn ask_client(
        &mut self,
        server: usize,
        id: Id,
        method: &'static str,
        params: &Json,
        number: u64,
    ) {
        let params = match self.masked(params) {
            Ok(params) => params,
            Err(denial) => {
                let _ = self.gate.tell_error(number, &denial.rule, &denial.reason);
                let error = super::denied(&denial);
                return self.send(server, Message::Error { id: Some(id), error });
            }
        };
        let work = match self.revision.is_stateless().then(|| self.works_on(server)).transpose() {
            Ok(work) => work,
            Err(denial) => {
                let _ = self.gate.tell_error(number, &denial.rule, &denial.reason);
                let error = super::denied(&denial);
                return self.send(server, Message::Error { id: Some(id), error });
            }
        };
        let key = self.next();
        self.owed.insert(key, Owed { server, id, method, number });
        if let Some(due) = work {
            let asked = Json::object([("method", Json::text(method)), ("params", params)]);
            return self.ask_by_result(due, key, asked);
        }
        let id = client_id(key);
        // It most likely belongs to the one request that this server works on.
        let mut streams = self.due.iter().filter_map(|((of, _), due)| match due {
            super::Due::Request(sent) if *of == server => Some(sent.caller.stream),
            _ => None,
        });
        let stream = streams.next_back();
        let method = method.to_owned();
        self.effects.push(Effect::Tell(stream, Message::Request { id, method, params }));
    }

    /// The client answers what a server asked; anything else is dropped.
    pub(super) fn client_answers(&mut self, id: &Id, answer: Result<Json, RpcError>) {
        let Id::Text(text) = id else { return };
        let key = text.strip_prefix("palisade-").and_then(|key| key.parse().ok());
        let Some(owed) = key.and_then(|key: u64| self.owed.remove(&key)) else { return };
        let Owed { server, id, method, number } = owed;
        let message = match answer {
            Ok(result) => {
                let mut kept = Kept::new(self.settings.record_limit);
                let shown = self.masked(&result);
                let text = shown.map_or_else(|denial| denial.reason, |shown| shown.to_text());
                kept.add(method, &text);
                if let Err(failure) =
                    self.gate.tell_result(number, &kept.recorded(text.len(), "answered"))
                {
                    let error = super::server::unrecorded(&failure);
                    Message::Error { id: Some(id), error }
                } else {
                    Message::Result { id, result }
                }
            }
            Err(error) => {
                let shown = self.masks.message(&mut self.gate, "message", &error.message);
                let shown = shown.unwrap_or_else(|denial| denial.reason);
                let _ = self.gate.tell_error(number, &error.code.to_string(), &shown);
                Message::Error { id: Some(id), error }
            }
        };
        self.send(server, message);
    }
}
