//! The CSV format: quotes that may hold line breaks, and a NULL that is told from text by having none.
//!
//! Source: PostgreSQL documentation, `COPY`, "CSV Format".

use palisade_mask::{CellForm, Treated};

use super::{Broken, Cells, Found};
use crate::reading::CopyShape;

pub(super) struct Csv {
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: Vec<u8>,
}

impl Csv {
    pub(super) fn new(copy: &CopyShape) -> Self {
        Self {
            delimiter: copy.delimiter,
            quote: copy.quote,
            escape: copy.escape,
            null: copy.null.clone().into_bytes(),
        }
    }

    /// A line break ends a row where no quote is open.
    pub(super) fn find(&self, rest: &[u8]) -> Found {
        let mut bytes = self.walk(rest);
        let end = bytes.find(|(_, byte, quoted)| *byte == b'\n' && !quoted);
        end.map_or(Found::More, |(at, ..)| Found::Row(at + 1))
    }

    pub(super) fn mask(&self, row: &[u8], cells: &Cells<'_>) -> Result<Vec<u8>, Broken> {
        let line = row.strip_suffix(b"\n").unwrap_or(row);
        let mut masked = Vec::with_capacity(row.len());
        let mut width = 0;
        for cell in self.cells_of(line) {
            let mask = cells.mask(width)?;
            if width > 0 {
                masked.push(self.delimiter);
            }
            width += 1;
            if mask.is_keep() || cell == self.null {
                masked.extend_from_slice(cell);
                continue;
            }
            let mut covered = Vec::new();
            match cells.treat(mask, CellForm::Text, &self.unquoted(cell), &mut covered) {
                Treated::Unchanged => masked.extend_from_slice(cell),
                Treated::Changed => self.put_quoted(&covered, &mut masked),
                Treated::Null => masked.extend_from_slice(&self.null),
            }
        }
        cells.check_width(width)?;
        masked.push(b'\n');
        Ok(masked)
    }

    fn cells_of<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        let mut cells = Vec::new();
        let mut start = 0;
        for (at, byte, quoted) in self.walk(line) {
            if byte == self.delimiter && !quoted {
                cells.push(line.get(start..at).unwrap_or(&[]));
                start = at + 1;
            }
        }
        cells.push(line.get(start..).unwrap_or(&[]));
        cells
    }

    /// Each byte, where it is, and whether it lies within quotes.
    fn walk<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (usize, u8, bool)> + use<'a> {
        let (quote, escape) = (self.quote, self.escape);
        let (mut quoted, mut escaped) = (false, false);
        bytes.iter().enumerate().map(move |(at, byte)| {
            if escaped {
                escaped = false;
            } else if quoted && *byte == escape && escape != quote {
                escaped = true;
            } else if *byte == quote {
                // A doubled quote closes and opens, with nothing between.
                quoted = !quoted;
            }
            (at, *byte, quoted)
        })
    }

    fn unquoted(&self, cell: &[u8]) -> Vec<u8> {
        let inner =
            cell.strip_prefix(&[self.quote]).and_then(|rest| rest.strip_suffix(&[self.quote]));
        let Some(inner) = inner else { return cell.to_vec() };
        let mut value = Vec::with_capacity(inner.len());
        let mut bytes = inner.iter().copied();
        while let Some(byte) = bytes.next() {
            value.push(if byte == self.escape { bytes.next().unwrap_or(byte) } else { byte });
        }
        value
    }

    fn put_quoted(&self, value: &[u8], into: &mut Vec<u8>) {
        into.push(self.quote);
        for byte in value {
            if *byte == self.quote || *byte == self.escape {
                into.push(self.escape);
            }
            into.push(*byte);
        }
        into.push(self.quote);
    }
}
