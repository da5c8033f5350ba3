//! HTTP, wired: who is let in, and to which service.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use palisade_http::{
    Admission, Backend, Forward, Host, Login, Mount, Options, Service, begins_http2,
};
use palisade_policy::{Ended, NotAdmitted, Place};
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::l4::stream::Stream as Plain;
use pingora_core::protocols::tls::server::handshake;
use pingora_core::protocols::{GetSocketDigest, SocketDigest, Stream};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::config::{GRPC, HTTP, Listen};
use crate::door::{Arrival, Door};
use crate::gateway::Gateway;
use crate::listener::{Places, Serve};
use crate::lobby::Lobby;
use crate::mcp::Tooling;
use crate::proxy::Proxy;
use crate::tls::Shown;

/// The first byte of a TLS handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// What a client is told that speaks in clear text where it may not.
const IN_CLEAR: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 29\r\n\
Connection: close\r\n\r\nUse https:// to reach this.\r\n";

/// The same, at the forward proxy.
const PROXY_IN_CLEAR: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 35\r\n\
Connection: close\r\n\r\nUse https:// to reach this proxy.\r\n";

/// Serves HTTP clients.
pub struct WebService {
    service: Service,
    acceptor: Acceptor,
    /// What a client is told that speaks in clear text; nothing where it may.
    in_clear: Option<&'static [u8]>,
    /// Whether it serves clients of the forward proxy.
    is_proxy: bool,
    login_time: Duration,
    lobby: Lobby,
}

impl WebService {
    /// A service over this gateway's connections, whose sessions have a place each of `sessions`.
    ///
    /// # Errors
    /// When what speaks MCP cannot be started.
    pub fn new(gateway: Arc<Gateway>, sessions: Places) -> Result<Self> {
        let settings = gateway.settings.load_full();
        let (limits, listen) = (settings.config.limits, &settings.config.listen);
        let options = Options {
            domain: listen.http_domain.clone(),
            body_limit: limits.body_bytes,
            response_limit: limits.response_bytes,
            record_limit: settings.config.record.result_limit,
            head_time: limits.login,
            dial_time: limits.dial,
            patience: limits.stalled,
            idle_time: limits.idle,
        };
        let tooling = Arc::new(Tooling::new(Arc::clone(&gateway), sessions.clone())?);
        let acceptor = gateway.shown.acceptor(&[b"h2", b"http/1.1"]);
        let door = Door { gateway, protocol: HTTP };
        let proxy = listen.http_proxy.map(|_| Proxy::new(door.clone()));
        let calls = Door { protocol: GRPC, ..door.clone() };
        let host = Arc::new(Guarded { door, calls, tooling, sessions, proxy });
        Ok(Self {
            service: Service::new(host, options),
            acceptor,
            in_clear: (!listen.insecure).then_some(IN_CLEAR),
            is_proxy: false,
            login_time: limits.login,
            lobby: Lobby::new(limits.max_logins),
        })
    }

    /// The same gateway as a forward proxy. What its clients speak there is HTTP/1.1: by TLS, or in clear text where none of it
    /// leaves the machine, or that is allowed.
    pub fn proxy(&self, listen: &Listen, shown: &Shown) -> Self {
        let is_near = listen.http_proxy.is_some_and(|address| address.ip().is_loopback());
        Self {
            service: self.service.clone(),
            acceptor: shown.acceptor(&[b"http/1.1"]),
            in_clear: (!is_near && !listen.insecure).then_some(PROXY_IN_CLEAR),
            is_proxy: true,
            login_time: self.login_time,
            lobby: self.lobby.clone(),
        }
    }

    /// The connection as it is spoken on: by TLS, or in clear where that is allowed; and whether HTTP/2 is spoken in clear.
    async fn open(&self, stream: TcpStream, peer: SocketAddr) -> Option<(Stream, bool)> {
        let mut first = [0];
        let read = stream.peek(&mut first).await.ok()?;
        let by_tls = read == 1 && first == [HANDSHAKE];
        if let Some(words) = self.in_clear.filter(|_| read == 1 && !by_tls) {
            let mut stream = stream;
            // Whoever does not read it learns nothing.
            let _ = stream.write_all(words).await;
            return None;
        }
        let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
        let _first = digest.peer_addr.set(Some(peer.into()));
        let mut stream = Plain::from(stream);
        stream.set_socket_digest(digest);
        if !by_tls {
            let http2 = !self.is_proxy && begins_http2(&mut stream).await.ok()?;
            return Some((Box::new(stream), http2));
        }
        let secured = handshake(&self.acceptor, stream).await.ok()?;
        Some((Box::new(secured), false))
    }
}

#[async_trait]
impl Serve for WebService {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        let pushed_out = self.lobby.enter(peer).pushed_out();
        tokio::pin!(pushed_out);
        let opened = tokio::select! {
            opened = tokio::time::timeout(self.login_time, self.open(stream, peer)) => opened,
            () = &mut pushed_out => return,
        };
        // Who comes without a word, or speaks no TLS, is nobody to speak of.
        match opened {
            Ok(Some((stream, _))) if self.is_proxy => {
                self.service.serve_proxy(stream, peer, stop, pushed_out).await;
            }
            Ok(Some((stream, true))) => {
                self.service.serve_http2(stream, peer, stop, pushed_out).await;
            }
            Ok(Some((stream, false))) => self.service.serve(stream, peer, stop, pushed_out).await,
            Ok(None) | Err(_) => {}
        }
    }
}

/// Who is let in.
struct Guarded {
    door: Door,
    /// The door of gRPC's connections.
    calls: Door,
    /// What speaks MCP.
    tooling: Arc<Tooling>,
    /// A session outlives its client's connections; the gateway waits for its end when it stops.
    sessions: Places,
    /// What makes it a forward proxy.
    proxy: Option<Proxy>,
}

impl Guarded {
    /// The door that leads to a connection.
    fn door_of(&self, connection: &str) -> &Door {
        let known = self.door.gateway.connections.get(connection);
        let is_grpc = known.is_some_and(|known| known.server.connection.protocol == GRPC);
        if is_grpc { &self.calls } else { &self.door }
    }
}

impl Host for Guarded {
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted> {
        let arrival = Arrival {
            connection: login.connection,
            token: login.token,
            client: login.client_address,
        };
        let door = self.door_of(login.connection);
        let standing = door.identify(arrival)?;
        let Some(service) = standing.known.service.clone() else {
            return Err(NotAdmitted::Unavailable("the connection has no service".to_owned()));
        };
        let Some(place) = self.sessions.take() else {
            let why = "the gateway has as many sessions as it may have".to_owned();
            return Err(NotAdmitted::Unavailable(why));
        };
        let opened = door.open(arrival, standing)?;
        Ok(Admission {
            gate: opened.gate,
            backend: service as Arc<dyn Backend>,
            ends: opened.ends,
            read_only: opened.read_only,
            mask_key: opened.mask_key,
            place: Place(Box::new(place)),
        })
    }

    fn mount(&self, connection: &str) -> Option<Arc<dyn Mount>> {
        let is_at = self.tooling.is_at(connection);
        is_at.then(|| Arc::clone(&self.tooling) as Arc<dyn Mount>)
    }

    fn forward(&self) -> Option<&dyn Forward> {
        self.proxy.as_ref().map(|proxy| proxy as &dyn Forward)
    }

    fn turned_away(&self, client: SocketAddr, cause: &str) {
        self.door.record_refusal(Arrival { connection: "", token: "", client }, None, cause);
    }

    fn ended(&self, session: &str, ended: &Ended) {
        self.door.ended(session, ended);
    }
}
