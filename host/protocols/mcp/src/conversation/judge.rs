//! What the gate is asked, and what comes of its answers.

use std::sync::Arc;

use palisade_policy::{
    Allowed, Asked, Command, Decision, Denial, Granted, Hold, HoldNotice, Moment, Operation,
    TooMuch,
};
use wildmatch::WildMatch;

use super::due::Sent;
use super::listen::Wanted;
use super::{Caller, Conversation, Due, Held, Server, State, denied, notification};
use crate::catalog::Standing;
use crate::event::{About, command, refused_command, rewritten, too_much};
use crate::json::Json;
use crate::message::{Id, Message, RpcError};
use crate::pins::{Said, Trusted};
use crate::request::{Aim, Ask, Kind};
use crate::results::text_part;
use crate::schema::Schema;

/// So much of what a tool says, and said, is shown to whoever approves a call of it, in bytes.
const MOST_SHOWN: usize = 64 * 1024;

/// What is done once it is allowed.
pub(super) enum Job {
    /// The request goes to a server.
    Forward(Forward),
    /// Something is listed.
    List { caller: Caller, kind: Kind },
    /// The client hears of something.
    Listen { caller: Caller, wanted: Wanted },
    /// Servers are told how much to log.
    Level { caller: Caller, level: String },
    /// A server's request goes to the client.
    Reverse { server: usize, id: Id, method: &'static str, params: Json },
}

/// A request for a server.
pub(super) struct Forward {
    pub(super) caller: Caller,
    pub(super) ask: Ask,
    /// What the client asked for, where a policy put something else in its place.
    pub(super) asked: Option<Box<Ask>>,
    pub(super) aim: Aim,
    /// The tool that is called, as it was judged.
    pub(super) pin: Option<Pin>,
}

/// A tool as it was when its call was judged.
pub(super) struct Pin {
    digest: String,
    seen: Seen,
}

/// What whoever approves a call is shown of the tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Nothing: it was approved before.
    Approved,
    /// All that it says.
    Whole,
    /// Less than it says: the call is approved, and not the tool.
    Part,
}

impl Job {
    pub(super) fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Forward(Forward { caller, .. })
            | Self::List { caller, .. }
            | Self::Listen { caller, .. }
            | Self::Level { caller, .. } => Some(caller),
            Self::Reverse { .. } => None,
        }
    }

    /// The method that was asked for.
    fn method(&self) -> &'static str {
        match self {
            Self::Forward(forward) => forward.ask.method(),
            Self::List { kind, .. } => kind.method(),
            Self::Listen { .. } => "subscriptions/listen",
            Self::Level { .. } => "logging/setLevel",
            Self::Reverse { method, .. } => method,
        }
    }

    pub(super) fn into_caller(self) -> Option<Caller> {
        match self {
            Self::Forward(Forward { caller, .. })
            | Self::List { caller, .. }
            | Self::Listen { caller, .. }
            | Self::Level { caller, .. } => Some(caller),
            Self::Reverse { .. } => None,
        }
    }
}

/// What is found out about a tool before it is called.
pub(super) struct Look {
    pub(super) facts: Vec<(&'static str, String)>,
    /// The gateway's own reason to wait.
    pub(super) hold: Option<Hold>,
    pub(super) pin: Option<Pin>,
}

impl Conversation {
    pub(super) fn ask(&mut self, command: Result<Command, TooMuch>, job: Job) {
        self.ask_with(command, job, None);
    }

    /// Asks whether a job may be done; nobody is asked about what tells too much, which is denied.
    pub(super) fn ask_with(
        &mut self,
        command: Result<Command, TooMuch>,
        job: Job,
        own: Option<&Hold>,
    ) {
        let command = match command {
            Ok(command) => Arc::new(command),
            Err(why) => return self.deny(&refused_command(job.method()), &job, &too_much(why)),
        };
        if let Some(denial) = self.more_than_reads(&command) {
            return self.deny(&command, &job, &denial);
        }
        let template = command.operations.first().cloned().unwrap_or_default();
        let schema = match &job {
            Job::Forward(forward) => schema(&self.servers, &forward.aim),
            _ => Schema::default(),
        };
        let read = |text: &str| Arc::new(reread(&job, (&template, schema), text));
        match self.gate.ask_with(&command, Moment::Run, &read, own) {
            Asked::Decided(decision) => self.decided(job, decision),
            Asked::Waiting(waiting) => {
                let words = words(&waiting.notices);
                if let (Some(caller), false) = (job.caller(), words.is_empty())
                    && let Some(token) = &caller.token
                {
                    let message = waits(token, 1, &words);
                    self.effects.push(super::Effect::Tell(Some(caller.stream), message));
                }
                let key = self.next();
                let decision = waiting.decision;
                self.held.insert(key, Held { job, decision, words, told: 1 });
            }
        }
    }

    /// Who only reads calls no tool but those that the operator knows to read.
    pub(super) fn more_than_reads(&self, command: &Command) -> Option<Denial> {
        let reads = |operation: &Operation| {
            let known = || {
                let globs = self.settings.reads.iter();
                globs.into_iter().any(|glob| WildMatch::new(glob).matches(&operation.object))
            };
            operation.action != "call" || known()
        };
        (self.read_only && !command.operations.iter().all(reads)).then(|| Denial {
            reason: "this session only reads, and the tool is not known to".to_owned(),
            rule: "gateway.read-only".to_owned(),
            hint: "Ask the operator to list it in the connection's `reads` if it does.".to_owned(),
        })
    }

    /// Goes on with what the gate said.
    pub(super) fn decided(&mut self, job: Job, decision: Decision) {
        match decision {
            Decision::Deny(denial) => self.tell_denial(&job, &denial),
            Decision::Allow(allowed) => self.allowed(job, &allowed),
        }
    }

    fn allowed(&mut self, job: Job, allowed: &Allowed) {
        match job {
            Job::Forward(forward) => self.forward(forward, allowed),
            Job::List { .. } | Job::Listen { .. } | Job::Level { .. } | Job::Reverse { .. }
                if allowed.rewritten =>
            {
                self.tell_denial(&job, &not_rewritten());
            }
            Job::Listen { caller, wanted } => self.listens(&caller, wanted, allowed.number),
            Job::List { caller, kind } => self.list(caller, kind, allowed.number),
            Job::Level { caller, level } => {
                for server in 0..self.servers.len() {
                    let has = |it: &Server| it.capabilities.get("logging").is_some();
                    if self.servers.get(server).is_some_and(has) {
                        let params = Json::object([("level", Json::text(&level))]);
                        self.request(server, "logging/setLevel", params, Due::Ignored);
                    }
                }
                self.answer(&caller, Json::Object(vec![]));
            }
            Job::Reverse { server, id, method, params } => {
                self.ask_client(server, id, method, &params, allowed.number);
            }
        }
    }

    fn forward(&mut self, mut forward: Forward, allowed: &Allowed) {
        let object =
            allowed.command.operations.first().map(|it| it.object.clone()).unwrap_or_default();
        if allowed.rewritten {
            match rewritten(&forward.ask, &object, &allowed.command.text) {
                Some(ask) => {
                    forward.asked = Some(Box::new(std::mem::replace(&mut forward.ask, ask)))
                }
                None => return self.tell_denial(&Job::Forward(forward), &not_rewritten()),
            }
        }
        let of_tool = |granted: &&Granted| granted.hold.rule.starts_with("gateway.tool-");
        let by = allowed.granted.iter().find(of_tool);
        let by = by.map(|granted| granted.by.as_slice()).unwrap_or_default();
        if let Err(denial) = self.spend(&forward, by) {
            // What was allowed does not run: the record says so.
            let _ = self.gate.tell_error(allowed.number, &denial.rule, &denial.reason);
            return self.tell_denial(&Job::Forward(forward), &denial);
        }
        let Forward { caller, ask, asked, aim, .. } = forward;
        if self.servers.get(aim.server).is_none_or(|server| server.state != State::Ready) {
            let message = "the server is gone";
            let _ = self.gate.tell_error(allowed.number, "gateway.server", message);
            return self.fail(&caller, RpcError::new(crate::message::INTERNAL_ERROR, message));
        }
        if let Err(error) = self.notes_subscription(&ask, &aim) {
            let _ = self.gate.tell_error(allowed.number, "gateway.limit", &error.message);
            return self.fail(&caller, error);
        }
        let mut params = ask.params(&aim.name);
        // Also where its client hears of no progress: it is what tells that the server is at work.
        let token = Json::number(self.last + 1);
        params.set("_meta", Json::object([("progressToken", token)]));
        let method = ask.method();
        if self.servers.get(aim.server).is_some_and(|it| it.stateless) {
            let gone = Sent { caller, ask, asked, number: allowed.number };
            return self.forward_unbegun(&aim, params, gone);
        }
        let due = Due::Request(Sent { caller, ask, asked, number: allowed.number });
        self.request(aim.server, method, params, due);
    }

    /// The tool must still be what was judged, and is approved by that.
    fn spend(&mut self, forward: &Forward, by: &[String]) -> Result<(), Denial> {
        let Some(Pin { digest, seen }) = &forward.pin else { return Ok(()) };
        let Some(server) = self.servers.get(forward.aim.server) else { return Ok(()) };
        let tool = server.catalog.get(&forward.aim.name);
        let Some(tool) = tool.filter(|tool| tool.digest == *digest) else {
            return Err(moved_on());
        };
        let standing = tool.standing(&server.name, &forward.aim.name, &*self.pins);
        let is_approved = standing.map_err(unpinned)? == Standing::Approved;
        if !is_approved && *seen == Seen::Approved {
            // It is approved no more, and nobody was shown what it says.
            return Err(moved_on());
        }
        if !is_approved && *seen == Seen::Whole {
            let text = tool.shown.to_text();
            let (server, tool) = (&server.name, &forward.aim.name);
            let said = Said { server, tool, digest, text: &text };
            self.pins.pin(&said, Trusted::CallApproved(by)).map_err(unpinned)?;
            let changed = "notifications/tools/list_changed";
            self.tell(None, changed, Json::Object(vec![]));
        }
        Ok(())
    }

    /// Finds out about a tool that is to be called.
    pub(super) fn look_at_tool(&self, aim: &Aim, arguments: &Json) -> Result<Look, Denial> {
        let deny = |rule: &str, reason: &str, hint: &str| Denial {
            reason: reason.to_owned(),
            rule: rule.to_owned(),
            hint: hint.to_owned(),
        };
        let Some(server) = self.servers.get(aim.server) else {
            return Err(deny("gateway.tool-unknown", "there is no such tool", ""));
        };
        let Some(tool) = server.catalog.get(&aim.name) else {
            let hint = "Call one of the tools that are listed.";
            return Err(deny("gateway.tool-unknown", "there is no such tool", hint));
        };
        if tool.misspelt(arguments).is_some() {
            let reason = "an argument's name differs from one of the tool's in case alone";
            return Err(deny("gateway.params", reason, "Spell it as the tool's schema does."));
        }
        let standing = tool.standing(&server.name, &aim.name, &*self.pins).map_err(unpinned)?;
        let reason = match standing {
            Standing::Approved => None,
            Standing::New => Some("nobody has approved this tool yet"),
            Standing::Changed => Some("this tool is not what it was when it was approved"),
        };
        let mut seen = Seen::Approved;
        let mut hold = None;
        if let Some(reason) = reason {
            let words = tool.words(&server.name, &aim.name, &*self.pins, MOST_SHOWN);
            let words = words.map_err(unpinned)?;
            seen = if words.is_some() { Seen::Whole } else { Seen::Part };
            hold = Some(Hold {
                reason: reason.to_owned(),
                rule: format!("gateway.tool-{}", standing.word()),
                approvers: vec![],
                quorum: 1,
                expires_in: self.settings.hold_seconds.max(1),
                for_approvers: words.unwrap_or_else(|| too_long(&server.name, &aim.name)),
            });
        }
        let mut facts = vec![("tool", standing.word().to_owned())];
        facts.extend(tool.claims());
        Ok(Look { facts, hold, pin: Some(Pin { digest: tool.digest.clone(), seen }) })
    }

    /// Denies by the gateway itself, and records it.
    pub(super) fn deny(&mut self, command: &Command, job: &Job, denial: &Denial) {
        self.gate.refuse(command, denial);
        self.tell_denial(job, denial);
    }

    /// Tells whoever asked that it is denied: a model reads a tool's result, and no error.
    fn tell_denial(&mut self, job: &Job, denial: &Denial) {
        match job {
            Job::Forward(Forward { caller, ask: Ask::Call { .. }, .. }) => {
                let mut text = format!("Denied: {} (rule {})", denial.reason, denial.rule);
                if !denial.hint.is_empty() {
                    text.push('\n');
                    text.push_str(&denial.hint);
                }
                let rule = Json::object([("palisade/rule", Json::text(&denial.rule))]);
                let result = Json::object([
                    ("content", Json::List(vec![text_part(&text)])),
                    ("isError", Json::Bool(true)),
                    ("_meta", rule),
                ]);
                self.answer(&caller.clone(), result);
            }
            Job::Reverse { server, id, .. } => {
                let error = denied(denial);
                self.send(*server, Message::Error { id: Some(id.clone()), error });
            }
            _ => {
                if let Some(caller) = job.caller().cloned() {
                    self.fail(&caller, denied(denial));
                }
            }
        }
    }
}

/// What the tool that is called says of its arguments, where it is known.
pub(super) fn schema<'a>(servers: &'a [Server], aim: &Aim) -> Schema<'a> {
    let tool = servers.get(aim.server).and_then(|server| server.catalog.get(&aim.name));
    Schema(tool.and_then(|tool| tool.shown.get("inputSchema")))
}

/// What a policy's text stands for; what it does not stand for is a command that is not accounted for.
fn reread(job: &Job, (template, schema): (&Operation, Schema<'_>), text: &str) -> Command {
    let ask = match job {
        Job::Forward(forward) => rewritten(&forward.ask, &template.object, text),
        _ => None,
    };
    let (Some(ask), Job::Forward(forward)) = (ask, job) else {
        let operations = [template.clone()].into();
        return Command { text: text.to_owned(), operations, complete: false };
    };
    let server = template.object.strip_suffix(&format!(".{}", forward.aim.name));
    let (server, name) = (server.unwrap_or_default(), forward.aim.name.as_str());
    let about = About { server, name, schema, facts: &[] };
    let Ok(command) = command(&ask, about) else {
        let operations = [template.clone()].into();
        return Command { text: text.to_owned(), operations, complete: false };
    };
    let kept = template.facts.iter().filter(|(name, _)| !name.starts_with("argument:"));
    let mut operations = command.operations.to_vec();
    if let Some(operation) = operations.first_mut() {
        operation.facts.extend(kept.cloned());
    }
    Command { operations: operations.into(), ..command }
}

/// What a client is told that waits for people; empty where it waits for none.
fn words(notices: &[HoldNotice]) -> String {
    let words = notices.iter().map(|notice| {
        let reason: String = notice.reason.chars().take(200).collect();
        format!("held for approval: {reason} ({})", notice.how)
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Progress that is none, so that nobody gives up. Whatever a server says of it later is more.
pub(super) fn waits(token: &Json, count: u64, words: &str) -> Message {
    let params = Json::object([
        ("progressToken", token.clone()),
        ("progress", Json::Number(format!("0.{count:09}"))),
        ("message", Json::text(words)),
    ]);
    notification("notifications/progress", params)
}

fn not_rewritten() -> Denial {
    Denial {
        reason: "a policy put something else in the request's place that cannot be sent".to_owned(),
        rule: "gateway.rewrite".to_owned(),
        hint: "Tell whoever operates the gateway.".to_owned(),
    }
}

fn moved_on() -> Denial {
    Denial {
        reason: "the tool changed while its call was judged".to_owned(),
        rule: "gateway.tool-changed".to_owned(),
        hint: "List the tools and call it again.".to_owned(),
    }
}

/// What whoever approves is shown in the place of more than can be looked at.
fn too_long(server: &str, tool: &str) -> String {
    format!(
        "! What the tool says is too long to be shown here. To approve this lets this one call run, and approves no tool:\n\
         ! `palisade pins show {server} {tool}` shows it, and `palisade pins approve` approves what was looked at."
    )
}

fn unpinned(error: String) -> Denial {
    Denial {
        reason: format!("what was approved of the tool cannot be told: {error}"),
        rule: "gateway.tool-pins".to_owned(),
        hint: "Tell whoever operates the gateway.".to_owned(),
    }
}
