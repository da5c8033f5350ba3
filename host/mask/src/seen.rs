//! The values that were covered in a session: what else the server says must not repeat them.

use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// How many values are remembered; the oldest go first.
const MOST: usize = 1024;
/// Shorter values are found in any text.
const SHORTEST: usize = 5;
/// Of longer values only so many bytes from their start are looked for.
const LONGEST: usize = 128;
/// What takes a value's place.
const COVER: &str = "********";

/// Values that were covered, as far as they are remembered.
#[derive(Default)]
pub struct Seen {
    values: HashSet<Arc<[u8]>>,
    order: VecDeque<Arc<[u8]>>,
    /// Finds all of them at once; made when first asked for, and again when there are more.
    finder: Option<AhoCorasick>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("count", &self.order.len()).finish_non_exhaustive()
    }
}

impl Seen {
    /// Remembers a value that was covered.
    pub fn remember(&mut self, value: &[u8]) {
        if value.len() < SHORTEST {
            return;
        }
        let value = value.get(..LONGEST).unwrap_or(value);
        if self.values.contains(value) {
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        let value: Arc<[u8]> = value.into();
        self.values.insert(Arc::clone(&value));
        self.order.push_back(value);
        self.finder = None;
    }

    /// Whether nothing was covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The text with every remembered value covered, whatever the case of its letters.
    pub fn cover<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let Some(finder) = self.finder() else { return Cow::Borrowed(COVER) };
        let mut covered = String::new();
        let mut last = 0;
        for found in finder.find_iter(text) {
            // The rest of a value that was cut off goes with it.
            let cut = found.len() == LONGEST;
            let rest = text.get(found.end()..).unwrap_or_default();
            let tail = if cut { rest.find(char::is_whitespace).unwrap_or(rest.len()) } else { 0 };
            if found.start() < last {
                // It lies in what went with one before, of which nothing comes back.
                last = last.max(found.end() + tail);
                continue;
            }
            let Some(between) = text.get(last..found.start()) else {
                // A value ends within a character: nothing of the text is certain.
                return Cow::Borrowed(COVER);
            };
            covered.push_str(between);
            covered.push_str(COVER);
            last = found.end() + tail;
        }
        if covered.is_empty() {
            return Cow::Borrowed(text);
        }
        match text.get(last..) {
            Some(rest) => covered.push_str(rest),
            None => return Cow::Borrowed(COVER),
        }
        Cow::Owned(covered)
    }

    fn finder(&mut self) -> Option<&AhoCorasick> {
        if self.finder.is_none() {
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true);
            self.finder = builder.build(&self.order).ok();
        }
        self.finder.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: &[&str]) -> Seen {
        let mut seen = Seen::default();
        values.iter().for_each(|value| seen.remember(value.as_bytes()));
        seen
    }

    #[test]
    fn a_covered_value_is_covered_wherever_it_is_repeated() {
        let mut seen = seen(&["hunter2", "other-secret"]);
        assert_eq!(
            seen.cover("invalid: \"hunter2\", HUNTER2 and Other-Secret"),
            "invalid: \"********\", ******** and ********"
        );
        assert!(matches!(seen.cover("nothing of the kind"), Cow::Borrowed(_)));
    }

    #[test]
    fn short_values_are_not_looked_for() {
        assert!(seen(&["abcd", ""]).is_empty());
    }

    #[test]
    fn the_oldest_value_goes_first() {
        let mut seen = seen(&["the-first-one"]);
        for number in 0..MOST {
            seen.remember(format!("value-{number}").as_bytes());
        }
        assert_eq!(seen.cover("the-first-one"), "the-first-one");
        assert_eq!(seen.cover("value-7"), "********");
    }

    #[test]
    fn a_long_value_is_found_by_its_start() {
        let long = "x".repeat(LONGEST) + "tail";
        assert_eq!(seen(&[&long]).cover(&format!("a {long} b")), "a ******** b");
    }

    #[test]
    fn a_value_that_lies_in_the_rest_of_a_long_one_uncovers_nothing_of_it() {
        let long = "x".repeat(LONGEST) + "-hunter2-tail";
        assert_eq!(seen(&[&long, "hunter2"]).cover(&format!("a {long} b")), "a ******** b");
        let next = "y".repeat(LONGEST) + "-tail";
        let both = format!("a {long}{next} b");
        assert_eq!(seen(&[&long, &next, "hunter2"]).cover(&both), "a ******** b");
    }
}
