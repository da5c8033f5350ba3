//! What a detector is, and how to find one by its name.
//!
//! Each is a linear-time regular expression, compiled once for the process, and a check of what it found.
//! The list of them is in `table`, the checks are in `check`.

mod check;
mod table;

use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

/// Kinds of bytes that a hit cannot do without, as bits of a set.
/// One look at each byte of a value tells which detectors need not be asked.
pub(crate) mod kind {
    /// `0` to `9`.
    pub(crate) const DIGIT: u8 = 1;
    /// `@`.
    pub(crate) const AT: u8 = 1 << 1;
    /// `.`.
    pub(crate) const DOT: u8 = 1 << 2;
    /// `-`.
    pub(crate) const DASH: u8 = 1 << 3;
    /// `_`.
    pub(crate) const UNDERSCORE: u8 = 1 << 4;
    /// `+`.
    pub(crate) const PLUS: u8 = 1 << 5;
    /// `A` to `Z`.
    pub(crate) const UPPER: u8 = 1 << 6;
    /// `:` or `=`.
    pub(crate) const ASSIGN: u8 = 1 << 7;
}

static KINDS: [u8; 256] = kinds();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within 0..256")]
const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => kind::DIGIT,
            b'@' => kind::AT,
            b'.' => kind::DOT,
            b'-' => kind::DASH,
            b'_' => kind::UNDERSCORE,
            b'+' => kind::PLUS,
            b'A'..=b'Z' => kind::UPPER,
            b':' | b'=' => kind::ASSIGN,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// The kinds of bytes that occur in a value.
pub(crate) fn kinds_in(value: &[u8]) -> u8 {
    value.iter().fold(0, |set, &byte| set | KINDS.get(usize::from(byte)).copied().unwrap_or(0))
}

/// In place of a value that cannot be covered piece by piece.
pub(crate) const WHOLE: &str = "[masked]";

/// Why detectors cannot be put to work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectorRefused {
    /// There is none of this name.
    #[error("there is no detector `{0}`, there are: {known}", known = known_names())]
    Unknown(String),
    /// Its expression does not compile: a mistake of this crate, met by covering nothing and saying so.
    #[error("the detector `{0}` cannot be compiled")]
    Broken(&'static str),
}

/// A detector, as a person choosing one wants to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorInfo {
    /// The name that plans use.
    pub name: &'static str,
    /// What it finds, in a sentence.
    pub finds: &'static str,
}

/// All detectors, in the order of the table.
pub fn detectors() -> impl Iterator<Item = DetectorInfo> {
    table::DETECTORS
        .iter()
        .map(|detector| DetectorInfo { name: detector.name, finds: detector.finds })
}

/// One detector. A first group in its expression, where there is one, is the part to be covered.
#[derive(Debug)]
pub(crate) struct Detector {
    pub(crate) name: &'static str,
    pub(crate) finds: &'static str,
    /// What stands in a hit's place: the name in brackets.
    pub(crate) mask: &'static str,
    /// The [`kind`]s of bytes that every hit has.
    pub(crate) needs: u8,
    /// The length of the shortest hit, in bytes.
    pub(crate) shortest: usize,
    pub(crate) expression: Expression,
    /// What of a match is a hit, if any of it. Gets the whole value too, to look around.
    pub(crate) check: fn(&[u8], Range<usize>) -> Option<Range<usize>>,
    /// For secrets that are known by the name they are stored under.
    pub(crate) named: Option<Named>,
}

/// How a detector knows a secret that has its name beside it: in a JSON document the key.
#[derive(Debug)]
pub(crate) struct Named {
    /// Found in the name.
    pub(crate) name: Expression,
    /// Whether the value could be such a secret.
    pub(crate) value: fn(&[u8]) -> bool,
}

/// A regular expression over bytes, compiled on first use; nothing where it does not compile.
pub(crate) type Expression = LazyLock<Option<Regex>>;

/// Compiles with ASCII classes only, so that no match can depend on tables of Unicode.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}

/// A detector that is ready to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) detector: &'static Detector,
    regex: &'static Regex,
    name: Option<&'static Regex>,
}

impl Search {
    /// Finds the detector of this name.
    pub(crate) fn new(name: &str) -> Result<Self, DetectorRefused> {
        let detector = table::DETECTORS
            .iter()
            .find(|detector| detector.name == name)
            .ok_or_else(|| DetectorRefused::Unknown(name.to_owned()))?;
        let compiled = |expression: &'static Expression| {
            expression.as_ref().ok_or(DetectorRefused::Broken(detector.name))
        };
        let regex = compiled(&detector.expression)?;
        let name = detector.named.as_ref().map(|named| compiled(&named.name)).transpose()?;
        Ok(Self { detector, regex, name })
    }

    /// The first hit that begins at `from` or later.
    pub(crate) fn next_hit(&self, value: &[u8], mut from: usize) -> Option<Range<usize>> {
        while from < value.len() {
            let found = self.regex.find_at(value, from)?;
            from = found.end();
            let part = self.covered_part(value, found.range());
            if let Some(hit) = (self.detector.check)(value, part).filter(|hit| !hit.is_empty()) {
                return Some(hit);
            }
        }
        None
    }

    /// Whether the name says that the value is such a secret, and the value could be one.
    pub(crate) fn knows_by_name(&self, name: &[u8], value: &[u8]) -> bool {
        let (Some(regex), Some(named)) = (self.name, &self.detector.named) else { return false };
        regex.is_match(name) && (named.value)(value)
    }

    fn covered_part(&self, value: &[u8], found: Range<usize>) -> Range<usize> {
        if self.regex.captures_len() == 1 {
            return found;
        }
        let groups = self.regex.captures_at(value, found.start);
        groups
            .and_then(|groups| groups.iter().skip(1).flatten().next().map(|group| group.range()))
            .unwrap_or(found)
    }
}

/// Whether the value is nothing but what a scan put there.
fn is_mask(value: &[u8]) -> bool {
    value == WHOLE.as_bytes()
        || table::DETECTORS.iter().any(|detector| detector.mask.as_bytes() == value)
}

fn known_names() -> String {
    table::DETECTORS.iter().map(|detector| detector.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
