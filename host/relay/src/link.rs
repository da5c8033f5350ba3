//! One connection, which may become a TLS connection in mid-conversation.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A byte stream both ways.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The step to TLS went wrong.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The peer sent bytes ahead of its handshake, which an eavesdropper could have put there (CVE-2021-23214, CVE-2021-23222).
    #[error("bytes were sent in clear ahead of the TLS handshake")]
    Smuggled,
    /// The peer began with TLS and did not say for which protocol, so that its bytes may be meant for another server (ALPACA).
    #[error("the TLS handshake names another protocol, or none")]
    Protocol,
    /// The handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[from] io::Error),
}

/// A connection to a peer, with the bytes that were read from it and not yet handled.
pub struct Link {
    /// What was read and not yet handled.
    pub input: BytesMut,
    pub(crate) stream: Box<dyn Io>,
    secure: bool,
    peer_certificate: Option<Vec<u8>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("secure", &self.secure).finish_non_exhaustive()
    }
}

impl Link {
    /// A link over a plain stream.
    #[must_use]
    pub fn new(stream: Box<dyn Io>) -> Self {
        Self { input: BytesMut::new(), stream, secure: false, peer_certificate: None }
    }

    /// Whether TLS protects it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The peer's certificate (DER), where TLS showed one.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.peer_certificate.as_deref()
    }

    /// Does the server's part of a TLS handshake.
    ///
    /// # Errors
    /// When bytes came ahead of the handshake, or it fails.
    pub async fn accept_tls(self, acceptor: &TlsAcceptor) -> Result<Self, TlsError> {
        let stream = self.into_clean_stream()?;
        let stream = acceptor.accept(stream).await?;
        Ok(Self { secure: true, ..Self::new(Box::new(stream)) })
    }

    /// Does the server's part of a TLS handshake that the peer has begun, for a `protocol` (ALPN).
    ///
    /// # Errors
    /// When the handshake fails, or agrees on no protocol or another.
    pub async fn accept_tls_at_once(
        self,
        acceptor: &TlsAcceptor,
        protocol: &[u8],
    ) -> Result<Self, TlsError> {
        let stream = Begun { read: self.input, stream: self.stream };
        let stream = acceptor.accept(stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(protocol) {
            return Err(TlsError::Protocol);
        }
        Ok(Self { secure: true, ..Self::new(Box::new(stream)) })
    }

    /// Does the client's part of a TLS handshake.
    ///
    /// # Errors
    /// When bytes came ahead of the handshake, or it fails.
    pub async fn connect_tls(
        self,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, TlsError> {
        let stream = self.into_clean_stream()?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        let certificates = stream.get_ref().1.peer_certificates();
        let peer_certificate = certificates.and_then(|chain| chain.first()).map(|der| der.to_vec());
        Ok(Self { secure: true, peer_certificate, ..Self::new(Box::new(stream)) })
    }

    /// Says goodbye as the transport has it (TLS: close_notify), within `limit`.
    pub async fn close(mut self, limit: Duration) {
        // Whether the peer hears it changes nothing.
        let _ = tokio::time::timeout(limit, self.stream.shutdown()).await;
    }

    fn into_clean_stream(self) -> Result<Box<dyn Io>, TlsError> {
        if self.input.is_empty() { Ok(self.stream) } else { Err(TlsError::Smuggled) }
    }
}

/// A stream of which some bytes were read already.
struct Begun {
    read: BytesMut,
    stream: Box<dyn Io>,
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let size = self.read.len().min(into.remaining());
        into.put_slice(&self.read.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
