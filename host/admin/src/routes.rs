//! Every route, in one slice.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use crate::{Ask, Problem};

/// The kind of body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// None.
    None,
    /// A JSON object.
    Json,
    /// A plugin's file.
    Wasm,
}

impl Body {
    /// The largest body, in bytes.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::None => 0,
            Self::Json => 64 * 1024,
            Self::Wasm => 64 * 1024 * 1024,
        }
    }

    /// Its content type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Json => "application/json",
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
    pub(crate) method: Method,
    path: &'static str,
    pub(crate) body: Body,
    pub(crate) ask: fn(Input) -> Result<Ask, Problem>,
}

/// How many items a list gives where the caller does not say.
const LIMIT: usize = 100;
/// How many items a list gives at most.
const MOST: usize = 1000;
/// The longest reason that a decision can carry, in bytes.
const LONGEST_REASON: usize = 4096;

const ROUTES: &[Route] = &[
    get("/v1/status", |_| Ok(Ask::Status)),
    get("/v1/metrics", |_| Ok(Ask::Metrics)),
    get("/v1/sessions", |input| Ok(Ask::Sessions { limit: limit(&input.query)? })),
    get("/v1/sessions/{id}", |input| Ok(Ask::Session { id: input.id })),
    get("/v1/sessions/{id}/events", |input| {
        let from = number(&input.query, "from")?.unwrap_or(0);
        Ok(Ask::Events { limit: limit(&input.query)?, id: input.id, from })
    }),
    get("/v1/record", |input| {
        let from = number(&input.query, "from")?.unwrap_or(0);
        let session = value(&input.query, "session").unwrap_or_default().to_owned();
        let connection = value(&input.query, "connection").map(str::to_owned);
        if !session.is_empty() && !is_name(&session) {
            return Err(Problem::bad_request("`session` is no id"));
        }
        Ok(Ask::Record { session, from, connection })
    }),
    get("/v1/holds", |input| Ok(Ask::Holds { all: value(&input.query, "all") == Some("true") })),
    get("/v1/holds/{id}", |input| Ok(Ask::Hold { id: input.id })),
    post("/v1/holds/{id}/approve", Body::Json, |input| decide(input, true)),
    post("/v1/holds/{id}/deny", Body::Json, |input| decide(input, false)),
    get("/v1/plugins", |_| Ok(Ask::Plugins)),
    get("/v1/plugins/history", |input| Ok(Ask::PluginHistory { limit: limit(&input.query)? })),
    post("/v1/plugins/{id}/unload", Body::None, |input| Ok(Ask::UnloadPlugin { name: input.id })),
    post("/v1/plugins/{id}/rollback", Body::None, |input| {
        Ok(Ask::RollBackPlugin { name: input.id })
    }),
    post("/v1/plugins", Body::Wasm, |input| {
        let name = value(&input.query, "name").map(str::to_owned);
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            return Err(Problem::bad_request("`name` is not the name of a policy"));
        }
        Ok(Ask::LoadPlugin { name, file: input.body })
    }),
];

/// The route of a request, and what stands for `{id}` in it.
pub(crate) fn find(method: &Method, path: &str) -> Result<(&'static Route, String), Problem> {
    let matching = || ROUTES.iter().filter_map(|route| Some((route, matches(route.path, path)?)));
    let found = matching().find(|(route, _)| route.method == *method);
    found.ok_or_else(|| match matching().next() {
        Some((route, _)) => Problem {
            status: 405,
            title: "method not allowed",
            detail: format!("this path takes {}", route.method),
        },
        None => Problem::not_found("there is no such path"),
    })
}

const fn get(path: &'static str, ask: fn(Input) -> Result<Ask, Problem>) -> Route {
    Route { method: Method::GET, path, body: Body::None, ask }
}

const fn post(path: &'static str, body: Body, ask: fn(Input) -> Result<Ask, Problem>) -> Route {
    Route { method: Method::POST, path, body, ask }
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

fn value<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == key).then_some(value))
}

fn number(query: &str, key: &str) -> Result<Option<u64>, Problem> {
    let wrong = |_| Problem::bad_request(format!("`{key}` must be a whole number"));
    value(query, key).map(|text| text.parse().map_err(wrong)).transpose()
}

fn limit(query: &str) -> Result<usize, Problem> {
    let asked = number(query, "limit")?;
    Ok(asked.map_or(LIMIT, |number| usize::try_from(number).unwrap_or(MOST)).clamp(1, MOST))
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
