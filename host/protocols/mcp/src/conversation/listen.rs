//! `subscriptions/listen` (revision 2026-07-28): the stream of a request by which its client hears what it subscribes to.

use std::collections::BTreeSet;

use palisade_policy::Command;

use super::due::Caller;
use super::judge::Job;
use super::unbegun::MOST_WATCHES;
use super::{Conversation, Effect, Stream, notification};
use crate::event::refused_command;
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, INVALID_PARAMS, Id, Message, RpcError};
use crate::names::check_uri;
use crate::request::{Aim, Ask};
use crate::results::Kept;

/// So many resources can be subscribed to by one stream.
const MOST_RESOURCES: usize = 64;
/// So many resources may a client with a session subscribe to.
const MOST_SUBSCRIBED: usize = 1024;
/// So many streams may one session have.
const MOST_LISTENERS: usize = 64;
/// Lists whose changes can be heard of: what is asked for, and the notification.
const CHANGES: [(&str, &str); 3] = [
    ("toolsListChanged", "notifications/tools/list_changed"),
    ("promptsListChanged", "notifications/prompts/list_changed"),
    ("resourcesListChanged", "notifications/resources/list_changed"),
];
const RESOURCES: &str = "resourceSubscriptions";
const UPDATED: &str = "notifications/resources/updated";

/// What a client subscribes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Methods of notifications about lists.
    changes: BTreeSet<&'static str>,
    /// Addresses as the client knows them, and whose they are.
    resources: Vec<(String, Aim)>,
}

/// A stream by which a client hears.
pub(super) struct Listener {
    /// The id of the request, by which the client knows what is for it.
    id: Id,
    wanted: Wanted,
}

impl Wanted {
    fn is_of(&self, uri: &str) -> bool {
        self.resources.iter().any(|(wanted, _)| is_within(uri, wanted))
    }

    /// As the client is told that it is heard.
    fn json(&self) -> Json {
        let mut json = Json::Object(vec![]);
        for (name, method) in CHANGES {
            if self.changes.contains(method) {
                json.set(name, Json::Bool(true));
            }
        }
        if !self.resources.is_empty() {
            let uris = self.resources.iter().map(|(uri, _)| Json::text(uri)).collect();
            json.set(RESOURCES, Json::List(uris));
        }
        json
    }
}

impl Conversation {
    /// The client wants to hear of something.
    pub(super) fn subscribes(&mut self, caller: Caller, params: &Json) {
        let wanted = match self.wanted(params) {
            Ok(wanted) => wanted,
            Err(what) => {
                let error = RpcError::new(INVALID_PARAMS, what);
                let command = refused_command("subscriptions/listen");
                return self.refuse(&caller, &command, "gateway.params", error);
            }
        };
        let (mut text, mut operations) = ("subscriptions/listen".to_owned(), Vec::new());
        for (uri, aim) in &wanted.resources {
            let one = match self.command_of(&Ask::Subscribe(uri.clone()), aim) {
                Ok(one) => one,
                Err(why) => return self.ask(Err(why), Job::Listen { caller, wanted }),
            };
            text.push('\n');
            text.push_str(&one.text);
            operations.extend(one.operations.iter().cloned());
        }
        let command = Command { text, operations: operations.into(), complete: true };
        self.ask(Ok(command), Job::Listen { caller, wanted });
    }

    fn wanted(&self, params: &Json) -> Result<Wanted, &'static str> {
        let known = |(name, _): &(String, Json)| ["_meta", "notifications"].contains(&&**name);
        let filter = params.get("notifications").filter(|it| it.is_object());
        let filter = filter.filter(|_| params.members().iter().all(known));
        let filter = filter.ok_or("subscriptions/listen has `notifications`, and nothing else")?;
        let mut wanted = Wanted::default();
        for (name, value) in filter.members() {
            let change = CHANGES.iter().find(|(known, _)| known == name);
            match (change, value) {
                (_, Json::Null) | (Some(_), Json::Bool(false)) => {}
                (Some((_, method)), Json::Bool(true)) => drop(wanted.changes.insert(*method)),
                (None, Json::List(uris)) if name == RESOURCES => {
                    wanted.resources = self.resources(uris)?;
                }
                _ => return Err("it subscribes to what the gateway does not know"),
            }
        }
        Ok(wanted)
    }

    fn resources(&self, uris: &[Json]) -> Result<Vec<(String, Aim)>, &'static str> {
        if uris.len() > MOST_RESOURCES {
            return Err("it subscribes to too many resources");
        }
        let one = |uri: &Json| -> Result<(String, Aim), &'static str> {
            let uri = uri.as_str().filter(|uri| check_uri(uri).is_ok());
            let uri = uri.ok_or("an address has no single reading")?.to_owned();
            let aim = Ask::Subscribe(uri.clone()).aim(&self.settings.servers);
            let aim = aim.ok_or("no server of the connection has this address")?;
            Ok((uri, aim))
        };
        let mut resources = Vec::new();
        for uri in uris {
            let one = one(uri)?;
            if !resources.contains(&one) {
                resources.push(one);
            }
        }
        Ok(resources)
    }

    /// What was allowed is subscribed to, and the client is told.
    pub(super) fn listens(&mut self, caller: &Caller, wanted: Wanted, number: u64) {
        let resources = wanted.resources.len();
        if self.listeners.len() >= MOST_LISTENERS || self.watched() + resources > MOST_WATCHES {
            let error = RpcError::new(INTERNAL_ERROR, "the session listens to too much already");
            let _ = self.gate.tell_error(number, "gateway.limit", &error.message);
            return self.fail(caller, error);
        }
        let honoured = wanted.json();
        let mut kept = Kept::new(self.settings.record_limit);
        let text = honoured.to_text();
        kept.add("subscriptions", &text);
        if let Err(failure) = self.gate.tell_result(number, &kept.recorded(text.len(), "listens")) {
            return self.fail(caller, super::server::unrecorded(&failure));
        }
        for (_, aim) in &wanted.resources {
            if !self.is_heard(aim) {
                self.watch(aim, None);
            }
        }
        // It is not under way: a session that is to end does not wait for it.
        self.asked.remove(&self.asked_as(caller));
        let told = Json::object([("notifications", honoured)]);
        let method = "notifications/subscriptions/acknowledged";
        self.listeners.insert(caller.stream, Listener { id: caller.id.clone(), wanted });
        self.hears(caller.stream, method, told);
    }

    /// Whether anybody hears of a server's resource.
    fn is_heard(&self, aim: &Aim) -> bool {
        self.listeners.values().any(|it| it.wanted.resources.iter().any(|(_, of)| of == aim))
    }

    fn hears(&mut self, stream: Stream, method: &str, mut params: Json) {
        let Some(listener) = self.listeners.get(&stream) else { return };
        params.set("_meta", subscription(&listener.id));
        self.effects.push(Effect::Tell(Some(stream), notification(method, params)));
    }

    /// Tells those who want to hear of it.
    pub(super) fn announce(&mut self, method: &str, params: &Json) {
        self.tell_those(method, params, |wanted| wanted.changes.contains(method));
    }

    /// Notes what the client subscribes to, which was allowed, or ends.
    pub(super) fn notes_subscription(&mut self, ask: &Ask, aim: &Aim) -> Result<(), RpcError> {
        let address = self.addresses(aim.server)(&aim.name);
        match ask {
            Ask::Subscribe(_) if self.subscribed.contains(&address) => {}
            Ask::Subscribe(_) if self.subscribed.len() >= MOST_SUBSCRIBED => {
                let what = "the session subscribes to too many resources; end some first";
                return Err(RpcError::new(INTERNAL_ERROR, what));
            }
            Ask::Subscribe(_) => drop(self.subscribed.insert(address)),
            Ask::Unsubscribe(_) => drop(self.subscribed.remove(&address)),
            _ => {}
        }
        Ok(())
    }

    /// A server says that a resource was updated. Of what its client may not subscribe to it is told nothing.
    pub(super) fn updated(&mut self, server: usize, uri: &str) {
        if check_uri(uri).is_err() {
            return;
        }
        let address = self.addresses(server)(uri);
        // What is not told as it is may not be shown.
        let Ok(shown) = self.masks.text(&mut self.gate, "text/plain", &address) else { return };
        let params = Json::object([("uri", Json::text(shown))]);
        if self.revision.is_stateless() {
            self.tell_those(UPDATED, &params, |wanted| wanted.is_of(&address));
        } else if self.subscribed.iter().any(|wanted| is_within(&address, wanted)) {
            self.tell(None, UPDATED, params);
        }
    }

    fn tell_those(&mut self, method: &str, params: &Json, are: impl Fn(&Wanted) -> bool) {
        let hear = self.listeners.iter().filter(|(_, it)| are(&it.wanted));
        for stream in hear.map(|(stream, _)| *stream).collect::<Vec<_>>() {
            self.hears(stream, method, params.clone());
        }
    }

    /// The client has left this stream.
    pub(super) fn listens_no_more(&mut self, stream: Stream) {
        let Some(listener) = self.listeners.remove(&stream) else { return };
        self.effects.push(Effect::Silence(stream));
        for (_, aim) in listener.wanted.resources {
            if !self.is_heard(&aim) {
                self.unwatch(&aim);
            }
        }
    }

    /// Ends all of them, which their clients are told.
    pub(super) fn end_listening(&mut self) {
        for (stream, Listener { id, .. }) in std::mem::take(&mut self.listeners) {
            let meta = subscription(&id);
            let result = Json::object([("resultType", Json::text("complete")), ("_meta", meta)]);
            self.effects.push(Effect::Answer(stream, Message::Result { id, result }));
        }
    }
}

/// Whether an address is this one or lies below it, which may be what was updated.
fn is_within(uri: &str, wanted: &str) -> bool {
    uri.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || wanted.ends_with('/') || rest.starts_with(['/', '?', '#'])
    })
}

fn subscription(id: &Id) -> Json {
    Json::object([("io.modelcontextprotocol/subscriptionId", id.json())])
}
