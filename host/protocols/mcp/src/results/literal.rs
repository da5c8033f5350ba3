//! How far a value goes that is no JSON: a literal of Python's, JSON in a string, a number with signs in it.

/// The length of the value that a text begins with; `None` where it begins with words of prose.
pub(super) fn length(text: &str) -> Option<usize> {
    let inner = text.trim_start_matches('\\');
    if let (true, Some(rest)) = (inner.len() < text.len(), inner.strip_prefix(['"', '\''])) {
        let mark = text.get(..text.len() - rest.len())?;
        return Some(escaped(rest, mark).map_or(text.len(), |end| mark.len() + end));
    }
    begins(text).then(|| bare(text))
}

/// Whether a value begins here: in quotation marks or brackets, as a number, or as what a word makes of them (`b'x'`,
/// `Decimal('1')`).
fn begins(text: &str) -> bool {
    let behind = text.trim_start_matches(|letter: char| {
        letter.is_ascii_alphanumeric() || letter == '_' || letter == '.'
    });
    let is_word = text.len() > behind.len();
    match text.chars().next() {
        Some('\'' | '"' | '{' | '[' | '(' | '<' | '-') => true,
        Some(first) if first.is_ascii_digit() => true,
        Some(_) if is_word && behind.starts_with(['(', '\'', '"']) => true,
        _ => text.starts_with("True") || text.starts_with("False"),
    }
}

/// Where the string ends whose marks are escaped so: behind the next one that is escaped no more than this one.
fn escaped(text: &str, mark: &str) -> Option<usize> {
    text.match_indices(mark).map(|(at, _)| at).find_map(|at| {
        let is_longer = text.get(..at)?.ends_with('\\');
        (!is_longer).then_some(at + mark.len())
    })
}

/// Where the value ends that begins here: before what stands behind a value, outside of brackets and quotation marks.
fn bare(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{' | '[' | '(') => depth += 1,
            (None, ',' | '}' | ']' | ')' | '\n') if depth == 0 => return at,
            (None, '}' | ']' | ')') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(length(&format!("{value}{rest}")), Some(value.len()), "{value}");
        }
        for prose in ["nothing, and that", "", "see (below)", "None"] {
            assert_eq!(length(prose), None, "{prose}");
        }
    }
}
