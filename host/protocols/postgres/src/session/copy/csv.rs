//! The CSV format: quotes that may hold line breaks, and a NULL that is told from text by having none.
//!
//! Source: PostgreSQL documentation, `COPY`, "CSV Format".

use super::{Found, Lines};
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
}

impl Lines for Csv {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        &self.null
    }

    fn is_null(&self, cell: &[u8]) -> bool {
        // A value of the same letters is quoted.
        cell == self.null
    }

    fn cells<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
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

    fn value(&self, cell: &[u8]) -> Vec<u8> {
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

    fn put(&self, value: &[u8], into: &mut Vec<u8>) {
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
