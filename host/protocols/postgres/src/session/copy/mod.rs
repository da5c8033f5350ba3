//! A copy towards the client, masked row by row, in each of its formats.

mod binary;
mod csv;
mod text;

use bytes::BytesMut;
use palisade_mask::{CellForm, CellMask, Treated};
use palisade_policy::{Denial, Planned, Shape};
use palisade_sql::CopyFormat;

use self::binary::Binary;
use self::csv::Csv;
use self::text::Text;
use super::rows::Covering;
use crate::codec::build;
use crate::reading::CopyShape;

/// Longest row that is put together of several messages, in bytes.
const LONGEST_ROW: usize = 64 * 1024 * 1024;

/// Why a copy does not go on.
type Broken = &'static str;

/// How a copy is masked.
pub(super) struct CopyMask {
    format: Format,
    /// The first row holds names.
    header: bool,
    masks: Vec<CellMask>,
    /// What came and is not a whole row yet.
    partial: Vec<u8>,
}

enum Format {
    Text(Text),
    Csv(Csv),
    Binary(Binary),
}

/// What a format finds at the start of what came.
enum Found {
    /// Something that passes as it is: so many bytes.
    Passes(usize),
    /// A row of so many bytes.
    Row(usize),
    /// Nothing whole yet.
    More,
}

impl CopyMask {
    /// Whether a copy can be masked as it is planned: its columns are known, and no value that is covered is written as NULL is.
    pub(super) fn is_possible(copy: &CopyShape, planned: &Planned) -> bool {
        // A line of text does not tell a value from a NULL text of the same letters. With one of one's own choice, each row would
        // answer whether it holds that; the empty one is covered as a value is.
        let tells = copy.format != CopyFormat::Text || matches!(&*copy.null, "\\N" | "");
        let covers = planned.masking.fields.iter().any(|treatment| treatment.cover.is_some());
        copy.fields.is_some() && (tells || !covers)
    }

    /// The mask of a copy; `None` where it passes as it comes.
    pub(super) fn new(copy: &CopyShape, planned: &Planned) -> Result<Option<Self>, Denial> {
        let fields = &planned.masking.fields;
        if planned.masking.keeps_fields() {
            return Ok(None);
        }
        let cannot = |reason: String| Denial {
            reason,
            rule: "gateway.copy-unmaskable".to_owned(),
            hint: "Use SELECT.".to_owned(),
        };
        if !Self::is_possible(copy, planned) {
            return Err(cannot("this COPY cannot be masked".to_owned()));
        }
        if fields.iter().any(|treatment| !treatment.inspect.is_empty()) {
            return Err(cannot("a policy would inspect this COPY, which it cannot".to_owned()));
        }
        let masks: Result<Vec<_>, _> = fields.iter().map(CellMask::new).collect();
        Ok(Some(Self {
            format: match copy.format {
                CopyFormat::Text => Format::Text(Text::new(copy)),
                CopyFormat::Csv => Format::Csv(Csv::new(copy)),
                CopyFormat::Binary => Format::Binary(Binary::default()),
            },
            header: copy.header,
            masks: masks.map_err(|refused| cannot(refused.to_string()))?,
            partial: Vec::new(),
        }))
    }

    /// The number of columns that a row must have.
    pub(super) fn width(&self) -> usize {
        self.masks.len()
    }

    /// Masks the rows in a `CopyData` message and appends them as messages to `out`. `record` sees each as it leaves.
    pub(super) fn data(
        &mut self,
        covering: &mut Covering<'_>,
        data: &[u8],
        out: &mut BytesMut,
        mut record: impl FnMut(&[u8]),
    ) -> Result<(), Broken> {
        self.partial.extend_from_slice(data);
        let mut taken = 0;
        loop {
            let rest = self.partial.get(taken..).unwrap_or(&[]);
            let found = match &mut self.format {
                Format::Text(text) => text.find(rest),
                Format::Csv(csv) => csv.find(rest),
                Format::Binary(binary) => binary.find(rest)?,
            };
            let (size, is_row) = match found {
                Found::Row(size) => (size, !std::mem::take(&mut self.header)),
                Found::Passes(size) => (size, false),
                Found::More => break,
            };
            let whole = rest.get(..size).unwrap_or(&[]);
            taken += size;
            if !is_row {
                build::frame(out, b'd', |out| out.extend_from_slice(whole));
                continue;
            }
            let mut cells = Cells { covering, masks: &self.masks };
            let masked = match &self.format {
                Format::Text(text) => mask_line(text, whole, &mut cells)?,
                Format::Csv(csv) => mask_line(csv, whole, &mut cells)?,
                Format::Binary(_) => Binary::mask(whole, &mut cells)?,
            };
            build::frame(out, b'd', |out| out.extend_from_slice(&masked));
            record(&masked);
        }
        self.partial.drain(..taken);
        if self.partial.len() > LONGEST_ROW { Err("a row is too long") } else { Ok(()) }
    }

    /// Whether all that came was handled.
    pub(super) fn is_done(&self) -> bool {
        self.partial.is_empty()
    }
}

/// A format of lines.
trait Lines {
    /// What stands between cells.
    fn delimiter(&self) -> u8;
    /// What stands for NULL.
    fn null(&self) -> &[u8];
    /// Whether a cell is NULL, and no value that is written in the same way.
    fn is_null(&self, cell: &[u8]) -> bool;
    /// Cuts a line into cells, as they are written.
    fn cells<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]>;
    /// The value that a cell is written for.
    fn value(&self, cell: &[u8]) -> Vec<u8>;
    /// Writes a value as a cell.
    fn put(&self, value: &[u8], into: &mut Vec<u8>);
}

fn mask_line(
    format: &impl Lines,
    row: &[u8],
    cells: &mut Cells<'_, '_>,
) -> Result<Vec<u8>, Broken> {
    let line = row.strip_suffix(b"\n").unwrap_or(row);
    let mut masked = Vec::with_capacity(row.len());
    let mut width = 0;
    for cell in format.cells(line) {
        let mask = cells.mask(width)?;
        if width > 0 {
            masked.push(format.delimiter());
        }
        width += 1;
        if mask.is_keep() || format.is_null(cell) {
            masked.extend_from_slice(cell);
            continue;
        }
        let mut covered = Vec::new();
        match cells.treat(mask, CellForm::Text, &format.value(cell), &mut covered) {
            Treated::Unchanged => masked.extend_from_slice(cell),
            Treated::Changed => format.put(&covered, &mut masked),
            Treated::Null => masked.extend_from_slice(format.null()),
        }
    }
    cells.check_width(width)?;
    masked.push(b'\n');
    Ok(masked)
}

/// The masks of a row's cells.
struct Cells<'a, 'c> {
    covering: &'a mut Covering<'c>,
    masks: &'a [CellMask],
}

impl<'a> Cells<'a, '_> {
    fn treat(
        &mut self,
        mask: &CellMask,
        form: CellForm,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Treated {
        if mask.covers() {
            self.covering.seen.remember(value);
        }
        self.covering.masker.treat(mask, form, value, out)
    }

    fn mask(&self, at: usize) -> Result<&'a CellMask, Broken> {
        self.masks.get(at).ok_or("a row has more columns than were planned for")
    }

    fn check_width(&self, width: usize) -> Result<(), Broken> {
        if width == self.masks.len() {
            Ok(())
        } else {
            Err("a row has fewer columns than were planned for")
        }
    }
}

/// A copy as policies see it: its columns, or one that stands for all of them.
pub(super) fn shape_of(copy: &CopyShape) -> Shape {
    Shape::Table(copy.fields.clone().unwrap_or_else(|| vec![copy.any.clone()]))
}

#[cfg(test)]
mod tests;
