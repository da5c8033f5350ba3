//! The text format: lines, delimiters, backslash escapes.
//!
//! Source: PostgreSQL documentation, `COPY`, "Text Format".

use palisade_mask::{CellForm, Treated};

use super::{Broken, Cells, Found};
use crate::reading::CopyShape;

pub(super) struct Text {
    delimiter: u8,
    null: Vec<u8>,
}

impl Text {
    pub(super) fn new(copy: &CopyShape) -> Self {
        Self { delimiter: copy.delimiter, null: copy.null.clone().into_bytes() }
    }

    /// A line break inside a value is escaped, so each one ends a row.
    pub(super) fn find(&self, rest: &[u8]) -> Found {
        rest.iter().position(|byte| *byte == b'\n').map_or(Found::More, |end| Found::Row(end + 1))
    }

    pub(super) fn mask(&self, row: &[u8], cells: &Cells<'_>) -> Result<Vec<u8>, Broken> {
        let line = row.strip_suffix(b"\n").unwrap_or(row);
        let mut masked = Vec::with_capacity(row.len());
        let mut width = 0;
        for cell in cells_of(line, self.delimiter) {
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
            match cells.treat(mask, CellForm::Text, &unescaped(cell), &mut covered) {
                Treated::Unchanged => masked.extend_from_slice(cell),
                Treated::Changed => escape(&covered, self.delimiter, &mut masked),
                Treated::Null => masked.extend_from_slice(&self.null),
            }
        }
        cells.check_width(width)?;
        masked.push(b'\n');
        Ok(masked)
    }
}

/// Cuts a line at its delimiters, but not at those that a backslash precedes.
fn cells_of(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let mut cells = Vec::new();
    let mut start = 0;
    let mut bytes = line.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if *byte == b'\\' {
            bytes.next();
        } else if *byte == delimiter {
            cells.push(line.get(start..at).unwrap_or(&[]));
            start = at + 1;
        }
    }
    cells.push(line.get(start..).unwrap_or(&[]));
    cells
}

fn unescaped(cell: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(cell.len());
    let mut bytes = cell.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        value.extend(bytes.next().map(|escaped| match escaped {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        }));
    }
    value
}

fn escape(value: &[u8], delimiter: u8, into: &mut Vec<u8>) {
    for byte in value {
        let escaped = match byte {
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            11 => b'v',
            b'\\' => b'\\',
            other if *other == delimiter => *other,
            other => {
                into.push(*other);
                continue;
            }
        };
        into.extend_from_slice(&[b'\\', escaped]);
    }
}
