//! Covers what detectors find in a text, and leaves the rest as it is.
//!
//! A value without a hit is neither copied nor allocated for.
//! The result never holds a hit: where covering one lets another appear, the text is searched again, and where that does
//! not end within a few rounds, the whole value is covered.

use crate::detect::{DetectorRefused, Search, WHOLE, kinds_in};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// How often a text is searched; the second time nearly always finds nothing.
const MAX_ROUNDS: usize = 8;

/// A set of detectors, ready to search.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    searches: Vec<Search>,
    shortest: usize,
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
        let searches = names.iter().map(|name| Search::new(name)).collect::<Result<Vec<_>, _>>()?;
        let shortest = searches.iter().map(|search| search.detector.shortest).min().unwrap_or(0);
        Ok(Self { searches, shortest })
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.searches.is_empty()
    }

    /// Whether a detector finds anything in the value.
    #[must_use]
    pub fn finds(&self, value: &[u8]) -> bool {
        self.candidates(value).any(|search| search.next_hit(value, 0).is_some())
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
        self.candidates(value).next().is_some()
    }

    /// The mask for a value that is stored under this name, where the name makes it a secret.
    pub(crate) fn mask_by_name(&self, name: &[u8], value: &[u8]) -> Option<&'static str> {
        self.searches
            .iter()
            .find(|search| search.knows_by_name(name, value))
            .map(|search| search.detector.mask)
    }

    /// Whether a detector goes by the name that a value is stored under.
    pub(crate) fn goes_by_name(&self) -> bool {
        self.searches.iter().any(|search| search.detector.named.is_some())
    }

    /// The detectors that a value's length and kinds of bytes do not rule out.
    fn candidates(&self, value: &[u8]) -> impl Iterator<Item = &Search> {
        let searches = if self.searches.is_empty() || value.len() < self.shortest {
            &[]
        } else {
            self.searches.as_slice()
        };
        let kinds = if searches.is_empty() { 0 } else { kinds_in(value) };
        searches.iter().filter(move |search| {
            value.len() >= search.detector.shortest
                && kinds & search.detector.needs == search.detector.needs
        })
    }

    /// All hits in order, those that overlap put together under the mask of the first.
    fn hits(&self, value: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for search in self.candidates(value) {
            let mut from = 0;
            while let Some(range) = search.next_hit(value, from) {
                from = range.end;
                hits.push(Hit { range, mask: search.detector.mask });
            }
        }
        hits.sort_by_key(|hit| (hit.range.start, std::cmp::Reverse(hit.range.end)));
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
