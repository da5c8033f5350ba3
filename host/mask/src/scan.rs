//! Covers what detectors find in a text, and leaves the rest as it is.
//!
//! A value without a hit is neither copied nor allocated for.
//! The result never holds a hit: where covering one lets another appear, the text is searched again, and where that does
//! not end within a few rounds, the whole value is covered.

use crate::detect::set::{self, Detectors};
use crate::detect::{DetectorRefused, WHOLE, hint, kind, named, prepare, searches};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

/// How often a text is searched; the second time nearly always finds nothing.
const MAX_ROUNDS: usize = 8;

/// A set of detectors, ready to search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    detectors: Detectors,
}

/// A part of a value to be covered, and with what.
struct Hit {
    range: Range<usize>,
    mask: &'static str,
}

impl Scan {
    /// Puts the detectors of these names together.
    ///
    /// # Errors
    /// When there is no detector of a name.
    pub fn new(names: &BTreeSet<String>) -> Result<Self, DetectorRefused> {
        let mut detectors = 0;
        for name in names {
            detectors |= prepare(name)?;
        }
        Ok(Self { detectors })
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.detectors == 0
    }

    /// Whether a detector finds anything in the value.
    #[must_use]
    pub fn finds(&self, value: &[u8]) -> bool {
        searches(self.candidates(value)).any(|search| search.next_hit(value, 0).is_some())
    }

    /// Covers what is found in a text, which is given back borrowed where nothing is. Valid UTF-8 stays valid.
    #[must_use]
    pub fn text<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        let mut covered = Cow::Borrowed(value);
        for _ in 0..MAX_ROUNDS {
            let hits = self.hits(&covered);
            if hits.is_empty() {
                return covered;
            }
            covered = Cow::Owned(replace(&covered, &hits));
        }
        Cow::Owned(WHOLE.as_bytes().to_vec())
    }

    /// Covers what is found in the strings, keys and numbers of a JSON text, which stays valid JSON
    /// and is given back borrowed where nothing is found. A text that is not JSON is treated as plain.
    #[must_use]
    pub fn json<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        crate::json::scan(self, text)
    }

    /// Whether a value could hold a hit as far as a look at its bytes tells.
    pub(crate) fn may_find(&self, value: &[u8]) -> bool {
        self.candidates(value) != 0
    }

    /// The same where the kinds of bytes in the value are known.
    #[inline]
    pub(crate) fn may_find_in(&self, kinds: u16, value: &[u8]) -> bool {
        set::candidates(self.detectors, kinds, value) != 0
    }

    /// The mask for a value that is stored under this name, where the name makes it a secret.
    pub(crate) fn mask_by_name(&self, name: &[u8], value: &[u8]) -> Option<&'static str> {
        self.knowing(name).mask_if_named(value)
    }

    /// Those of the detectors to which this name says that a secret is stored under it.
    pub(crate) fn knowing(&self, name: &[u8]) -> Self {
        let may = named(self.detectors) & hint::by_name(name);
        let knowing = set::places(may).map(|place| 1 << place);
        let knowing = knowing.filter(|one| searches(*one).any(|search| search.knows_name(name)));
        Self { detectors: knowing.fold(0, |set, one| set | one) }
    }

    /// The mask for a value under a name that all these detectors know, where it could be such a secret.
    pub(crate) fn mask_if_named(&self, value: &[u8]) -> Option<&'static str> {
        let could_be = searches(self.detectors).filter(|search| search.could_be(value));
        could_be.map(|search| search.detector.mask).min()
    }

    /// Those of the detectors that find private keys, which may have many lines.
    pub(crate) fn of_private_keys(self) -> Self {
        Self { detectors: self.detectors & set::PRIVATE_KEY }
    }

    /// Those of the detectors that find passwords, which may be quoted over lines.
    pub(crate) fn of_passwords(self) -> Self {
        Self { detectors: self.detectors & set::PASSWORD }
    }

    /// Whether any of these detectors is among them.
    pub(crate) fn has_any(self, detectors: Detectors) -> bool {
        self.detectors & detectors != 0
    }

    /// Where something is found, in order.
    pub(crate) fn ranges(self, value: &[u8]) -> Vec<Range<usize>> {
        self.hits(value).into_iter().map(|hit| hit.range).collect()
    }

    /// The detectors that both have.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { detectors: self.detectors & other.detectors }
    }

    /// The detectors that either has.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { detectors: self.detectors | other.detectors }
    }

    /// Those of the detectors that a look at the value's bytes does not rule out.
    pub(crate) fn left_for(self, value: &[u8]) -> Self {
        Self { detectors: self.candidates(value) }
    }

    /// Whether a detector goes by the name that a value is stored under.
    pub(crate) fn goes_by_name(&self) -> bool {
        named(self.detectors) != 0
    }

    /// The detectors that a look at the value's bytes does not rule out.
    fn candidates(&self, value: &[u8]) -> Detectors {
        if self.detectors == 0 {
            return 0;
        }
        set::candidates(self.detectors, kind::in_value(value), value)
    }

    /// All hits in order, those that overlap put together under the mask of the first.
    fn hits(&self, value: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for search in searches(self.candidates(value)) {
            let mut from = 0;
            while let Some(range) = search.next_hit(value, from) {
                from = range.end;
                hits.push(Hit { range, mask: search.detector.mask });
            }
        }
        hits.sort_by_key(|hit| (hit.range.start, Reverse(hit.range.end), hit.mask));
        hits.dedup_by(|next, first| {
            let overlap = next.range.start < first.range.end;
            if overlap {
                first.range.end = first.range.end.max(next.range.end);
            }
            overlap
        });
        hits
    }
}

fn replace(value: &[u8], hits: &[Hit]) -> Vec<u8> {
    let mut covered = Vec::with_capacity(value.len());
    let mut from = 0;
    for hit in hits {
        covered.extend_from_slice(value.get(from..hit.range.start).unwrap_or_default());
        covered.extend_from_slice(hit.mask.as_bytes());
        from = hit.range.end;
    }
    covered.extend_from_slice(value.get(from..).unwrap_or_default());
    covered
}

#[cfg(test)]
mod tests;
