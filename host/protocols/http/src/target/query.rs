//! A query, pair by pair, in the form of `application/x-www-form-urlencoded`.

use palisade_policy::{Told, TooMuch};

use super::{decode, encode};
use crate::Refused;
use crate::body::tell;

/// More pairs are refused.
const MOST: usize = 1000;

/// Names and values in their order. A name without `=` has no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, Option<String>)>,
    /// Whether nothing stands bare that can be escaped.
    escapes_all: bool,
}

impl Query {
    /// Reads what follows the `?`.
    ///
    /// # Errors
    /// Names and values that servers could read in different ways.
    pub fn parse(raw: &[u8]) -> Result<Self, Refused> {
        let mut pairs = Vec::new();
        // Nothing between two ampersands is nothing for everybody.
        for pair in raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MOST {
                return Err(Refused::Target("it has too many parameters"));
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..)),
                None => (pair, None),
            };
            pairs.push((
                text_of(name, true)?,
                value.map(|value| text_of(value, false)).transpose()?,
            ));
        }
        Ok(Self { pairs, escapes_all: false })
    }

    /// The query as it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (index, (name, value)) in self.pairs.iter().enumerate() {
            if index > 0 {
                out.push('&');
            }
            self.encode_part(name, &mut out);
            if let Some(value) = value {
                out.push('=');
                self.encode_part(value, &mut out);
            }
        }
        out
    }

    /// Names and values in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default()))
    }

    /// What it tells: its names as servers read them, and the values of each.
    pub(crate) fn told(&self) -> Result<Told, TooMuch> {
        let mut told = Told::default();
        for (name, value) in self.pairs() {
            for field in tell(&mut told, name)? {
                told.fact(format!("query:{}", told.path(field)), value.to_owned())?;
            }
        }
        Ok(told)
    }

    /// Leaves out the pairs that are not to be kept.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(&str, &str) -> bool) {
        self.pairs.retain(|(name, value)| keeps(name, value.as_deref().unwrap_or_default()));
    }

    /// Whether there is no pair.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Escapes all but what is never escaped (RFC 3986 section 2.3).
    pub(super) fn escape_all(&mut self) {
        self.escapes_all = true;
    }

    /// Escapes what some reader could take for something else; a space is `%20`, and `;` never stands bare.
    fn encode_part(&self, text: &str, out: &mut String) {
        let plain = |byte: u8| !self.escapes_all && b"!$'()*,:@/?[]".contains(&byte);
        encode(text.as_bytes(), |byte| super::is_unreserved(byte) || plain(byte), out);
    }

    /// Adds a pair, in the place of all others of this name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.pairs.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.pairs.push((name.to_owned(), Some(value.to_owned())));
    }
}

/// A name or a value. In a name nothing may be escaped twice: it is what policies go by.
fn text_of(raw: &[u8], is_name: bool) -> Result<String, Refused> {
    let mut decoded = Vec::with_capacity(raw.len());
    for (index, part) in raw.split(|byte| *byte == b'+').enumerate() {
        if index > 0 {
            decoded.push(b' ');
        }
        decoded.extend(decode(part)?);
    }
    let text = String::from_utf8(decoded)
        .map_err(|_| Refused::Target("an escape in the query is no UTF-8"))?;
    if text.contains('\0') || (is_name && text.chars().any(char::is_control)) {
        return Err(Refused::Target("the query holds a control character"));
    }
    if is_name && super::holds_escape(&text) {
        return Err(Refused::Target("a name in the query is escaped twice"));
    }
    Ok(text)
}
