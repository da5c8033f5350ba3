//! Globs on dotted names: `schema.table`, `schema.table.column`, or a single name.

use schemars::JsonSchema;
use serde::Deserialize;

/// A glob on a dotted name, whatever the letters' case.
///
/// `*` stands for any characters, dots included, and `?` for any single one.
/// A pattern with fewer parts than the name may match the name's last parts: `*.secrets` matches `shop.public.secrets`.
///
/// The gateway writes `*` or `?` as a part of a name that it could not determine: `public.users.*` is a value from any
/// column of that table, `?.?.password` one from an unknown table.
/// Such a part may be anything, so it matches whatever the pattern has in its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1))]
pub struct Pattern(String);

/// A pattern without a character, which would match nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyPattern;

impl std::fmt::Display for EmptyPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a pattern must not be empty")
    }
}

impl std::error::Error for EmptyPattern {}

impl TryFrom<String> for Pattern {
    type Error = EmptyPattern;

    fn try_from(text: String) -> Result<Self, EmptyPattern> {
        if text.trim().is_empty() { Err(EmptyPattern) } else { Ok(Self(text)) }
    }
}

impl Pattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern may match the name, or its last parts.
    ///
    /// The time is at most the product of both lengths.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name = tokens(name);
        // reached[j]: the pattern so far matches some run of tokens that starts a part and ends before token j.
        let mut reached: Vec<bool> = (0..=name.len()).map(|j| starts_part(&name, j)).collect();
        skip_unknown(&name, &mut reached);
        for letter in self.0.chars().flat_map(char::to_lowercase) {
            reached = (0..=name.len()).map(|j| step(letter, &name, &reached, j)).collect();
            if letter == '*' {
                spread(&mut reached);
            }
            skip_unknown(&name, &mut reached);
        }
        reached.last().copied().unwrap_or(false)
    }
}

/// One element of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Letter(char),
    /// A whole part that may be anything.
    Unknown,
}

fn tokens(name: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(name.len());
    for (index, part) in name.split('.').enumerate() {
        if index > 0 {
            tokens.push(Token::Letter('.'));
        }
        if part == "*" || part == "?" {
            tokens.push(Token::Unknown);
        } else {
            tokens.extend(part.chars().flat_map(char::to_lowercase).map(Token::Letter));
        }
    }
    tokens
}

fn starts_part(name: &[Token], at: usize) -> bool {
    at == 0 || name.get(at - 1) == Some(&Token::Letter('.'))
}

/// Whether the pattern, one letter on, may end before token `at`.
fn step(letter: char, name: &[Token], reached: &[bool], at: usize) -> bool {
    let was = |at: usize| reached.get(at).copied().unwrap_or(false);
    let stays_in_unknown = letter != '.' && name.get(at) == Some(&Token::Unknown) && was(at);
    let takes_letter = at > 0
        && was(at - 1)
        && match name.get(at - 1) {
            Some(Token::Letter(found)) => letter == '?' || letter == *found,
            Some(Token::Unknown) | None => false,
        };
    stays_in_unknown || takes_letter || (letter == '*' && was(at))
}

/// A star takes any further tokens.
fn spread(reached: &mut [bool]) {
    let mut so_far = false;
    for place in reached {
        so_far |= *place;
        *place = so_far;
    }
}

/// An unknown part is over once it has matched something, or nothing.
fn skip_unknown(name: &[Token], reached: &mut [bool]) {
    for (at, token) in name.iter().enumerate() {
        let Some([before, after]) = reached.get_mut(at..at + 2) else { return };
        *after |= *before && *token == Token::Unknown;
    }
}

#[cfg(test)]
mod tests;
