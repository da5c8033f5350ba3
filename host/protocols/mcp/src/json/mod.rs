//! JSON (RFC 8259) as it is judged and sent: names in their order, numbers as they are spelled, nothing that two readers could
//! read differently.
//!
//! The grammar is serde_json's; this only cuts what was found to be JSON into values.

mod inner;
mod read;

use std::fmt;

pub use self::inner::Inner;
pub use self::read::JsonRefused;

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is spelled.
    Number(String),
    /// A string, as it reads.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object; no name is there twice.
    Object(Vec<(String, Json)>),
}

impl fmt::Debug for Json {
    /// The kind alone: values are nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        })
    }
}

impl Json {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is no JSON, or has more than one reading.
    pub fn read(text: &[u8]) -> Result<Self, JsonRefused> {
        read::read(text)
    }

    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self::Number(number.to_string())
    }

    /// The member of this name, where this is an object that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members, where this is an object.
    #[must_use]
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The text, where this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of the member of this name.
    #[must_use]
    pub fn str_at(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The elements, where this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Puts a value under a name, in place of the one that was there or behind all others. Nothing but objects changes.
    pub fn set(&mut self, name: &str, value: Self) {
        let Self::Object(members) = self else { return };
        match members.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => members.push((name.to_owned(), value)),
        }
    }

    /// Takes the member of this name out.
    pub fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(members) = self else { return None };
        let at = members.iter().position(|(known, _)| known == name)?;
        Some(members.remove(at).1)
    }

    /// What this takes in memory, in bytes, roughly: of short values more than their text.
    #[must_use]
    pub fn size(&self) -> usize {
        let inner = match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(text) | Self::Text(text) => text.len(),
            Self::List(list) => list.iter().map(Self::size).sum(),
            Self::Object(members) => {
                let of = |(name, value): &(String, Self)| {
                    size_of::<String>() + name.len() + value.size()
                };
                members.iter().map(of).sum()
            }
        };
        size_of::<Self>() + inner
    }

    /// The shortest text that reads as this value.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(spelled) => out.push_str(spelled),
            Self::Text(text) => write_text(text, out),
            Self::List(list) => {
                out.push('[');
                for (index, value) in list.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The first name that is there twice in one object if case is ignored, or has a letter that some readers then take for
    /// another: the long s, and the sign of kelvin.
    #[must_use]
    pub fn confusable_name(&self) -> Option<&str> {
        match self {
            Self::List(list) => list.iter().find_map(Self::confusable_name),
            Self::Object(members) => {
                let mut names = std::collections::BTreeSet::new();
                members.iter().find_map(|(name, value)| {
                    let is_new = names.insert(name.to_lowercase());
                    let is_plain = !name.contains(['\u{17f}', '\u{212a}']);
                    if is_new && is_plain { value.confusable_name() } else { Some(name.as_str()) }
                })
            }
            _ => None,
        }
    }

    /// The same value whatever the order of its members: for digests.
    #[must_use]
    pub fn sorted(&self) -> Self {
        match self {
            Self::List(list) => Self::List(list.iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), value.sorted())).collect();
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Self::Object(members)
            }
            other => other.clone(),
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    // Writing text to memory cannot fail; an empty string would be the safe answer if it did.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

#[cfg(test)]
mod tests;
