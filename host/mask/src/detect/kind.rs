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
            b' ' | b'\t'..=b'\r' => SPACE,
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
#[inline]
pub(crate) fn in_value(value: &[u8]) -> u16 {
    let in_bytes = |bytes: &[u8]| bytes.iter().fold(0, |set, &byte| set | of(byte));
    let (words, rest) = value.as_chunks::<8>();
    // Small letters are of no kind, and most text is them.
    let kinds = words.iter().filter(|word| !are_small_letters(u64::from_le_bytes(**word)));
    kinds.fold(in_bytes(rest), |set, word| set | in_bytes(word))
}

/// Whether these are eight of `a` to `z`.
#[inline]
fn are_small_letters(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = EACH << 7;
    // Within ASCII no sum is carried into the next byte.
    let from_a = word.wrapping_add(EACH * (0x80 - u64::from(b'a')));
    let beyond_z = word.wrapping_add(EACH * (0x7f - u64::from(b'z')));
    word & HIGHEST == 0 && from_a & !beyond_z & HIGHEST == HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_kinds_of_each_of_its_bytes_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for place in 0..length {
                    let mut value = vec![b'k'; length];
                    value[place] = byte;
                    assert_eq!(in_value(&value), of(byte), "{byte} {place} {length}");
                }
            }
        }
        assert_eq!(in_value(b"abcdefghijklmnopqrstuvwxyz"), 0);
    }
}
