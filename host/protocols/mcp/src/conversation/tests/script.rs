//! A session by script: messages in, and what came of them out, as lines.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};

use palisade_policy::{
    Action, Approvals, Batch, Command, Context, Entry, Gate, Hold, HoldRequest, Hooks, Journal,
    JournalFailure, Later, Outcome, Placed, Plan, Policy, PolicyFailure, Review, Shape, Ticket,
    Verdict,
};

use super::super::*;
use crate::pins::MemoryPins;

/// Judges by words in an operation's object or in the values of its arguments, and covers what stands under such keys.
struct ByWord(&'static str);

/// What is covered, unless a test says otherwise.
const COVERED: &str = "*password*";

impl Policy for ByWord {
    fn name(&self) -> &'static str {
        "by-word"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let (rule, hint) = ("by-word".to_owned(), "Do not.".to_owned());
        let text = &command.text;
        Ok(if text.contains("forbidden") {
            let reason = "it is forbidden".to_owned();
            Verdict::Deny(Denial { reason, rule, hint })
        } else if text.contains("risky") {
            let reason = "it is risky".to_owned();
            Verdict::Hold(Hold {
                reason,
                rule,
                approvers: vec![],
                quorum: 1,
                expires_in: 60,
                for_approvers: String::new(),
            })
        } else if text.contains("\"draft\":false") {
            Verdict::Rewrite(text.replace("\"draft\":false", "\"draft\":true"))
        } else {
            Verdict::Allow
        })
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let keys = match shape {
            Shape::Document(kind) if kind.ends_with("json") => {
                vec![(self.0.to_owned(), Action::Replace("********".to_owned()))]
            }
            _ => vec![],
        };
        let rest = match shape {
            Shape::Document(kind) if kind == "image/plain-sight" => Action::Keep,
            _ => Action::Scan(vec!["aws-key".to_owned()]),
        };
        Ok(Plan { fields: vec![], keys, rest })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Journal for Told {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        let line = match entry {
            Entry::Command { ruling, rule, command, .. } => {
                format!("{ruling} {rule} {}", command.text.replace('\n', " "))
            }
            Entry::Held { .. } => "held".to_owned(),
            Entry::Decided { outcome, .. } => outcome.word().to_owned(),
            Entry::Result { result, .. } => format!("result {:?} {}", result.rows, result.tag),
            Entry::Error { code, message, .. } => format!("error {code} {message}"),
        };
        self.0.lock().unwrap().push(line);
        Ok(None)
    }
}

#[derive(Default)]
struct Desk(Arc<Mutex<Option<Outcome>>>, Arc<Mutex<Vec<Hold>>>);

struct Paper(Arc<Mutex<Option<Outcome>>>);

impl Ticket for Paper {
    fn id(&self) -> &'static str {
        "h1"
    }
    fn how(&self) -> String {
        "palisade approve h1".to_owned()
    }
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(std::future::poll_fn(|_| match &*self.0.lock().unwrap() {
            Some(outcome) => Poll::Ready(outcome.clone()),
            None => Poll::Pending,
        }))
    }
}

impl Approvals for Desk {
    fn open(&self, request: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        self.1.lock().unwrap().push(request.terms);
        Ok(Box::new(Paper(Arc::clone(&self.0))))
    }
}

/// A session with servers that have the tools `read` and `forbidden_tool`.
pub(super) struct Script {
    pub(super) conversation: Conversation,
    gate: Arc<Gate>,
    told: Arc<Told>,
    outcome: Arc<Mutex<Option<Outcome>>>,
    terms: Arc<Mutex<Vec<Hold>>>,
}

pub(super) fn settings(servers: &[&str]) -> Settings {
    Settings {
        servers: servers.iter().map(|name| (*name).to_owned()).collect(),
        allow: Reverse::default(),
        new_tools: NewTools::Trust,
        held: vec![],
        reads: vec![],
        record_limit: 10_000,
        hold_seconds: 60,
        patience: 3,
    }
}

pub(super) const TOOLS: &str = r#"{"tools":[
    {"name":"read","description":"Reads.","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}},
    {"name":"forbidden_tool","inputSchema":{"type":"object"}}]}"#;

impl Script {
    /// A session that has begun.
    pub(super) fn begun(settings: Settings) -> Self {
        Self::with(settings, Arc::new(MemoryPins::default()), false)
    }

    pub(super) fn with(settings: Settings, pins: Arc<dyn Pins>, read_only: bool) -> Self {
        let params = json(
            r#"{"protocolVersion":"2025-06-18","capabilities":{"sampling":{},"elicitation":{}}}"#,
        );
        let id = Id::Number("0".to_owned());
        let begin = |opening| Conversation::begin(opening, 1, id, &params);
        Self::begin(settings, pins, read_only, begin)
    }

    /// One that has begun for requests without a session.
    pub(super) fn stateless(settings: Settings) -> Self {
        let begin = |opening| {
            let capabilities = json(r#"{"sampling":{},"elicitation":{}}"#);
            Conversation::begin_stateless(opening, 1, capabilities)
        };
        Self::begin(settings, Arc::new(MemoryPins::default()), false, begin)
    }

    /// One whose servers have said nothing yet.
    pub(super) fn beginning(settings: Settings) -> Self {
        let params = json(r#"{"protocolVersion":"2025-06-18"}"#);
        let id = Id::Number("0".to_owned());
        let begin = |opening| Conversation::begin(opening, 1, id, &params);
        Self::open(settings, Arc::new(MemoryPins::default()), false, begin)
    }

    fn begin(
        settings: Settings,
        pins: Arc<dyn Pins>,
        read_only: bool,
        begin: impl FnOnce(Opening) -> Conversation,
    ) -> Self {
        let servers = settings.servers.len();
        let mut script = Self::open(settings, pins, read_only, begin);
        for server in 0..servers {
            let capabilities =
                r#"{"tools":{},"resources":{"subscribe":true},"prompts":{},"logging":{}}"#;
            script.server(
                server,
                &format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{"protocolVersion":"2025-11-25","capabilities":{capabilities},"instructions":"Be nice."}}}}"#,
                    server + 1
                ),
            );
        }
        for server in 0..servers {
            script.answer_last(server, TOOLS);
        }
        script
    }

    fn open(
        settings: Settings,
        pins: Arc<dyn Pins>,
        read_only: bool,
        begin: impl FnOnce(Opening) -> Conversation,
    ) -> Self {
        let (told, desk) = (Arc::new(Told::default()), Desk::default());
        let (outcome, terms) = (Arc::clone(&desk.0), Arc::clone(&desk.1));
        let gate = Arc::new(Gate::new(Arc::new(desk), Arc::clone(&told) as Arc<dyn Journal>));
        gate.install(vec![Placed::everywhere(Arc::new(ByWord(COVERED)))]);
        let opening = Opening {
            gate: gate.session(Context::default()),
            settings: Arc::new(settings),
            pins,
            read_only,
            mask_key: [7; 32],
        };
        let conversation = begin(opening);
        let mut script = Self { conversation, gate, told, outcome, terms };
        script.effects();
        script
    }

    /// The same policies come once more, as another edition.
    pub(super) fn swap(&self) {
        self.cover(COVERED);
    }

    /// Policies come that cover what stands under such keys.
    pub(super) fn cover(&self, keys: &'static str) {
        self.gate.install(vec![Placed::everywhere(Arc::new(ByWord(keys)))]);
    }

    /// What is to be done, as lines.
    pub(super) fn effects(&mut self) -> Vec<String> {
        let (_, effects) = self.conversation.take_effects();
        let line = |effect: &Effect| match effect {
            Effect::Server(server, message) => {
                format!("server {server} {}", message.json().to_text())
            }
            Effect::Answer(stream, message) => {
                format!("answer {stream} {}", message.json().to_text())
            }
            Effect::Tell(Some(stream), message) => {
                format!("tell {stream} {}", message.json().to_text())
            }
            Effect::Tell(None, message) => format!("tell - {}", message.json().to_text()),
            Effect::Silence(stream) => format!("silence {stream}"),
        };
        effects.iter().map(line).collect()
    }

    pub(super) fn client(&mut self, stream: Stream, text: &str) -> Vec<String> {
        for message in Message::read(text.as_bytes(), false).unwrap() {
            self.conversation.client(stream, message);
        }
        self.effects()
    }

    /// The client asks for something, under this id.
    pub(super) fn ask(&mut self, id: u64, method: &str, params: &str) -> Vec<String> {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        self.client(id, &text)
    }

    /// The client calls the tool `read`.
    pub(super) fn call(&mut self, id: u64, arguments: &str) -> Vec<String> {
        self.ask(id, "tools/call", &format!(r#"{{"name":"read","arguments":{arguments}}}"#))
    }

    pub(super) fn server(&mut self, server: usize, text: &str) -> Vec<String> {
        for message in Message::read(text.as_bytes(), false).unwrap() {
            self.conversation.server(server, Incoming::Message(message));
        }
        self.effects()
    }

    /// The server answers the newest request that it has.
    pub(super) fn answer_last(&mut self, server: usize, result: &str) -> Vec<String> {
        let of_it = self.conversation.due.keys().filter(|(of, _)| *of == server);
        let id = of_it.map(|(_, id)| *id).next_back().unwrap();
        let result = json(result).to_text();
        self.server(server, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
    }

    pub(super) fn decide(&mut self, outcome: Outcome) -> Vec<String> {
        *self.outcome.lock().unwrap() = Some(outcome);
        let mut context = TaskContext::from_waker(Waker::noop());
        assert!(self.conversation.poll_decisions(&mut context).is_ready());
        *self.outcome.lock().unwrap() = None;
        self.effects()
    }

    /// What the newest hold waits for.
    pub(super) fn terms(&self) -> Hold {
        self.terms.lock().unwrap().last().unwrap().clone()
    }

    /// The record.
    pub(super) fn record(&self) -> Vec<String> {
        self.told.0.lock().unwrap().clone()
    }
}

pub(super) fn json(text: &str) -> Json {
    Json::read(text.as_bytes()).unwrap()
}
