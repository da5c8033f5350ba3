//! Sets of detectors, as bits by their place in the table, and which of them a value's length and kinds of bytes rule out.

use super::table::DETECTORS;
use super::{hint, kind};
use std::sync::LazyLock;

/// A set of detectors.
pub(crate) type Detectors = u16;

pub(super) const CARD: Detectors = 1 << 1;
pub(super) const IBAN: Detectors = 1 << 2;
pub(super) const US_SSN: Detectors = 1 << 3;
pub(super) const PHONE: Detectors = 1 << 4;
pub(crate) const PRIVATE_KEY: Detectors = 1 << 5;
pub(super) const JWT: Detectors = 1 << 6;
pub(super) const AWS_KEY: Detectors = 1 << 7;
pub(super) const GITHUB_TOKEN: Detectors = 1 << 8;
pub(super) const SLACK_TOKEN: Detectors = 1 << 9;
pub(super) const STRIPE_KEY: Detectors = 1 << 10;
pub(super) const GOOGLE_API_KEY: Detectors = 1 << 11;
pub(super) const VENDOR_TOKEN: Detectors = 1 << 12;
pub(super) const TOKEN: Detectors = 1 << 13;
pub(crate) const PASSWORD: Detectors = 1 << 14;

/// Values from this length on are long enough for every detector.
const LONG: usize = 63;

/// For each set of kinds, and for each length, the detectors that may have a hit.
struct Possible {
    by_kinds: [Detectors; kind::SETS],
    by_length: [Detectors; LONG + 1],
}

static POSSIBLE: LazyLock<Possible> = LazyLock::new(|| {
    let detectors = |may: &dyn Fn(&super::Detector) -> bool| {
        let bits = DETECTORS.iter().enumerate().filter(|(_, it)| may(it));
        bits.fold(0, |set, (place, _)| set | 1 << place)
    };
    Possible {
        by_kinds: std::array::from_fn(|kinds| {
            let has = |needs: &u16| usize::from(*needs) & kinds == usize::from(*needs);
            detectors(&|it| it.needs.iter().any(has))
        }),
        by_length: std::array::from_fn(|length| {
            detectors(&|it| it.shortest <= length || length == LONG)
        }),
    }
});

/// Those of the detectors that the length and the kinds of bytes of a value do not rule out.
#[inline]
pub(crate) fn by_form(detectors: Detectors, kinds: u16, length: usize) -> Detectors {
    let possible = &*POSSIBLE;
    let kinds = usize::from(kinds) % kind::SETS;
    let by_kinds = possible.by_kinds.get(kinds).copied().unwrap_or(detectors);
    let by_length = possible.by_length.get(length.min(LONG)).copied().unwrap_or(detectors);
    detectors & by_kinds & by_length
}

/// Those of the detectors that may have a hit in a value with these kinds of bytes.
#[inline]
pub(crate) fn candidates(detectors: Detectors, kinds: u16, value: &[u8]) -> Detectors {
    match by_form(detectors, kinds, value.len()) {
        0 => 0,
        left => hint::narrow(left, kinds, value),
    }
}

/// The places of a set's detectors in the table.
pub(crate) fn places(mut detectors: Detectors) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = detectors.trailing_zeros() as usize;
        detectors &= detectors.wrapping_sub(1);
        (place < Detectors::BITS as usize).then_some(place)
    })
}
