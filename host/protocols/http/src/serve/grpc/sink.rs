//! The sending half of a stream of HTTP/2, with its peer's flow control, and what can be seen from there of its end.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;

/// Why nothing more can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The peer has reset the stream, or is gone.
    Gone,
    /// The peer is owed bytes and reads none.
    Stalled,
}

/// It is shared by what sends and what looks after its end, which are parts of one task.
pub(super) struct Sink {
    stream: Mutex<SendStream<Bytes>>,
    patience: Duration,
}

impl Sink {
    pub(super) fn new(stream: SendStream<Bytes>, patience: Duration) -> Self {
        Self { stream: Mutex::new(stream), patience }
    }

    /// Sends bytes as far as the peer wants them, and waits for it to want the rest.
    pub(super) async fn send(&self, mut data: Bytes) -> Result<(), Lost> {
        while !data.is_empty() {
            let room = self.room(data.len());
            let room = tokio::time::timeout(self.patience, room).await;
            let room = room.map_err(|_| Lost::Stalled)??;
            let piece = data.split_to(room.min(data.len()));
            self.stream().send_data(piece, false).map_err(|_| Lost::Gone)?;
        }
        Ok(())
    }

    async fn room(&self, wanted: usize) -> Result<usize, Lost> {
        self.stream().reserve_capacity(wanted);
        loop {
            let room = self.stream().capacity();
            if room > 0 {
                return Ok(room);
            }
            match poll_fn(|cx| self.stream().poll_capacity(cx)).await {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Lost::Gone),
            }
        }
    }

    /// Ends the stream without trailers. A peer that is gone does not need to know.
    pub(super) fn finish(&self) {
        let _ = self.stream().send_data(Bytes::new(), true);
    }

    /// Ends the stream with trailers.
    pub(super) fn trailers(&self, trailers: HeaderMap) -> Result<(), Lost> {
        self.stream().send_trailers(trailers).map_err(|_| Lost::Gone)
    }

    /// Ready when the peer has reset the stream, or is gone.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        self.stream().poll_reset(cx)
    }

    fn stream(&self) -> MutexGuard<'_, SendStream<Bytes>> {
        // The stream is the library's own, which a panic elsewhere does not make wrong.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
