//! JSON that is written in a string: servers read it as what it says (Python's SDK does so with every argument).

use serde::de::IgnoredAny;

use super::Json;
use super::read::DEEPEST;

/// What a string is besides a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Inner {
    /// Nothing.
    Text,
    /// An object or a list.
    Value(Json),
    /// What some reader takes for an object or a list, and not every one for the same.
    Doubt,
}

impl Inner {
    /// Reads a string.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
        if !text.starts_with(['{', '[']) {
            return Self::Text;
        }
        match Json::read(text.as_bytes()) {
            Ok(value) if value.confusable_name().is_none() => Self::Value(value),
            Err(_) if !may_be_read(text) => Self::Text,
            _ => Self::Doubt,
        }
    }
}

/// Whether readers may read what is refused here: by its grammar alone, with the numbers that Python has besides, or however deep
/// it is.
fn may_be_read(text: &str) -> bool {
    let (plain, depth) = skeleton(text);
    depth > DEEPEST || serde_json::from_str::<IgnoredAny>(&plain).is_ok()
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
    fn a_string_that_readers_take_for_json_in_more_than_one_way_is_no_mere_text() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"A":2}"#,
            r#"{"a":NaN}"#,
            "[-Infinity]",
            r#"["\ud800"]"#,
            &format!("[{}]", "1".repeat(100)),
            &deep,
        ] {
            assert_eq!(Inner::of(text), Inner::Doubt, "{text}");
        }
    }

    #[test]
    fn a_text_that_only_begins_like_json_is_a_text() {
        for text in
            ["[WIP] mend it", "{ return 1; }", "{name}", "[1] says: \"NaN\"", "\"[1]\"", "1", ""]
        {
            assert_eq!(Inner::of(text), Inner::Text, "{text}");
        }
        let list = Json::List(vec![Json::text("NaN")]);
        assert_eq!(Inner::of("\u{feff} [\"NaN\"]\n"), Inner::Value(list));
    }
}
