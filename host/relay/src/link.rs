//! One connection, which may become a TLS connection in mid-conversation.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
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
    /// The handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[from] std::io::Error),
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
