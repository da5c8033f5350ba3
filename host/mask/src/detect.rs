//! What a detector is, and how to find one by its name.
//!
//! Each is a linear-time regular expression, compiled once for the process, and a check of what it found.
//! The list of them is in `table`, the checks are in `check`; `set` and `hint` say which need not be asked about a value.

mod check;
pub(crate) mod hint;
pub(crate) mod kind;
pub(crate) mod set;
mod table;

pub(crate) use table::{END_OF_KEY, OPEN_QUOTATION};

use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

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
    /// Sets of [`kind`]s of bytes; every hit has all of one of them.
    pub(crate) needs: &'static [u16],
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

/// The set that holds the detector of this name alone, once it is known to compile.
pub(crate) fn prepare(name: &str) -> Result<set::Detectors, DetectorRefused> {
    let place = table::DETECTORS.iter().position(|detector| detector.name == name);
    let place = place.ok_or_else(|| DetectorRefused::Unknown(name.to_owned()))?;
    Search::at(place)?;
    Ok(1 << place)
}

/// The searches of a set, in the table's order.
pub(crate) fn searches(detectors: set::Detectors) -> impl Iterator<Item = Search> {
    // What does not compile was refused when the set was made.
    set::places(detectors).filter_map(|place| Search::at(place).ok())
}

/// The detectors of a set that go by names.
pub(crate) fn named(detectors: set::Detectors) -> set::Detectors {
    let is_named =
        |place: &usize| table::DETECTORS.get(*place).is_some_and(|it| it.named.is_some());
    set::places(detectors).filter(is_named).fold(0, |set, place| set | 1 << place)
}

impl Search {
    fn at(place: usize) -> Result<Self, DetectorRefused> {
        let detector =
            table::DETECTORS.get(place).ok_or_else(|| DetectorRefused::Unknown(String::new()))?;
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

    /// Whether the name says that what is stored under it is such a secret.
    pub(crate) fn knows_name(&self, name: &[u8]) -> bool {
        self.name.is_some_and(|regex| regex.is_match(name))
    }

    /// Whether a value that is stored under such a name could be such a secret.
    pub(crate) fn could_be(&self, value: &[u8]) -> bool {
        self.detector.named.as_ref().is_some_and(|named| (named.value)(value))
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
