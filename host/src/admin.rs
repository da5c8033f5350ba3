//! The admin API on its socket: in clear on loopback, by TLS everywhere else.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use palisade_admin::Admin;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::l4::stream::Stream as Plain;
use pingora_core::protocols::tls::server::handshake;
use pingora_core::protocols::{GetSocketDigest, SocketDigest, Stream};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::config::TlsFiles;
use crate::gateway::Gateway;
use crate::listener::Serve;
use crate::lobby::Lobby;

/// How long a client may take to be let in: its TLS handshake, the head of its request, and whatever it says before a token.
const TO_BE_LET_IN: Duration = Duration::from_secs(30);

/// Serves the admin API.
pub struct AdminService {
    app: Arc<Admin<Gateway>>,
    acceptor: Option<Acceptor>,
    lobby: Lobby,
}

impl AdminService {
    /// A service that speaks TLS where it is given the files of the certificate, whose names are its own, with so many connections
    /// whose clients are not let in yet.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn new(
        gateway: Arc<Gateway>,
        address: SocketAddr,
        tls: Option<&TlsFiles>,
        waiting: usize,
    ) -> Result<Self> {
        let mut own_hosts = vec![address.ip().to_string()];
        if let Some(files) = tls {
            own_hosts.extend(crate::tls::names_in(&files.certificate)?);
        }
        let acceptor = tls.map(|_| gateway.shown.acceptor(&[]));
        let app = Arc::new(Admin::new(gateway, own_hosts));
        Ok(Self { app, acceptor, lobby: Lobby::new(waiting) })
    }

    async fn secure(&self, stream: Plain) -> Option<Stream> {
        let Some(acceptor) = &self.acceptor else { return Some(Box::new(stream)) };
        let secured = handshake(acceptor, stream).await.ok()?;
        Some(Box::new(secured))
    }
}

#[async_trait]
impl Serve for AdminService {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        let guest = self.lobby.enter(peer);
        let mut unwanted = Box::pin(async {
            tokio::select! {
                () = guest.pushed_out() => {}
                () = tokio::time::sleep(TO_BE_LET_IN) => {}
            }
        });
        // By this the API knows who asks too fast.
        let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
        let _first = digest.peer_addr.set(Some(peer.into()));
        let mut stream = Plain::from(stream);
        stream.set_socket_digest(digest);
        let secured = tokio::select! {
            secured = self.secure(stream) => secured,
            () = &mut unwanted => None,
        };
        if let Some(stream) = secured {
            self.app.serve(stream, &stop, unwanted).await;
        }
    }
}
