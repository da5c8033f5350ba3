//! What is on record of a response: as much of it as is kept, as the client got it.

use std::sync::Arc;

use http::StatusCode;
use palisade_policy::{JournalFailure, Observation, RecordedField, RecordedResult};

use super::sessions::Shared;

/// What is recorded of a response.
pub(super) struct Recording {
    pub session: Arc<Shared>,
    pub number: u64,
    pub status: StatusCode,
    pub kind: String,
    /// How much of it is kept, in bytes.
    pub limit: usize,
    pub kept: Vec<u8>,
    /// How much came so far, in bytes.
    pub bytes: u64,
    pub masked: bool,
    pub observed: Arc<[Observation]>,
    /// Whether it is on record, or nothing of it goes out.
    pub settled: bool,
}

/// What went out is on record also where the session ends in the midst of it.
impl Drop for Recording {
    fn drop(&mut self) {
        if !self.settled {
            // Nobody is left to tell.
            let _ = self.put();
        }
    }
}

impl Recording {
    /// Notes what goes out.
    pub(super) fn note(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let room = self.limit.saturating_sub(self.kept.len()).min(piece.len());
        self.kept.extend_from_slice(piece.get(..room).unwrap_or_default());
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn put(&mut self) -> Result<(), JournalFailure> {
        self.settled = true;
        let truncated = self.bytes > self.kept.len() as u64;
        let text = match String::from_utf8(std::mem::take(&mut self.kept)) {
            Ok(text) => Some(text),
            // The limit may cut a character.
            Err(error) if truncated && error.utf8_error().error_len().is_none() => {
                let valid = error.utf8_error().valid_up_to();
                let mut whole = error.into_bytes();
                whole.truncate(valid);
                String::from_utf8(whole).ok()
            }
            Err(_) => None,
        };
        let field = RecordedField {
            name: "body".to_owned(),
            type_name: self.kind.clone(),
            masked: self.masked,
            sources: None,
        };
        let rows = if self.bytes == 0 { vec![] } else { vec![vec![text]] };
        let result = RecordedResult {
            fields: vec![field].into(),
            row_count: rows.len() as u64,
            rows,
            bytes: self.bytes,
            truncated,
            tag: self.status.to_string(),
            observed: Arc::clone(&self.observed),
        };
        self.session.teller.tell_result(self.number, &result)
    }
}
