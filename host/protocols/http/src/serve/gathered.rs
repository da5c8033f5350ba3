//! A client's connection whose small writes leave together: a response's head and its body are one packet, and one call of the
//! system, where they would be two.
//!
//! pingora writes piece by piece and says when it has written all that is to leave, as to a buffered stream; the streams that it
//! listens on by itself have such a buffer, and one that it is handed has none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{SslDigest, TlsRef};
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::wrapped::known_of_stream;

/// How much waits for more at most, in bytes.
const MOST: usize = 4 * 1024;
/// How long the last words may take that a client does not read.
const GOODBYE: Duration = Duration::from_secs(5);
/// How many pieces are written at once.
const PIECES: usize = 8;

/// A stream whose writes wait until they are flushed, or are many.
#[derive(Debug)]
struct Gathered {
    stream: Stream,
    /// What waits; no room is kept for it while nothing does.
    held: Vec<u8>,
    /// How much of it has left. INVARIANT: less than there is, or both are zero.
    sent: usize,
}

/// The stream, whose small writes are gathered unless HTTP/2 is spoken on it, which does that by itself.
pub(super) fn gathered(stream: Stream) -> Stream {
    match stream.selected_alpn_proto() {
        Some(ALPN::H2) => stream,
        _ => Box::new(Gathered { stream, held: vec![], sent: 0 }),
    }
}

impl Gathered {
    fn inner(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }

    fn has_room(&self, more: usize) -> bool {
        self.held.len().saturating_add(more) <= MOST
    }

    /// So much left of what waits and of what was written behind it; gives how much that was of the latter.
    fn left(&mut self, written: usize) -> usize {
        let waiting = self.held.len() - self.sent;
        if written < waiting {
            self.sent += written;
            return 0;
        }
        (self.held, self.sent) = (vec![], 0);
        written - waiting
    }

    /// Writes what waits.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let waiting = self.held.get(self.sent..).unwrap_or_default();
            match ready!(Pin::new(&mut self.stream).poll_write(cx, waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(self.left(written)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Gathered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buf)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if self.has_room(length) {
            bufs.iter().for_each(|buf| self.held.extend_from_slice(buf));
            return Poll::Ready(Ok(length));
        }
        loop {
            let this = &mut *self;
            let waiting = this.held.get(this.sent..).unwrap_or_default();
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let all = std::iter::once(waiting).chain(bufs.iter().map(|buf| &**buf));
            let all = all.filter(|piece| !piece.is_empty());
            let count = pieces.iter_mut().zip(all).map(|(place, of)| *place = IoSlice::new(of));
            let count = count.count();
            let pieces = pieces.get(..count).unwrap_or_default();
            let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, pieces))?;
            let of_these = this.left(written);
            // Only what was written of these may be told; nothing at all is the end of the stream.
            if of_these > 0 || written == 0 {
                return Poll::Ready(Ok(of_these));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx))?;
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx))?;
        self.inner().poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for Gathered {
    async fn shutdown(&mut self) {
        // Whoever is gone does not get it.
        let _ = tokio::time::timeout(GOODBYE, AsyncWriteExt::flush(self)).await;
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

#[async_trait]
impl Peek for Gathered {
    async fn try_peek(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        self.stream.try_peek(buf).await
    }
}

known_of_stream!(Gathered);

#[cfg(test)]
mod tests {
    use pingora_core::protocols::l4::stream::Stream as Plain;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (gathered(Box::new(Plain::from(server))), client)
    }

    #[tokio::test]
    async fn what_is_small_leaves_together_when_it_is_flushed() {
        let (mut server, mut client) = pair().await;
        server.write_all(b"head ").await.unwrap();
        server.write_all(b"body").await.unwrap();
        let nothing = client.try_read(&mut [0; 16]);
        assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        server.flush().await.unwrap();
        let mut got = [0; 16];
        let length = client.read(&mut got).await.unwrap();
        assert_eq!(&got[..length], b"head body");
    }

    #[tokio::test]
    async fn what_is_large_arrives_whole_and_in_order() {
        let (mut server, mut client) = pair().await;
        let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        let sent = large.clone();
        let sends = async move {
            let mut rest = sent.as_slice();
            for length in [3, 7000, 2000, 1, 100_000, 8192, 8193].into_iter().cycle() {
                let (piece, others) = rest.split_at(length.min(rest.len()));
                server.write_all(piece).await.unwrap();
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            Shutdown::shutdown(&mut *server).await;
        };
        let mut got = vec![];
        let (read, ()) = tokio::join!(client.read_to_end(&mut got), sends);
        read.unwrap();
        assert!(got == large);
    }
}
