//! What a service says by a WebSocket: masked message by message, and recorded.

use std::sync::Arc;

use palisade_policy::{Denial, Observation, RecordedField, RecordedResult, Shape};

use super::super::Options;
use super::super::exchange::Run;
use crate::Credential;
use crate::response::{Echo, covers_by_key, machine, unreadable};

/// Most messages that are kept for the record: empty ones cost as well.
const MOST_ROWS: usize = 1000;

/// What was heard of a service.
pub(super) struct Heard<'a> {
    run: &'a Run<'a>,
    echo: Echo,
    /// The longest value that is held to be masked, in bytes.
    held: usize,
    /// How much is kept for the record, in bytes.
    record_limit: usize,
    kept: Vec<Vec<Option<String>>>,
    kept_bytes: usize,
    messages: u64,
    bytes_out: u64,
    pub(super) bytes_in: u64,
    /// How the socket ended.
    pub(super) how: String,
    masked: bool,
    observed: Arc<[Observation]>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(run: &'a Run<'a>, credential: &Credential, options: &Options) -> Self {
        Self {
            run,
            echo: Echo::new(credential.forms()),
            held: options.response_limit,
            record_limit: options.record_limit,
            kept: vec![],
            kept_bytes: 0,
            messages: 0,
            bytes_out: 0,
            bytes_in: 0,
            how: "cut off".to_owned(),
            masked: false,
            observed: Arc::default(),
        }
    }

    /// A text as the client may hear it.
    ///
    /// # Errors
    /// When it must be masked, and cannot be.
    pub(super) async fn text(&mut self, text: String) -> Result<Vec<u8>, Denial> {
        let is_json = text.trim_start().starts_with(['{', '[', '"']);
        let kind = if is_json { "application/json" } else { "text/plain" };
        self.covered(kind, text.into_bytes()).await
    }

    /// Bytes as the client may have them.
    ///
    /// # Errors
    /// When they must be masked: they cannot be.
    pub(super) async fn bytes(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Denial> {
        self.covered("application/octet-stream", bytes).await
    }

    async fn covered(&mut self, kind: &str, mut said: Vec<u8>) -> Result<Vec<u8>, Denial> {
        self.echo.cover(&mut said);
        let session = self.run.session;
        let planned = session.plan_anew(&Shape::Document(kind.to_owned())).await.1?;
        if !planned.observed.is_empty() {
            self.observed = Arc::clone(&planned.observed);
        }
        if let Some(mask) = session.plans.of(&planned.masking)? {
            // Protocols that put something before their JSON are not read.
            let may_have_keys =
                kind == "text/plain" && said.iter().any(|byte| b"{[".contains(byte));
            if may_have_keys && covers_by_key(&planned.masking) {
                return Err(unreadable("a message is no JSON, and holds what may be some"));
            }
            let mut mask = machine(mask, &planned.masking, &session.masker, kind, self.held)?;
            let mut masked = mask.feed(&said)?;
            mask.finish(&mut masked)?;
            said = masked;
            self.masked = true;
        }
        self.note(&said);
        Ok(said)
    }

    fn note(&mut self, said: &[u8]) {
        self.messages += 1;
        self.bytes_out += said.len() as u64;
        let room = self.record_limit.saturating_sub(self.kept_bytes);
        if said.len() <= room && self.kept.len() < MOST_ROWS {
            self.kept_bytes += said.len();
            self.kept.push(vec![std::str::from_utf8(said).ok().map(str::to_owned)]);
        }
    }
}

/// It is on record also where the socket is dropped on the way.
impl Drop for Heard<'_> {
    fn drop(&mut self) {
        let Self { bytes_in, bytes_out, messages, how, .. } = self;
        let field = RecordedField {
            name: "message".to_owned(),
            type_name: "websocket".to_owned(),
            masked: self.masked,
            sources: None,
        };
        let tag =
            format!("101 Switching Protocols, {bytes_in} bytes in, {bytes_out} bytes out; {how}");
        let result = RecordedResult {
            fields: vec![field].into(),
            row_count: *messages,
            truncated: *messages > self.kept.len() as u64,
            rows: std::mem::take(&mut self.kept),
            bytes: self.bytes_out,
            tag,
            observed: Arc::clone(&self.observed),
        };
        // The socket is closed either way.
        let _ = self.run.session.teller.tell_result(self.run.allowed.number, &result);
    }
}
