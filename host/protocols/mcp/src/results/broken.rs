//! JSON that does not begin or end within a text: tools show the first lines of a file, or the last.

use std::ops::Range;

use serde::de::IgnoredAny;

/// A key with its colon, and the value that stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Where the key begins.
    pub(super) start: usize,
    /// The key, as it reads.
    pub(super) key: String,
    /// Where its value is. One that breaks off goes to the text's end.
    pub(super) value: Range<usize>,
    /// Whether the value is there as a whole.
    pub(super) whole: bool,
}

/// The pair whose key begins at the first quotation mark that one can begin at, from this place on.
///
/// Each mark is tried: where a text begins within a string, every second one is the wrong one.
pub(super) fn next_pair(text: &str, from: usize) -> Option<Pair> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find('"')?;
        at = start + 1;
        let Some((key, behind)) = key_at(text, start) else { continue };
        let value = behind + blank(text.get(behind..)?);
        let rest = text.get(value..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let (end, whole) = match values.next() {
            Some(Ok(_)) => (value + values.byte_offset(), true),
            // Words of prose are no value; what is open to the end is one.
            Some(Err(error)) if error.is_eof() && rest.starts_with(['"', '{', '[']) => {
                (text.len(), false)
            }
            _ => continue,
        };
        return Some(Pair { start, key, value: value..end, whole });
    }
}

/// The key at a quotation mark, and where its colon ends.
fn key_at(text: &str, start: usize) -> Option<(String, usize)> {
    let rest = text.get(start..)?;
    // The end is found first: most marks begin no key, and are passed over cheaply.
    let mut escaped = false;
    let length = rest.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes || byte < b' '
    })? + 2;
    let end = start + length;
    let colon = end + blank(text.get(end..)?);
    if text.as_bytes().get(colon) != Some(&b':') {
        return None;
    }
    let key = serde_json::from_str(rest.get(..length)?).ok()?;
    Some((key, colon + 1))
}

/// How much white space a text begins with.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, &str, bool)> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(pair) = next_pair(text, at) {
            at = pair.value.end;
            found.push((pair.key, text.get(pair.value).unwrap(), pair.whole));
        }
        found
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
}
