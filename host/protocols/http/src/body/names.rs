//! Names of forms and queries as servers read them: `user[role]` is `user.role` to those that make objects of them, and
//! `is.admin` is `is_admin` to PHP. A name is told in all of these ways.

use std::borrow::Cow;

use palisade_policy::{Told, TooMuch, Within};

use crate::Refused;

/// Tells a name, as it is written and as servers read it: each reading with those that it lies within. Gives the fields that have
/// its value, the one that is written first.
///
/// # Errors
/// When that is too much.
pub(crate) fn tell(told: &mut Told, name: &str) -> Result<Vec<Within>, TooMuch> {
    let mut fields = vec![told.field(Within::default(), name)?];
    for words in readings(name) {
        fields.extend(tell_words(told, Within::default(), (&words, name))?);
    }
    Ok(fields)
}

/// Tells the words of a name that lies within a field; nothing comes back where the name is told as it is written.
fn tell_words(
    told: &mut Told,
    within: Within,
    (words, name): (&[Cow<'_, str>], &str),
) -> Result<Option<Within>, TooMuch> {
    let is_told = words.join(".") == name;
    let words = words.get(..words.len() - usize::from(is_told)).unwrap_or_default();
    let field = words.iter().try_fold(within, |within, word| told.field(within, word.as_ref()))?;
    Ok((!is_told).then_some(field))
}

/// Tells what the name of a JSON object's member leads to, where it is a path to servers: with dots or brackets (a database's
/// update, a model's binder), or behind a schema's URN (SCIM, RFC 7644 section 3.10).
///
/// # Errors
/// When that is too much.
pub(super) fn tell_member(told: &mut Told, within: Within, name: &str) -> Result<(), TooMuch> {
    if memchr::memchr3(b'.', b'[', b':', name.as_bytes()).is_none() {
        return Ok(());
    }
    let is_urn = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    let path = if is_urn { name.rsplit(':').next().unwrap_or_default() } else { name };
    let words: Vec<Cow<'_, str>> = words(path).into_iter().map(Cow::Borrowed).collect();
    tell_words(told, within, (&words, name)).map(drop)
}

/// A name's words as an object has them: without brackets, dots, blanks and quotes around them. Numbers and empty brackets stand
/// for entries of a list, which are not told apart.
pub(super) fn words(name: &str) -> Vec<&str> {
    name.split(['[', ']', '.']).filter_map(word).collect()
}

/// A word without what servers cut off; nothing where it is an entry of a list.
fn word(word: &str) -> Option<&str> {
    // Spring takes keys in quotes.
    let word = word.trim().trim_matches(['\'', '"']);
    (!word.is_empty() && !word.bytes().all(|byte| byte.is_ascii_digit())).then_some(word)
}

/// How servers read a name besides as it is written.
fn readings(name: &str) -> Vec<Vec<Cow<'_, str>>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.bytes().all(is_plain) && !name.starts_with('_') {
        return vec![];
    }
    // Spring fills a field by `!role` where nothing else does, and empties it by `_role`.
    let marked = name.strip_prefix(['!', '_']);
    let mut found: Vec<Vec<Cow<'_, str>>> = vec![];
    for name in [Some(name), marked].into_iter().flatten() {
        for words in [words(name).into_iter().map(Cow::Borrowed).collect(), by_php(name)] {
            if !words.is_empty() && !found.contains(&words) {
                found.push(words);
            }
        }
    }
    found.retain(|words| !matches!(words.as_slice(), [word] if word == name));
    found
}

/// What PHP makes of a name: nothing but letters before the first bracket, and nothing behind the last one that is closed.
fn by_php(name: &str) -> Vec<Cow<'_, str>> {
    let name = name.trim_start_matches(' ');
    let (first, mut rest) = match name.find('[') {
        Some(at) if name.contains(']') => name.split_at(at),
        _ => (name, ""),
    };
    let first = first.replace([' ', '.', '['], "_");
    let mut words = if first.is_empty() { vec![] } else { vec![Cow::Owned(first)] };
    while let Some((inner, behind)) = rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
        words.extend(word(inner).map(Cow::Borrowed));
        rest = behind;
    }
    words
}

/// Refuses a pair of a form or a query by which servers read the rest otherwise: one that names another method, one that says how
/// the others are decoded (RFC 7578 section 4.6), and a name that is another's to readers without case.
///
/// # Errors
/// What it would change.
pub(crate) fn check_pair(name: &str, value: &[u8]) -> Result<(), Refused> {
    if holds_folding(name) {
        return Err(Refused::Body(FOLDS));
    }
    let read = readings(name);
    let is = |wanted: &str| {
        name.eq_ignore_ascii_case(wanted)
            || read.iter().any(
                |words| matches!(words.as_slice(), [word] if word.eq_ignore_ascii_case(wanted)),
            )
    };
    if let Some(name) = ["_method", "_HttpMethod"].into_iter().find(|name| is(name)) {
        return Err(Refused::Override(name));
    }
    if is("_charset_") && !value.eq_ignore_ascii_case(b"utf-8") {
        return Err(Refused::Form("its charset is not UTF-8"));
    }
    Ok(())
}

/// What is said of such a name.
pub(super) const FOLDS: &str = "a name holds a letter that some readers take for an s or a k";

/// The long s and the sign of kelvin: readers that do not tell upper from lower case find `roles` by `role\u{17f}`.
pub(super) fn holds_folding(name: &str) -> bool {
    name.contains(['\u{17f}', '\u{212a}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Vec<String> {
        readings(name).into_iter().map(|words| words.join(".")).collect()
    }

    #[test]
    fn names_in_brackets_are_read_as_those_of_objects() {
        for (name, expected) in [
            ("user[role]", "user.role"),
            ("users[0][role]", "users.role"),
            ("users[0].role", "users.role"),
            ("user['role']", "user.role"),
            ("user[\"role\"]", "user.role"),
            ("role[]", "role"),
            ("[role]", "role"),
            ("a[b][c]d", "a.b.c.d"),
            ("user[role", "user.role"),
            (" role", "role"),
            ("role ", "role"),
            ("user.role", "user.role"),
        ] {
            assert!(read(name).iter().any(|it| it == expected), "{name}: {:?}", read(name));
        }
        for name in ["role", "is-admin", "is_admin", "[]", ""] {
            assert!(read(name).is_empty(), "{name}: {:?}", read(name));
        }
    }

    #[test]
    fn what_php_puts_an_underscore_for_is_read_with_one() {
        for (name, expected) in [
            ("is.admin", "is_admin"),
            ("is admin", "is_admin"),
            (" is admin", "is_admin"),
            ("is[admin", "is_admin"),
            ("my.user[role]", "my_user.role"),
            ("user[role]x", "user.role"),
            ("user[role]x[y]", "user.role"),
            ("user[role][", "user.role"),
        ] {
            assert!(read(name).iter().any(|it| it == expected), "{name}: {:?}", read(name));
        }
    }

    #[test]
    fn what_spring_takes_for_a_fields_default_or_mark_is_read_as_the_field() {
        for (name, expected) in
            [("!role", "role"), ("_role", "role"), ("!user.role", "user.role"), ("!a[b]", "a.b")]
        {
            assert!(read(name).iter().any(|it| it == expected), "{name}: {:?}", read(name));
        }
    }

    #[test]
    fn a_name_is_told_with_those_that_it_lies_within_and_no_path_twice() {
        let told = |name: &str| {
            let mut told = Told::default();
            let fields = tell(&mut told, name).unwrap().len();
            (told.take().0, fields)
        };
        let expected = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        assert_eq!(told("role"), (expected(&["role"]), 1));
        assert_eq!(told("a[b][c]"), (expected(&["a[b][c]", "a", "a.b", "a.b.c"]), 2));
        assert_eq!(told("a.b"), (expected(&["a.b", "a", "a_b"]), 2));
        let long = format!("a{}", "[b]".repeat(10_000));
        assert_eq!(tell(&mut Told::default(), &long), Err(TooMuch));
    }

    #[test]
    fn a_pair_by_which_the_rest_is_read_otherwise_is_refused_however_it_is_written() {
        for name in
            ["_method", "_METHOD", " _method", ".method", "[method", "[_method]", "_method]"]
        {
            assert_eq!(check_pair(name, b"DELETE"), Err(Refused::Override("_method")), "{name}");
        }
        for name in ["_charset_", "_charset_[]", " _charset_", ".charset_"] {
            assert!(check_pair(name, b"utf-7").is_err(), "{name}");
            assert_eq!(check_pair(name, b"UTF-8"), Ok(()), "{name}");
        }
        assert!(check_pair("role\u{17f}", b"admin").is_err());
        assert_eq!(check_pair("method", b"_method"), Ok(()));
    }
}
