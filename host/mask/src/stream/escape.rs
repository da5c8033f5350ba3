//! Reads what a text has escaped for HTML, a script or an address, byte by byte: `&quot;`, `&#34;`, `\u0022`, `\x22`, `%22`.
//!
//! Only what is of ASCII is read; all else stays as it is written. What comes out does not depend on how the input is cut.

/// No escape that is read is longer, in bytes.
const LONGEST: usize = 12;
/// Names of HTML's, and what they stand for.
const NAMED: [(&[u8], u8); 4] =
    [(b"quot", b'"'), (b"apos", b'\''), (b"colon", b':'), (b"amp", b'&')];

/// An escape that is not complete.
#[derive(Debug, Default)]
pub(super) struct Escape {
    held: Vec<u8>,
}

/// What a byte is to the escape before it.
enum Next {
    /// A part of it.
    Grows,
    /// Its end.
    Ends(u8),
    /// What stands behind it.
    Behind(u8),
    /// It was none.
    No,
}

impl Escape {
    /// Whether a byte reads as it is written.
    #[inline]
    pub(super) fn passes(&self, byte: u8) -> bool {
        self.held.is_empty() && !is_begin(byte)
    }

    /// Takes a byte, and appends what is read by now.
    pub(super) fn take(&mut self, byte: u8, read: &mut Vec<u8>) {
        if self.held.is_empty() {
            self.begin(byte, read);
        } else {
            self.go_on(byte, read);
        }
    }

    fn begin(&mut self, byte: u8, read: &mut Vec<u8>) {
        let into = if is_begin(byte) { &mut self.held } else { read };
        into.push(byte);
    }

    fn go_on(&mut self, byte: u8, read: &mut Vec<u8>) {
        match next(&self.held, byte) {
            Next::Grows => self.held.push(byte),
            Next::Ends(said) => {
                self.held.clear();
                // What is escaped may be the begin of an escape.
                self.begin(said, read);
            }
            Next::Behind(said) => {
                self.held.clear();
                self.begin(said, read);
                self.take_behind(byte, read);
            }
            Next::No => {
                read.append(&mut self.held);
                self.begin(byte, read);
            }
        }
    }

    /// Takes the byte behind an escape that said something, of which a sign that begins another may be held.
    fn take_behind(&mut self, byte: u8, read: &mut Vec<u8>) {
        match (self.held.is_empty(), next(&self.held, byte)) {
            (false, Next::Grows) => self.held.push(byte),
            (false, _) => {
                read.append(&mut self.held);
                self.begin(byte, read);
            }
            (true, _) => self.begin(byte, read),
        }
    }
}

fn is_begin(byte: u8) -> bool {
    matches!(byte, b'&' | b'\\' | b'%')
}

fn next(held: &[u8], byte: u8) -> Next {
    if held.len() >= LONGEST {
        return Next::No;
    }
    match held {
        [b'&', b'#', digits @ ..] => number(digits, byte),
        [b'&', name @ ..] => named(name, byte),
        [b'\\'] if matches!(byte, b'u' | b'x') => Next::Grows,
        [b'\\', b'u'] if byte == b'{' => Next::Grows,
        [b'\\', b'u', b'{', digits @ ..] if byte == b'}' => ends(ascii(digits, 16)),
        [b'\\', b'u', b'{', ..] if byte.is_ascii_hexdigit() => Next::Grows,
        [b'\\', b'u', b'{', ..] => Next::No,
        [b'\\', b'u', digits @ ..] => hex(digits, byte, 4),
        [b'\\', b'x', digits @ ..] | [b'%', digits @ ..] => hex(digits, byte, 2),
        _ => Next::No,
    }
}

/// So many hexadecimal digits, and no more.
fn hex(digits: &[u8], byte: u8, count: usize) -> Next {
    if !byte.is_ascii_hexdigit() {
        return Next::No;
    }
    if digits.len() + 1 < count {
        Next::Grows
    } else {
        ends(ascii(&[digits, &[byte]].concat(), 16))
    }
}

/// Digits behind `&#`; the semicolon behind them may be missing (HTML, section 13.2.5.80).
fn number(digits: &[u8], byte: u8) -> Next {
    let (radix, digits) = match digits {
        [b'x' | b'X', digits @ ..] => (16, digits),
        [] if matches!(byte, b'x' | b'X') => return Next::Grows,
        digits => (10, digits),
    };
    match byte {
        b';' => ends(ascii(digits, radix)),
        digit if char::from(digit).is_digit(radix) => Next::Grows,
        _ => ascii(digits, radix).map_or(Next::No, Next::Behind),
    }
}

/// A name behind `&`; the semicolon behind it may be missing as well.
fn named(name: &[u8], byte: u8) -> Next {
    let said = NAMED.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let longer = [name, &[byte]].concat();
    let goes_on =
        |known: &[u8]| known.get(..longer.len()).is_some_and(|it| it.eq_ignore_ascii_case(&longer));
    match (said, byte) {
        (Some((_, said)), b';') => Next::Ends(said),
        (Some((_, said)), _) => Next::Behind(said),
        (None, b'#') if name.is_empty() => Next::Grows,
        (None, _) if NAMED.iter().any(|(known, _)| goes_on(known)) => Next::Grows,
        (None, _) => Next::No,
    }
}

fn ends(said: Option<u8>) -> Next {
    said.map_or(Next::No, Next::Ends)
}

/// The character of this number, where it is one of ASCII's.
fn ascii(digits: &[u8], radix: u32) -> Option<u8> {
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    u8::try_from(number).ok().filter(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        let (mut escape, mut read) = (Escape::default(), Vec::new());
        text.bytes().for_each(|byte| escape.take(byte, &mut read));
        read.append(&mut escape.held);
        String::from_utf8(read).unwrap()
    }

    #[test]
    fn what_is_escaped_for_a_page_a_script_or_an_address_is_read() {
        for escaped in [
            "&quot;",
            "&QUOT;",
            "&#34;",
            "&#0034;",
            "&#x22;",
            "&#X22;",
            "\\u0022",
            "\\x22",
            "\\u{22}",
            "%22",
            "&amp;quot;",
            "&amp;#34;",
            "\\x5cu0022",
            "%2522",
        ] {
            assert_eq!(read(&format!("a{escaped}b")), "a\"b", "{escaped}");
        }
        assert_eq!(read("&quot a&#34-&#34&quot;&apos;&#39;&colon;"), "\" a\"-\"\"'':");
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for text in [
            "&", "&&", "&x;", "&#;", "&#xg", "\\n", "\\\\", "\\u12", "\\ud800", "%", "%zz",
            "&#8364;", "a&quo", "100%",
        ] {
            assert_eq!(read(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_that_is_no_escape(text in "[&\\\\%#;a-z]{0,30}") {
            let plain = text.replace("&amp", "").replace("&colon", "").replace("&quot", "").replace("&apos", "");
            prop_assume!(plain == text);
            prop_assume!(!text.contains('%') && !text.contains("\\x") && !text.contains("\\u"));
            prop_assert_eq!(read(&text), text);
        }
    }
}
