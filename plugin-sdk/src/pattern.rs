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
        if self.0.is_ascii() && name.is_ascii() && name.split('.').all(|part| !is_unknown(part)) {
            let starts = std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1));
            let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
            return starts.into_iter().any(|at| glob(pattern, name.get(at..).unwrap_or_default()));
        }
        self.may_match(name)
    }

    /// The same of a path without the slash at its end.
    pub(crate) fn bare(&self) -> Self {
        Self(bare(&self.0).to_owned())
    }

    /// The same for a name with parts that may be anything.
    fn may_match(&self, name: &str) -> bool {
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

/// A path without the slash at its end; the root alone keeps it.
pub(crate) fn bare(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// Whether a glob matches a whole text, whatever the letters' case. Where it fails behind a star, the star takes more.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < text.len() || at < pattern.len() {
        match (pattern.get(at), text.get(place)) {
            (Some(b'*'), _) => {
                star = Some((at, place));
                at += 1;
                continue;
            }
            (Some(letter), Some(found))
                if *letter == b'?' || letter.eq_ignore_ascii_case(found) =>
            {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            _ => {}
        }
        let Some((behind, from)) = star.filter(|(_, from)| *from < text.len()) else {
            return false;
        };
        star = Some((behind, from + 1));
        (at, place) = (behind + 1, from + 1);
    }
    true
}

fn is_unknown(part: &str) -> bool {
    part == "*" || part == "?"
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
        if is_unknown(part) {
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
