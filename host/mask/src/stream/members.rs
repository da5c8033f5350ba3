//! Finds, in texts that are no documents, what some reader may take for a member of one: a name in quotation marks with a colon
//! behind it, also where they are escaped for a page or a script. Only names that are covered count.

use super::Masks;
use super::escape::Escape;

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
    /// What is escaped; nothing where a text is looked through as it is written.
    escape: Option<Escape>,
    /// What a byte reads with what was held before it.
    read: Vec<u8>,
}

impl Members {
    /// Where nothing is covered by its key there is nothing to find.
    pub(super) fn of(masks: &Masks) -> Option<Self> {
        let by_key = masks.plan.has_rules();
        by_key.then(|| Self {
            masks: masks.clone(),
            since: Some(vec![]),
            name: None,
            escape: Some(Escape::default()),
            read: Vec::new(),
        })
    }

    /// The same, of a text as it is written: what is escaped in it is somebody else's to read.
    pub(super) fn as_written(masks: &Masks) -> Option<Self> {
        Self::of(masks).map(|members| Self { escape: None, ..members })
    }

    /// Begins anew: what comes has nothing to do with what was.
    pub(super) fn begin(&mut self) {
        self.since = Some(vec![]);
        self.name = None;
        if let Some(escape) = &mut self.escape {
            *escape = Escape::default();
        }
    }

    /// Where the first covered member's colon is in this piece, or its last byte where it is escaped.
    pub(super) fn find(&mut self, piece: &[u8]) -> Option<usize> {
        piece.iter().position(|byte| self.take(*byte))
    }

    /// Takes a byte as it is written. Whether it ends a covered member's name and colon.
    fn take(&mut self, byte: u8) -> bool {
        let Some(escape) = self.escape.as_mut().filter(|escape| !escape.passes(byte)) else {
            return self.hear(byte);
        };
        let mut read = std::mem::take(&mut self.read);
        escape.take(byte, &mut read);
        let ends = read.iter().any(|byte| self.hear(*byte));
        read.clear();
        self.read = read;
        ends
    }

    /// Takes a byte as it reads.
    fn hear(&mut self, byte: u8) -> bool {
        match byte {
            b'"' | b'\'' => self.name = self.since.replace(Vec::new()),
            b':' => {
                if self.name.take().is_some_and(|name| self.is_covered(&name)) {
                    return true;
                }
                self.keep(b':');
            }
            blank if blank.is_ascii_whitespace() => self.keep(blank),
            other => {
                self.name = None;
                self.keep(other);
            }
        }
        false
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
        name.contains('\\') || self.masks.plan.may_cover(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    fn found(text: &str) -> bool {
        found_by("ssn", text)
    }

    fn found_by(rule: &str, text: &str) -> bool {
        let masks = fixtures::masks(&[(rule, fixtures::stars())], palisade_policy::Action::Keep);
        let whole = Members::of(&masks).unwrap().find(text.as_bytes());
        let mut pieces = Members::of(&masks).unwrap();
        let in_pieces = text.as_bytes().chunks(1).position(|piece| pieces.find(piece).is_some());
        assert_eq!(whole, in_pieces, "{text}");
        whole.is_some()
    }

    #[test]
    fn a_key_that_a_path_may_end_with_is_found_and_no_other() {
        for rule in ["user.pin", "$.user.pin", "user.pin[]", "*.p*"] {
            assert!(found_by(rule, "<a data-x=\"{&quot;pin&quot;:1}\">"), "{rule}");
            assert!(
                !found_by(rule, "<a data-x=\"{&quot;id&quot;:1,&quot;user&quot;:2}\">"),
                "{rule}"
            );
        }
        assert!(found_by("$[]", "{\"id\":1}"), "what has no name may be anywhere");
    }

    #[test]
    fn a_covered_key_in_a_script_or_a_text_is_found() {
        for text in [
            r#"f({"ssn":"1"})"#,
            r#"{'ssn' : 1}"#,
            r#"update {"a":"b", "ssn":"1"}"#,
            r#"{\"ssn\":1}"#,
            r#"{"s\u0073n":1}"#,
            r#"<a data-x="{&quot;ssn&quot;:1}">"#,
            "{&#34;ssn&#34; &#58;1}",
            "{&#x22;ssn&#X22;:1}",
            "{&#39;ssn&apos;:1}",
            r#"f("{\u0022ssn\u0022:1}")"#,
            r#"f('{\x22ssn\x22:1}')"#,
            r"{\u0027ssn\x27\x3a1}",
            r#"f('{\\\"ssn\\\":1}')"#,
            r#"f('{\\u0022ssn\\u0022:1}')"#,
            "?x=%7B%22ssn%22%3A1%7D",
            "&amp;quot;ssn&amp;quot;:",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "ssn: 1",
            r#"{"id":"1"}"#,
            r#"he said "ssn""#,
            r#"say "hello": 1"#,
            "&quot;id&quot;:1",
            "a & b: 100%:",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
