//! The values that were covered in a session: what else the server says must not repeat them.

mod trie;

use self::trie::Trie;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

/// How many values are remembered; the oldest go first.
const MOST: usize = 1024;
/// Shorter values are found in any text.
const SHORTEST: usize = 5;
/// Of longer values only so many bytes from their start are looked for.
const LONGEST: usize = 64;
/// What takes a value's place.
const COVER: &str = "********";

/// Values that were covered, as far as they are remembered.
#[derive(Default)]
pub struct Seen {
    order: VecDeque<Vec<u8>>,
    /// Finds them: each that comes costs little, for as many may come as there are in one text.
    finder: Trie,
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
        let value = value.get(..LONGEST).unwrap_or(value).to_ascii_lowercase();
        if self.finder.longest(&value) == value.len() {
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.finder.remove(&oldest);
        }
        self.finder.add(&value);
        self.order.push_back(value);
    }

    /// Whether nothing was covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The text with every remembered value covered, whatever the case of its letters.
    #[must_use]
    pub fn cover<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut covered, mut last) = (String::new(), 0);
        for found in self.found(text) {
            let Some(between) = text.get(last..found.start) else {
                // A value ends within a character: nothing of the text is certain.
                return Cow::Borrowed(COVER);
            };
            covered.push_str(between);
            covered.push_str(COVER);
            last = found.end;
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

    /// Where values stand, those that lie across each other together.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut blank = 0;
        for at in 0..bytes.len() {
            let ahead = bytes.get(at..bytes.len().min(at + LONGEST)).unwrap_or_default();
            let length = self.finder.longest(ahead);
            if length == 0 {
                continue;
            }
            let mut end = at + length;
            if length == LONGEST {
                // The rest of a value that was cut off goes with it. It is looked for once, from wherever.
                if blank < end {
                    blank = next_blank(text, end);
                }
                end = blank;
            }
            match found.last_mut().filter(|last| at < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => found.push(at..end),
            }
        }
        found
    }
}

/// Where the next white space is, or the end of the text.
fn next_blank(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.find(char::is_whitespace).unwrap_or(rest.len())
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
        let seen = seen(&["hunter2", "other-secret"]);
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
    fn values_that_lie_across_each_other_are_covered_together() {
        assert_eq!(seen(&["hunter2", "er2-tail"]).cover("a hunter2-tail b"), "a ******** b");
        assert_eq!(seen(&["hunter2"]).cover("hunter2hunter2"), "****************");
    }

    #[test]
    fn many_values_in_many_texts_cost_no_more_than_their_bytes() {
        let mut seen = Seen::default();
        for number in 0..200_000 {
            seen.remember(format!("a-secret-{number}").as_bytes());
            assert_eq!(seen.cover(&format!("a-secret-{number}")), COVER);
        }
        let long = "x".repeat(1 << 20);
        seen.remember(long.as_bytes());
        assert_eq!(seen.cover(&long), COVER);
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
