//! The values that were covered in a session, kept aside until somebody asks for them.
//!
//! A large result covers millions, and what must not be repeated are the latest: they are put down here as bytes, and sorted
//! out only once a message is to be looked through, or there is no more room.

use std::collections::HashSet;

use palisade_mask::Seen;

/// As many different values as [`Seen`] keeps; shorter ones than it keeps do not count.
const KEPT: usize = 1024;
const SHORTEST: usize = 5;
/// Of longer values so much is put down, which is more than is looked for, in bytes.
const LONGEST: usize = 256;
/// How many bytes of values are put down before they are sorted out.
const ROOM: usize = 128 * 1024;

/// So much room is kept between results, in bytes.
const SPARE: usize = 4 * 1024;

/// What was covered.
#[derive(Debug, Default)]
pub(super) struct Covered {
    seen: Seen,
    /// The latest values, one after another, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Covered {
    /// Remembers a value that was covered.
    pub(super) fn remember(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value.get(..LONGEST).unwrap_or(value));
        self.ends.push(self.bytes.len());
        if self.bytes.len() >= ROOM || self.ends.len() >= ROOM {
            self.sort_out();
        }
    }

    /// Gives room back that only a large result needed.
    pub(super) fn rest(&mut self) {
        if self.bytes.capacity() > SPARE {
            self.seen();
        }
    }

    /// What messages must not repeat.
    pub(super) fn seen(&mut self) -> &mut Seen {
        if !self.ends.is_empty() {
            self.sort_out();
            // A session that covers nothing more needs no room for it.
            (self.bytes, self.ends) = Default::default();
        }
        &mut self.seen
    }

    /// Hands the latest different values over, in the order in which they came.
    fn sort_out(&mut self) {
        let mut latest = Vec::new();
        let (mut different, mut kept) = (HashSet::new(), 0);
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends).collect::<Vec<_>>();
        for (start, end) in spans.into_iter().rev() {
            let value = self.bytes.get(start..*end).unwrap_or_default();
            if different.insert(value) {
                latest.push(value);
                kept += usize::from(value.len() >= SHORTEST);
            }
            if kept >= KEPT {
                break;
            }
        }
        latest.iter().rev().for_each(|value| self.seen.remember(value));
        self.bytes.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(covered: &mut Covered, text: &str) -> String {
        covered.seen().cover(text).into_owned()
    }

    #[test]
    fn what_was_covered_is_not_repeated_however_much_came_before() {
        let mut covered = Covered::default();
        for number in 0..100_000 {
            covered.remember(format!("value-{number}").as_bytes());
        }
        covered.remember(b"hunter2");
        assert_eq!(told(&mut covered, "hunter2, value-99999"), "********, ********");
        assert_eq!(told(&mut covered, "still hunter2"), "still ********");
    }

    #[test]
    fn a_value_is_not_forgotten_for_one_that_comes_again_and_again() {
        let mut covered = Covered::default();
        covered.remember(b"hunter2");
        (0..100_000).for_each(|_| covered.remember(b"repeated"));
        assert_eq!(told(&mut covered, "hunter2"), "********");
    }

    #[test]
    fn short_values_do_not_push_out_longer_ones() {
        let mut covered = Covered::default();
        covered.remember(b"hunter2");
        (0..5_000).for_each(|number| covered.remember(format!("{number}").as_bytes()));
        assert_eq!(told(&mut covered, "hunter2"), "********");
    }

    #[test]
    fn a_long_value_is_found_by_its_start() {
        let mut covered = Covered::default();
        covered.remember(&[b'x'; 100_000]);
        assert_eq!(told(&mut covered, &"x".repeat(200)), "********");
    }
}
