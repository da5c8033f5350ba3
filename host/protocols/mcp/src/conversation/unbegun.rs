//! Servers that are spoken to without a session (revision 2026-07-28): those that refuse to be initialized.
//!
//! Every request says what there is to know of the gateway and its client. What a server asks for by a result
//! (`input_required`) is refused as any other kind that is not known.

use super::due::{Due, Sent};
use super::server::is_complete;
use super::{Conversation, info};
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, Id, RpcError};
use crate::request::{Aim, Ask};
use crate::revision::Revision;

/// So many subscriptions of one session are kept at servers without sessions.
pub(super) const MOST_WATCHES: usize = 64;
const LISTEN: &str = "subscriptions/listen";
/// Lists whose changes are listened to: the capability, and what is asked for.
const CHANGES: [(&str, &str); 3] = [
    ("tools", "toolsListChanged"),
    ("prompts", "promptsListChanged"),
    ("resources", "resourcesListChanged"),
];

/// The member of `_meta` by which a request says its revision.
pub(crate) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// What every request says that has no session.
pub(crate) fn meta(capabilities: Json) -> Json {
    Json::object([
        (META_VERSION, Json::text(Revision::STATELESS.name())),
        ("io.modelcontextprotocol/clientInfo", info()),
        ("io.modelcontextprotocol/clientCapabilities", capabilities),
    ])
}

/// Whether a server speaks the revision, by its answer to `server/discover`.
pub(crate) fn speaks_it(said: &Json) -> bool {
    let versions = said.get("supportedVersions").and_then(Json::as_list).unwrap_or_default();
    is_complete(said) && versions.iter().any(|it| it.as_str() == Some(Revision::STATELESS.name()))
}

impl Conversation {
    /// The params with what a server without sessions must be told.
    pub(super) fn introduced(&self, server: usize, mut params: Json) -> Json {
        if self.servers.get(server).is_some_and(|it| it.stateless) {
            // Nothing is offered that would be asked for by a result.
            let mut told = meta(Json::Object(vec![]));
            if let Some(Json::Object(members)) = params.take("_meta") {
                members.into_iter().for_each(|(name, value)| told.set(&name, value));
            }
            params.set("_meta", told);
        }
        params
    }

    /// Asks a server what it has that cannot be initialized.
    pub(super) fn discover_server(&mut self, index: usize) {
        let Some(server) = self.servers.get_mut(index) else { return };
        server.stateless = true;
        self.request(index, "server/discover", Json::Object(vec![]), Due::Discover);
    }

    pub(super) fn discovered(&mut self, index: usize, said: &Json) {
        if !speaks_it(said) {
            self.lost(index, "it speaks no revision of the protocol that the gateway speaks");
            return self.one_more();
        }
        let mut said = said.clone();
        if let Some(mut capabilities) = said.take("capabilities") {
            // Entries are asked for by each request, and nobody could say at which level.
            capabilities.take("logging");
            said.set("capabilities", capabilities);
        }
        self.ready(index, &said);
        let Some(server) = self.servers.get(index) else { return };
        let mut wanted = Json::Object(vec![]);
        for (capability, change) in CHANGES {
            let told = server.capabilities.get(capability).and_then(|it| it.get("listChanged"));
            if told == Some(&Json::Bool(true)) {
                wanted.set(change, Json::Bool(true));
            }
        }
        if !wanted.members().is_empty() {
            let params = Json::object([("notifications", wanted)]);
            self.request(index, LISTEN, params, Due::Ignored);
        }
    }

    /// Sends a request on to a server that has no sessions.
    pub(super) fn forward_unbegun(&mut self, aim: &Aim, params: Json, sent: Sent) {
        match sent.ask {
            Ask::Subscribe(_) => self.watch(aim, Some(sent)),
            Ask::Unsubscribe(_) => {
                self.unwatch(aim);
                self.result(aim.server, &sent.caller, &sent.ask, sent.number, &Json::Null);
            }
            _ => {
                let method = sent.ask.method();
                self.request(aim.server, method, params, Due::Request(sent));
            }
        }
    }

    /// Subscribes to a server's resource, for a client's request where there is one.
    pub(super) fn watch(&mut self, aim: &Aim, sent: Option<Sent>) {
        let uri = aim.name.clone();
        if self.servers.get(aim.server).is_none_or(|it| !it.stateless) {
            let params = Ask::Subscribe(String::new()).params(&uri);
            self.request(aim.server, "resources/subscribe", params, Due::Ignored);
            return;
        }
        if self.is_watched(aim) {
            if let Some(Sent { caller, ask, number, .. }) = sent {
                self.result(aim.server, &caller, &ask, number, &Json::Null);
            }
            return;
        }
        if self.watched() >= MOST_WATCHES {
            tracing::warn!(server = aim.server, "a session subscribes to too many resources");
            if let Some(Sent { caller, number, .. }) = sent {
                let error = "the session subscribes to too many resources; end some first";
                self.failure(&caller, number, RpcError::new(INTERNAL_ERROR, error));
            }
            return;
        }
        let uris = Json::List(vec![Json::text(&uri)]);
        let wanted = Json::object([("resourceSubscriptions", uris)]);
        let params = Json::object([("notifications", wanted)]);
        self.request(aim.server, LISTEN, params, Due::Watch { sent, uri });
    }

    /// How many subscriptions there are, each of which keeps a request to its server open.
    pub(super) fn watched(&self) -> usize {
        self.due.values().filter(|due| matches!(due, Due::Watch { .. })).count()
    }

    /// Whether a server was asked already to tell of this resource, and does.
    fn is_watched(&self, aim: &Aim) -> bool {
        let due = self.due.iter().filter(|((of, _), _)| *of == aim.server);
        due.map(|(_, due)| due)
            .any(|due| matches!(due, Due::Watch { sent: None, uri } if *uri == aim.name))
    }

    /// A server does what it was asked by a subscription.
    pub(super) fn watches(&mut self, server: usize, params: &Json) {
        let id =
            params.get("_meta").and_then(|it| it.get("io.modelcontextprotocol/subscriptionId"));
        let Some(Id::Number(number)) = id.and_then(Id::read) else { return };
        let due = number.parse().ok().and_then(|number: u64| self.due.get_mut(&(server, number)));
        let Some(Due::Watch { sent, .. }) = due else { return };
        if let Some(Sent { caller, ask, number, .. }) = sent.take() {
            self.result(server, &caller, &ask, number, &Json::Null);
        }
    }

    /// Ends a subscription to a server's resource.
    pub(super) fn unwatch(&mut self, aim: &Aim) {
        if self.servers.get(aim.server).is_none_or(|it| !it.stateless) {
            let params = Ask::Unsubscribe(String::new()).params(&aim.name);
            self.request(aim.server, "resources/unsubscribe", params, Due::Ignored);
            return;
        }
        let is_it = |due: &Due| matches!(due, Due::Watch { sent: None, uri } if *uri == aim.name);
        let due = self.due.iter().filter(|((of, _), due)| *of == aim.server && is_it(due));
        for (server, id) in due.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.due.remove(&(server, id));
            self.cancel_at(server, id, "nobody listens any more");
        }
    }
}
