//! A client of the service.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::*;
use super::world::World;

/// One client's session.
pub(super) struct Client<'a> {
    pub(super) world: &'a World,
    pub(super) name: String,
    pub(super) session: Option<String>,
    pub(super) next: u64,
}

/// A stream that is read message by message.
pub(super) struct Reading(pub(super) mpsc::Receiver<Bytes>);

impl Reading {
    /// The next message; none at the stream's end.
    pub(super) async fn next(&mut self) -> Option<(String, String)> {
        loop {
            let piece = self.0.recv();
            let piece = tokio::time::timeout(Duration::from_secs(20), piece).await.unwrap()?;
            let text = String::from_utf8(piece.to_vec()).unwrap();
            let Some((id, data)) = text.trim_end().split_once("\ndata: ") else { continue };
            return Some((id.strip_prefix("id: ").unwrap().to_owned(), data.to_owned()));
        }
    }

    /// All messages to the end, by lines.
    pub(super) async fn rest(mut self) -> String {
        let mut all = String::new();
        while let Some((_, data)) = self.next().await {
            all.push_str(&data);
            all.push('\n');
        }
        all
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self { world, name: "agent".to_owned(), session: None, next: 0 }
    }

    /// A client whose session has begun.
    pub(super) async fn begun(world: &'a World) -> Self {
        let mut client = Self::new(world);
        let params = r#"{"protocolVersion":"2025-06-18","capabilities":{"sampling":{}},"clientInfo":{"name":"c","version":"1"}}"#;
        let text = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{params}}}"#);
        let reply = client.post(&text).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let session = reply.headers.iter().find(|(name, _)| *name == "mcp-session-id");
        client.session = Some(session.unwrap().1.clone());
        let done = client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(done.status, 202);
        client
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("accept", HeaderValue::from_static("application/json, text/event-stream"));
        if let Some(session) = &self.session {
            headers.insert("mcp-session-id", HeaderValue::from_str(session).unwrap());
        }
        headers
    }

    pub(super) async fn send(&self, method: Method, more: &[(&str, &str)], body: &str) -> Reply {
        let mut headers = self.headers();
        for (name, value) in more {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let guest = self.world.guest(&self.name);
        self.world.service.handle(&guest, &method, &headers, body.as_bytes()).await
    }

    pub(super) async fn post(&self, body: &str) -> Reply {
        self.send(Method::POST, &[], body).await
    }

    /// Opens the stream of what is not asked for, or goes on with one.
    pub(super) async fn listen(&self, last: Option<&str>) -> Reading {
        let last: Vec<(&str, &str)> = last.into_iter().map(|id| ("last-event-id", id)).collect();
        reading(self.send(Method::GET, &last, "").await)
    }

    /// Calls the tool with these arguments. Gives the request's id, and its stream.
    pub(super) async fn call(&mut self, arguments: &str) -> (u64, Reading) {
        self.next += 1;
        let id = self.next;
        let params = format!(
            r#"{{"name":"say","arguments":{arguments},"_meta":{{"progressToken":"token-{id}"}}}}"#
        );
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#);
        (id, reading(self.post(&text).await))
    }

    /// Calls the tool and cancels that once it is under way.
    pub(super) async fn cancelled(&mut self) -> Reading {
        let (id, mut events) = self.call(r#"{"do":"wait"}"#).await;
        let (_, told) = events.next().await.unwrap();
        assert!(told.contains("waiting"), "{told}");
        let cancel = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
        );
        assert_eq!(self.post(&cancel).await.status, 202);
        events
    }

    /// Calls the tool and reads to the end.
    pub(super) async fn called(&mut self, arguments: &str) -> String {
        self.call(arguments).await.1.rest().await
    }
}

pub(super) fn reading(reply: Reply) -> Reading {
    match reply.body {
        Body::Stream(pieces) => Reading(pieces),
        Body::Whole(bytes) => panic!("{} {}", reply.status, String::from_utf8_lossy(&bytes)),
    }
}

pub(super) fn whole(reply: &Reply) -> String {
    match &reply.body {
        Body::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Stream(_) => "a stream".to_owned(),
    }
}
