//! The text format: lines, delimiters, backslash escapes.
//!
//! Source: PostgreSQL documentation, `COPY`, "Text Format".

use super::{Found, Lines};
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
}

impl Lines for Text {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        &self.null
    }

    fn is_null(&self, cell: &[u8]) -> bool {
        // A backslash of a value is written as two.
        cell == self.null && self.null == b"\\N"
    }

    fn cells<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        cells_of(line, self.delimiter)
    }

    fn value(&self, cell: &[u8]) -> Vec<u8> {
        unescaped(cell)
    }

    fn put(&self, value: &[u8], into: &mut Vec<u8>) {
        escape(value, self.delimiter, into);
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
