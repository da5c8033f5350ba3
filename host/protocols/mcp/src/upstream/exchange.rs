//! A response of a service, from its head to the connection that is given back.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;

use super::Ways;
use super::remote::Failed;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(15);

/// The form of a response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Events,
    Other,
}

/// A response whose head is there.
pub(super) struct Exchange {
    pub(super) http: HttpSession,
    pub(super) peer: HttpPeer,
}

impl Exchange {
    pub(super) fn kind(&self) -> Kind {
        let head = self.http.response_header();
        let value = head.and_then(|head| head.headers.get(CONTENT_TYPE));
        let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().map(|essence| essence.trim().to_ascii_lowercase()).as_deref()
        {
            Some("application/json") => Kind::Json,
            Some("text/event-stream") => Kind::Events,
            _ => Kind::Other,
        }
    }

    pub(super) async fn whole(&mut self, limit: usize) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        while let Some(piece) = self.http.read_response_body().await? {
            body.extend_from_slice(&piece);
            if body.len() > limit {
                return Err(Failed::Other("its response is too long".to_owned()));
            }
        }
        Ok(body)
    }

    /// Gives the connection back, or closes it where something is left on it.
    pub(super) async fn release(mut self, ways: &Ways) {
        if self.http.response_done() {
            ways.connector.release_http_session(self.http, &self.peer, Some(IDLE)).await;
        } else {
            self.http.shutdown().await;
        }
    }
}
