//! What a tool says of its arguments, as far as it bears on how a server reads them.

use crate::json::Json;

/// The schema of an argument (JSON Schema), where one is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schema<'a>(pub Option<&'a Json>);

impl<'a> Schema<'a> {
    /// That of an object's member.
    pub(crate) fn of(self, name: &str) -> Self {
        Self(self.0.and_then(|schema| schema.get("properties")?.get(name)))
    }

    /// That of a list's elements.
    pub(crate) fn items(self) -> Self {
        Self(self.0.and_then(|schema| schema.get("items")))
    }

    /// Whether nothing but a text is taken, and nothing is said of what is in it: frameworks parse what may be something else.
    pub(crate) fn is_text(self) -> bool {
        self.0.is_some_and(|schema| is_text(schema) && !says_what_is_in_it(schema))
    }
}

/// Whether a schema lets through texts and `null` alone, by its type or by each of its alternatives.
fn is_text(schema: &Json) -> bool {
    let is_word = |it: &Json| matches!(it.as_str(), Some("string" | "null"));
    match (schema.get("type"), schema.get("anyOf").and_then(Json::as_list)) {
        (Some(Json::List(types)), _) => !types.is_empty() && types.iter().all(is_word),
        (Some(kind), _) => is_word(kind),
        (None, Some(alternatives)) => {
            let is_text = |it: &Json| Schema(Some(it)).is_text();
            !alternatives.is_empty() && alternatives.iter().all(is_text)
        }
        (None, None) => false,
    }
}

/// Whether a text is to be read as something else (`contentMediaType`, and `format` of some generators).
fn says_what_is_in_it(schema: &Json) -> bool {
    let members = ["contentMediaType", "contentSchema", "contentEncoding"];
    let format = schema.str_at("format").unwrap_or_default().to_ascii_lowercase();
    members.iter().any(|name| schema.get(name).is_some()) || format.contains("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_alone_is_known_in_every_form_that_frameworks_write() {
        for (schema, is_text) in [
            (r#"{"type":"string","description":"what to write"}"#, true),
            (r#"{"type":["string","null"]}"#, true),
            (r#"{"anyOf":[{"type":"string"},{"type":"null"}],"default":null}"#, true),
            (r#"{"type":["string","object"]}"#, false),
            (r#"{"anyOf":[{"type":"string"},{"type":"array"}]}"#, false),
            (r#"{"anyOf":[]}"#, false),
            (r#"{"type":[]}"#, false),
            (r##"{"$ref":"#/$defs/A"}"##, false),
            (r#"{"type":"string","contentMediaType":"application/json"}"#, false),
            (r#"{"anyOf":[{"type":"string","format":"json-string"},{"type":"null"}]}"#, false),
            ("{}", false),
            ("true", false),
        ] {
            let inner = Json::read(schema.as_bytes()).unwrap();
            assert_eq!(Schema(Some(&inner)).is_text(), is_text, "{schema}");
        }
        assert!(!Schema::default().is_text());
    }

    #[test]
    fn the_schema_of_what_lies_within_is_found() {
        let schema = r#"{"properties":{"edits":{"type":"array","items":{"properties":{"text":{"type":"string"}}}}}}"#;
        let schema = Json::read(schema.as_bytes()).unwrap();
        assert!(Schema(Some(&schema)).of("edits").items().of("text").is_text());
        assert!(!Schema(Some(&schema)).of("edits").of("text").is_text());
    }
}
