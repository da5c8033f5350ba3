//! Handshakes: one peer, one step after another, with a possible step to TLS between.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::{Link, TlsError};

/// What a sequence needs next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<D> {
    /// More bytes from the peer.
    Read,
    /// TLS on the link, before any further byte.
    Secure,
    /// The same, where the peer's handshake begins with what was read; it must agree to speak this protocol (ALPN).
    SecureAtOnce(&'static [u8]),
    /// Nothing: it is done.
    Done(D),
}

/// A handshake without I/O.
pub trait Sequence {
    /// What the handshake is for.
    type Done;
    /// What can go wrong.
    type Error;

    /// Takes what it can from `input` and adds to `output` what the peer must be sent, also when it fails.
    ///
    /// # Errors
    /// When the handshake cannot go on.
    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Self::Done>, Self::Error>;

    /// Told after the step to TLS, with the peer's certificate (DER) where it showed one.
    fn secured(&mut self, peer_certificate: Option<&[u8]>);
}

/// How to do the step to TLS.
#[derive(Clone)]
pub enum Secure {
    /// As the server.
    Accept(TlsAcceptor),
    /// As the client, to a server of this name.
    Connect(Arc<rustls::ClientConfig>, ServerName<'static>),
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accept(_) => "Accept",
            Self::Connect(..) => "Connect",
        })
    }
}

/// Why a handshake ended.
#[derive(Debug, thiserror::Error)]
pub enum ConverseError<E> {
    /// The sequence said so; what it had to say to the peer was sent.
    #[error("the handshake was refused")]
    Sequence(E),
    /// The peer went away.
    #[error("the peer closed the connection during the handshake")]
    Closed,
    /// The peer sent more than a handshake may hold, in bytes.
    #[error("the peer sent more than {0} bytes during the handshake")]
    TooLong(usize),
    /// The step to TLS went wrong.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}

/// Runs a handshake to its end. At most `most` bytes may wait unhandled.
///
/// # Errors
/// See [`ConverseError`]; the link is then closed.
pub async fn converse<S: Sequence>(
    mut link: Link,
    sequence: &mut S,
    secure: &Secure,
    most: usize,
) -> Result<(Link, S::Done), ConverseError<S::Error>> {
    loop {
        let mut output = BytesMut::new();
        let step = sequence.step(&mut link.input, &mut output);
        if !output.is_empty() {
            link.stream.write_all(&output).await?;
            link.stream.flush().await?;
        }
        match step.map_err(ConverseError::Sequence)? {
            Step::Done(done) => return Ok((link, done)),
            Step::Secure => {
                link = match secure {
                    Secure::Accept(acceptor) => link.accept_tls(acceptor).await?,
                    Secure::Connect(config, name) => {
                        link.connect_tls(Arc::clone(config), name.clone()).await?
                    }
                };
                sequence.secured(link.peer_certificate());
            }
            Step::SecureAtOnce(protocol) => {
                link = match secure {
                    Secure::Accept(acceptor) => link.accept_tls_at_once(acceptor, protocol).await?,
                    Secure::Connect(..) => return Err(TlsError::Smuggled.into()),
                };
                sequence.secured(link.peer_certificate());
            }
            Step::Read => {
                if link.input.len() >= most {
                    return Err(ConverseError::TooLong(most));
                }
                link.input.reserve(1024);
                if link.stream.read_buf(&mut link.input).await? == 0 {
                    return Err(ConverseError::Closed);
                }
            }
        }
    }
}
