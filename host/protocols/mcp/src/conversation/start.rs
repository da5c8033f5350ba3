//! From the client's `initialize` to the answer: every server is initialized and its tools are listed.

use super::lists::Why;
use super::{Caller, Conversation, Due, Opening, Server, State, Stream, notification};
use crate::catalog::{Catalog, NewTools};
use crate::json::Json;
use crate::message::{INTERNAL_ERROR, INVALID_REQUEST, Id, RpcError};
use crate::pins::{self, Said, Trusted};
use crate::request::Kind;
use crate::results::Masks;
use crate::revision::Revision;

/// A session that is not begun yet.
pub(super) struct Starting {
    pub(super) caller: Caller,
    /// How many servers have not said what there is to know.
    waiting: usize,
}

/// What a client is offered of what servers have.
const OFFERED: [&str; 5] = ["tools", "resources", "prompts", "completions", "logging"];

impl Conversation {
    /// Begins a session by the client's `initialize`, which came by this stream.
    #[must_use]
    pub fn begin(opening: Opening, stream: Stream, id: Id, params: &Json) -> Self {
        let revision = Revision::offered(params.str_at("protocolVersion").unwrap_or_default());
        let capabilities = params.get("capabilities").cloned().unwrap_or(Json::Null);
        let caller = Caller { stream, id, token: None, key: 0, cacheable: false, size: 0 };
        Self::open(opening, revision, caller, capabilities)
    }

    /// Begins what all requests of a token with these capabilities share where there are no sessions. That it has begun is
    /// told by this stream.
    #[must_use]
    pub fn begin_stateless(opening: Opening, stream: Stream, capabilities: Json) -> Self {
        let id = Id::Number("0".to_owned());
        let caller = Caller { stream, id, token: None, key: 0, cacheable: false, size: 0 };
        Self::open(opening, Revision::STATELESS, caller, capabilities)
    }

    fn open(opening: Opening, revision: Revision, caller: Caller, capabilities: Json) -> Self {
        let Opening { gate, settings, pins, read_only, mask_key } = opening;
        let servers = settings.servers.iter().map(|name| Server {
            name: name.clone(),
            state: State::Starting,
            why: String::new(),
            stateless: false,
            capabilities: Json::Object(vec![]),
            instructions: None,
            catalog: Catalog::default(),
        });
        let (servers, edition): (Vec<_>, _) = (servers.collect(), gate.edition());
        let mut conversation = Self {
            gate,
            pins,
            read_only,
            masks: Masks::new(mask_key),
            starting: None,
            revision,
            client_capabilities: capabilities,
            last: 0,
            due: Default::default(),
            silent: Default::default(),
            owed: Default::default(),
            held: Default::default(),
            gathers: Default::default(),
            parked: Default::default(),
            listeners: Default::default(),
            subscribed: Default::default(),
            stale: Default::default(),
            asked: Default::default(),
            mirrored: vec![],
            effects: vec![],
            masked_by: edition,
            servers,
            settings,
        };
        conversation.asked.insert(conversation.asked_as(&caller), caller.size);
        let waiting = conversation.servers.len();
        conversation.starting = Some(Starting { caller, waiting });
        conversation.initialize_servers();
        conversation
    }

    fn initialize_servers(&mut self) {
        let params = Json::object([
            ("protocolVersion", Json::text(Revision::V20251125.name())),
            ("capabilities", self.passed_capabilities()),
            ("clientInfo", info()),
        ]);
        for server in 0..self.servers.len() {
            self.request(server, "initialize", params.clone(), Due::Initialize);
        }
        if self.servers.is_empty() {
            self.begun();
        }
    }

    /// What the servers are told that the client can do for them.
    pub(super) fn passed_capabilities(&self) -> Json {
        let allow = self.settings.allow;
        let mut passed = Json::Object(vec![]);
        for (name, allowed) in [
            ("sampling", allow.sampling),
            ("elicitation", allow.elicitation),
            ("roots", allow.roots),
        ] {
            let capability = self.client_capabilities.get(name);
            if let Some(capability) = capability.filter(|it| allowed && it.is_object()) {
                passed.set(name, capability.clone());
            }
        }
        passed
    }

    /// A server has answered `initialize`.
    pub(super) fn initialized(&mut self, index: usize, result: &Json) {
        let spoken = result.str_at("protocolVersion").and_then(Revision::named);
        if spoken.is_none() {
            self.lost(index, "it speaks no revision of the protocol that the gateway speaks");
            return self.one_more();
        }
        let done = notification("notifications/initialized", Json::Object(vec![]));
        self.send(index, done);
        self.ready(index, result);
    }

    /// A server has said what it has.
    pub(super) fn ready(&mut self, index: usize, said: &Json) {
        let Some(server) = self.servers.get_mut(index) else { return };
        server.state = State::Ready;
        server.capabilities = said.get("capabilities").cloned().unwrap_or(Json::Null);
        server.instructions = said.str_at("instructions").map(str::to_owned);
        if server.capabilities.get("tools").is_some() {
            self.gather(Kind::Tools, Why::Start, vec![index]);
        } else {
            self.one_more();
        }
    }

    /// One more server has said all, or is lost.
    pub(super) fn one_more(&mut self) {
        let Some(starting) = &mut self.starting else { return };
        starting.waiting = starting.waiting.saturating_sub(1);
        if starting.waiting == 0 {
            self.begun();
        }
    }

    fn begun(&mut self) {
        let Some(Starting { caller, .. }) = self.starting.take() else { return };
        if self.is_lost() {
            let why = |server: &Server| format!("{}: {}", server.name, server.why);
            let why: Vec<String> = self.servers.iter().map(why).collect();
            let message = format!("no server of the connection can be used: {}", why.join("; "));
            let error = RpcError::new(INTERNAL_ERROR, message);
            return self.fail(&caller, error);
        }
        let mut result = self.introduction();
        result.set("protocolVersion", Json::text(self.revision.name()));
        result.set("serverInfo", info());
        self.answer(&caller, result);
    }

    /// What a client is offered, and what the servers say of themselves.
    pub(super) fn introduction(&mut self) -> Json {
        let mut result = Json::object([("capabilities", self.offered())]);
        if let Some(instructions) = self.instructions() {
            result.set("instructions", Json::text(instructions));
        }
        result
    }

    fn offered(&self) -> Json {
        let mut capabilities = Json::Object(vec![]);
        for name in OFFERED {
            let of_servers = self.servers.iter().filter_map(|it| it.capabilities.get(name));
            let of_servers: Vec<&Json> = of_servers.collect();
            // Whose request a log entry belongs to cannot be told, and without sessions it must belong to one.
            if of_servers.is_empty() || (name == "logging" && self.revision.is_stateless()) {
                continue;
            }
            let mut offered = Json::Object(vec![]);
            for member in ["listChanged", "subscribe"] {
                if of_servers.iter().any(|it| it.get(member) == Some(&Json::Bool(true))) {
                    offered.set(member, Json::Bool(true));
                }
            }
            if name == "tools" {
                // An approval changes what is listed.
                offered.set("listChanged", Json::Bool(true));
            }
            capabilities.set(name, offered);
        }
        capabilities
    }

    /// What the servers say of themselves, as far as it is what was approved.
    pub(super) fn instructions(&mut self) -> Option<String> {
        let mut all = Vec::new();
        for server in &self.servers {
            let Some(text) = &server.instructions else { continue };
            let shown = Json::text(text);
            let (digest, written) = (pins::digest_of(&shown), shown.to_text());
            let said = Said { server: &server.name, tool: "", digest: &digest, text: &written };
            let mut pinned = self.pins.pinned(&server.name, "");
            if self.settings.new_tools_of(&server.name) == NewTools::Trust && pinned == Ok(None) {
                let taken = self.pins.pin(&said, Trusted::FirstSeen);
                pinned = taken.and_then(|()| self.pins.pinned(&server.name, ""));
            }
            let same = pinned.is_ok_and(|pinned| pinned.as_ref() == Some(&digest));
            self.pins.said(&said);
            if same {
                all.push(text.clone());
            } else {
                let server = &server.name;
                tracing::warn!(
                    server,
                    "a server's instructions are withheld until somebody approves them"
                );
            }
        }
        let text = all.join("\n\n");
        let shown = self.masks.message(&mut self.gate, "instructions", &text).ok()?;
        (!shown.is_empty()).then_some(shown)
    }

    /// A second `initialize` within the session.
    pub(super) fn begin_again(&mut self, caller: &Caller) {
        let error = RpcError::new(INVALID_REQUEST, "the session is initialized already");
        self.fail(caller, error);
    }

    /// Whether a message can be served now.
    pub(super) fn is_begun(&self) -> bool {
        self.starting.is_none()
    }
}

/// How the gateway introduces itself, to both sides.
pub(crate) fn info() -> Json {
    Json::object([
        ("name", Json::text("palisade")),
        ("title", Json::text("Palisade")),
        ("version", Json::text(env!("CARGO_PKG_VERSION"))),
    ])
}
