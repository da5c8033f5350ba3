//! How far a value goes that is no JSON: a literal of Python's, JSON in a string, a number with signs in it.

/// Quotation marks: which letter, and how many backslashes stand before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) letter: char,
    pub(super) slashes: usize,
}

/// How far a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// The value's length.
    pub(super) length: usize,
    /// How much was looked at to tell.
    pub(super) looked_at: usize,
}

/// The letters that stand before the quotation marks of Python's strings, two at the most.
const PREFIXES: &str = "bBrRuUfF";

/// How far the value goes that a text begins with, whose key stands in such marks; `None` where it begins with words of prose.
pub(super) fn reach(text: &str, key: Mark) -> Option<Reach> {
    let inner = text.trim_start_matches('\\');
    let slashes = text.len() - inner.len();
    if slashes > 0
        && let Some(letter) = inner.chars().next().filter(|letter| is_mark(*letter))
    {
        let opening = slashes + letter.len_utf8();
        return Some(escaped(text, opening, Mark { letter, slashes }));
    }
    begins(text).then(|| bare(text, key))
}

/// How far a value goes that begins with a string of this length and does not end with it: strings in three marks, or put
/// together of others.
pub(super) fn goes_on(text: &str, length: usize, key: Mark) -> Option<Reach> {
    let behind = text.get(length..)?.trim_start_matches([' ', '\t', '\r']);
    let ends = ['\n', ',', '}', ']', ')', ':', ';', '\\'];
    let is_end = behind.is_empty() || behind.starts_with(ends) && !goes_on_below(behind);
    (text.starts_with('"') && !is_end).then(|| bare(text, key))
}

/// Whether a line ends here and the next one has a string that is put together with what stands before it, whole or broken off
/// with the text: no key.
fn goes_on_below(text: &str) -> bool {
    let Some(below) = text.strip_prefix('\n').map(|it| it.trim_start_matches([' ', '\t'])) else {
        return false;
    };
    let quoted = below.trim_start_matches(|letter| PREFIXES.contains(letter));
    let Some(mark) = quoted.chars().next().filter(|mark| is_mark(*mark)) else { return false };
    let inner = quoted.get(1..line(quoted, 1)).unwrap_or_default();
    let mut marks = inner.match_indices(mark).map(|(at, _)| at);
    let end = marks.find(|at| slashes_before(inner, *at).is_multiple_of(2));
    let is_string = match end {
        Some(end) => !inner.get(end + 1..).unwrap_or_default().trim_start().starts_with(':'),
        None => inner.len() + 1 == quoted.len(),
    };
    below.len() - quoted.len() <= 2 && is_string
}

/// Whether a value begins here, of JSON's or another, and no words of prose.
pub(super) fn begins_value(text: &str) -> bool {
    let inner = text.trim_start_matches('\\');
    let is_escaped = inner.len() < text.len() && inner.starts_with(is_mark);
    is_escaped || begins(text) || ["true", "false", "null"].iter().any(|it| text.starts_with(it))
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '"' | '\'')
}

/// Whether a value begins here: in quotation marks or brackets, as a number, or as what a word makes of them (`b'x'`,
/// `Decimal('1')`).
fn begins(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    let behind = text.trim_start_matches(is_word);
    let word = text.get(..text.len() - behind.len()).unwrap_or_default();
    let is_prefix = word.len() <= 2 && word.chars().all(|letter| PREFIXES.contains(letter));
    match text.chars().next() {
        Some('\'' | '"' | '{' | '[' | '(' | '<' | '-') => true,
        Some(first) if first.is_ascii_digit() => true,
        Some(_) if !word.is_empty() && behind.starts_with('(') => true,
        Some(_) if is_prefix && behind.starts_with(is_mark) => true,
        _ => text.starts_with("True") || text.starts_with("False"),
    }
}

/// Where the string ends whose marks are escaped so: behind the next one that is escaped as often, or before one that is less
/// often, since the string around it ends there.
fn escaped(text: &str, opening: usize, mark: Mark) -> Reach {
    let inner = text.get(opening..).unwrap_or_default();
    let ends = inner.match_indices(mark.letter).find_map(|(at, _)| {
        let slashes = slashes_before(inner, at);
        match slashes.cmp(&mark.slashes) {
            std::cmp::Ordering::Less => Some(opening + at - slashes),
            std::cmp::Ordering::Equal => Some(opening + at + mark.letter.len_utf8()),
            std::cmp::Ordering::Greater => None,
        }
    });
    match ends {
        Some(length) => Reach { length, looked_at: length },
        None => Reach { length: line(text, opening), looked_at: text.len() },
    }
}

fn slashes_before(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.len() - before.trim_end_matches('\\').len()
}

/// Where the line ends that this is in.
fn line(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.find('\n').unwrap_or(rest.len())
}

/// Where the value ends that begins here: before what stands behind a value, outside of brackets and quotation marks, and before
/// the end of the string that its key is in.
///
/// Whether a backslash that is doubled is one of the string's, or escapes a mark in a string within another, is not known: it
/// ends where both have an end.
fn bare(text: &str, key: Mark) -> Reach {
    let (plain, within) = (bare_by(text, key, true), bare_by(text, key, false));
    let looked_at = plain.looked_at + within.looked_at;
    Reach { length: plain.length.max(within.length), looked_at }
}

fn bare_by(text: &str, key: Mark, doubled: bool) -> Reach {
    let (mut depth, mut slashes) = (0_usize, 0);
    let mut quote: Option<(Mark, usize)> = None;
    let end = |length: usize| Reach { length, looked_at: length };
    let plain = doubled && key.slashes == 0;
    for (at, letter) in text.char_indices() {
        let before = slashes;
        slashes = if letter == '\\' { slashes + 1 } else { 0 };
        match (quote, letter) {
            (_, mark) if mark == key.letter && before < key.slashes => return end(at - before),
            (Some((open, _)), mark) if mark == open.letter => {
                if before < open.slashes {
                    return end(at - before);
                }
                if before == open.slashes || plain && open.slashes == 0 && before.is_multiple_of(2)
                {
                    quote = None;
                }
            }
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some((Mark { letter, slashes: before }, at)),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '\n') if depth == 0 && goes_on_below(text.get(at..).unwrap_or_default()) => {}
            (None, ',' | '}' | ']' | ')' | '\n') if depth == 0 => return end(at),
            (None, '}' | ']' | ')') => depth -= 1,
            _ => {}
        }
    }
    let length = match quote {
        // No string: an apostrophe.
        Some((_, from)) if depth == 0 => line(text, from),
        _ => text.len(),
    };
    Reach { length, looked_at: text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(text: &str, slashes: usize) -> Option<usize> {
        reach(text, Mark { letter: '"', slashes }).map(|reach| reach.length)
    }

    #[test]
    fn a_value_goes_to_what_stands_behind_it() {
        for (value, rest) in [
            ("'a, \\'b'", ", 'c': 1"),
            ("b'x'", "}"),
            ("Decimal('1,5')", ","),
            ("[1, (2, '}')]", "]"),
            ("123-45-6789", "\n"),
            ("\\\"x, \\\\\\\"y\\\\\\\" z\\\"", ", \\\"b\\\""),
            ("'open, }", ""),
        ] {
            assert_eq!(length(&format!("{value}{rest}"), 0), Some(value.len()), "{value}");
        }
        for prose in ["nothing, and that", "", "see (below)", "None", "don't", "it's so"] {
            assert_eq!(length(prose, 0), None, "{prose}");
        }
    }

    #[test]
    fn a_value_ends_with_the_string_that_its_key_is_in() {
        for (value, rest) in [
            (r#"{\"a\":1}"#, r#"}" level=info"#),
            (r#"[\"a, ]\", 'b]', 2"#, r#"" level=info"#),
            (r#"\"a"#, r#"" level=info"#),
            ("1 2", r#"" level=info"#),
        ] {
            assert_eq!(length(&format!("{value}{rest}\nx"), 1), Some(value.len()), "{value}");
        }
    }

    #[test]
    fn what_nothing_closes_ends_with_its_line() {
        for value in ["5 o'clock", "\\\"open, "] {
            assert_eq!(length(&format!("{value}\nand more"), 0), Some(value.len()), "{value}");
        }
        let open = "{'a': 'x',\n'b': 'y";
        assert_eq!(length(open, 0), Some(open.len()));
    }
}
