//! The pieces of a JSON text: strings and what they read, numbers and words (RFC 8259, sections 6 and 7).

use crate::detect::kind;
use crate::stream::Trouble;

/// How far a string has been looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The kinds of bytes in it.
    pub(super) kinds: u16,
    /// Whether there is an escape in it.
    pub(super) escaped: bool,
    /// Whether the next byte belongs to an escape.
    in_escape: bool,
}

impl Seen {
    /// Looks on, behind the opening quote or where it stopped; gives where the string ends, behind its closing quote,
    /// or nothing where it goes on behind these bytes. The kinds of bytes are told where that is asked for.
    #[inline]
    pub(super) fn look(&mut self, bytes: &[u8], kinds: bool) -> Result<Option<usize>, Trouble> {
        let mut at = 0;
        if self.in_escape {
            if bytes.is_empty() {
                return Ok(None);
            }
            (at, self.in_escape) = (1, false);
        }
        while let Some(rest) = bytes.get(at..) {
            let stop = plain_length(rest);
            let plain = rest.get(..stop).unwrap_or_default();
            if kinds {
                self.kinds |= kind::in_value(plain);
            }
            at += stop + 1;
            match rest.get(stop) {
                None => break,
                Some(b'"') => return Ok(Some(at)),
                Some(b'\\') => {
                    self.escaped = true;
                    self.in_escape = at >= bytes.len();
                    at += 1;
                }
                Some(_) => return Err(Trouble::Syntax),
            }
        }
        Ok(None)
    }
}

/// How many bytes a string holds as they are (RFC 8259, section 7): all before the first `"`, `\` or control character.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return place * 8 + stops.trailing_zeros() as usize / 8;
        }
    }
    let is_stop = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    let left = rest.iter().position(is_stop).unwrap_or(rest.len());
    bytes.len() - rest.len() + left
}

/// The highest bits of the bytes at which a run of plain ones stops. Only the lowest of them is sure: a borrow goes upwards.
#[inline]
fn stops(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, bound: u64| word.wrapping_sub(EACH * bound) & !word & (EACH << 7);
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    below(word, 0x20) | is(b'"') | is(b'\\')
}

/// Appends what the inside of a string reads, and gives how much of it that was: all of it where it is the `last` there
/// is, else up to an escape or character that is not complete.
pub(super) fn decode(inside: &[u8], last: bool, out: &mut Vec<u8>) -> Result<usize, Trouble> {
    let mut at = 0;
    while let Some(rest) = inside.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let run = rest.get(..plain).unwrap_or_default();
        let whole = whole_characters(run, last || plain < rest.len())?;
        out.extend_from_slice(run.get(..whole).unwrap_or_default());
        at += whole;
        if whole < run.len() || plain == rest.len() {
            break;
        }
        let escaped = rest.get(plain..).unwrap_or_default();
        match escape(escaped)? {
            Some((character, length)) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
            }
            None if last && escaped.len() >= 6 => return Err(Trouble::LoneSurrogate),
            None if last => return Err(Trouble::Syntax),
            None => break,
        }
    }
    Ok(at)
}

/// How many of the bytes are whole characters; all of them where they must be.
pub(super) fn whole_characters(bytes: &[u8], must: bool) -> Result<usize, Trouble> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() && !must => Ok(error.valid_up_to()),
        Err(_) => Err(Trouble::NotUtf8),
    }
}

/// What an escape reads, and its length; nothing where it is not complete.
fn escape(bytes: &[u8]) -> Result<Option<(char, usize)>, Trouble> {
    let Some(letter) = bytes.get(1) else { return Ok(None) };
    let simple = match letter {
        b'"' | b'\\' | b'/' => char::from(*letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(bytes),
        _ => return Err(Trouble::Syntax),
    };
    Ok(Some((simple, 2)))
}

fn unicode_escape(bytes: &[u8]) -> Result<Option<(char, usize)>, Trouble> {
    let Some(unit) = unit(bytes)? else { return Ok(None) };
    if let Some(character) = char::from_u32(unit) {
        return Ok(Some((character, 6)));
    }
    if unit >= 0xdc00 {
        return Err(Trouble::LoneSurrogate);
    }
    let second = bytes.get(6..).unwrap_or_default();
    if !b"\\u".starts_with(second.get(..2).unwrap_or(second)) {
        return Err(Trouble::LoneSurrogate);
    }
    let Some(low) = self::unit(second)? else { return Ok(None) };
    if !(0xdc00..0xe000).contains(&low) {
        return Err(Trouble::LoneSurrogate);
    }
    let character = char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
    Ok(Some((character.ok_or(Trouble::LoneSurrogate)?, 12)))
}

/// The four hexadecimal digits behind `\u`; nothing where there are fewer yet.
fn unit(bytes: &[u8]) -> Result<Option<u32>, Trouble> {
    let digits = bytes.get(2..).unwrap_or_default();
    let digits = digits.get(..4).unwrap_or(digits);
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | char::from(*digit).to_digit(16).ok_or(Trouble::Syntax)?;
    }
    Ok((digits.len() == 4).then_some(unit))
}

/// Whether the bytes are a number as JSON writes one.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', rest @ ..] => rest,
            all => all,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        for number in
            ["0", "-0", "12", "1.50", "1e9", "-1.2E+30", "0.1e-2", "99999999999999999999999"]
        {
            assert!(is_number(number.as_bytes()), "{number}");
        }
        for other in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "NaN", "Infinity", "0x1", "1_0"]
        {
            assert!(!is_number(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_string_is_plain_up_to_the_first_byte_that_is_not_wherever_that_is() {
        let is_stop = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        for byte in 0..=u8::MAX {
            for length in 0..20 {
                for place in 0..length {
                    let mut bytes = vec![b'!'; length];
                    bytes[place] = byte;
                    let expected = if is_stop(byte) { place } else { length };
                    assert_eq!(plain_length(&bytes), expected, "{byte} {place} {length}");
                    // What follows the first does not matter.
                    bytes[length - 1] = b'"';
                    assert_eq!(plain_length(&bytes), expected.min(length - 1), "{byte} {place}");
                }
            }
        }
    }

    fn read(inside: &str) -> Result<String, Trouble> {
        let mut out = Vec::new();
        decode(inside.as_bytes(), true, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn escapes_read_as_the_standard_says() {
        assert_eq!(read(r#"a\"\\\/\b\f\n\r\t\u0041é"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\tAé");
        assert_eq!(read(r"\ud83d\uDE00").unwrap(), "😀");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for inside in [r"\x", r"\u12", r"\u12g4", r"\U0041", "\\"] {
            assert_eq!(read(inside), Err(Trouble::Syntax), "{inside}");
        }
        for inside in [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\n", r"\ud83d\u0041"] {
            assert!(read(inside).is_err(), "{inside}");
        }
        assert_eq!(read(r"\ud83dx"), Err(Trouble::LoneSurrogate));
        assert_eq!(decode(b"a\xff", true, &mut Vec::new()), Err(Trouble::NotUtf8));
    }

    #[test]
    fn what_is_not_complete_yet_is_left() {
        let text = r"aé\n\ud83d\ude00";
        for end in 0..=text.len() {
            let mut out = Vec::new();
            let taken = decode(&text.as_bytes()[..end], false, &mut out).unwrap();
            let taken = taken + decode(&text.as_bytes()[taken..], true, &mut out).unwrap();
            assert_eq!((taken, out), (text.len(), "aé\n😀".as_bytes().to_vec()));
        }
    }
}
