//! Which detectors need not be asked about a value: those whose fixed words or runs of digits are not in it.
//!
//! This looks at each byte once and at few of them twice, where an expression would be run for each detector.
//! What it rules out has no hit; what it lets through may have none either, for the expression and its check to say.

use super::kind;
use super::set::{self, Detectors};

/// Bytes at which a fixed word may end, or begin.
const SIGNS: u16 = kind::DASH
    | kind::UNDERSCORE
    | kind::DOT
    | kind::PLUS
    | kind::ASSIGN
    | kind::SPACE
    | kind::UPPER;
/// The detectors that look for fixed words or signs.
const BY_SIGN: Detectors = set::US_SSN
    | set::PHONE
    | set::PRIVATE_KEY
    | set::JWT
    | set::AWS_KEY
    | set::GITHUB_TOKEN
    | set::SLACK_TOKEN
    | set::STRIPE_KEY
    | set::GOOGLE_API_KEY
    | set::VENDOR_TOKEN
    | set::TOKEN
    | set::PASSWORD;
/// The detectors that look for digits, whatever stands before them.
const BY_DIGITS: Detectors = set::CARD | set::IBAN;
/// How much of a text may be an AWS name: the word, and what may follow it.
const AWS_NAME: usize = 3 + 24;
/// The shortest AWS secret key.
const AWS_SECRET: usize = 40;
/// The fewest digits of a card.
const CARD_DIGITS: usize = 13;

/// Those of the detectors that may have a hit in the value, which has these kinds of bytes.
pub(crate) fn narrow(detectors: Detectors, kinds: u16, value: &[u8]) -> Detectors {
    let mut may = detectors & !(BY_SIGN | BY_DIGITS);
    if detectors & BY_SIGN != 0 {
        // Without an `@` no URL has a password.
        let url = if kinds & kind::AT == 0 { 0 } else { set::PASSWORD };
        may |= detectors & by_sign(value, url);
    }
    if detectors & set::CARD != 0 && has_long_number(value) {
        may |= set::CARD;
    }
    if detectors & set::IBAN != 0 && has_country(value) {
        may |= set::IBAN;
    }
    may
}

/// The detectors that may know the name that a value is stored under.
pub(crate) fn by_name(name: &[u8]) -> Detectors {
    let holds = |word: &[u8]| name.windows(word.len()).any(|at| at.eq_ignore_ascii_case(word));
    let aws = holds(b"aws") || holds(b"access") || holds(b"session");
    by_end_of_name(name) | if aws { set::AWS_KEY } else { 0 }
}

/// The detectors for which a secret may follow the end of a text, behind white space: it ends with a secret's name, also
/// with the sign that assigns to it, or with `bearer`.
pub(crate) fn text_goes_on(text: &[u8]) -> Detectors {
    let end = |text: &[u8], skip: fn(&u8) -> bool| {
        text.iter().rposition(|byte| !skip(byte)).map_or(0, |at| at + 1)
    };
    let skip = |byte: &u8| is_between(*byte) || matches!(byte, b'=' | b':' | b'>');
    let name = text.get(..end(text, skip)).unwrap_or_default();
    let bearer = if ends_with(name, b"bearer") { set::TOKEN } else { 0 };
    let aws = if is_aws(name) { set::AWS_KEY } else { 0 };
    by_end_of_name(name) | bearer | aws
}

/// Whether a text ends with a name that AWS's secrets are stored under, or that may become one.
fn is_aws(text: &[u8]) -> bool {
    let near = text.get(text.len().saturating_sub(AWS_NAME)..).unwrap_or_default();
    near.windows(3).any(|word| word.eq_ignore_ascii_case(b"aws"))
}

fn by_sign(value: &[u8], url: Detectors) -> Detectors {
    let mut may = 0;
    let mut at = 0;
    while let Some(rest) = value.get(at..) {
        let Some(found) = rest.iter().position(|&byte| kind::of(byte) & SIGNS != 0) else { break };
        at += found;
        let (before, from) = value.split_at_checked(at).unwrap_or_default();
        may |= at_sign(before, from, url);
        at += 1;
    }
    may
}

/// What a sign tells, with what stands before it and what begins with it; and what a URL would tell.
#[inline]
fn at_sign(before: &[u8], from: &[u8], url: Detectors) -> Detectors {
    match from {
        [b'_', ..] => at_underscore(before),
        [b'-', ..] => at_dash(before, from),
        [b'.', ..] => at_dot(before),
        [b'+', b'1'..=b'9', ..] => set::PHONE,
        [b':', b'/', b'/', ..] => url | at_assignment(before, from),
        [b':' | b'=', ..] => at_assignment(before, from),
        [b'J', ..] if before.ends_with(b"ey") => set::JWT,
        [b'A', b'I', b'z', b'a', ..] => set::GOOGLE_API_KEY,
        [b'A', b'K' | b'S' | b'B', b'I', b'A', ..] | [b'A', b'C', b'C', b'A', ..] => set::AWS_KEY,
        [b'\t'..=b'\r' | b' ', ..] if ends_with(before, b"bearer") => set::TOKEN,
        _ => 0,
    }
}

fn at_underscore(before: &[u8]) -> Detectors {
    match before {
        [.., b'g', b'h', b'o' | b'p' | b'r' | b's' | b'u'] => set::GITHUB_TOKEN,
        [.., b'_', b'p', b'a', b't'] => set::GITHUB_TOKEN,
        [.., b's' | b'r', b'k'] | [.., b'w', b'h', b's', b'e', b'c'] => set::STRIPE_KEY,
        [.., b'n', b'p', b'm'] | [.., b'h', b'f'] | [.., b'_', b'v', b'1'] => set::VENDOR_TOKEN,
        [.., b's', b'h', b'p', _, _] => set::VENDOR_TOKEN,
        _ => 0,
    }
}

fn at_dash(before: &[u8], from: &[u8]) -> Detectors {
    let number = match (before, from) {
        ([.., a, b, c], [_, d, e, b'-', f, g, h, i, ..]) => {
            [a, b, c, d, e, f, g, h, i].iter().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    let word = match before {
        [.., b'x', b'o', b'x', _] | [.., b'x', b'a', b'p', b'p'] => set::SLACK_TOKEN,
        [.., b'S', b'P', b'X'] => set::GOOGLE_API_KEY,
        [.., b's', b'k'] | [.., b'l', b'p', b'a', b't'] | [.., b'y', b'p', b'i'] => {
            set::VENDOR_TOKEN
        }
        [.., b'-', b'-', b'-', b'-'] if from.get(1) == Some(&b'B') => set::PRIVATE_KEY,
        [.., b'u', b'T', b'T', b'Y'] | [.., b'A', b'G', b'E'] => set::PRIVATE_KEY,
        _ => 0,
    };
    if number { word | set::US_SSN } else { word }
}

fn at_dot(before: &[u8]) -> Detectors {
    match before {
        [.., b'o', b'o', b'k', b's'] => set::SLACK_TOKEN,
        [.., b'a', b'2', b'9'] => set::GOOGLE_API_KEY,
        [.., b'S', b'G'] | [.., b'h', b'v', b's' | b'b' | b'r'] => set::VENDOR_TOKEN,
        _ => 0,
    }
}

/// Names of secrets before a `:` or `=`.
fn at_assignment(before: &[u8], from: &[u8]) -> Detectors {
    let name = before.iter().rposition(|byte| !is_between(*byte)).and_then(|at| before.get(..=at));
    let name = name.unwrap_or_default();
    let mut may = by_end_of_name(name);
    if from.len() > AWS_SECRET && is_aws(name) {
        may |= set::AWS_KEY;
    }
    may
}

fn by_end_of_name(name: &[u8]) -> Detectors {
    match name.last().map_or(0, u8::to_ascii_lowercase) {
        b'y' if ends_with(name, b"key") => set::TOKEN | set::AWS_KEY,
        b'n' if ends_with(name, b"token") => set::TOKEN | set::AWS_KEY,
        b't' if ends_with(name, b"secret") => set::TOKEN,
        b't' if ends_with(name, b"passwort") => set::PASSWORD,
        b'd' if ends_with(name, b"passwd") || ends_with(name, b"pwd") => set::PASSWORD,
        b'd' if ends_with(name, b"password") => set::PASSWORD,
        b'e' if ends_with(name, b"passphrase") => set::PASSWORD,
        _ => 0,
    }
}

/// What may stand between a name and the sign that assigns to it.
fn is_between(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t'..=b'\r')
}

fn ends_with(value: &[u8], word: &[u8]) -> bool {
    let end = value.len().checked_sub(word.len()).and_then(|at| value.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Whether there are as many digits as a card has, with at most one space or dash between two of them.
fn has_long_number(value: &[u8]) -> bool {
    let (mut digits, mut apart) = (0, false);
    for byte in value {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                apart = false;
            }
            b' ' | b'-' if !apart => apart = true,
            _ => digits = 0,
        }
        if digits == CARD_DIGITS {
            return true;
        }
    }
    false
}

/// Whether a word begins with two letters and two digits.
fn has_country(value: &[u8]) -> bool {
    let starts = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| value.get(before));
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
    };
    let code = |four: &[u8]| {
        let (letters, digits) = four.split_at_checked(2).unwrap_or_default();
        digits.iter().all(u8::is_ascii_digit) && letters.iter().all(u8::is_ascii_alphabetic)
    };
    value.windows(4).enumerate().any(|(at, four)| code(four) && starts(at))
}

#[cfg(test)]
mod tests;
