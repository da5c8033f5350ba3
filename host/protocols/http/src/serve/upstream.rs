//! The way to services: pingora's connector and its pool.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use pingora_core::connectors::http::Connector;
use pingora_core::protocols::ALPN;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::RequestHeader;

use super::addresses::Addresses;
use super::{Backend, Options};
use crate::token::Passing;
use crate::{Length, Outgoing, Refused};

/// How long a connection that nobody uses is kept.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// A request's body on its way.
pub(super) enum Sending<'a> {
    /// It was read.
    Bytes(Bytes),
    /// It streams through.
    Through(Length, &'a mut ServerSession, Passing<'a>),
}

/// A service's connection, and how it goes back to the pool.
pub(super) struct Upstream {
    pub session: HttpSession,
    pub peer: HttpPeer,
    pub reused: bool,
    /// Whether all of the request was sent; if not, nobody else may use the connection.
    sent: bool,
}

/// How long a service that reads no more of a request may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Connects to a service, or takes a connection of the pool.
pub(super) async fn connect(
    (connector, addresses): (&Connector, &Addresses),
    backend: &dyn Backend,
    options: &Options,
    websocket: bool,
) -> Result<Upstream> {
    let mut peer = peer_of(addresses, backend, options).await?;
    let origin = backend.origin();
    // In clear nobody has said that it speaks HTTP/2; a WebSocket needs HTTP/1.1.
    peer.options.alpn = if origin.tls && !websocket { ALPN::H2H1 } else { ALPN::H1 };
    let connected = connector.get_http_session(&peer).await;
    let (mut session, reused) = connected.inspect_err(|_| addresses.forget(origin))?;
    session.set_read_timeout(Some(options.patience));
    session.set_write_timeout(Some(options.patience));
    Ok(Upstream { session, peer, reused, sent: false })
}

/// Where a service is, and how the way there is secured.
pub(super) async fn peer_of(
    addresses: &Addresses,
    backend: &dyn Backend,
    options: &Options,
) -> Result<HttpPeer> {
    let origin = backend.origin();
    let address = addresses.find(origin, options.dial_time).await?;
    let mut peer = HttpPeer::new(address, origin.tls, origin.host.clone());
    let trust = backend.trust();
    peer.group_key = backend.pool();
    peer.client_cert_key.clone_from(&trust.certificate);
    peer.options.ca.clone_from(&trust.authorities);
    peer.options.connection_timeout = Some(options.dial_time);
    peer.options.total_connection_timeout = Some(options.dial_time);
    peer.options.idle_timeout = Some(IDLE);
    Ok(peer)
}

/// Names a request's service as HTTP/2 does, by `:authority` alone (RFC 9113 section 8.3.1).
///
/// pingora sends the `Host` that it takes it from as well, and nginx refuses who says both.
///
/// # Errors
/// Where the head has no `Host`, or one that is no authority.
pub(super) fn name_by_authority(head: &mut RequestHeader) -> Result<()> {
    let wrong = || Error::explain(ErrorType::InvalidHTTPHeader, "the service's name is no host");
    let host = head.remove_header(&HOST).ok_or_else(wrong)?;
    let target = head.uri.path_and_query().ok_or_else(wrong)?.clone();
    let uri = Uri::builder().scheme("https").authority(host.as_bytes()).path_and_query(target);
    head.set_uri(uri.build().map_err(|_| wrong())?);
    Ok(())
}

impl Upstream {
    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        outgoing: Outgoing,
        body: &mut Sending<'_>,
        websocket: bool,
    ) -> Result<()> {
        let is_http2 = self.session.as_http2().is_some();
        let mut head = head_of(outgoing, body, is_http2, websocket)?;
        if is_http2 {
            name_by_authority(&mut head)?;
        }
        self.session.write_request_header(Box::new(head)).await?;
        let sent = if websocket { Ok(()) } else { self.send_body(body).await };
        self.sent = sent.is_ok();
        match sent {
            // Some answer before they have read it all, and close.
            Err(error) if *error.esource() != ErrorSource::Downstream => {
                let answered = tokio::time::timeout(LAST_WORDS, self.read_head()).await;
                answered.unwrap_or(Err(error))
            }
            Err(error) => Err(error),
            Ok(()) => self.read_head().await,
        }
    }

    async fn read_head(&mut self) -> Result<()> {
        loop {
            self.session.read_response_header().await?;
            match self.session.response_header().map(|head| head.status) {
                // What is said before the response is for the hop.
                Some(status)
                    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS => {}
                Some(_) => return Ok(()),
                None => return Error::e_explain(ErrorType::InvalidHTTPHeader, "there is no head"),
            }
        }
    }

    async fn send_body(&mut self, body: &mut Sending<'_>) -> Result<()> {
        match body {
            Sending::Bytes(bytes) if bytes.is_empty() => {}
            Sending::Bytes(bytes) => self.session.write_request_body(bytes.clone(), false).await?,
            Sending::Through(_, http, token) => {
                while let Some(piece) = http.read_request_body().await.map_err(|e| e.into_down())? {
                    let piece = token.feed(piece).map_err(token_repeated)?;
                    if !piece.is_empty() {
                        self.session.write_request_body(piece, false).await?;
                    }
                }
                let rest = token.finish();
                if !rest.is_empty() {
                    self.session.write_request_body(rest, false).await?;
                }
            }
        }
        self.session.finish_request_body().await
    }

    /// Gives the connection back, or closes it where something is left on it.
    pub(super) async fn release(mut self, connector: &Connector) {
        if self.sent && self.session.response_done() {
            connector.release_http_session(self.session, &self.peer, Some(IDLE)).await;
        } else {
            self.session.shutdown().await;
        }
    }
}

/// The name of the error of a body that repeats the client's token.
const TOKEN_REPEATED: &str = "TokenRepeated";

fn token_repeated(refused: Refused) -> Box<Error> {
    Error::explain(ErrorType::Custom(TOKEN_REPEATED), refused.to_string()).into_down()
}

/// Whether a request was broken off since its body repeats the client's token.
pub(super) fn is_token_repeated(error: &Error) -> bool {
    *error.root_etype() == ErrorType::Custom(TOKEN_REPEATED)
}

/// The head as it is sent; its framing is the gateway's own.
fn head_of(
    outgoing: Outgoing,
    body: &Sending<'_>,
    is_http2: bool,
    websocket: bool,
) -> Result<RequestHeader> {
    let Outgoing { method, mut headers, target, .. } = outgoing;
    let mut set = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
    let carries = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    match body {
        Sending::Bytes(bytes) if bytes.is_empty() && !carries => {}
        Sending::Bytes(bytes) => set(CONTENT_LENGTH, bytes.len().into()),
        Sending::Through(Length::Known(length), ..) => set(CONTENT_LENGTH, (*length).into()),
        Sending::Through(Length::Open, ..) if !is_http2 => {
            set(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Sending::Through(Length::Open, ..) => {}
    }
    if websocket {
        set(CONNECTION, HeaderValue::from_static("Upgrade"));
        set(UPGRADE, HeaderValue::from_static("websocket"));
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    (parts.method, parts.headers) = (method, headers);
    let mut head = RequestHeader::from(parts);
    head.set_raw_path(target.text().as_bytes())?;
    Ok(head)
}
