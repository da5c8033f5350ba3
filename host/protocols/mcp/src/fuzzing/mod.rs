//! What the fuzzers call, and what their findings are replayed by.

mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::task::{Context as TaskContext, Waker};

use self::world::{SECRET, World};
use crate::conversation::{Conversation, Effect, Incoming};
use crate::json::Json;
use crate::message::{Id, Message};

/// Methods that a client may say, or a server.
const METHODS: [&str; 14] = [
    "tools/call",
    "tools/list",
    "resources/read",
    "resources/list",
    "prompts/get",
    "ping",
    "initialize",
    "completion/complete",
    "sampling/createMessage",
    "notifications/progress",
    "notifications/tools/list_changed",
    "notifications/cancelled",
    "subscriptions/listen",
    "server/discover",
];

/// Reads these bytes as a message; what is read must read the same when it is written.
pub fn messages(data: &[u8]) {
    for batches in [false, true] {
        let Ok(messages) = Message::read(data, batches) else { continue };
        for message in messages {
            let text = message.json().to_text();
            let again = Message::read(text.as_bytes(), false);
            assert_eq!(again.ok().as_deref(), Some([message].as_slice()));
        }
    }
}

/// Plays a session made of these bytes, between a client and two servers that may say anything at any time.
///
/// Nothing reaches a server that was not allowed on record, no request has two answers, and a secret that the policies
/// cover is in nothing that the client is sent.
pub fn conversation(data: &[u8]) {
    play(data);
}

/// Plays it, with a client that has a session and with one that has none, and gives how many requests were sent on in both,
/// and how often a server heard the answer of one that has none.
fn play(data: &[u8]) -> (usize, usize) {
    let world = World::default();
    let id = Id::Number("0".to_owned());
    let params = Json::read(br#"{"protocolVersion":"2025-06-18","capabilities":{"sampling":{}}}"#);
    let begun = Conversation::begin(world.opening(), 0, id, &params.unwrap_or(Json::Null));
    let (sent, _) = play_in(world, begun, data);
    let world = World::default();
    let capabilities = Json::object([("sampling", Json::Object(vec![]))]);
    let begun = Conversation::begin_stateless(world.opening(), 0, capabilities);
    let (more, answered) = play_in(world, begun, data);
    (sent + more, answered)
}

fn play_in(mut world: World, mut conversation: Conversation, data: &[u8]) -> (usize, usize) {
    let mut choices = data.iter().copied();
    let mut check = Check::default();
    check.effects(&world, &mut conversation);
    let mut stream = 0;
    while let Some(choice) = choices.next() {
        let mut take = || choices.next().unwrap_or(0);
        match choice % 8 {
            0 | 1 => {
                stream += 1;
                let id = u64::from(choice / 8 % 4);
                let message = match check.back.take().filter(|_| choice / 32 % 2 == 1) {
                    Some(back) => comes_back(&mut take, id, &back),
                    None => said(&mut take, id),
                };
                if let Message::Request { id, .. } = &message {
                    *check.asked.entry((stream, id.clone())).or_default() += 1;
                }
                conversation.client(stream, message);
            }
            2..=4 => {
                let server = usize::from(take() % 2);
                let id = check.known_id(server, take());
                let message = said(&mut take, id);
                conversation.server(server, Incoming::Message(message));
            }
            5 => conversation.tick(),
            6 => {
                world.grant(take() % 2 == 0);
                let mut context = TaskContext::from_waker(Waker::noop());
                let _ = conversation.poll_decisions(&mut context);
            }
            _ => match take() % 4 {
                0 => conversation.abandoned(u64::from(take() % 16)),
                1 => conversation.server(1, Incoming::Lost("gone".to_owned())),
                2 => conversation.overdue(),
                _ => {}
            },
        }
        check.effects(&world, &mut conversation);
    }
    conversation.finish("the end", "");
    check.effects(&world, &mut conversation);
    assert!(conversation.is_idle());
    (check.sent, check.answered)
}

#[derive(Default)]
struct Check {
    /// How often each id was asked by each stream, less the answers.
    asked: BTreeMap<(u64, Id), i64>,
    /// Requests that were sent on.
    sent: usize,
    /// What a client without a session was asked last by its own request.
    back: Option<Json>,
    /// How often a server heard what such a client answered.
    answered: usize,
    /// What each server was asked last.
    ids: [Vec<u64>; 2],
}

impl Check {
    fn effects(&mut self, world: &World, conversation: &mut Conversation) {
        for effect in conversation.take_effects().1 {
            match effect {
                Effect::Server(server, Message::Request { id, method, params }) => {
                    assert!(!params.to_text().contains("forbidden"));
                    self.count(&method, &params, conversation);
                    if let (Id::Number(id), Some(ids)) = (id, self.ids.get_mut(server)) {
                        ids.extend(id.parse::<u64>());
                    }
                }
                Effect::Server(_, Message::Result { .. }) => self.answered += 1,
                Effect::Server(..) | Effect::Silence(_) => {}
                Effect::Answer(stream, message) => {
                    covered(&message);
                    if let Message::Result { result, .. } = &message
                        && result.str_at("resultType") == Some("input_required")
                    {
                        self.back = Some(result.clone());
                    }
                    let (Message::Result { id, .. } | Message::Error { id: Some(id), .. }) =
                        message
                    else {
                        continue;
                    };
                    if stream > 0 {
                        let due = self.asked.entry((stream, id)).or_default();
                        *due -= 1;
                        assert!(*due >= 0, "a request has two answers");
                    }
                }
                Effect::Tell(_, message) => covered(&message),
            }
        }
        assert!(self.sent <= world.allowed(), "something was sent that was not allowed");
    }

    /// Counts what must have been allowed. The gateway's own questions need not be; and of several resources that are
    /// subscribed to at once one command is allowed.
    fn count(&mut self, method: &str, params: &Json, played: &Conversation) {
        let own = matches!(method, "initialize" | "server/discover") || method.ends_with("/list");
        let notifications = params.get("notifications").unwrap_or(&Json::Null);
        let subscribes = notifications.get("resourceSubscriptions").is_some();
        let listens = method == "subscriptions/listen" && !subscribes;
        let at_once =
            played.revision().is_stateless() && (subscribes || method.ends_with("subscribe"));
        self.sent += usize::from(!own && !listens && !at_once);
    }

    fn known_id(&self, server: usize, choice: u8) -> u64 {
        let ids = self.ids.get(server).map(Vec::as_slice).unwrap_or_default();
        let back = usize::from(choice % 4) + 1;
        ids.len().checked_sub(back).and_then(|at| ids.get(at)).copied().unwrap_or(99)
    }
}

fn covered(message: &Message) {
    assert!(!message.json().to_text().contains(SECRET), "a secret is told");
}

/// A client's request once more, with answers to what it was asked, or with what it was not.
fn comes_back(take: &mut impl FnMut() -> u8, id: u64, asked: &Json) -> Message {
    let mut params = object(take);
    if let Some(state) = asked.get("requestState") {
        params.set("requestState", state.clone());
    }
    let asks = asked.get("inputRequests").map(Json::members).unwrap_or_default();
    let answers = asks.iter().map(|(name, _)| (name.clone(), object(take))).collect();
    params.set("inputResponses", Json::Object(answers));
    Message::Request { id: Id::Number(id.to_string()), method: "tools/call".to_owned(), params }
}

/// A message of one's choice.
fn said(take: &mut impl FnMut() -> u8, id: u64) -> Message {
    let id = Id::Number(id.to_string());
    match take() % 4 {
        0 => {
            let method = METHODS.get(usize::from(take()) % METHODS.len()).copied();
            let method = method.unwrap_or_default().to_owned();
            let params = object(take);
            if method.starts_with("notifications") {
                return Message::Notification { method, params };
            }
            Message::Request { id, method, params }
        }
        1 => {
            let error = crate::message::RpcError::new(-1, format!("failed: AKIA{SECRET}"));
            Message::Error { id: Some(id), error }
        }
        _ => Message::Result { id, result: object(take) },
    }
}

/// Objects as clients and servers send them, and such as they do not.
fn object(take: &mut impl FnMut() -> u8) -> Json {
    let texts = [
        r#"{"name":"one__say","arguments":{"a":"b"}}"#,
        r#"{"name":"two__say","arguments":{"a":"risky"},"_meta":{"progressToken":1}}"#,
        r#"{"name":"one__say","arguments":{"a":"forbidden"}}"#,
        r#"{"uri":"one+file:///a","name":7}"#,
        r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"resources":{}}}"#,
        r#"{"tools":[{"name":"say","description":"x","inputSchema":{"type":"object"}}],"resources":[{"uri":"a:b","name":"x"}]}"#,
        r#"{"tools":[{"name":"say","description":"y","inputSchema":{"type":"object"}}],"nextCursor":"n"}"#,
        r#"{"content":[{"type":"text","text":"{\"password\":\"IOSFODNN7EXAMPLE\"}"}],"structuredContent":{"password":["IOSFODNN7EXAMPLE"]}}"#,
        r#"{"content":[{"type":"image","data":"IOSFODNN7EXAMPLE","mimeType":"a/b"},{"type":"resource","resource":{"blob":"IOSFODNN7EXAMPLE"}}]}"#,
        r#"{"contents":[{"uri":"a:b","text":"AKIAIOSFODNN7EXAMPLE"}],"messages":[{"role":"x","content":{"type":"text","text":"AKIAIOSFODNN7EXAMPLE"}}]}"#,
        r#"{"progressToken":5,"progress":1,"message":"AKIAIOSFODNN7EXAMPLE","requestId":3,"password":"IOSFODNN7EXAMPLE"}"#,
        "{}",
        r#"{"name":"one__say","arguments":{"a":"b"},"requestState":"palisade-9","inputResponses":{"palisade-10":{}}}"#,
        r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["one+file:///a","two+file:///forbidden"]}}"#,
        r#"{"notifications":{"resourcesListChanged":true,"resourceSubscriptions":["one+file:///a"]}}"#,
        r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}}}"#,
        r#"{"resultType":"input_required","requestState":"AKIAIOSFODNN7EXAMPLE"}"#,
    ];
    let text = texts.get(usize::from(take()) % texts.len()).copied().unwrap_or("{}");
    Json::read(text.as_bytes()).unwrap_or(Json::Null)
}
