//! Kinds of bytes, as bits of a set.
//! One look at each byte of a value tells which detectors need not be asked.

/// `0` to `9`.
pub(crate) const DIGIT: u16 = 1;
/// `@`.
pub(crate) const AT: u16 = 1 << 1;
/// `.`.
pub(crate) const DOT: u16 = 1 << 2;
/// `-`.
pub(crate) const DASH: u16 = 1 << 3;
/// `_`.
pub(crate) const UNDERSCORE: u16 = 1 << 4;
/// `+`.
pub(crate) const PLUS: u16 = 1 << 5;
/// `A` to `Z`.
pub(crate) const UPPER: u16 = 1 << 6;
/// `:` or `=`.
pub(crate) const ASSIGN: u16 = 1 << 7;
/// White space, as expressions know it in ASCII.
pub(crate) const SPACE: u16 = 1 << 8;
/// How many sets of the kinds above there are.
pub(crate) const SETS: usize = 1 << 9;
/// Bytes beyond ASCII. No detector needs them.
pub(crate) const BEYOND: u16 = 1 << 9;
/// What a JSON string does not hold as it is (RFC 8259, section 7): `"`, `\` and control characters.
pub(crate) const STOP: u16 = 1 << 10;

static KINDS: [u16; 256] = kinds();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within 0..256")]
const fn kinds() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'@' => AT,
            b'.' => DOT,
            b'-' => DASH,
            b'_' => UNDERSCORE,
            b'+' => PLUS,
            b'A'..=b'Z' => UPPER,
            b':' | b'=' => ASSIGN,
            b' ' => SPACE,
            b'\t'..=b'\r' => SPACE | STOP,
            b'"' | b'\\' | ..b' ' => STOP,
            128.. => BEYOND,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// The kinds of a byte.
#[inline]
pub(crate) fn of(byte: u8) -> u16 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The kinds of bytes that occur in a value.
pub(crate) fn in_value(value: &[u8]) -> u16 {
    value.iter().fold(0, |set, &byte| set | of(byte))
}
