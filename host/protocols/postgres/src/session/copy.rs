//! A copy towards the client, masked line by line.

use bytes::{BufMut, BytesMut};
use palisade_mask::{CellForm, CellMask, Masker, Treated};
use palisade_policy::{Denial, Planned, Shape, Treatment};
use palisade_sql::CopyFormat;

use crate::codec::build;
use crate::reading::CopyShape;

/// Longest line that is put together of several messages, in bytes.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// How the lines of a copy in text format are masked.
pub(super) struct CopyMask {
    delimiter: u8,
    null: String,
    header: bool,
    masks: Vec<CellMask>,
    /// A line that is not all there yet.
    partial: Vec<u8>,
}

impl CopyMask {
    /// Whether a copy can be masked: text whose columns are known, and looked into by no plugin.
    pub(super) fn is_possible(copy: &CopyShape) -> bool {
        copy.format == CopyFormat::Text && copy.fields.is_some()
    }

    /// The mask of a copy; `None` where it passes as it comes.
    pub(super) fn new(copy: &CopyShape, planned: &Planned) -> Result<Option<Self>, Denial> {
        if planned.masking.fields.iter().all(Treatment::is_keep) {
            return Ok(None);
        }
        let cannot = |reason: String| Denial {
            reason,
            rule: "gateway.copy-unmaskable".to_owned(),
            hint: "Use SELECT.".to_owned(),
        };
        if !Self::is_possible(copy) {
            return Err(cannot("this COPY cannot be masked".to_owned()));
        }
        let fields = &planned.masking.fields;
        if fields.iter().any(|treatment| !treatment.inspect.is_empty()) {
            return Err(cannot("a policy would inspect this COPY, which it cannot".to_owned()));
        }
        let masks: Result<Vec<_>, _> = fields.iter().map(CellMask::new).collect();
        Ok(Some(Self {
            delimiter: copy.delimiter,
            null: copy.null.clone(),
            header: copy.header,
            masks: masks.map_err(|refused| cannot(refused.to_string()))?,
            partial: Vec::new(),
        }))
    }

    /// The number of columns that a line must have.
    pub(super) fn width(&self) -> usize {
        self.masks.len()
    }

    /// Masks the lines in a `CopyData` message and appends them as messages to `out`. `record` sees each as it leaves.
    pub(super) fn data(
        &mut self,
        masker: &Masker,
        data: &[u8],
        out: &mut BytesMut,
        mut record: impl FnMut(&[u8]),
    ) -> Result<(), &'static str> {
        self.partial.extend_from_slice(data);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            if std::mem::take(&mut self.header) {
                build::frame(out, b'd', |out| put_line(out, line));
                continue;
            }
            let masked = self.line(masker, line)?;
            build::frame(out, b'd', |out| put_line(out, &masked));
            record(&masked);
        }
        if self.partial.len() > LONGEST_LINE { Err("a line is too long") } else { Ok(()) }
    }

    /// Whether all that came was handled.
    pub(super) fn is_done(&self) -> bool {
        self.partial.is_empty()
    }

    fn line(&self, masker: &Masker, line: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut masked = Vec::with_capacity(line.len());
        let mut width = 0;
        for (at, cell) in cells_of(line, self.delimiter).into_iter().enumerate() {
            let mask = self.masks.get(at).ok_or("a line has more columns than were planned for")?;
            if at > 0 {
                masked.push(self.delimiter);
            }
            self.cell(masker, mask, cell, &mut masked);
            width += 1;
        }
        if width == self.width() {
            Ok(masked)
        } else {
            Err("a line has fewer columns than were planned for")
        }
    }

    fn cell(&self, masker: &Masker, mask: &CellMask, cell: &[u8], into: &mut Vec<u8>) {
        if mask.is_keep() || cell == self.null.as_bytes() {
            into.extend_from_slice(cell);
            return;
        }
        let value = unescaped(cell);
        let mut covered = Vec::new();
        match masker.treat(mask, CellForm::Text, &value, &mut covered) {
            Treated::Unchanged => into.extend_from_slice(cell),
            Treated::Changed => escape(&covered, self.delimiter, into),
            Treated::Null => into.extend_from_slice(self.null.as_bytes()),
        }
    }
}

fn put_line(out: &mut BytesMut, line: &[u8]) {
    out.put_slice(line);
    out.put_u8(b'\n');
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

/// Takes out the escapes of the text format.
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

/// Puts in the escapes of the text format.
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

/// A copy as policies see it: its columns, or one that stands for all of them.
pub(super) fn shape_of(copy: &CopyShape) -> Shape {
    Shape::Table(copy.fields.clone().unwrap_or_else(|| vec![copy.any.clone()]))
}
