//! JSON that is written in a text: servers read it as what it says, whether by its meaning or by their frameworks' doing.

use serde::de::IgnoredAny;

/// Deeper JSON is refused wherever it is read to be judged.
pub const DEEPEST_JSON: usize = 64;

/// So many texts that are JSON may lie within each other.
pub const MOST_WITHIN: usize = 4;
/// So many fields, and so many values, are told of what the texts of one command say: a document that is passed on as a text is
/// not taken apart for it.
pub const MOST_INNER: usize = 512;

/// What of a text is an object or a list of JSON's to some reader: by its grammar alone, with the numbers that Python has besides,
/// or however deep it is. Readers of streams take the first one, whatever stands behind it. A text that only begins so is none.
#[must_use]
pub fn inner_json(text: &str) -> Option<&str> {
    let blank = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
    let text = text.trim_start_matches(blank);
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let First { length, plain, depth } = First::of(text)?;
    let text = text.get(..length)?;
    (depth > DEEPEST_JSON || is_json(text) || is_json(&plain)).then_some(text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What goes from the bracket that a text begins with to the one that closes it.
struct First {
    length: usize,
    /// It with a number in place of those that JSON does not have.
    plain: String,
    /// How deep it is.
    depth: usize,
}

impl First {
    /// `None` where its bracket is not closed: no reader takes that for a value.
    fn of(text: &str) -> Option<Self> {
        let (mut depth, mut deepest) = (0_usize, 0);
        let (mut quoted, mut escaped) = (false, false);
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let word = ["NaN", "Infinity"].into_iter().find(|it| !quoted && rest.starts_with(it));
            let length = word.map_or(letter.len_utf8(), str::len);
            plain.push(if word.is_some() { '0' } else { letter });
            match letter {
                '"' if !escaped => quoted = !quoted,
                '{' | '[' if !quoted => depth += 1,
                '}' | ']' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
            escaped = quoted && letter == '\\' && !escaped;
            deepest = deepest.max(depth);
            rest = rest.get(length..).unwrap_or_default();
            if depth == 0 {
                return Some(Self { length: text.len() - rest.len(), plain, depth: deepest });
            }
        }
        None
    }
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
    fn the_first_value_is_known_whatever_stands_behind_it() {
        for behind in [".", "}", "\0", " {\"b\":2}", " says: \"NaN\"", " and {then"] {
            let text = format!("{{\"a\":\"}}\"}}{behind}");
            assert_eq!(inner_json(&text), Some("{\"a\":\"}\"}"), "{text}");
        }
    }

    #[test]
    fn a_text_that_only_begins_like_json_is_a_text() {
        let cut = "{\"at\":{\"user\":\"u\",\"n\":[1,\n".repeat(100);
        for text in ["[WIP] mend it", "{ return 1; }", "{name}", "\"[1]\"", "[1", "1", "", &cut] {
            assert_eq!(inner_json(text), None, "{text}");
        }
    }
}
