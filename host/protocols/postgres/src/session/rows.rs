//! Rows on their way to the client: counted, masked where a plan says so, and recorded as the client sees them.

use bytes::{BufMut, BytesMut};
use palisade_mask::{Masker, Treated};
use palisade_policy::{Batch, Denial};

use super::covered::Covered;
use super::result::{OpenResult, mark};
use super::types;
use crate::codec::{Frame, FrameError, Header, backend, frame::HEADER};

/// How many bytes of rows go to plugins at once.
const LARGEST_BATCH: usize = 256 * 1024;

/// Bytes of a row's number of values, and of each value's length.
const COUNT: usize = 2;
const LENGTH: usize = 4;

/// What covers values, and remembers what was covered.
#[derive(Debug)]
pub(super) struct Covering<'a> {
    pub(super) masker: &'a Masker,
    pub(super) seen: &'a mut Covered,
}

/// Why rows do not go on.
#[derive(Debug)]
pub(super) enum RowsStop {
    /// The server's frame is malformed.
    Frame(FrameError),
    /// A policy failed.
    Denied(Denial),
}

impl From<FrameError> for RowsStop {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl OpenResult {
    /// Counts and records a row that passes as it came.
    pub(super) fn pass_row(&mut self, frame: &Frame<'_>) -> Result<(), FrameError> {
        self.count_row(frame.body.len());
        if self.room == 0 {
            self.record.truncated = true;
            return Ok(());
        }
        let mut row = Vec::with_capacity(self.columns.len());
        for (value, column) in backend::Values::decode(frame)?.zip(&self.columns) {
            let shown = value?.map(|value| types::show(column.type_oid, column.format, value));
            row.push(shown);
        }
        self.record_row(row, frame.body.len());
        Ok(())
    }

    /// Counts and records a part of a copy that passes as it came.
    pub(super) fn pass_copy(&mut self, data: &[u8]) {
        self.count_row(data.len());
        self.record_line(data);
    }

    /// Masks a part of a copy.
    pub(super) fn mask_copy(
        &mut self,
        mut covering: Covering<'_>,
        data: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), &'static str> {
        let Some(mut copy) = self.copy.take() else { return Ok(()) };
        let masked = copy.data(&mut covering, data, out, |line| {
            self.count_row(line.len() + 1);
            self.record_line(line);
        });
        self.copy = Some(copy);
        masked
    }

    fn record_line(&mut self, line: &[u8]) {
        if self.room == 0 {
            self.record.truncated = true;
            return;
        }
        let text = String::from_utf8_lossy(line).trim_end_matches('\n').to_owned();
        self.record_row(vec![Some(text)], line.len());
    }

    fn count_row(&mut self, size: usize) {
        self.record.row_count += 1;
        self.record.bytes += (size + HEADER) as u64;
    }

    fn record_row(&mut self, row: Vec<Option<String>>, size: usize) {
        if size > self.room {
            self.room = 0;
            self.record.truncated = true;
        } else {
            self.room -= size;
            self.record.rows.push(row);
        }
    }

    /// Masks all whole rows at the start of `input`, up to a batch, and appends them to `out`.
    /// Gives how many bytes of `input` it took.
    pub(super) fn mask_rows(
        &mut self,
        mut covering: Covering<'_>,
        input: &[u8],
        limit: u32,
        out: &mut BytesMut,
    ) -> Result<usize, RowsStop> {
        let (frames, taken) = whole_rows(input, limit)?;
        let inspected = self.inspect(&frames)?;
        let mut inspected: Vec<_> =
            inspected.iter().map(|batch| batch.as_ref().map(Batch::values)).collect();
        for frame in &frames {
            self.mask_row(&mut covering, frame, &mut inspected, out)?;
        }
        Ok(taken)
    }

    /// `inspected` gives what plugins made of the values, column by column.
    fn mask_row<'v>(
        &mut self,
        covering: &mut Covering<'_>,
        frame: &Frame<'_>,
        inspected: &mut [Option<impl Iterator<Item = &'v [u8]>>],
        out: &mut BytesMut,
    ) -> Result<(), RowsStop> {
        let start = out.len();
        let values = backend::Values::decode(frame)?;
        if values.left() != self.columns.len() {
            return Err(FrameError::Malformed { tag: 'D', what: "its number of values" }.into());
        }
        let recording = self.room > 0;
        let mut row = Vec::new();
        let mut cell = std::mem::take(&mut self.cell);
        let mut stays = Run { body: frame.body, from: 0, end: COUNT };
        out.put_slice(&[b'D', 0, 0, 0, 0]);
        for (at, value) in values.enumerate() {
            let came = value?;
            let value = match inspected.get_mut(at).and_then(Option::as_mut) {
                Some(inspected) if came.is_some() => Some(inspected.next().unwrap_or_default()),
                _ => came,
            };
            let shown = self.mask_cell(covering, at, value, &mut cell);
            stays.end += LENGTH + came.map_or(0, <[u8]>::len);
            if !is_same(shown, came) {
                stays.leave(came, out);
                put_value(shown, out);
                if !is_same(shown, value) {
                    mark(&mut self.record.fields, at, true);
                }
            }
            if recording && let Some(column) = self.columns.get(at) {
                let text = |value: &[u8]| types::show(column.type_oid, column.format, value);
                row.push(shown.map(text));
            }
        }
        stays.leave_rest(out);
        self.cell = cell;
        let size = out.len() - start;
        let length = u32::try_from(size - 1).unwrap_or(u32::MAX);
        if let Some(slot) = out.get_mut(start + 1..start + HEADER) {
            slot.copy_from_slice(&length.to_be_bytes());
        }
        self.count_row(size - HEADER);
        if recording {
            self.record_row(row, size)
        } else {
            self.record.truncated = true
        }
        Ok(())
    }

    /// What the client may see of a value; `cell` holds it where it is not the value itself.
    fn mask_cell<'a>(
        &self,
        covering: &mut Covering<'_>,
        at: usize,
        value: Option<&'a [u8]>,
        cell: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let value = value?;
        let (Some(mask), Some(column)) = (self.masks.get(at), self.columns.get(at)) else {
            return None;
        };
        if mask.is_keep() {
            return Some(value);
        }
        let (form, prefix) = types::form(column.type_oid, column.format);
        let (prefix, content) = value.split_at_checked(prefix)?;
        cell.clear();
        cell.extend_from_slice(prefix);
        if mask.covers() {
            covering.seen.remember(content);
        }
        match covering.masker.treat(mask, form, content, cell) {
            Treated::Unchanged => Some(value),
            Treated::Changed => Some(cell),
            Treated::Null => None,
        }
    }

    /// Sends the values of inspected columns to the plugins; gives what came back, by column. NULL is not sent.
    fn inspect(&self, frames: &[Frame<'_>]) -> Result<Vec<Option<Batch>>, RowsStop> {
        let Some(planned) = self.planned.as_ref().filter(|_| self.inspected.contains(&true)) else {
            return Ok(vec![]);
        };
        let batch = |inspected: &bool| inspected.then(Batch::default);
        let mut batches: Vec<Option<Batch>> = self.inspected.iter().map(batch).collect();
        for frame in frames {
            for (value, batch) in backend::Values::decode(frame)?.zip(&mut batches) {
                if let (Some(value), Some(batch)) = (value?, batch) {
                    batch.push(value);
                }
            }
        }
        for (treatment, batch) in planned.masking.fields.iter().zip(&mut batches) {
            for policy in &treatment.inspect {
                let values = batch.take().unwrap_or_default();
                *batch = Some(planned.inspect(*policy, values).map_err(RowsStop::Denied)?);
            }
        }
        Ok(batches)
    }
}

/// The part of a row that leaves as it came, in one piece.
struct Run<'a> {
    body: &'a [u8],
    /// Where what has not left begins.
    from: usize,
    /// Where the values that were looked at end.
    end: usize,
}

impl Run<'_> {
    /// Lets everything leave up to the last value that was looked at, in whose place comes another.
    fn leave(&mut self, came: Option<&[u8]>, out: &mut BytesMut) {
        let before = self.end - came.map_or(0, <[u8]>::len) - LENGTH;
        out.put_slice(self.body.get(self.from..before).unwrap_or_default());
        self.from = self.end;
    }

    fn leave_rest(self, out: &mut BytesMut) {
        out.put_slice(self.body.get(self.from..).unwrap_or_default());
    }
}

/// Whether two values are the same; of what is the same piece of memory nothing is compared.
fn is_same(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn put_value(value: Option<&[u8]>, out: &mut BytesMut) {
    match value {
        Some(value) => {
            out.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.put_slice(value);
        }
        None => out.put_i32(-1),
    }
}

/// The whole `DataRow`s at the start of `input`, up to a batch, and how many bytes they are.
fn whole_rows(input: &[u8], limit: u32) -> Result<(Vec<Frame<'_>>, usize), FrameError> {
    let mut frames = Vec::new();
    let mut taken = 0;
    while taken < LARGEST_BATCH {
        let rest = input.get(taken..).unwrap_or(&[]);
        let Some(header) = crate::codec::peek(rest, limit)? else { break };
        let Header { tag: b'D', size } = header else { break };
        if rest.len() < size {
            break;
        }
        frames.push(Frame::of(rest, header));
        taken += size;
    }
    Ok((frames, taken))
}
