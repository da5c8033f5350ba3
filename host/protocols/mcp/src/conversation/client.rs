//! What the client says.

use super::judge::{Forward, Job, schema};
use super::lists::Why;
use super::{
    Caller, Conversation, Effect, MOST_REQUESTS, MOST_UNDER_WAY, Stream, inputs, stateless,
};
use crate::event::{About, command, refused_command};
use crate::json::Json;
use crate::message::{
    HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, Id, METHOD_NOT_FOUND, Message, RpcError,
};
use crate::request::{Aim, Ask};
use palisade_policy::{Command, Denial, TooMuch};

impl Conversation {
    /// Takes a message of the client, which came by this stream.
    pub fn client(&mut self, stream: Stream, message: Message) {
        self.renew();
        match message {
            Message::Request { id, method, params } => {
                self.client_request(stream, id, &method, &params);
            }
            Message::Notification { method, params } => self.client_notification(&method, &params),
            Message::Result { id, result } => self.client_answers(&id, Ok(result)),
            Message::Error { id: Some(id), error } => self.client_answers(&id, Err(error)),
            Message::Error { id: None, .. } => {}
        }
    }

    fn client_request(&mut self, stream: Stream, id: Id, method: &str, params: &Json) {
        let token = params.get("_meta").and_then(|meta| meta.get("progressToken")).cloned();
        let token = token.filter(|token| Id::read(token).is_some());
        let (key, cacheable) = (self.next(), stateless::is_cacheable(method));
        let caller = Caller { stream, id, token, key, cacheable, size: params.size() };
        if self.asked.contains_key(&self.asked_as(&caller)) {
            // Whose answer is whose could not be told.
            let id = Some(caller.id);
            let error = RpcError::new(INVALID_REQUEST, "a request with this id is under way");
            return self.effects.push(Effect::Answer(stream, Message::Error { id, error }));
        }
        self.asked.insert(self.asked_as(&caller), caller.size);
        if let Some(what) = self.has_too_much_under_way(&caller) {
            return self.fail(&caller, RpcError::new(INVALID_REQUEST, what));
        }
        match method {
            "ping" if !self.revision.is_stateless() => {
                return self.answer(&caller, Json::Object(vec![]));
            }
            "initialize" if !self.revision.is_stateless() => return self.begin_again(&caller),
            _ if !self.is_begun() => {
                let error = RpcError::new(INVALID_REQUEST, "the session is not initialized yet");
                return self.fail(&caller, error);
            }
            "subscriptions/listen" if self.revision.is_stateless() => {
                return self.subscribes(caller, params);
            }
            "server/discover" if self.revision.is_stateless() => return self.discover(&caller),
            _ => {}
        }
        match self.read(&caller, method, params) {
            Ok(None) => {}
            Ok(Some(ask)) => self.serve(caller, ask),
            Err(error) => {
                let rule = match error.code {
                    METHOD_NOT_FOUND => "gateway.method",
                    _ => "gateway.params",
                };
                self.refuse(&caller, &refused_command(method), rule, error);
            }
        }
    }

    /// Why a request that came just now is one too many. The only one is none, however large it is.
    fn has_too_much_under_way(&self, newest: &Caller) -> Option<&'static str> {
        let parked = self.parked.values().map(inputs::Parked::size);
        let all: usize = self.asked.values().copied().chain(parked).sum();
        if self.asked.len() > MOST_REQUESTS {
            Some("too many requests are under way")
        } else if all > MOST_UNDER_WAY && all > newest.size {
            Some("too many large requests are under way")
        } else {
            None
        }
    }

    /// What is asked for; none where a request goes on that was judged before.
    fn read(
        &mut self,
        caller: &Caller,
        method: &str,
        params: &Json,
    ) -> Result<Option<Ask>, RpcError> {
        if let Some(gone) = self.is_gone(method) {
            return Err(gone);
        }
        if !self.revision.is_stateless() || crate::mirror::named_by(method).is_none() {
            return Ask::read(method, params).map(Some);
        }
        let mut params = params.clone();
        let (state, responses) = (params.take("requestState"), params.take("inputResponses"));
        let ask = Ask::read(method, &params)?;
        if state.is_none() && responses.is_none() {
            return Ok(Some(ask));
        }
        let (state, responses) = (state.unwrap_or(Json::Null), responses.unwrap_or(Json::Null));
        self.comes_back(caller, &ask, &state, &responses).map(|()| None)
    }

    fn serve(&mut self, caller: Caller, ask: Ask) {
        match ask {
            Ask::List(kind) => {
                let command = self.of_all(&Ask::List(kind), kind.capability());
                self.ask(command, Job::List { caller, kind });
            }
            Ask::Level(ref level) => {
                let job = Job::Level { caller, level: level.clone() };
                let command = self.of_all(&ask, "logging");
                self.ask(command, job);
            }
            ask => self.serve_one(caller, ask),
        }
    }

    fn serve_one(&mut self, caller: Caller, ask: Ask) {
        let Some(aim) = ask.aim(&self.settings.servers) else {
            let error = RpcError::new(INVALID_PARAMS, "no server of the connection has this name");
            return self.refuse(&caller, &refused_command(ask.method()), "gateway.params", error);
        };
        let server = self.settings.servers.get(aim.server).cloned().unwrap_or_default();
        let mut forward = Forward { caller, ask, asked: None, aim, pin: None };
        let mut facts = Vec::new();
        let mut own = None;
        if let Ask::Call { arguments, .. } = &forward.ask {
            if let Some(why) = self.misrepeats(&forward.aim, arguments) {
                let command = refused_command("tools/call");
                let error = RpcError::new(HEADER_MISMATCH, why);
                return self.refuse(&forward.caller, &command, "gateway.params", error);
            }
            match self.look_at_tool(&forward.aim, arguments) {
                Ok(look) => {
                    facts = look.facts;
                    own = look.hold;
                    forward.pin = look.pin;
                }
                Err(denial) => {
                    let about =
                        About { server: &server, name: &forward.aim.name, ..About::default() };
                    let command = command(&forward.ask, about);
                    // It is denied either way.
                    let command = command.unwrap_or_else(|_| refused_command("tools/call"));
                    return self.deny(&command, &Job::Forward(forward), &denial);
                }
            }
        }
        let schema = schema(&self.servers, &forward.aim);
        let about = About { server: &server, name: &forward.aim.name, facts: &facts, schema };
        let command = command(&forward.ask, about);
        self.ask_with(command, Job::Forward(forward), own.as_ref());
    }

    /// One command about all servers that have something.
    fn of_all(&self, ask: &Ask, capability: &str) -> Result<Command, TooMuch> {
        let servers = self.servers.iter().filter(|it| it.capabilities.get(capability).is_some());
        let commands =
            servers.map(|it| command(ask, About { server: &it.name, ..About::default() }));
        let mut all = Command { complete: true, ..Command::default() };
        let mut operations = Vec::new();
        for command in commands {
            let command = command?;
            if !all.text.is_empty() {
                all.text.push('\n');
            }
            all.text.push_str(&command.text);
            operations.extend(command.operations.iter().cloned());
        }
        all.operations = operations.into();
        if all.text.is_empty() {
            all.text = ask.method().to_owned();
        }
        Ok(all)
    }

    /// The command about what is known by its name alone.
    pub(super) fn command_of(&self, ask: &Ask, aim: &Aim) -> Result<Command, TooMuch> {
        let server = self.settings.servers.get(aim.server).map_or("", String::as_str);
        command(ask, About { server, name: &aim.name, ..About::default() })
    }

    /// Refuses what nobody was asked about, and records it.
    pub(super) fn refuse(
        &mut self,
        caller: &Caller,
        command: &Command,
        rule: &str,
        error: RpcError,
    ) {
        let reason = error.message.clone();
        let denial = Denial { reason, rule: rule.to_owned(), hint: String::new() };
        self.gate.refuse(command, &denial);
        self.fail(caller, error);
    }

    fn client_notification(&mut self, method: &str, params: &Json) {
        match method {
            "notifications/cancelled" => {
                let Some(id) = params.get("requestId").and_then(Id::read) else { return };
                self.client_cancels(&id);
            }
            "notifications/roots/list_changed" if self.settings.allow.roots => {
                for server in 0..self.servers.len() {
                    self.send(server, super::notification(method, Json::Object(vec![])));
                }
            }
            // The servers were told when they had answered.
            "notifications/initialized" => {}
            other => {
                tracing::debug!(method = ?other.escape_debug().to_string(), "a notification is dropped")
            }
        }
    }

    /// Goes on with a list that was allowed.
    pub(super) fn list(&mut self, caller: Caller, kind: crate::request::Kind, number: u64) {
        let servers = self.servers.iter().enumerate();
        let has = |it: &super::Server| {
            it.state == super::State::Ready && it.capabilities.get(kind.capability()).is_some()
        };
        let servers = servers.filter(|(_, it)| has(it)).map(|(index, _)| index).collect();
        self.gather(kind, Why::Asked { caller, number }, servers);
    }
}
