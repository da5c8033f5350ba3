//! The way to a service that speaks gRPC: HTTP/2, which by TLS it must agree to, and in clear is known beforehand to speak.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, TE};
use http::{HeaderName, HeaderValue, Method};
use pingora_core::protocols::ALPN;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::protocols::http::v2::client::Http2Session;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;

use super::super::Backend;
use super::super::app::Inner;
use super::super::upstream::{IDLE, name_by_authority, peer_of};
use crate::grpc::{Call, time_left};
use crate::{Credential, Head, Outgoing, Target, Unusable};

/// Most calls at the same time on one connection.
const MOST_STREAMS: usize = 64;
/// What of one call may be on its way from the service, in bytes.
const WINDOW: u32 = 256 * 1024;
/// The same of one connection: a client that does not read keeps none of the others waiting.
const CONNECTION_WINDOW: u32 = WINDOW * 64;
/// How often a service is asked whether it is still there.
const PING: Duration = Duration::from_secs(60);

/// A stream to a service. It gives its connection back when it is dropped.
pub(super) struct Upstream {
    /// Always there, until it is dropped.
    session: Option<Http2Session>,
    peer: HttpPeer,
    service: Arc<Inner>,
}

impl Upstream {
    /// Sends a call's head. Where a connection of the pool is over, another is made: nothing was sent.
    pub(super) async fn send(
        service: &Arc<Inner>,
        session: (&dyn Backend, &str),
        head: &RequestHeader,
    ) -> Result<Self> {
        let mut opened = Self::open(service, session).await?;
        if opened.begin(head).is_err() {
            opened = Self::open(service, session).await?;
            opened.begin(head)?;
        }
        Ok(opened)
    }

    async fn open(service: &Arc<Inner>, (backend, session): (&dyn Backend, &str)) -> Result<Self> {
        let runner = &service.runner;
        let mut peer = peer_of(&runner.addresses, backend, &runner.options).await?;
        // Calls of one connection wait for each other where a service does not read: those of others never.
        peer.group_key ^= key_of(session);
        peer.options.alpn = ALPN::H2;
        peer.options.max_h2_streams = MOST_STREAMS;
        peer.options.h2_stream_window_size = Some(WINDOW);
        peer.options.h2_connection_window_size = Some(CONNECTION_WINDOW);
        peer.options.h2_ping_interval = Some(PING);
        let connected = runner.connector.get_http_session(&peer).await;
        match connected.inspect_err(|_| runner.addresses.forget(backend.origin()))?.0 {
            HttpSession::H2(session) => {
                Ok(Self { session: Some(session), peer, service: Arc::clone(service) })
            }
            _ => Error::e_explain(ErrorType::TLSHandshakeFailure, "it speaks no HTTP/2"),
        }
    }

    fn begin(&mut self, head: &RequestHeader) -> Result<()> {
        self.session()?.write_request_header(Box::new(head.clone()), false)
    }

    pub(super) fn session(&mut self) -> Result<&mut Http2Session> {
        let session = self.session.as_mut();
        session.ok_or_else(|| Error::explain(ErrorType::InternalError, "the stream is over"))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (peer, service) = (self.peer.clone(), Arc::clone(&self.service));
        tokio::spawn(async move {
            let connector = &service.runner.connector;
            connector.release_http_session(HttpSession::H2(session), &peer, Some(IDLE)).await;
        });
    }
}

/// What keeps a session's connections apart from those of others.
fn key_of(session: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    session.hash(&mut hasher);
    hasher.finish()
}

/// A call's head as the service gets it, with the gateway's credential.
pub(super) fn head_of(
    backend: &dyn Backend,
    (call, head): (&Call, &Head),
    credential: &Credential,
    (unread, left): (bool, Option<Duration>),
) -> std::result::Result<RequestHeader, Unusable> {
    let origin = backend.origin();
    let mut headers = call.metadata.clone();
    let authority = HeaderValue::from_str(origin.authority());
    headers.insert(HOST, authority.map_err(|_| Unusable::Character)?);
    headers.insert(CONTENT_TYPE, call.kind.clone());
    headers.insert(TE, HeaderValue::from_static("trailers"));
    // What is compressed cannot be looked at.
    let accept = HeaderName::from_static("grpc-accept-encoding");
    headers.insert(accept, HeaderValue::from_static("identity"));
    if let Some((name, value)) = call.encoding(head).filter(|_| unread) {
        headers.insert(name, value);
    }
    if let Some(left) = left {
        headers.insert(HeaderName::from_static("grpc-timeout"), time_left(left));
    }
    let mut outgoing = Outgoing {
        method: Method::POST,
        origin: Arc::clone(origin.text()),
        target: Target { path: call.path(), query: None },
        headers,
        body: None,
    };
    credential.apply(&mut outgoing)?;
    let target = outgoing.target.text();
    let length = Some(outgoing.headers.len());
    let built = RequestHeader::build(Method::POST, target.as_bytes(), length);
    let mut head = built.map_err(|_| Unusable::Character)?;
    for (name, value) in &outgoing.headers {
        let put = head.append_header(name.clone(), value.clone());
        put.map_err(|_| Unusable::Character)?;
    }
    name_by_authority(&mut head).map_err(|_| Unusable::Character)?;
    Ok(head)
}
