//! The gateway as a forward proxy, for clients that cannot change their URL.
//!
//! ```text
//!   CONNECT host:443 ─▶ login ─▶ the connection's own address? ─▶ 200 ─▶ TLS, ended here ─▶ requests, as everywhere
//!                                                                   └──▶ blind: judged once, then bytes
//!   GET http://host/ ─▶ login ─▶ the connection's own address? ─▶ the request, as everywhere
//! ```
//!
//! It is served where nothing else is, so that no request can be taken for one of another form. What a client asks for is a
//! connection's own address, or refused: the gateway goes nowhere that it was not configured to go.

mod blind;
mod connect;
mod hop;
mod way;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use palisade_policy::NotAdmitted;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::Stream;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

use self::hop::Hop;
use super::app::{Connection, Service};
use super::{Login, Origin};
use crate::{Address, Refused};

pub(super) use self::way::{Picked, Way};

/// The longest head of a request for a tunnel, in bytes. Tokens of some issuers are long.
const MOST_HEAD: usize = 64 * 1024;
/// What a request for a tunnel begins with.
const CONNECT: &[u8] = b"CONNECT ";

/// What the service needs of the gateway to be a forward proxy.
pub trait Forward: Send + Sync {
    /// The connections that a token reaches at an address, whichever protocol they speak, for a client that names none.
    ///
    /// # Errors
    /// What the client may know.
    fn at(&self, login: &Login<'_>, address: &Address) -> Result<Vec<String>, NotAdmitted>;

    /// Where a connection's own server is, and the path of its endpoint, where another protocol is spoken within HTTP there.
    fn endpoint(&self, connection: &str) -> Option<(Origin, String)>;

    /// What ends TLS in the name of a host.
    ///
    /// # Errors
    /// Why there is none, for the log.
    fn acceptor(&self, host: &str) -> Result<Arc<Acceptor>, String>;

    /// Told of a session in which a blind tunnel is opened.
    fn blind(&self, session: &str);
}

impl Service {
    /// Serves one connection of a client of the forward proxy to its end. It is given up when `pushed_out` ends, until a client
    /// of it is let in.
    pub async fn serve_proxy(
        &self,
        stream: Stream,
        client: SocketAddr,
        stop: watch::Receiver<bool>,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        self.serve_by(Way::Proxy, stream, client, stop, pushed_out).await;
    }
}

/// How a connection of the proxy begins.
enum Beginning {
    /// With a request for a tunnel, of which this was read.
    Tunnel(BytesMut),
    /// With another request.
    Request(Bytes),
}

impl Connection {
    /// Serves a tunnel, where one is asked for. Otherwise the connection, for what else is asked.
    pub(super) async fn tunnelled(
        self: &Arc<Self>,
        mut stream: Stream,
        stop: &watch::Receiver<bool>,
    ) -> Option<Stream> {
        let time = self.service.runner.options.head_time;
        let beginning = tokio::time::timeout(time, beginning(&mut stream)).await.ok()??;
        let mut read = match beginning {
            Beginning::Request(ahead) => return Some(Box::new(Hop { stream, ahead })),
            Beginning::Tunnel(read) => read,
        };
        let head = tokio::time::timeout(time, head(&mut stream, &mut read)).await.ok()??;
        let asked = match head {
            Ok(head) if head.len() < read.len() => {
                // It would be read as the beginning of the tunnel, which there is not yet (RFC 9110 section 9.3.6).
                Err(Refused::Framing("something follows a request for a tunnel"))
            }
            Ok(head) => crate::Connect::read(&head),
            Err(refused) => Err(refused),
        };
        match asked {
            Ok(asked) => self.connect(stream, asked, stop).await,
            Err(refused) => self.refuse_tunnel(stream, refused).await,
        }
        None
    }
}

/// Reads so much that it is known how the connection begins; `None` where it ends before that.
async fn beginning(stream: &mut Stream) -> Option<Beginning> {
    let mut read = BytesMut::with_capacity(1024);
    loop {
        let seen = read.len().min(CONNECT.len());
        if read.get(..seen) != CONNECT.get(..seen) {
            return Some(Beginning::Request(read.freeze()));
        }
        if seen == CONNECT.len() {
            return Some(Beginning::Tunnel(read));
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Reads a head to its end; `None` where the connection ends before that.
async fn head(stream: &mut Stream, read: &mut BytesMut) -> Option<Result<Bytes, Refused>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut looked = 0;
    loop {
        let from = looked.min(read.len());
        let rest = read.get(from..).unwrap_or_default();
        if let Some(at) = rest.windows(END.len()).position(|four| four == END) {
            let head = read.get(..from + at + END.len()).unwrap_or_default();
            return Some(Ok(Bytes::copy_from_slice(head)));
        }
        if read.len() > MOST_HEAD {
            return Some(Err(Refused::Headers));
        }
        looked = read.len().saturating_sub(END.len() - 1);
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}
