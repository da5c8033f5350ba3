//! What an expression cannot say: checksums, lengths, randomness, and what stands around a match.

use std::ops::Range;

/// Every match is a hit.
#[expect(clippy::unnecessary_wraps, reason = "one of several checks behind one type")]
pub(super) fn any(_: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    Some(found)
}

/// Anything but what a detector put there already.
pub(super) fn no_mask(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    is_no_mask(value.get(found.clone())?).then_some(found)
}

/// Whether this is a value, and not what a detector put in its place.
pub(super) fn is_no_mask(value: &[u8]) -> bool {
    !value.is_empty() && !super::is_mask(value)
}

/// Whether this has the form of an AWS secret access key (40 characters of base64) or something longer.
pub(super) fn is_aws_secret(value: &[u8]) -> bool {
    value.len() >= 40
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
}

/// A value that a random generator could have made.
pub(super) fn random_looking(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    is_random_looking(value.get(found.clone())?).then_some(found)
}

/// Whether this is long, mixed and varied enough to have come from a random generator: words and sentences are not.
pub(super) fn is_random_looking(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let mixed =
        has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    value.len() >= 16
        && mixed
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.~+/=-".contains(byte))
        && entropy(value) >= 3.0
}

/// Shannon's entropy, in bits a byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in value {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = value.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// A card number that begins among these digits: groups that begin like an issuer's number and have the right checksum.
pub(super) fn card(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    found
        .filter(|&start| value.get(start).is_some_and(u8::is_ascii_digit))
        .filter(|&start| !is_fraction(value, start))
        .find_map(|start| card_at(value, start))
}

/// The longest card number that begins at this digit, and begins and ends where a group of digits does.
fn card_at(value: &[u8], start: usize) -> Option<Range<usize>> {
    // Within a group, where no number begins: known here before its digits are read.
    if before(value, start).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut number = [0_u8; 19];
    let mut length = 0;
    let mut longest = None;
    for (at, byte) in (start..).zip(value.get(start..)?) {
        if !byte.is_ascii_digit() {
            // Groups may be set apart by one space or dash each.
            if matches!(byte, b' ' | b'-') && before(value, at)?.is_ascii_digit() {
                continue;
            }
            break;
        }
        // Longer than any card number.
        let Some(slot) = number.get_mut(length) else { break };
        *slot = byte - b'0';
        length += 1;
        let found = start..at + 1;
        if number.get(..length).is_some_and(is_card) && !touches_letter(value, &found) {
            longest = Some(found);
        }
    }
    longest
}

/// Whether these digits are a card number: a length that its issuer uses, and Luhn's checksum (ISO/IEC 7812).
fn is_card(number: &[u8]) -> bool {
    let prefix = number.iter().take(4).fold(0, |prefix, &digit| prefix * 10 + u32::from(digit));
    let length = number.len();
    let in_use = match prefix {
        4000..=4999 => matches!(length, 13 | 16 | 19), // Visa
        2221..=2720 | 5100..=5599 => length == 16,     // Mastercard
        3400..=3499 | 3700..=3799 => length == 15,     // American Express
        3000..=3059 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length), // Diners Club
        3528..=3589 | 6011 | 6200..=6299 | 6440..=6599 => (16..=19).contains(&length), // JCB, Discover, UnionPay
        5000..=5099 | 5600..=5899 | 6000..=6999 => (13..=19).contains(&length),        // Maestro
        _ => false,
    };
    in_use && luhn(number)
}

fn luhn(number: &[u8]) -> bool {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => digit * 2,
            (_, digit) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// An account number that begins at this match (ISO 13616): as long as its country's are, and with the right checksum.
pub(super) fn iban(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    let length = iban_length(value.get(found.start..found.start + 2)?)?;
    let mut number = [0_u8; 34];
    let mut end = found.start;
    for slot in number.get_mut(..length)? {
        // Groups may be set apart by one space or dash each.
        if end > found.start && matches!(value.get(end)?, b' ' | b'-') {
            end += 1;
        }
        *slot = value.get(end).filter(|byte| byte.is_ascii_alphanumeric())?.to_ascii_uppercase();
        end += 1;
    }
    let alone = value.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (alone && mod_97(number.get(..length)?) == 1).then_some(found.start..end)
}

/// The remainder of the number with its first four characters moved to its end and letters as 10 to 35 (ISO 7064).
fn mod_97(number: &[u8]) -> u32 {
    let (head, body) = number.split_at_checked(4).unwrap_or((number, &[]));
    body.iter().chain(head).fold(0, |rest, &byte| {
        let digit = char::from(byte).to_digit(36).unwrap_or(0);
        (if digit < 10 { rest * 10 } else { rest * 100 } + digit) % 97
    })
}

/// How long account numbers of this country are (SWIFT's IBAN registry).
fn iban_length(country: &[u8]) -> Option<usize> {
    let mut code = <[u8; 2]>::try_from(country).ok()?;
    code.make_ascii_uppercase();
    Some(match &code {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FO" | b"FK" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL"
        | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}

/// A number that has been given out: no area 000, 666 or 900 and up, no group 00, no serial 0000.
pub(super) fn us_ssn(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    let text = value.get(found.clone())?;
    let area = text.get(..3)?;
    let given_out = !matches!(area, b"000" | b"666" | [b'9', ..])
        && text.get(4..6)? != b"00"
        && text.get(7..)? != b"0000";
    let part_of_more =
        before(value, found.start) == Some(b'-') || value.get(found.end) == Some(&b'-');
    (given_out && !part_of_more).then_some(found)
}

/// A number with as many digits as ITU-T E.164 knows: up to 15, here at least 7.
pub(super) fn phone(value: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    let mut digits = 0;
    let mut longest = None;
    for (at, byte) in (found.start..).zip(value.get(found.clone())?) {
        digits += usize::from(byte.is_ascii_digit());
        let number = found.start..at + 1;
        if byte.is_ascii_digit() && (7..=15).contains(&digits) && !touches_letter(value, &number) {
            longest = Some(number);
        }
    }
    longest
}

fn before(value: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|before| value.get(before)).copied()
}

/// Whether a letter or digit stands right beside the range: then it is a piece of an identifier or a hash.
fn touches_letter(value: &[u8], range: &Range<usize>) -> bool {
    let after = value.get(range.end).copied();
    [before(value, range.start), after].iter().flatten().any(u8::is_ascii_alphanumeric)
}

/// Whether the digits at this place are those behind a decimal point.
fn is_fraction(value: &[u8], at: usize) -> bool {
    at >= 2
        && before(value, at) == Some(b'.')
        && before(value, at - 1).is_some_and(|byte| byte.is_ascii_digit())
}
