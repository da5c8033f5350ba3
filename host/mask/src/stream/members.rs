//! Finds, in texts that are no documents, what some reader may take for a member of one: a name in quotation marks with a colon
//! behind it. Only names that are covered count.

use super::Masks;

/// A longer name than any that is covered; what is longer is not kept.
const LONGEST: usize = 256;

/// Looks through a text as it comes.
#[derive(Debug)]
pub(super) struct Members {
    masks: Masks,
    /// What was read since the last quotation mark; too long to be a name where there is none.
    since: Option<Vec<u8>>,
    /// What the quotation mark before ended, as long as nothing but blanks is behind it.
    name: Option<Vec<u8>>,
}

impl Members {
    /// Where nothing is covered by its key there is nothing to find.
    pub(super) fn of(masks: &Masks) -> Option<Self> {
        let by_key = masks.plan.has_rules();
        by_key.then(|| Self { masks: masks.clone(), since: Some(vec![]), name: None })
    }

    /// Where the first covered member's colon is in this piece.
    pub(super) fn find(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                b'"' | b'\'' => self.name = self.since.replace(Vec::new()),
                b':' => {
                    if self.name.take().is_some_and(|name| self.is_covered(&name)) {
                        return Some(at);
                    }
                    self.keep(b':');
                }
                blank if blank.is_ascii_whitespace() => self.keep(*blank),
                other => {
                    self.name = None;
                    self.keep(*other);
                }
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        if self.since.as_ref().is_some_and(|since| since.len() >= LONGEST) {
            self.since = None;
        }
        if let Some(since) = &mut self.since {
            since.push(byte);
        }
    }

    fn is_covered(&self, name: &[u8]) -> bool {
        // Of an escaped quotation mark, in a text within a text, the backslash before it is no part of the name.
        let end = name.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1);
        let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default());
        // What is escaped may be any name, and where it lies is not known.
        let plan = &self.masks.plan;
        name.contains('\\') || plan.goes_by_path() || plan.named(&name).cover.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    fn found(text: &str) -> bool {
        let masks = fixtures::masks(&[("ssn", fixtures::stars())], palisade_policy::Action::Keep);
        let whole = Members::of(&masks).unwrap().find(text.as_bytes());
        let mut pieces = Members::of(&masks).unwrap();
        let in_pieces = text.as_bytes().chunks(1).position(|piece| pieces.find(piece).is_some());
        assert_eq!(whole, in_pieces, "{text}");
        whole.is_some()
    }

    #[test]
    fn a_covered_key_in_a_script_or_a_text_is_found() {
        for text in [
            r#"f({"ssn":"1"})"#,
            r#"{'ssn' : 1}"#,
            r#"update {"a":"b", "ssn":"1"}"#,
            r#"{\"ssn\":1}"#,
            r#"{"s\u0073n":1}"#,
        ] {
            assert!(found(text), "{text}");
        }
        for text in ["ssn: 1", r#"{"id":"1"}"#, r#"he said "ssn""#, r#"say "hello": 1"#] {
            assert!(!found(text), "{text}");
        }
    }
}
