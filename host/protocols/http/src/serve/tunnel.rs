//! A WebSocket, once both sides have agreed on it: bytes both ways, counted and no more.

use bytes::Bytes;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::client::HttpSession;

use super::answer;
use super::app::Connection;
use super::exchange::Run;
use super::upstream::Upstream;
use crate::Reply;

impl Connection {
    /// Opens a WebSocket, and carries it to its end.
    pub(super) async fn open_tunnel(
        &self,
        http: &mut ServerSession,
        run: &Run<'_>,
    ) -> pingora_error::Result<()> {
        let runner = &self.service.runner;
        let opened = async {
            let credential = runner.credential(run).await?;
            runner.send(run, &credential, None).await
        };
        let (mut upstream, _) = match opened.await {
            Ok(opened) => opened,
            Err(reply) => return self.last_words(http, &reply).await,
        };
        let head = upstream.session.response_header();
        let headers = head.map(|head| (head.status, head.headers.clone()));
        let Some((http::StatusCode::SWITCHING_PROTOCOLS, headers)) = headers else {
            upstream.session.shutdown().await;
            let why = "the service opens no WebSocket here";
            return self.last_words(http, &Reply::unavailable(502, why, &run.session.id)).await;
        };
        let kept = ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"];
        let headers = headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        answer::switching(http, &headers).await?;
        let (bytes_in, bytes_out) = carry(http, &mut upstream).await;
        let result = palisade_policy::RecordedResult {
            bytes: bytes_out,
            tag: format!("101 Switching Protocols, {bytes_in} bytes in, {bytes_out} bytes out"),
            ..Default::default()
        };
        // The tunnel is closed either way.
        let _ = run.session.gate().tell_result(run.allowed.number, &result);
        http.set_keepalive(None);
        Ok(())
    }
}

/// Bytes from the client, and to it.
pub(super) type Carried = (u64, u64);

/// Carries bytes until either side ends.
pub(super) async fn carry(http: &mut ServerSession, upstream: &mut Upstream) -> Carried {
    let mut carried = (0, 0);
    loop {
        let went_on = tokio::select! {
            read = http.read_request_body() => match read {
                Ok(Some(piece)) => {
                    carried.0 += piece.len() as u64;
                    if let HttpSession::H1(upstream) = &mut upstream.session {
                        upstream.maybe_upgrade_body_writer();
                    }
                    upstream.session.write_request_body(piece, false).await
                }
                _ => break,
            },
            read = upstream.session.read_response_body() => match read {
                Ok(Some(piece)) => {
                    carried.1 += piece.len() as u64;
                    answer::piece(http, piece).await
                }
                _ => break,
            },
        };
        if went_on.is_err() {
            break;
        }
    }
    upstream.session.shutdown().await;
    // Whoever is still there hears of the end.
    let _ = http.write_response_body(Bytes::new(), true).await;
    carried
}
