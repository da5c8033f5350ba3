//! Names of forms and queries as servers read them that make objects of them: `user[role]` is `user.role`.

/// The name with dots in the place of brackets, as a field of JSON would have it; `None` where it has no brackets and nothing
/// around it that servers cut off. Numbers and empty brackets stand for entries of a list, which are not told apart.
pub(crate) fn nested(name: &str) -> Option<String> {
    // PHP cuts white space off in front, others on both sides.
    let trimmed = name.trim();
    let is_plain = trimmed.len() == name.len() && !name.contains(['[', ']']);
    if is_plain {
        return None;
    }
    let words = trimmed.split(['[', ']']).map(str::trim).filter(|word| !word.is_empty());
    let words = words.filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_brackets_are_read_as_those_of_objects() {
        for (name, read) in [
            ("user[role]", Some("user.role")),
            ("users[0][role]", Some("users.role")),
            ("role[]", Some("role")),
            ("[role]", Some("role")),
            ("a[b][c]d", Some("a.b.c.d")),
            (" role", Some("role")),
            ("role", None),
            ("user.role", None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(nested(name).as_deref(), read, "{name}");
        }
    }
}
