//! Tries a server as a session would.

use std::sync::Arc;
use std::time::Duration;

use pingora_core::connectors::http::Connector;
use tokio::sync::mpsc;

use super::{Backend, Way, Ways};
use crate::conversation::{Incoming, info};
use crate::json::Json;
use crate::message::{Id, Message};
use crate::revision::Revision;

/// The longest answer to a greeting, in bytes.
const LONGEST: usize = 1 << 20;

/// Reaches the server at this place, begins a session, and ends it.
///
/// # Errors
/// What is wrong, in words that hold no secret.
pub async fn greet(
    backend: Arc<dyn Backend>,
    server: usize,
    limit: Duration,
) -> Result<(), String> {
    let (inbox, mut answers) = mpsc::channel(4);
    let connector = Arc::new(Connector::new(None));
    let way = Way::open(
        backend,
        (server, String::new()),
        inbox,
        Ways { connector, message_bytes: LONGEST, dial: limit },
    );
    let params = Json::object([
        ("protocolVersion", Json::text(Revision::V20251125.name())),
        ("capabilities", Json::Object(vec![])),
        ("clientInfo", info()),
    ]);
    let id = Id::Number("1".to_owned());
    way.send(Message::Request { id, method: "initialize".to_owned(), params });
    let answered = async {
        loop {
            match answers.recv().await {
                Some((_, Incoming::Message(Message::Result { result, .. }))) => {
                    let spoken = result.str_at("protocolVersion").and_then(Revision::named);
                    let what = "it speaks no revision of MCP that the gateway speaks";
                    return spoken.map(drop).ok_or_else(|| what.to_owned());
                }
                Some((_, Incoming::Message(Message::Error { error, .. }))) => {
                    return Err(format!("it refuses to begin a session: {}", error.message));
                }
                Some((_, Incoming::Message(_))) => {}
                Some((_, Incoming::Lost(why))) => return Err(why),
                None => return Err("it said nothing".to_owned()),
            }
        }
    };
    let answered = tokio::time::timeout(limit, answered).await;
    answered.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
}
