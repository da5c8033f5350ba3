//! A call's client: its messages and its end are seen while it is being answered.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora_core::protocols::http::v2::server::HttpSession;
use pingora_http::ResponseHeader;

use super::sink::{Lost, Sink};
use crate::grpc::Told;

/// Both halves of a client's stream.
pub(super) struct Client<'a> {
    http: Mutex<&'a mut HttpSession>,
    sink: OnceLock<Sink>,
    patience: Duration,
}

impl<'a> Client<'a> {
    pub(super) fn new(http: &'a mut HttpSession, patience: Duration) -> Self {
        Self { http: Mutex::new(http), sink: OnceLock::new(), patience }
    }

    /// What comes next of its messages; `None` at their end.
    pub(super) async fn read(&self) -> Option<Result<Bytes, Lost>> {
        let read = poll_fn(|cx| self.http().poll_read_body_bytes(cx)).await;
        read.map(|read| read.map_err(|_| Lost::Gone))
    }

    /// Ends when the client has cancelled, or is gone.
    pub(super) async fn gone(&self) {
        poll_fn(|cx| match self.sink.get() {
            Some(sink) => sink.poll_reset(cx).map(drop),
            None => Pin::new(&mut self.http().idle()).poll(cx).map(drop),
        })
        .await;
    }

    /// Begins the answer.
    pub(super) fn begin(&self, headers: HeaderMap) -> Result<(), Lost> {
        self.head(headers, false)?;
        let stream = self.http().take_response_body_writer().ok_or(Lost::Gone)?;
        // It is begun once.
        let _ = self.sink.set(Sink::new(stream, self.patience));
        Ok(())
    }

    /// Sends some of the answer, which was begun.
    pub(super) async fn send(&self, data: Bytes) -> Result<(), Lost> {
        self.sink.get().ok_or(Lost::Gone)?.send(data).await
    }

    /// Ends the answer: by trailers, or by the head alone where nothing was sent.
    pub(super) fn end(&self, trailers: HeaderMap) -> Result<(), Lost> {
        match self.sink.get() {
            Some(sink) => sink.trailers(trailers),
            None => self.head(trailers, true),
        }
    }

    /// Ends the answer with the gateway's own word.
    pub(super) fn tell(&self, told: &Told) -> Result<(), Lost> {
        self.end(if self.sink.get().is_some() { told.trailers() } else { told.alone() })
    }

    /// How many bytes it has sent.
    pub(super) fn sent(&self) -> u64 {
        self.http().body_bytes_read() as u64
    }

    fn head(&self, headers: HeaderMap, end: bool) -> Result<(), Lost> {
        let head = ResponseHeader::build(StatusCode::OK, Some(headers.len() + 1));
        let mut head = head.map_err(|_| Lost::Gone)?;
        for (name, value) in &headers {
            head.append_header(name.clone(), value.clone()).map_err(|_| Lost::Gone)?;
        }
        self.http().write_response_header(Box::new(head), end).map_err(|_| Lost::Gone)
    }

    fn http(&self) -> MutexGuard<'_, &'a mut HttpSession> {
        // It is locked for one step of a poll and never in a wait.
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
