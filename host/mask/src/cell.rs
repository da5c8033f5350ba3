//! Treats one cell of a table: cover or scan, in the form that the cell has.

use crate::cover::{Covered, Masker};
use crate::detect::DetectorRefused;
use crate::json;
use crate::scan::Scan;
use palisade_policy::{Cover, Treatment};
use std::borrow::Cow;

/// What a cell's bytes can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellForm {
    /// Any text.
    Text,
    /// A JSON text; it stays one.
    JsonText,
    /// Something that no text can stand in for: a number, a date, a uuid, a binary encoding.
    /// Where a cover or a hit would yield text, the cell becomes null.
    Opaque,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treated {
    /// It passes as it came; nothing was written.
    Unchanged,
    /// What the client may see was appended to the buffer.
    Changed,
    /// It is null; nothing was written.
    Null,
}

/// A treatment without its inspections, ready to be applied to value after value.
#[derive(Clone, Debug, Default)]
pub struct CellMask {
    pub(crate) cover: Option<Cover>,
    pub(crate) scan: Scan,
}

impl CellMask {
    /// Prepares a treatment.
    ///
    /// # Errors
    /// When it names a detector that there is not; whoever asked for it is to be denied.
    pub fn new(treatment: &Treatment) -> Result<Self, DetectorRefused> {
        Ok(Self { cover: treatment.cover.clone(), scan: Scan::new(&treatment.scan)? })
    }

    /// Makes null of every value.
    pub(crate) fn nullify() -> Self {
        Self { cover: Some(Cover::Nullify), scan: Scan::default() }
    }

    /// Whether every value is covered whole.
    #[must_use]
    pub fn covers(&self) -> bool {
        self.cover.is_some()
    }

    /// Whether every value passes as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        self.cover.is_none() && self.scan.is_empty()
    }
}

impl Masker {
    /// Treats a value that is not null.
    ///
    /// A partial cover shows parts of the value, so what detectors find is covered before it.
    pub fn treat(
        &self,
        mask: &CellMask,
        form: CellForm,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Treated {
        match (&mask.cover, form) {
            (None, _) => scan_cell(&mask.scan, form, value, out),
            (Some(_), CellForm::Opaque) => Treated::Null,
            (Some(cover), CellForm::Text) => {
                written(self.cover_text(cover, &mask.scan, value, out))
            }
            (Some(cover), CellForm::JsonText) => {
                // A string is covered as it reads; of anything else the text is.
                let content = json::read_string(value);
                let content = content.as_ref().map_or(value, |text| text.as_bytes());
                let mut plain = Vec::new();
                let covered = self.cover_text(cover, &mask.scan, content, &mut plain);
                if covered == Covered::Value {
                    json::push_string(out, &String::from_utf8_lossy(&plain));
                }
                written(covered)
            }
        }
    }

    fn cover_text(&self, cover: &Cover, scan: &Scan, value: &[u8], out: &mut Vec<u8>) -> Covered {
        match cover {
            Cover::Partial(..) => self.apply_cover(cover, &scan.text(value), out),
            _ => self.apply_cover(cover, value, out),
        }
    }
}

fn scan_cell(scan: &Scan, form: CellForm, value: &[u8], out: &mut Vec<u8>) -> Treated {
    let scanned = match form {
        CellForm::Opaque if scan.finds(value) => return Treated::Null,
        CellForm::Opaque => return Treated::Unchanged,
        CellForm::Text => scan.text(value),
        CellForm::JsonText => scan.json(value),
    };
    match scanned {
        Cow::Borrowed(_) => Treated::Unchanged,
        Cow::Owned(covered) => {
            out.extend_from_slice(&covered);
            Treated::Changed
        }
    }
}

fn written(covered: Covered) -> Treated {
    match covered {
        Covered::Value => Treated::Changed,
        Covered::Null => Treated::Null,
    }
}

#[cfg(test)]
mod tests;
