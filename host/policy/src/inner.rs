//! JSON that is written in a text: servers read it as what it says, whether by its meaning or by their frameworks' doing.

use serde::de::IgnoredAny;

/// Deeper texts are refused wherever they are read.
const DEEPEST: usize = 64;

/// What of a text is an object or a list of JSON's to some reader: by its grammar alone, with the numbers that Python has besides,
/// or however deep it is. A text that only begins so is none.
#[must_use]
pub fn inner_json(text: &str) -> Option<&str> {
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    (text.starts_with(['{', '[']) && (is_json(text) || may_be_read(text))).then_some(text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn may_be_read(text: &str) -> bool {
    let (plain, depth) = skeleton(text);
    depth > DEEPEST || is_json(&plain)
}

/// The text with a number in place of those that JSON does not have, and how deep it is.
fn skeleton(text: &str) -> (String, usize) {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let word = ["NaN", "Infinity"].into_iter().find(|word| !quoted && rest.starts_with(word));
        let length = word.map_or(letter.len_utf8(), str::len);
        match (word, letter) {
            (Some(_), _) => plain.push('0'),
            (None, letter) => plain.push(letter),
        }
        match letter {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        deepest = deepest.max(depth);
        rest = rest.get(length..).unwrap_or_default();
    }
    (plain, deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_takes_for_json_is_known_however_others_read_it() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in ["{}", r#"{"a":1,"a":2}"#, "[-Infinity,NaN]", r#"["\ud800"]"#, &deep] {
            assert_eq!(inner_json(text), Some(text));
        }
        assert_eq!(inner_json("\u{feff} [1]\n"), Some("[1]"));
    }

    #[test]
    fn a_text_that_only_begins_like_json_is_a_text() {
        for text in
            ["[WIP] mend it", "{ return 1; }", "{name}", "[1] says: \"NaN\"", "\"[1]\"", "1", ""]
        {
            assert_eq!(inner_json(text), None, "{text}");
        }
    }
}
