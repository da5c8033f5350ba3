//! One simple query over the gateway's own connection.

use bytes::BytesMut;
use palisade_relay::{Sequence, Step};

use crate::codec::{Frame, FrameError, backend, build, peek};

/// Largest message of an answer, in bytes.
const LARGEST: u32 = 16 * 1024 * 1024;

/// A row as text.
pub(super) type Row = Vec<Option<String>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Server(String),
}

/// A query and the rows that came so far, one list for each statement.
pub(super) struct Ask {
    text: Option<String>,
    results: Vec<Vec<Row>>,
    rows: Vec<Row>,
    error: Option<String>,
}

impl Ask {
    pub(super) fn new(text: String) -> Self {
        Self { text: Some(text), results: vec![], rows: vec![], error: None }
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<bool, AskError> {
        match frame.tag {
            b'D' => {
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                let values = backend::Values::decode(frame)?;
                let row = values.map(|value| value.map(|value| value.map(text)));
                self.rows.push(row.collect::<Result<_, _>>()?);
            }
            b'C' => self.results.push(std::mem::take(&mut self.rows)),
            b'E' => self.error = Some(backend::report(frame)?.message),
            b'Z' => return Ok(true),
            _ => {}
        }
        Ok(false)
    }
}

impl Sequence for Ask {
    type Done = Vec<Vec<Row>>;
    type Error = AskError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Self::Done>, AskError> {
        if let Some(text) = self.text.take() {
            build::query(output, &text);
            return Ok(Step::Read);
        }
        while let Some(header) = peek(input, LARGEST)? {
            if input.len() < header.size {
                break;
            }
            let bytes = input.split_to(header.size);
            if self.frame(&Frame::of(&bytes, header))? {
                return match self.error.take() {
                    Some(message) => Err(AskError::Server(message)),
                    None => Ok(Step::Done(std::mem::take(&mut self.results))),
                };
            }
        }
        Ok(Step::Read)
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {}
}
