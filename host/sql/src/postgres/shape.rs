//! A text without the values of its constants, where that is told without the grammar: texts of one shape have one syntax
//! tree, but for what its constants hold.
//!
//! Only what is plainest has a shape: ASCII, whole and decimal numbers, and `'…'` without a backslash. Whatever begins otherwise
//! (`E''`, `U&''`, `B''`, dollar quotes, comments, `1e5`, `0x1f`, `.5`) may be read in more than one way, and has none.
//! A constant leaves its kind, and of a number the size by which the server chooses its type.

/// Longer texts have no shape, in bytes.
const LONGEST: usize = 4096;

/// What stands before the kind of a constant: a character that no text with a shape has.
const CONSTANT: char = '\u{1}';

/// The words that mean something else with another number or text behind them: `float(24)` and `float(25)` are two types.
const TELLING: [&str; 2] = ["float", "uescape"];

/// The shape of a text; `None` where it has none, or no constant to leave out.
///
/// It depends on `standard_conforming_strings` as little as a text without backslash does.
#[must_use]
pub fn shape(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let mut shape = String::with_capacity(text.len());
    let mut rest = text;
    let mut constants = 0;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            'a'..='z' | 'A'..='Z' | '_' => word(rest)?,
            '0'..='9' => {
                let (length, kind) = number(rest)?;
                shape.extend([CONSTANT, kind]);
                constants += 1;
                rest = rest.get(length..)?;
                continue;
            }
            '\'' => {
                let length = quoted(rest, '\'')?;
                shape.extend([CONSTANT, 's']);
                constants += 1;
                rest = rest.get(length..)?;
                continue;
            }
            '"' => quoted(rest, '"')?,
            '$' => parameter(rest)?,
            _ => sign(first, rest)?,
        };
        let (kept, after) = rest.split_at_checked(length)?;
        shape.push_str(kept);
        rest = after;
    }
    (constants > 0).then_some(shape)
}

/// The length of a word at the start: a name or a key word.
fn word(rest: &str) -> Option<usize> {
    let length = rest.bytes().take_while(|byte| is_of_word(*byte)).count();
    let (word, after) = rest.split_at_checked(length)?;
    let telling = TELLING.iter().any(|telling| word.eq_ignore_ascii_case(telling));
    // A prefix changes what stands in the quotes behind it.
    let prefix = after.starts_with(['\'', '"'])
        || (word.eq_ignore_ascii_case("u") && after.starts_with('&'));
    (!telling && !prefix).then_some(length)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// The length of a number at the start, and its kind: `i` for what is an int4, `l` an int8, `n` and `d` numeric.
fn number(rest: &str) -> Option<(usize, char)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(rest);
    let whole = rest.get(..length)?;
    let mut kind = match whole.parse::<i64>() {
        Ok(value) if i32::try_from(value).is_ok() => 'i',
        Ok(_) => 'l',
        Err(_) => 'n',
    };
    if let Some(fraction) = rest.get(length..)?.strip_prefix('.') {
        let places = digits(fraction);
        if places == 0 {
            return None;
        }
        length += 1 + places;
        kind = 'd';
    }
    let next = rest.as_bytes().get(length);
    let ends = next.is_none_or(|next| !is_of_word(*next) && *next != b'.');
    ends.then_some((length, kind))
}

/// The length of what stands in quotes at the start, with them; a doubled quote does not end it.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if !character.is_ascii() || matches!(character, '\\' | '\0' | CONSTANT) {
            return None;
        }
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

/// The length of a parameter at the start: `$1`, and no dollar quote.
fn parameter(rest: &str) -> Option<usize> {
    let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    let next = rest.as_bytes().get(digits + 1);
    (digits > 0 && next.is_none_or(|next| !is_of_word(*next))).then_some(digits + 1)
}

/// One for any sign of the language that stands for itself, and for white space.
fn sign(first: char, rest: &str) -> Option<usize> {
    let plain = first.is_ascii_graphic() || matches!(first, ' ' | '\t' | '\n' | '\r');
    let comment = rest.starts_with("--") || rest.starts_with("/*");
    let fraction = first == '.' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    (plain && first != '\\' && !comment && !fraction).then_some(1)
}
