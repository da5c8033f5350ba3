//! Writes answers to clients: the gateway's own, and those of services.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use pingora_core::protocols::http::ServerSession;
use pingora_error::Result;
use pingora_http::ResponseHeader;

use crate::Reply;
use crate::grpc::{Told, is_grpc};
use crate::reply::aws;

/// How long a client that has its answer may go on sending.
const LINGER: Duration = Duration::from_secs(5);
/// How much of what it sends is read, in bytes.
const MOST_LEFT: usize = 16 << 20;

/// How a response's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Until its end.
    Open,
    /// There is none, whatever the headers say (RFC 9110 sections 9.3.2 and 15.3.5).
    None,
}

/// An answer of the gateway's own. The connection is kept only where all of the request was read.
pub(super) async fn reply(http: &mut ServerSession, reply: &Reply) -> Result<()> {
    if http.is_http2() && http.req_header().headers.get(CONTENT_TYPE).is_some_and(is_grpc) {
        return told(http, &Told::of(reply)).await;
    }
    if !http.is_body_done() {
        http.set_keepalive(None);
    }
    let problem = match reply.status {
        202 => None,
        _ => aws::error(&http.req_header().headers, reply),
    };
    let status = problem.as_ref().map_or(reply.status, |problem| problem.status);
    let mut head = ResponseHeader::build(status, Some(8))?;
    for (name, value) in &reply.headers {
        head.insert_header(*name, value.as_str())?;
    }
    let (kind, body) = match problem {
        Some(error) => {
            head.insert_header("x-amzn-errortype", error.code)?;
            (error.kind, error.body)
        }
        None if reply.status == 202 => ("application/json", reply.body.clone()),
        None => ("application/problem+json", reply.body.clone()),
    };
    head.insert_header(CONTENT_TYPE, kind)?;
    head.insert_header(CACHE_CONTROL, "no-store")?;
    head.insert_header("x-content-type-options", "nosniff")?;
    head.insert_header(CONTENT_LENGTH, body.len().to_string())?;
    http.write_response_header(Box::new(head)).await?;
    if http.req_header().method == http::Method::HEAD {
        http.finish_body().await?;
    } else {
        http.write_response_body(body, true).await?;
    }
    let left = linger(http);
    // Who goes on sending all the same is cut off.
    let _ = tokio::time::timeout(LINGER, left).await;
    Ok(())
}

/// An answer of the gateway's own to a call: a head alone, which says how it ended.
async fn told(http: &mut ServerSession, told: &Told) -> Result<()> {
    let headers = told.alone();
    let mut head = ResponseHeader::build(StatusCode::OK, Some(headers.len()))?;
    for (name, value) in &headers {
        head.append_header(name.clone(), value.clone())?;
    }
    match http {
        ServerSession::H2(http) => http.write_response_header(Box::new(head), true),
        http => http.write_response_header(Box::new(head)).await,
    }
}

/// Reads what a client still sends that has its answer: one that finds the connection closed while it sends may not read it.
async fn linger(http: &mut ServerSession) {
    let mut left = MOST_LEFT;
    while !http.is_body_done() && left > 0 {
        match http.read_request_body().await {
            Ok(Some(piece)) => left = left.saturating_sub(piece.len()),
            Ok(None) | Err(_) => return,
        }
    }
}

/// A service's head, framed anew.
pub(super) async fn head(
    http: &mut ServerSession,
    status: StatusCode,
    mut headers: HeaderMap,
    framing: Framing,
) -> Result<()> {
    match framing {
        Framing::Length(length) => drop(headers.insert(CONTENT_LENGTH, length.into())),
        Framing::Open if !http.is_http2() => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Framing::Open | Framing::None => {}
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    (parts.status, parts.headers) = (status, headers);
    http.write_response_header(Box::new(parts.into())).await
}

/// The head of a connection that becomes a WebSocket.
pub(super) async fn switching(http: &mut ServerSession, headers: &HeaderMap) -> Result<()> {
    let mut head = ResponseHeader::build(StatusCode::SWITCHING_PROTOCOLS, Some(6))?;
    for (name, value) in headers {
        head.append_header(name.clone(), value.clone())?;
    }
    head.insert_header(CONNECTION, "Upgrade")?;
    head.insert_header(http::header::UPGRADE, "websocket")?;
    http.write_response_header(Box::new(head)).await
}

/// A piece of a body.
pub(super) async fn piece(http: &mut ServerSession, piece: Bytes) -> Result<()> {
    http.write_response_body(piece, false).await
}

/// The end of a body.
pub(super) async fn end(http: &mut ServerSession) -> Result<()> {
    match http.is_http2() {
        true => http.write_response_body(Bytes::new(), true).await,
        false => http.finish_body().await,
    }
}
