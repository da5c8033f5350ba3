//! Cuts a text that is JSON into values.

use std::collections::BTreeSet;

use palisade_policy::DEEPEST_JSON;
use serde::de::IgnoredAny;

use super::Json;

/// Longer numbers are refused: no reader keeps so many digits.
const LONGEST_NUMBER: usize = 64;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonRefused {
    /// It is no JSON in UTF-8, or a string in it is no text (half of a surrogate pair).
    #[error("it is no JSON in UTF-8")]
    Syntax,
    /// An object has a name twice; readers take the first or the last.
    #[error("an object has a name twice")]
    Twice,
    /// It is nested too deeply.
    #[error("it is nested deeper than {DEEPEST_JSON}")]
    Deep,
    /// A number has too many digits.
    #[error("a number has more than {LONGEST_NUMBER} digits")]
    Number,
}

pub(super) fn read(text: &[u8]) -> Result<Json, JsonRefused> {
    let text = std::str::from_utf8(text).map_err(|_| JsonRefused::Syntax)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| JsonRefused::Syntax)?;
    Cut { text, at: 0 }.value(0)
}

/// A place in a text that is JSON.
struct Cut<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cut<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        match self.peek()? {
            b'"' => self.string().map(Json::Text),
            b'[' => self.list(depth),
            b'{' => self.object(depth),
            _ => self.bare(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        if depth >= DEEPEST_JSON {
            return Err(JsonRefused::Deep);
        }
        self.at += 1;
        let mut list = Vec::new();
        loop {
            match self.peek()? {
                b']' => break self.at += 1,
                b',' => self.at += 1,
                _ => list.push(self.value(depth + 1)?),
            }
        }
        Ok(Json::List(list))
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        if depth >= DEEPEST_JSON {
            return Err(JsonRefused::Deep);
        }
        self.at += 1;
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        loop {
            match self.peek()? {
                b'}' => break self.at += 1,
                b',' => self.at += 1,
                _ => {
                    let name = self.string()?;
                    if !names.insert(name.clone()) {
                        return Err(JsonRefused::Twice);
                    }
                    if self.peek()? != b':' {
                        return Err(JsonRefused::Syntax);
                    }
                    self.at += 1;
                    members.push((name, self.value(depth + 1)?));
                }
            }
        }
        Ok(Json::Object(members))
    }

    /// A string, as it reads.
    fn string(&mut self) -> Result<String, JsonRefused> {
        let rest = self.text.get(self.at..).ok_or(JsonRefused::Syntax)?;
        let mut escaped = false;
        let closing = rest.bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let length = closing.ok_or(JsonRefused::Syntax)? + 2;
        let quoted = rest.get(..length).ok_or(JsonRefused::Syntax)?;
        self.at += length;
        serde_json::from_str(quoted).map_err(|_| JsonRefused::Syntax)
    }

    /// A number, `true`, `false` or `null`.
    fn bare(&mut self) -> Result<Json, JsonRefused> {
        let rest = self.text.get(self.at..).ok_or(JsonRefused::Syntax)?;
        let ends = |byte: u8| b" \t\r\n,]}".contains(&byte);
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        let word = rest.get(..length).ok_or(JsonRefused::Syntax)?;
        self.at += length;
        match word {
            "" => Err(JsonRefused::Syntax),
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            number if number.len() > LONGEST_NUMBER => Err(JsonRefused::Number),
            number => Ok(Json::Number(number.to_owned())),
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8, JsonRefused> {
        let rest: &'a [u8] = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let skipped = rest.iter().position(|byte| !b" \t\r\n".contains(byte));
        self.at += skipped.ok_or(JsonRefused::Syntax)?;
        self.text.as_bytes().get(self.at).copied().ok_or(JsonRefused::Syntax)
    }
}
