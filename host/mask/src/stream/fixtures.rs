//! What the tests of the machines share.

use super::{Limits, MaskStream, Masks, Unreadable};
use crate::{DocumentMask, Masker, detectors};
use palisade_policy::{Action, Masking, Plan, Shape};
use std::sync::Arc;

/// All detectors there are.
pub(super) fn all() -> Action {
    Action::Scan(detectors().map(|detector| detector.name.to_owned()).collect())
}

pub(super) fn stars() -> Action {
    Action::Replace("***".to_owned())
}

/// What a plan of one policy makes.
pub(super) fn masks(keys: &[(&str, Action)], rest: Action) -> Masks {
    let keys = keys.iter().map(|(key, action)| ((*key).to_owned(), action.clone())).collect();
    let shape = Shape::Document("application/json".to_owned());
    let mut masking = Masking::default();
    masking.add(0, &shape, &Plan { fields: vec![], keys, rest }).unwrap();
    let plan = Arc::new(DocumentMask::new(&masking).unwrap());
    Masks { plan, masker: Masker::new([7; 32]), limits: Limits::default() }
}

/// What comes out of pieces of this size, and how it ends.
pub(super) fn fed(
    machine: &mut dyn MaskStream,
    input: &[u8],
    size: usize,
) -> (Vec<u8>, Result<(), Unreadable>) {
    let mut out = Vec::new();
    for chunk in input.chunks(size.max(1)) {
        if let Err(unreadable) = machine.feed(chunk, &mut out) {
            return (out, Err(unreadable));
        }
    }
    let ended = machine.finish(&mut out);
    (out, ended)
}

/// What comes out, which must not depend on how the input is cut.
pub(super) fn check<M: MaskStream>(
    new: impl Fn() -> M,
    input: &[u8],
    expected: Result<&str, super::Trouble>,
) {
    for size in [input.len(), 1, 2, 3, 5, 7, 64] {
        let (out, ended) = fed(&mut new(), input, size);
        let out = String::from_utf8_lossy(&out).into_owned();
        let said = ended.map(|()| out.as_str()).map_err(|unreadable| unreadable.trouble);
        assert_eq!(said, expected, "{} in pieces of {size}", input.escape_ascii());
    }
}
