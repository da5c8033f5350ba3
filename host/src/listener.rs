//! A listening socket as a service of pingora's server: accepts, counts, and stops accepting when told.
//!
//! The socket is bound before the server starts: an address in use is one clear line, and port 0 has a number.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::Service;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How long to wait after the system refused to accept, for instance for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What is done with a connection.
#[async_trait]
pub trait Serve: Send + Sync + 'static {
    /// Serves it to its end. `stop` turns true when the gateway stops.
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>);
}

/// A bound socket and what serves its connections.
pub struct Listener<S> {
    name: &'static str,
    socket: Option<StdListener>,
    serve: Arc<S>,
    places: Places,
    stop: watch::Receiver<bool>,
}

/// How many connections there may be at the same time.
#[derive(Clone, Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    all: u32,
}

impl Places {
    /// So many.
    pub fn new(all: usize) -> Self {
        let all = u32::try_from(all).unwrap_or(u32::MAX).min(1 << 28);
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Takes one; `None` where there is none left.
    pub fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        (self.all as usize).saturating_sub(self.free.available_permits())
    }

    /// Returns once no connection is left.
    pub async fn all_free(&self) {
        // It is never closed; if it were, nobody would be left either.
        let _ = self.free.acquire_many(self.all).await;
    }
}

/// Binds an address; `key` is what the configuration calls it.
///
/// # Errors
/// When it cannot be had, in one line.
pub fn bind(address: SocketAddr, key: &str) -> Result<(StdListener, SocketAddr)> {
    let bound = || -> io::Result<_> {
        let socket = StdListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bound().with_context(|| format!("cannot listen on {address} (`{key}` in [listen])"))
}

impl<S: Serve> Listener<S> {
    /// A service of this name on this socket.
    pub fn new(
        name: &'static str,
        socket: StdListener,
        serve: S,
        places: Places,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { name, socket: Some(socket), serve: Arc::new(serve), places, stop }
    }

    async fn accept(&self, socket: &TcpListener) {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(service = self.name, %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                return;
            }
        };
        let Some(place) = self.places.take() else {
            tracing::warn!(service = self.name, %peer, "too many connections, one is turned away");
            return;
        };
        // Small messages go back and forth; a peer without it is merely slower.
        let _ = stream.set_nodelay(true);
        let (serve, stop) = (Arc::clone(&self.serve), self.stop.clone());
        tokio::spawn(async move {
            serve.serve(stream, peer, stop).await;
            drop(place);
        });
    }
}

#[async_trait]
impl<S: Serve> Service for Listener<S> {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let Some(socket) = self.socket.take() else { return };
        let socket = match TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!(service = self.name, %error, "cannot listen"),
        };
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.accept(&socket) => {}
            }
        }
    }

    fn name(&self) -> &str {
        self.name
    }
}

#[cfg(test)]
mod tests;
