//! Every route, in one slice.

mod pins;

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use crate::{Ask, PinAsk, Problem, Sensitive, SessionFilter, form};

/// How long a caller may take for a whole body of a JSON or a form, from the end of the request's head on.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);
/// How long for a plugin's file, which only an administrator sends.
const FILE_TIME: Duration = Duration::from_secs(300);

/// The kind of body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// None.
    None,
    /// A JSON object.
    Json,
    /// A connection, which may hold descriptors of its messages.
    Connection,
    /// A plugin's file.
    Wasm,
}

impl Body {
    /// The largest body, in bytes.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::None => 0,
            Self::Json => 64 * 1024,
            Self::Connection => 1024 * 1024,
            Self::Wasm => 64 * 1024 * 1024,
        }
    }

    /// How long it may take.
    pub(crate) fn time(self) -> Duration {
        match self {
            Self::None | Self::Json | Self::Connection => BODY_TIME,
            Self::Wasm => FILE_TIME,
        }
    }

    /// Its content type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Json | Self::Connection => "application/json",
            Self::Wasm => "application/wasm",
        }
    }
}

/// A request, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What stands for `{id}` in the route's path.
    pub(crate) id: String,
    /// What follows the question mark.
    pub(crate) query: String,
    /// The body.
    pub(crate) body: Bytes,
}

/// One route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    /// What it does, for whoever reads the API's description.
    pub(crate) about: &'static str,
    /// What its caller must be allowed to do; the gateway sees to it.
    pub(crate) right: Right,
    /// What may follow the question mark, and what it means.
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) body: Body,
    pub(crate) ask: fn(Input) -> Result<Ask, Problem>,
}

/// A method, as far as there are routes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
}

impl Verb {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }
}

/// What a caller must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Nothing but to be somebody; one sees what one may.
    Any,
    /// Look at the sessions of the connections that are asked about.
    View,
    /// Decide on the hold.
    Decide,
    /// Change the gateway.
    Administer,
}

/// How many items a list gives where the caller does not say.
const LIMIT: usize = 100;
/// How many items a list gives at most.
const MOST: usize = 1000;
/// The longest reason that a decision can carry, in bytes.
const LONGEST_REASON: usize = 4096;

/// Every route, in the order in which they are described.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        about: "What runs, and since when",
        ..get("/v1/status", Right::Any, |_| Ok(Ask::Status))
    },
    Route {
        about: "What is counted, in OpenMetrics' text form",
        ..get("/v1/metrics", Right::Administer, |_| Ok(Ask::Metrics))
    },
    Route {
        about: "The newest sessions: at most 10,000 are looked through, from the newest or `before`",
        query: &[
            AT_MOST,
            ("before", "The id of a session, or that of any moment: only those that opened before"),
            ("connection", "A glob of the connections that are asked for"),
            ("subject", "Who acts in them, or for whom another acts"),
        ],
        ..get("/v1/sessions", Right::View, sessions)
    },
    Route {
        about: "One session",
        ..get("/v1/sessions/{id}", Right::View, |input| Ok(Ask::Session { id: input.id }))
    },
    Route {
        about: "A page of a session's events",
        query: &[("from", "The number of the first event"), AT_MOST],
        ..get("/v1/sessions/{id}/events", Right::View, |input| {
            let from = number(&input.query, "from")?.unwrap_or(0);
            Ok(Ask::Events { limit: limit(&input.query)?, id: input.id, from })
        })
    },
    Route {
        about: "A page of the record: the commands and results of many sessions, and their connections' labels",
        query: &[
            ("session", "The first session's id, or that of any moment"),
            ("from", "The number of its first event"),
            ("connection", "A glob of the connections that are asked for"),
        ],
        ..get("/v1/record", Right::View, record)
    },
    Route {
        about: "A page of the commands that wait for a decision, the newest first",
        query: &[
            (
                "all",
                "`true` for those that were decided, too: of the newest 1000, or 32 MiB of them",
            ),
            ("before", "The id of the last hold of the page before"),
        ],
        ..get("/v1/holds", Right::Any, |input| {
            let all = value(&input.query, "all")?.as_deref() == Some("true");
            let before = value(&input.query, "before")?;
            Ok(Ask::Holds { all, before })
        })
    },
    Route {
        about: "One command that waits or was decided",
        ..get("/v1/holds/{id}", Right::Any, |input| Ok(Ask::Hold { id: input.id }))
    },
    Route {
        about: "Lets a held command run, once",
        ..post("/v1/holds/{id}/approve", Right::Decide, Body::Json, |input| decide(input, true))
    },
    Route {
        about: "Refuses a held command",
        ..post("/v1/holds/{id}/deny", Right::Decide, Body::Json, |input| decide(input, false))
    },
    Route {
        about: "The connections, of the configuration file and of the store",
        ..get("/v1/connections", Right::Administer, |_| Ok(Ask::Connections))
    },
    Route {
        about: "One connection",
        ..get("/v1/connections/{id}", Right::Administer, |input| {
            Ok(Ask::Connection { name: input.id })
        })
    },
    // Not beside the connections: one of them may have any name.
    Route {
        about: "Who added, replaced and removed connections of the store, the newest last",
        query: &[AT_MOST],
        ..get("/v1/changes/connections", Right::Administer, |input| {
            Ok(Ask::ConnectionHistory { limit: limit(&input.query)? })
        })
    },
    Route {
        about: "Keeps a connection in the store: the keys that the configuration's table has for its protocol, with \
                password (a text, sealed) or password_from (where it is read), secrets (a program's variables, sealed), \
                client_certificate (certificate and key as PEM, the key sealed), descriptor_set (in Base64), \
                replace",
        ..post("/v1/connections", Right::Administer, Body::Connection, |input| {
            Ok(Ask::AddConnection { connection: Sensitive::new(input.body) })
        })
    },
    Route {
        about: "Removes a connection of the store; its open sessions end",
        ..post("/v1/connections/{id}/remove", Right::Administer, Body::None, |input| {
            Ok(Ask::RemoveConnection { name: input.id })
        })
    },
    Route {
        about: "Tries a connection as a session would (a login, GET /, or a list of tools), and says what came back or is wrong",
        ..post("/v1/connections/{id}/test", Right::Administer, Body::None, |input| {
            Ok(Ask::TestConnection { name: input.id })
        })
    },
    Route {
        about: "What MCP servers were seen to offer: tools, and instructions (a tool without a name); approved, new or changed",
        ..get("/v1/pins", Right::Administer, |_| Ok(Ask::Pins(PinAsk::List)))
    },
    Route {
        about: "One of them, with what was approved and what is offered: {\"connection\": \"…\", \"tool\": \"…\"}; changes nothing",
        ..post("/v1/pins/show", Right::Administer, Body::Json, pins::show)
    },
    Route {
        about: "Approves what is offered: connection, tool, and the digest of what was looked at (12 letters of it do)",
        ..post("/v1/pins/approve", Right::Administer, Body::Json, pins::approve)
    },
    Route {
        about: "Forgets a tool, so that it is new when its server offers it next: connection, tool",
        ..post("/v1/pins/forget", Right::Administer, Body::Json, pins::forget)
    },
    Route {
        about: "Who approved and forgot which tools, the newest last",
        query: &[AT_MOST],
        ..get("/v1/changes/pins", Right::Administer, |input| {
            Ok(Ask::Pins(PinAsk::History { limit: limit(&input.query)? }))
        })
    },
    Route {
        about: "Wraps the kept passwords' keys by a new master key: where the new and the old one are (operator only)",
        ..post("/v1/vault/rotate", Right::Administer, Body::Json, |input| {
            Ok(Ask::RotateKey { keys: input.body })
        })
    },
    Route {
        about: "Reads the configuration and the policy files anew; open sessions go by them from their next command on",
        ..post("/v1/reload", Right::Administer, Body::None, |_| Ok(Ask::Reload))
    },
    Route {
        about: "The plugins in use",
        ..get("/v1/plugins", Right::Administer, |_| Ok(Ask::Plugins))
    },
    Route {
        about: "Who changed the policies in force, the newest last",
        query: &[AT_MOST],
        ..get("/v1/plugins/history", Right::Administer, |input| {
            Ok(Ask::PluginHistory { limit: limit(&input.query)? })
        })
    },
    Route {
        about: "Takes out again what was loaded for a policy",
        ..post("/v1/plugins/{id}/unload", Right::Administer, Body::None, |input| {
            Ok(Ask::UnloadPlugin { name: input.id })
        })
    },
    Route {
        about: "Undoes the latest load or unload of a policy",
        ..post("/v1/plugins/{id}/rollback", Right::Administer, Body::None, |input| {
            Ok(Ask::RollBackPlugin { name: input.id })
        })
    },
    Route {
        about: "Which roles reach a connection, and who has them: {\"connection\": \"…\"}; changes nothing",
        ..post("/v1/who-can", Right::Administer, Body::Json, who_can)
    },
    Route {
        about: "What a token may do on a connection, and why: {\"connection\": \"…\", \"token\": \"…\"}; changes nothing",
        ..post("/v1/explain", Right::Administer, Body::Json, |input| {
            Ok(Ask::Explain { question: Sensitive::new(input.body) })
        })
    },
    Route {
        about: "Makes tokens worthless: one with those exchanged for it, or all of a subject's (of one issuer, or of whoever vouches for it)",
        ..post("/v1/tokens/revoke", Right::Administer, Body::Json, revoke)
    },
    Route {
        about: "Which tokens were given for which, to whom and with which roles, the newest last",
        query: &[AT_MOST],
        ..get("/v1/tokens/exchanges", Right::Administer, |input| {
            Ok(Ask::Exchanges { limit: limit(&input.query)? })
        })
    },
    Route {
        about: "The revocations in force, the newest last",
        query: &[AT_MOST],
        ..get("/v1/tokens/revocations", Right::Administer, |input| {
            Ok(Ask::Revocations { limit: limit(&input.query)? })
        })
    },
    Route {
        about: "Puts a plugin's file in the place of the one that runs under a name",
        query: &[("name", "The policy; the plugin's own name where left out")],
        ..post("/v1/plugins", Right::Administer, Body::Wasm, load)
    },
];

/// What every list may be asked for.
const AT_MOST: (&str, &str) = ("limit", "How many at most: 100 where left out, 1000 in any case");

fn load(input: Input) -> Result<Ask, Problem> {
    let name = value(&input.query, "name")?;
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(Problem::bad_request("`name` is not the name of a policy"));
    }
    Ok(Ask::LoadPlugin { name, file: input.body })
}

fn sessions(input: Input) -> Result<Ask, Problem> {
    let filter = SessionFilter {
        before: value(&input.query, "before")?,
        connection: value(&input.query, "connection")?,
        subject: value(&input.query, "subject")?,
    };
    if filter.before.as_deref().is_some_and(|id| !is_name(id)) {
        return Err(Problem::bad_request("`before` is no id"));
    }
    Ok(Ask::Sessions { limit: limit(&input.query)?, filter })
}

fn record(input: Input) -> Result<Ask, Problem> {
    let from = number(&input.query, "from")?.unwrap_or(0);
    let session = value(&input.query, "session")?.unwrap_or_default();
    let connection = value(&input.query, "connection")?;
    if !session.is_empty() && !is_name(&session) {
        return Err(Problem::bad_request("`session` is no id"));
    }
    Ok(Ask::Record { session, from, connection })
}

/// The route of a request, and what stands for `{id}` in it.
pub(crate) fn find(method: &Method, path: &str) -> Result<(&'static Route, String), Problem> {
    let matching = || ROUTES.iter().filter_map(|route| Some((route, matches(route.path, path)?)));
    let found = matching().find(|(route, _)| route.verb.method() == *method);
    found.ok_or_else(|| match matching().next() {
        Some((route, _)) => Problem {
            status: 405,
            title: "method not allowed",
            detail: format!("this path takes {}", route.verb.method()),
        },
        None => Problem::not_found("there is no such path"),
    })
}

const fn get(path: &'static str, right: Right, ask: fn(Input) -> Result<Ask, Problem>) -> Route {
    Route { verb: Verb::Get, path, about: "", right, query: &[], body: Body::None, ask }
}

const fn post(
    path: &'static str,
    right: Right,
    body: Body,
    ask: fn(Input) -> Result<Ask, Problem>,
) -> Route {
    Route { verb: Verb::Post, path, about: "", right, query: &[], body, ask }
}

fn matches(pattern: &str, path: &str) -> Option<String> {
    let mut id = String::new();
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(id),
            (Some("{id}"), Some(part)) if is_name(part) => part.clone_into(&mut id),
            (Some(expected), Some(part)) if expected == part => {}
            _ => return None,
        }
    }
}

/// Ids and names need no escapes; what would need one is none.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

fn value(query: &str, key: &str) -> Result<Option<String>, Problem> {
    let wrong = || Problem::bad_request("the query has an escape that is none, or is no text");
    let pairs = form::pairs(query.as_bytes()).ok_or_else(wrong)?;
    Ok(pairs.into_iter().find_map(|(name, value)| (name == key).then_some(value)))
}

fn number(query: &str, key: &str) -> Result<Option<u64>, Problem> {
    let wrong = |_| Problem::bad_request(format!("`{key}` must be a whole number"));
    value(query, key)?.map(|text| text.parse().map_err(wrong)).transpose()
}

fn limit(query: &str) -> Result<usize, Problem> {
    let asked = number(query, "limit")?;
    Ok(asked.map_or(LIMIT, |number| usize::try_from(number).unwrap_or(MOST)).clamp(1, MOST))
}

/// The longest id or name that is revoked, in bytes.
const LONGEST_REVOKED: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    token: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
}

fn revoke(input: Input) -> Result<Ask, Problem> {
    let wrong = || {
        Problem::bad_request(
            r#"the body must be {"token": "…"} or {"subject": "…"}, the latter with an "issuer" or without"#,
        )
    };
    let asked = serde_json::from_slice(&input.body).map_err(|_| wrong())?;
    let Revocation { token, subject, issuer } = asked;
    let one = token.as_ref().xor(subject.as_ref());
    let fits = one.is_some_and(|what| (1..=LONGEST_REVOKED).contains(&what.len()));
    // Tokens' ids are nobody's but their own.
    if !fits || (issuer.is_some() && token.is_some()) {
        return Err(wrong());
    }
    Ok(Ask::RevokeTokens { token, subject, issuer })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    connection: String,
}

/// A connection of the configuration file may have a name that no path could hold.
fn who_can(input: Input) -> Result<Ask, Problem> {
    let asked = serde_json::from_slice(&input.body);
    let Asked { connection } =
        asked.map_err(|_| Problem::bad_request(r#"the body must be {"connection": "…"}"#))?;
    Ok(Ask::WhoCan { connection })
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    #[serde(default)]
    reason: String,
}

fn decide(input: Input, grant: bool) -> Result<Ask, Problem> {
    let Decision { reason } = serde_json::from_slice(&input.body)
        .map_err(|_| Problem::bad_request(r#"the body must be like {"reason": "…"}"#))?;
    if reason.len() > LONGEST_REASON {
        return Err(Problem::bad_request(format!("a reason has at most {LONGEST_REASON} bytes")));
    }
    Ok(Ask::Decide { id: input.id, grant, reason })
}

#[cfg(test)]
mod tests;
