//! What a request must be like before any of its messages is looked at.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, ORIGIN};

use super::{Reply, problem, rpc, stateless};
use crate::json::Json;
use crate::message::{Id, Message};
use crate::mirror::VERSION;
use crate::revision::Revision;

/// The header that names the session.
pub(super) const SESSION: &str = "mcp-session-id";

/// A browser's page may speak to the gateway only where the operator says so: its address may have been made to lead
/// here (DNS rebinding).
pub(super) fn check_origin(headers: &HeaderMap, origins: &[String]) -> Result<(), Reply> {
    let mut sent = headers.get_all(ORIGIN).iter();
    let is_known = |origin: &http::HeaderValue| origins.iter().any(|known| *origin == **known);
    if sent.all(is_known) {
        Ok(())
    } else {
        Err(problem(403, "pages of this origin are not served"))
    }
}

/// The body must be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Reply> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(|it| it.trim().to_ascii_lowercase());
    let is_json = parts.next().as_deref() == Some("application/json")
        && parts.all(|it| matches!(it.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\""));
    if is_json { Ok(()) } else { Err(problem(415, "messages are sent as application/json")) }
}

/// The client must take what it may be sent.
pub(super) fn accepts(headers: &HeaderMap, needed: &[&str]) -> Result<(), Reply> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let taken: Vec<String> = values
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .map(|range| range.trim().to_ascii_lowercase())
        .collect();
    let takes = |wanted: &&str| {
        taken.iter().any(|range| match range.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => wanted.split('/').next() == Some(kind),
            None => range == wanted,
        })
    };
    if needed.iter().all(takes) {
        return Ok(());
    }
    Err(problem(406, &format!("the header Accept must list {}", needed.join(" and "))))
}

/// A request of a session is in the revision that was agreed on.
pub(super) fn check_version(headers: &HeaderMap, revision: Revision) -> Result<(), Reply> {
    match headers.get(VERSION) {
        None => Ok(()),
        Some(version) if *version == *revision.name() => Ok(()),
        Some(_) => {
            Err(problem(400, &format!("the session speaks the revision {}", revision.name())))
        }
    }
}

/// A message that comes without a session's name.
pub(super) enum First {
    /// A session is begun by it.
    Initialize(Id, Json),
    /// It is of a revision that has no sessions.
    Stateless(Message),
}

/// Reads a message that comes without a session's name.
pub(super) fn first(headers: &HeaderMap, body: &[u8]) -> Result<First, Reply> {
    let messages = Message::read(body, false).map_err(|refused| rpc(400, &refused.answer()))?;
    let stateless = stateless::is_meant(headers);
    match messages.into_iter().next() {
        Some(message) if stateless => Ok(First::Stateless(message)),
        Some(Message::Request { id, method, params }) if method == "initialize" => {
            Ok(First::Initialize(id, params))
        }
        Some(message @ Message::Request { .. }) if says_its_revision(&message) => {
            Ok(First::Stateless(message))
        }
        _ => Err(problem(
            400,
            "the header Mcp-Session-Id is missing; a session is begun by `initialize`",
        )),
    }
}

fn says_its_revision(message: &Message) -> bool {
    matches!(message, Message::Request { params, .. } if stateless::asked(params).is_some())
}
