//! The form of a file of cases, as it is written.

use std::collections::BTreeMap;

use palisade_policy::{
    CallLimits, Command, Context, Field, Hold, Keys, Operation, Principal, Shape, Target,
};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use Keys::{Any, Table};

/// Every key that a file of cases may have.
pub(super) const KEYS: Keys = Table(&[
    ("config", Any),
    ("grants", Any),
    (
        "limits",
        Table(&[("time_ms", Any), ("memory_mib", Any), ("tables", Any), ("instances", Any)]),
    ),
    ("case", CASE),
]);

const CASE: Keys = Table(&[
    ("name", Any),
    ("config", Any),
    ("grants", Any),
    (
        "context",
        Table(&[
            ("subject", Any),
            ("issuer", Any),
            ("roles", Any),
            ("acting_for", Any),
            ("connection", Any),
            ("protocol", Any),
            ("labels", Any),
            ("session", Any),
            ("client_address", Any),
        ]),
    ),
    (
        "command",
        Table(&[
            ("text", Any),
            (
                "operations",
                Table(&[("action", Any), ("object", Any), ("fields", Any), ("facts", Any)]),
            ),
            ("complete", Any),
        ]),
    ),
    (
        "result",
        Table(&[
            ("fields", Table(&[("name", Any), ("sources", Any), ("type", Any)])),
            ("document", Any),
            ("byte_stream", Any),
        ]),
    ),
    ("inspect", Table(&[("values", Any)])),
    (
        "hold",
        Table(&[
            ("reason", Any),
            ("rule", Any),
            ("approvers", Any),
            ("quorum", Any),
            ("expires_in", Any),
        ]),
    ),
    // What may stand here depends on what is asked: see `expect`.
    ("expect", Any),
]);

#[derive(Deserialize)]
pub(super) struct RawFile {
    pub(super) config: Option<Value>,
    #[serde(default)]
    pub(super) grants: Vec<Spanned<Value>>,
    #[serde(default)]
    pub(super) limits: CallLimits,
    #[serde(default, rename = "case")]
    pub(super) cases: Vec<RawCase>,
}

#[derive(Deserialize)]
pub(super) struct RawCase {
    pub(super) name: Spanned<String>,
    pub(super) config: Option<Value>,
    pub(super) grants: Option<Vec<Spanned<Value>>>,
    #[serde(default)]
    pub(super) context: RawContext,
    pub(super) command: Option<RawCommand>,
    pub(super) result: Option<RawResult>,
    pub(super) inspect: Option<RawInspect>,
    pub(super) hold: Option<RawHold>,
    pub(super) expect: BTreeMap<Spanned<String>, Value>,
}

/// What is left out is an agent on a connection to PostgreSQL, as in the SDK's tests.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct RawContext {
    subject: String,
    issuer: String,
    roles: Vec<String>,
    acting_for: Option<String>,
    connection: String,
    protocol: String,
    labels: BTreeMap<String, String>,
    session: String,
    client_address: String,
}

impl Default for RawContext {
    fn default() -> Self {
        Self {
            subject: "agent".to_owned(),
            issuer: "palisade".to_owned(),
            roles: vec!["agent".to_owned()],
            acting_for: None,
            connection: "orders".to_owned(),
            protocol: "postgres".to_owned(),
            labels: BTreeMap::new(),
            session: "session-1".to_owned(),
            client_address: "127.0.0.1:50000".to_owned(),
        }
    }
}

impl From<RawContext> for Context {
    fn from(raw: RawContext) -> Self {
        let RawContext { subject, issuer, roles, acting_for, .. } = raw;
        let RawContext { connection, protocol, labels, session, client_address, .. } = raw;
        Self {
            session,
            principal: Principal { subject, issuer, roles, acting_for, ..Principal::default() },
            target: Target { connection, protocol, labels: labels.into_iter().collect() },
            client_address,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawCommand {
    text: String,
    #[serde(default)]
    operations: Vec<RawOperation>,
    #[serde(default = "yes")]
    complete: bool,
}

#[derive(Deserialize)]
struct RawOperation {
    action: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    facts: BTreeMap<String, OneOrMany>,
}

/// A fact can be known several times: `uses = ["predicate public.users.ssn", "sort public.users.ssn"]`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn yes() -> bool {
    true
}

impl From<RawCommand> for Command {
    fn from(raw: RawCommand) -> Self {
        let operations = raw.operations.into_iter().map(Operation::from).collect();
        Self { text: raw.text, operations, complete: raw.complete }
    }
}

impl From<RawOperation> for Operation {
    fn from(raw: RawOperation) -> Self {
        let RawOperation { action, object, fields, facts } = raw;
        let facts = facts.into_iter().flat_map(|(name, values)| {
            let values = match values {
                OneOrMany::One(value) => vec![value],
                OneOrMany::Many(values) => values,
            };
            values.into_iter().map(move |value| (name.clone(), value))
        });
        Self { action, object, fields, facts: facts.collect() }
    }
}

#[derive(Deserialize)]
pub(super) struct RawResult {
    fields: Option<Vec<RawField>>,
    document: Option<String>,
    #[serde(default)]
    byte_stream: bool,
}

#[derive(Deserialize)]
struct RawField {
    name: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(rename = "type")]
    type_name: String,
}

impl RawResult {
    /// The shape that it says; none where it says none or several.
    pub(super) fn shape(self) -> Option<Shape> {
        let Self { fields, document, byte_stream } = self;
        match (fields, document, byte_stream) {
            (Some(fields), None, false) => {
                Some(Shape::Table(fields.into_iter().map(Field::from).collect()))
            }
            (None, Some(media_type), false) => Some(Shape::Document(media_type)),
            (None, None, true) => Some(Shape::ByteStream),
            _ => None,
        }
    }
}

impl From<RawField> for Field {
    fn from(raw: RawField) -> Self {
        Self { name: raw.name, sources: raw.sources, type_name: raw.type_name }
    }
}

#[derive(Deserialize)]
pub(super) struct RawInspect {
    pub(super) values: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawHold {
    reason: String,
    rule: String,
    approvers: Vec<String>,
    #[serde(default = "one")]
    quorum: u32,
    #[serde(default = "five_minutes")]
    expires_in: u32,
}

fn one() -> u32 {
    1
}

fn five_minutes() -> u32 {
    300
}

impl From<RawHold> for Hold {
    fn from(raw: RawHold) -> Self {
        let RawHold { reason, rule, approvers, quorum, expires_in } = raw;
        Self { reason, rule, approvers, quorum, expires_in, for_approvers: String::new() }
    }
}
