//! Finds JSON in texts: tools put it between their words.

use std::ops::Range;

use serde::de::IgnoredAny;

/// How often a text may be looked at from a bracket to its end in vain: so deep may JSON be that breaks off.
const MOST_LOOKS: usize = 32;

/// Where the objects and lists of a text are, in order, none within another.
///
/// What is looked at in vain is bounded by a multiple of the text's length: `None` where that was not enough to see all.
pub(super) fn documents(text: &str) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut patience = text.len().saturating_mul(MOST_LOOKS) + 1024;
    let mut at = 0;
    while let Some(start) = next_bracket(text, at) {
        let Some(rest) = text.get(start..) else { break };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                at = start + values.byte_offset();
                found.push(start..at);
            }
            Some(Err(error)) => {
                let looked_at = offset(rest, &error);
                if looked_at >= patience {
                    return None;
                }
                patience -= looked_at + 1;
                at = start + 1;
            }
            None => break,
        }
    }
    Some(found)
}

fn next_bracket(text: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(['{', '[']).map(|at| from + at)
}

/// How far was read until this error.
pub(super) fn offset(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        documents(text).unwrap().into_iter().filter_map(|range| text.get(range)).collect()
    }

    #[test]
    fn json_is_found_between_words_and_on_lines_of_its_own() {
        assert_eq!(
            found("a {b} is {\"a\":[1]}, [2] ü {\"x\":{}}\n```json\n{\n\"y\": 1}```"),
            ["{\"a\":[1]}", "[2]", "{\"x\":{}}", "{\n\"y\": 1}"]
        );
        assert_eq!(found("none [here} {"), Vec::<&str>::new());
    }

    #[test]
    fn what_is_looked_at_in_vain_is_bounded() {
        let text = "[\"".repeat(200_000) + "{\"a\":1}";
        documents(&text);
        documents(&"[".repeat(1_000_000));
        documents(&"{\"a\":[".repeat(200_000));
    }

    #[test]
    fn nothing_stands_unseen_behind_brackets_that_are_not_closed() {
        let behind =
            |brackets: usize| format!("{}{{\"ssn\":1}}{}", "[".repeat(brackets), " ".repeat(9000));
        assert_eq!(found(&behind(20)), ["{\"ssn\":1}"]);
        assert_eq!(documents(&behind(100)), None);
    }
}
