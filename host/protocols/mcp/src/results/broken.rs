//! Keys and values in a text that is no document: JSON that does not begin or end in it (tools show the first lines of a file, or
//! the last), that is escaped, or that is a literal of Python's.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::embedded::offset;
use super::literal::{self, Mark, begins_value};

/// So often a text may be looked through for values, all looks together: more often than its brackets are (`embedded`), since
/// strings are looked at besides.
const MOST_LOOKS: usize = 36;
/// No escape of a string is longer, in bytes: a pair of surrogates (RFC 8259 section 7).
const LONGEST_ESCAPE: usize = 12;
/// Longer names in other quotation marks than JSON's are none, in bytes.
const LONGEST_NAME: usize = 256;

/// A key with its colon, behind which a value begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Where the key begins.
    pub(super) start: usize,
    /// The key, as it reads.
    pub(super) key: String,
    /// Where its value begins.
    pub(super) value: usize,
    /// What stands before each quotation mark: backslashes.
    pub(super) escape: String,
    /// The quotation marks around it.
    letter: char,
}

/// What keys stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Those of JSON.
    Double,
    /// Those of Python's literals, escaped or not.
    Single,
    /// Those of JSON in a string.
    Escaped,
}

/// Looks for pairs from a text's beginning to its end.
pub(super) struct Pairs<'a> {
    text: &'a str,
    /// So many bytes of values may still be looked at.
    patience: usize,
}

/// A text that would have to be looked through too often.
#[derive(Debug)]
pub(super) struct TooTangled;

impl<'a> Pairs<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, patience: text.len().saturating_mul(MOST_LOOKS).saturating_add(1024) }
    }

    /// The first pair from this place on whose key stands in such marks.
    pub(super) fn next(&self, marks: Marks, from: usize) -> Option<Pair> {
        match marks {
            Marks::Double => self.next_double(from),
            Marks::Single | Marks::Escaped => self.next_other(marks, from),
        }
    }

    /// The pair whose key ends at the first such mark with a colon behind it.
    fn next_other(&self, marks: Marks, from: usize) -> Option<Pair> {
        let mark = if marks == Marks::Single { '\'' } else { '"' };
        let mut at = from;
        while let Some(end) = find(self.text, at, mark) {
            at = end + 1;
            let Some(colon) = colon_behind(self.text, end, mark) else { continue };
            let Some((start, key)) = name_before(self.text, (from, end), mark) else { continue };
            let name = key.trim_end_matches('\\');
            let escape = key.get(name.len()..).unwrap_or_default();
            if marks == Marks::Escaped && escape.is_empty() {
                continue;
            }
            if let Some(value) = value_behind(self.text, colon + 1) {
                let (key, escape) = (name.to_owned(), escape.to_owned());
                return Some(Pair { start, key, value, escape, letter: mark });
            }
        }
        None
    }

    /// The pair whose key begins at the first quotation mark that one can begin at.
    ///
    /// Each mark is tried: where a text begins within a string, every second one is the wrong one.
    fn next_double(&self, from: usize) -> Option<Pair> {
        let mut at = from;
        while let Some(first) = find(self.text, at, '"') {
            // All marks between are escaped: a string that began at one of them would end there as well.
            let Some(end) = end_of_string(self.text, first) else { break };
            at = end;
            let Some(colon) = colon_behind(self.text, end, '"') else { continue };
            let Some((start, key)) = readable(self.text, first, end) else { continue };
            if let Some(value) = value_behind(self.text, colon + 1) {
                return Some(Pair { start, key, value, escape: String::new(), letter: '"' });
            }
        }
        None
    }

    /// Where a pair's value is, and whether it is JSON, and there as a whole. One that breaks off goes to the text's end. This
    /// may look far: it is for values that are covered, behind which one goes on.
    ///
    /// # Errors
    /// Where values seem to lie within values so often that not all can be looked at.
    pub(super) fn value(
        &mut self,
        pair: &Pair,
    ) -> Result<Option<(Range<usize>, bool)>, TooTangled> {
        let start = pair.value;
        let rest = self.text.get(start..).unwrap_or_default();
        let mark = Mark { letter: pair.letter, slashes: pair.escape.len() };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let (found, looked_at) = match values.next() {
            Some(Ok(_)) => {
                let length = values.byte_offset();
                match literal::goes_on(rest, length, mark) {
                    Some(reach) => (Some((reach.length, false)), reach.looked_at),
                    None => (Some((length, true)), length),
                }
            }
            Some(Err(error)) => {
                // Words of prose are no value; what is open to the end is one.
                let open = error.is_eof() && rest.starts_with(['"', '{', '[']);
                let reach = if open { None } else { literal::reach(rest, mark) };
                let length = if open { Some(rest.len()) } else { reach.map(|it| it.length) };
                let looked_at = reach.map(|it| it.looked_at).unwrap_or_default();
                (length.map(|length| (length, false)), offset(rest, &error) + looked_at)
            }
            None => (None, 0),
        };
        self.patience = self.patience.checked_sub(looked_at).ok_or(TooTangled)?;
        let found = found.filter(|(length, _)| *length > 0);
        Ok(found.map(|(length, whole)| (start..start + length, whole)))
    }

    /// Where a pair's value is that is a string of JSON's, whole or broken off at the text's end.
    pub(super) fn string(&self, pair: &Pair) -> Option<Range<usize>> {
        let start = pair.value;
        if !self.text.get(start..)?.starts_with('"') {
            return None;
        }
        let Some(end) = end_of_string(self.text, start) else {
            return Some(start..self.text.len());
        };
        let is_whole = self.text.get(end..)?.starts_with('"');
        is_whole.then_some(start..end + 1)
    }
}

/// Where the value behind a colon begins.
fn value_behind(text: &str, colon: usize) -> Option<usize> {
    let rest = text.get(colon..)?;
    let start = colon + blank(rest);
    begins_value(text.get(start..)?).then_some(start)
}

/// Where the string that begins at a quotation mark ends: at the mark that closes it, or at what no string has in it.
fn end_of_string(text: &str, start: usize) -> Option<usize> {
    let mut escaped = false;
    let inner = text.as_bytes().get(start + 1..)?;
    let length = inner.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped || *byte < b' ';
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some(start + 1 + length)
}

/// Where the colon is that makes a key of the string that ends here.
fn colon_behind(text: &str, end: usize, mark: char) -> Option<usize> {
    let rest = text.get(end..)?.strip_prefix(mark)?;
    let colon = end + 1 + blank(rest);
    (text.as_bytes().get(colon) == Some(&b':')).then_some(colon)
}

/// What stands between the mark before this end and the end, and where the mark is.
fn name_before(text: &str, (from, end): (usize, usize), mark: char) -> Option<(usize, &str)> {
    let lowest = end.saturating_sub(LONGEST_NAME).max(from);
    let window = text.get((lowest..=end).find(|at| text.is_char_boundary(*at))?..end)?;
    let (_, name) = window.rsplit_once(mark)?;
    (!name.contains('\n')).then_some((end - name.len() - mark.len_utf8(), name))
}

/// The longest key that can be read of those that end here, from this mark on or one between, and where it begins.
fn readable(text: &str, first: usize, end: usize) -> Option<(usize, String)> {
    let mut start = first;
    while start < end {
        match serde_json::from_str(text.get(start..=end)?) {
            Ok(key) => return Some((start, key)),
            // Whatever begins before what cannot be read has it in it as well.
            Err(error) => {
                let unread = error.column().saturating_sub(LONGEST_ESCAPE).max(1);
                start = find(text, start + unread, '"')?;
            }
        }
    }
    None
}

/// The first such character from this place on, which may lie within another.
fn find(text: &str, from: usize, what: char) -> Option<usize> {
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at))?;
    text.get(from..)?.find(what).map(|at| from + at)
}

/// How much white space a text begins with.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, &str, bool)> {
        found_in(text, Marks::Double)
    }

    fn found_in(text: &str, marks: Marks) -> Vec<(String, &str, bool)> {
        let mut found = Vec::new();
        let mut pairs = Pairs::of(text);
        let mut at = 0;
        while let Some(pair) = pairs.next(marks, at) {
            at = pair.value;
            let Some((value, whole)) = pairs.value(&pair).unwrap() else { continue };
            at = value.end;
            found.push((pair.key, text.get(value).unwrap(), whole));
        }
        found
    }

    #[test]
    fn pairs_of_pythons_literals_are_found() {
        let text = "it's [{'id': 1, 'ssn' : '1\\'2', 'at': date(2020, 1), 'n': {'x': \"}\"}}]";
        let pair = |key: &str, value, whole| (key.to_owned(), value, whole);
        assert_eq!(
            found_in(text, Marks::Single),
            [
                pair("id", "1", true),
                pair("ssn", "'1\\'2'", false),
                pair("at", "date(2020, 1)", false),
                pair("n", "{'x': \"}\"}", false)
            ]
        );
        assert_eq!(found_in("he said 'this': nothing", Marks::Single), []);
    }

    #[test]
    fn pairs_of_json_in_a_string_are_found() {
        let text = r#"f("{\"a\": \"x\", \"b\":7}"), "c":1"#;
        let pair = |key: &str, value, whole| (key.to_owned(), value, whole);
        assert_eq!(
            found_in(text, Marks::Escaped),
            [pair("a", r#"\"x\""#, false), pair("b", "7", true)]
        );
    }

    #[test]
    fn pairs_are_found_wherever_the_text_begins_and_ends() {
        let pair = |key: &str, value, whole| (key.to_owned(), value, whole);
        assert_eq!(
            found("oo\",\"a\" : 1, \"b\":\"x\"}, {\"c\":\"y"),
            [pair("a", "1", true), pair("b", "\"x\"", true), pair("c", "\"y", false)]
        );
        assert_eq!(found("{\"a\":[1, {\"b\":"), [pair("a", "[1, {\"b\":", false)]);
        assert_eq!(found("he said \"this\": nothing, and \"that\""), []);
    }

    #[test]
    fn many_quotation_marks_cost_no_more_than_their_number() {
        found(&"\"".repeat(1_000_000));
        found(&"\"a\":".repeat(200_000));
    }

    #[test]
    fn escaped_quotation_marks_cost_no_more_than_their_number() {
        let marks = "\\\"".repeat(300_000);
        // No end, an end without a colon, with no value behind it, and with an escape in it that there is not.
        for text in [
            format!("\"{marks}"),
            format!("\"{marks}\" x"),
            format!("\"{marks}\": x"),
            format!("\"{marks}\\q\": 1"),
            format!("\"{}\": 1", "\\q\\\"".repeat(150_000)),
        ] {
            found(&text);
        }
        let text = format!("\"{marks}\": 1");
        assert_eq!(found(&text).first().unwrap().0.len(), 300_000);
    }

    #[test]
    fn a_key_is_found_behind_an_escape_that_there_is_not() {
        let pair = |key: &str, value, whole| (key.to_owned(), value, whole);
        assert_eq!(found(r#""a\q \"b": 1"#), [pair("b", "1", true)]);
        assert_eq!(found(r#""\ud83d\"b": 1"#), [pair("b", "1", true)]);
        assert_eq!(found(r#""ü\"b\u00fc": 1"#), [pair("ü\"bü", "1", true)]);
    }

    #[test]
    fn values_that_seem_to_lie_within_each_other_are_looked_at_so_often_and_no_more() {
        // A list with a string, where every second mark is the wrong one: then they are objects that never end.
        for lists in ["[\":{\"]", "\"[\":{\"]\":1,"] {
            let text = lists.repeat(20_000);
            let mut pairs = Pairs::of(&text);
            let mut at = 0;
            let too_much = loop {
                let Some(pair) = pairs.next(Marks::Double, at) else { break false };
                at = pair.value;
                if pairs.value(&pair).is_err() {
                    break true;
                }
            };
            assert!(too_much, "{lists}");
        }
    }
}
