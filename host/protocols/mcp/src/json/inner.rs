//! JSON that is written in a string: servers read it as what it says (Python's SDK does so with every argument).

use palisade_policy::inner_json;

use super::Json;

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
        match inner_json(text).map(|text| Json::read(text.as_bytes())) {
            None => Self::Text,
            Some(Ok(value)) if value.confusable_name().is_none() => Self::Value(value),
            Some(_) => Self::Doubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_readers_take_for_json_in_more_than_one_way_is_no_mere_text() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let long = format!("[{}]", "1".repeat(100));
        for text in
            [r#"{"a":1,"a":2}"#, r#"{"a":1,"A":2}"#, r#"{"a":NaN}"#, r#"["\ud800"]"#, &long, &deep]
        {
            assert_eq!(Inner::of(text), Inner::Doubt, "{text}");
        }
        assert_eq!(Inner::of("[1"), Inner::Text);
        assert_eq!(Inner::of(" [1]"), Inner::Value(Json::List(vec![Json::number(1)])));
    }
}
