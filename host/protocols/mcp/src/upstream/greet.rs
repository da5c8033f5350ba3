//! Tries a server as a session would.

use std::sync::Arc;
use std::time::Duration;

use pingora_core::connectors::http::Connector;
use tokio::sync::mpsc;

use super::{Backend, Way, Ways};
use crate::conversation::{Incoming, info, meta, speaks_it};
use crate::json::Json;
use crate::message::{Id, Message};
use crate::revision::Revision;

/// The longest answer to a greeting, in bytes.
const LONGEST: usize = 1 << 20;

/// So many pages of tools are counted.
const MOST_PAGES: usize = 100;

/// What a server that was tried says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// How many tools it lists; none where it says that it has no tools.
    pub tools: Option<usize>,
}

impl Greeting {
    /// In words: `14 tools`.
    #[must_use]
    pub fn offers(self) -> String {
        match self.tools {
            None => "no tools".to_owned(),
            Some(1) => "1 tool".to_owned(),
            Some(count) => format!("{count} tools"),
        }
    }
}

/// Reaches the server at this place, which has this name in the log, begins a session, lists the server's tools, and ends the session.
///
/// # Errors
/// What is wrong, in words that hold no secret.
pub async fn greet(
    backend: Arc<dyn Backend>,
    server: (usize, String),
    limit: Duration,
) -> Result<Greeting, String> {
    let (inbox, answers) = mpsc::channel(4);
    let connector = Arc::new(Connector::new(None));
    let way =
        Way::open(backend, server, inbox, Ways { connector, message_bytes: LONGEST, dial: limit });
    let mut trial = Trial { way, answers, last: 0, stateless: false };
    let tried = tokio::time::timeout(limit, trial.run()).await;
    tried.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
}

/// A session that asks for little.
struct Trial {
    way: Way,
    answers: mpsc::Receiver<(usize, Incoming)>,
    last: u64,
    /// Whether every request says what there is to know.
    stateless: bool,
}

impl Trial {
    async fn run(&mut self) -> Result<Greeting, String> {
        let params = Json::object([
            ("protocolVersion", Json::text(Revision::V20251125.name())),
            ("capabilities", Json::Object(vec![])),
            ("clientInfo", info()),
        ]);
        let unknown = || "it speaks no revision of MCP that the gateway speaks".to_owned();
        let begun = match self.ask("initialize", params).await {
            Ok(begun) => {
                begun.str_at("protocolVersion").and_then(Revision::named).ok_or_else(unknown)?;
                let method = "notifications/initialized".to_owned();
                self.way.send(Message::Notification { method, params: Json::Object(vec![]) });
                begun
            }
            Err(why) => {
                // It may be one that has no sessions.
                self.stateless = true;
                let said = self.ask("server/discover", Json::Object(vec![])).await;
                Some(said.map_err(|_| why)?).filter(speaks_it).ok_or_else(unknown)?
            }
        };
        if begun.get("capabilities").and_then(|it| it.get("tools")).is_none() {
            return Ok(Greeting { tools: None });
        }
        Ok(Greeting { tools: Some(self.tools().await?) })
    }

    async fn tools(&mut self) -> Result<usize, String> {
        let (mut count, mut params) = (0, Json::Object(vec![]));
        for _ in 0..MOST_PAGES {
            let page = self.ask("tools/list", params).await?;
            count += page.get("tools").and_then(Json::as_list).map_or(0, <[Json]>::len);
            let Some(cursor) = page.str_at("nextCursor") else { break };
            params = Json::object([("cursor", Json::text(cursor))]);
        }
        Ok(count)
    }

    /// Asks for something, and waits for what comes of it.
    async fn ask(&mut self, method: &str, mut params: Json) -> Result<Json, String> {
        if self.stateless {
            params.set("_meta", meta(Json::Object(vec![])));
        }
        self.last += 1;
        let id = Id::Number(self.last.to_string());
        self.way.send(Message::Request { id: id.clone(), method: method.to_owned(), params });
        loop {
            match self.answers.recv().await {
                Some((_, Incoming::Message(Message::Result { id: of, result }))) if of == id => {
                    return Ok(result);
                }
                Some((_, Incoming::Message(Message::Error { error, .. }))) => {
                    return Err(format!("it refuses {method}: {}", error.message));
                }
                Some((_, Incoming::Message(_))) => {}
                Some((_, Incoming::Garbled(_, why))) => {
                    return Err(format!("its answer cannot be read: {why}"));
                }
                Some((_, Incoming::Lost(why))) => return Err(why),
                None => return Err("it said nothing".to_owned()),
            }
        }
    }
}
