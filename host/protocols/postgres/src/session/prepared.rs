//! The texts that the names of prepared statements may stand for, for SQL's own `EXECUTE`.
//!
//! Nothing takes a text away: whether a message that does so was skipped at the server is not certain. So what is kept has its bounds,
//! and of what goes beyond them nothing is known.

use std::collections::HashMap;
use std::sync::Arc;

/// How many texts of a name are told apart.
const MOST_TEXTS: usize = 16;

/// How many names are told apart.
const MOST_NAMES: usize = 20_000;

/// How many bytes all texts may take; names are short.
const MOST_BYTES: usize = 16 << 20;

/// The texts of a session's prepared statements by their names.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// None of a name that has too many to tell.
    names: HashMap<String, Option<Vec<Arc<str>>>>,
    bytes: usize,
}

impl Prepared {
    /// A name may stand for this text as well.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(name) {
            // Of a name that is not there nothing is known.
            return;
        }
        let known = self.names.entry(name.to_owned()).or_insert_with(|| Some(vec![]));
        let Some(texts) = known else { return };
        if texts.iter().any(|known| **known == *text) {
            return;
        }
        if texts.len() < MOST_TEXTS && self.bytes + text.len() <= MOST_BYTES {
            self.bytes += text.len();
            texts.push(text.into());
        } else {
            self.bytes -= texts.iter().map(|text| text.len()).sum::<usize>();
            *known = None;
        }
    }

    /// All texts that a name may stand for; `None` where that is not certain.
    pub(super) fn of(&self, name: &str) -> Option<&[Arc<str>]> {
        self.names.get(name)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_all_texts_that_were_prepared_under_it() {
        let mut prepared = Prepared::default();
        ["SELECT 1", "SELECT 2", "SELECT 1"].iter().for_each(|text| prepared.add("p", text));
        assert_eq!(prepared.of("p").unwrap().len(), 2);
        assert!(prepared.of("q").is_none());
    }

    #[test]
    fn of_a_name_with_too_many_texts_nothing_is_certain_any_more() {
        let mut prepared = Prepared::default();
        (0..=MOST_TEXTS).for_each(|at| prepared.add("p", &at.to_string()));
        prepared.add("p", "0");
        assert!(prepared.of("p").is_none());
        assert_eq!(prepared.bytes, 0);
    }

    #[test]
    fn what_is_kept_is_bounded_by_names_and_bytes() {
        let mut prepared = Prepared::default();
        prepared.add("first", "SELECT 1");
        (0..2 * MOST_NAMES).for_each(|at| prepared.add(&at.to_string(), "SELECT 1"));
        assert_eq!(prepared.names.len(), MOST_NAMES);
        assert!(prepared.of("first").is_some());
        let long = " ".repeat(MOST_BYTES);
        prepared.add("first", &long);
        assert!(prepared.of("first").is_none());
        assert!(prepared.bytes <= MOST_BYTES);
    }
}
