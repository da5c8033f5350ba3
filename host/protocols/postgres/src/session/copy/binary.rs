//! The binary format: a header, rows of values with their lengths, a trailer.
//!
//! The types of the values are not known here, so a cover turns a value into NULL, and so does a detector that finds something.
//! Source: PostgreSQL documentation, `COPY`, "Binary Format".

use palisade_mask::{CellForm, Treated};

use super::{Broken, Cells, Found};

/// Eleven bytes of signature, four of flags, four of the extension's length.
const HEADER: usize = 19;
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

#[derive(Default)]
pub(super) struct Binary {
    /// The header has passed.
    begun: bool,
}

impl Binary {
    pub(super) fn find(&mut self, rest: &[u8]) -> Result<Found, Broken> {
        if self.begun {
            return Self::find_row(rest);
        }
        let Some((header, _)) = rest.split_at_checked(HEADER) else { return Ok(Found::More) };
        if !header.starts_with(SIGNATURE) {
            return Err("it does not begin with a binary copy's header");
        }
        let extension = header.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let size = HEADER + extension as usize;
        if rest.len() < size {
            return Ok(Found::More);
        }
        self.begun = true;
        Ok(Found::Passes(size))
    }

    fn find_row(rest: &[u8]) -> Result<Found, Broken> {
        let Some((count, mut values)) = rest.split_first_chunk::<2>() else {
            return Ok(Found::More);
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            return Ok(Found::Passes(2));
        }
        for _ in 0..count {
            let Some((length, after)) = values.split_first_chunk::<4>() else {
                return Ok(Found::More);
            };
            values = match i32::from_be_bytes(*length) {
                -1 => after,
                length => {
                    let length =
                        usize::try_from(length).map_err(|_negative| "a length is negative")?;
                    match after.get(length..) {
                        Some(after) => after,
                        None => return Ok(Found::More),
                    }
                }
            };
        }
        Ok(Found::Row(rest.len() - values.len()))
    }

    pub(super) fn mask(row: &[u8], cells: &mut Cells<'_, '_>) -> Result<Vec<u8>, Broken> {
        let (count, mut values) = row.split_first_chunk::<2>().ok_or("a row is torn")?;
        let mut masked = Vec::with_capacity(row.len());
        masked.extend_from_slice(count);
        let mut width = 0;
        while let Some((length, after)) = values.split_first_chunk::<4>() {
            let mask = cells.mask(width)?;
            width += 1;
            // NULL has a length of -1 and no bytes.
            let size = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let (value, after) = after.split_at_checked(size).ok_or("a row is torn")?;
            values = after;
            let mut covered = Vec::new();
            match cells.treat(mask, CellForm::Opaque, value, &mut covered) {
                Treated::Unchanged => {
                    masked.extend_from_slice(length);
                    masked.extend_from_slice(value);
                }
                Treated::Changed | Treated::Null => {
                    masked.extend_from_slice(&(-1i32).to_be_bytes())
                }
            }
        }
        cells.check_width(width)?;
        Ok(masked)
    }
}
