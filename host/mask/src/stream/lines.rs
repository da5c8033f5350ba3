//! Masks JSON texts of which each has a line of its own (`application/x-ndjson`, JSON lines).

use super::{JsonStream, MaskStream, Masks, Unreadable};

/// Masks JSON texts, one a line; empty lines pass. Lines end with LF or CRLF.
/// A text that goes on in another line is refused, for a reader by lines would see others than were judged.
#[derive(Debug)]
pub struct LinesStream(JsonStream);

impl LinesStream {
    /// Begins with the first line.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        Self(JsonStream::of_lines(masks))
    }
}

impl MaskStream for LinesStream {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.0.feed(chunk, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.0.finish(out)
    }

    fn covered(&self) -> u64 {
        self.0.covered()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Trouble;
    use crate::stream::fixtures::{self, all, masks, stars};

    fn check(input: &str, expected: Result<&str, Trouble>) {
        let machine = || LinesStream::new(masks(&[("secret", stars())], all()));
        fixtures::check(machine, input.as_bytes(), expected);
    }

    #[test]
    fn each_line_is_masked_as_a_text_of_its_own() {
        check(
            "{\"a\":1,\"secret\":2}\n\r\n{\"a\":\"bob@example.org\"}\r\n7\n[\"x\"] ",
            Ok("{\"a\":1,\"secret\":\"***\"}\n\r\n{\"a\":\"[email]\"}\r\n7\n[\"x\"] "),
        );
        check("", Ok(""));
        check("12\n34", Ok("12\n34"));
    }

    #[test]
    fn a_text_over_more_than_a_line_is_refused() {
        check("{\"a\":\n1}", Err(Trouble::Unterminated));
        check("{\"a\"", Err(Trouble::Unterminated));
    }

    #[test]
    fn two_texts_in_a_line_are_refused() {
        check("{} {}\n", Err(Trouble::Trailing));
    }
}
