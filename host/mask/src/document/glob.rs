//! Names without regard to case, and globs on them.

/// A name as it compares: letters that differ in case alone become equal, also where a language has several small ones
/// of one capital letter (`ſ` is an `s`).
pub(super) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A pattern of a whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Glob {
    /// This name.
    Exact(String),
    /// `*` stands for any characters, `?` for any one.
    Wild(String),
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let folded = fold(pattern);
        if folded.contains(['*', '?']) { Self::Wild(folded) } else { Self::Exact(folded) }
    }

    /// Whether a folded name matches. The time is at most the product of both lengths.
    pub(super) fn matches(&self, folded: &str) -> bool {
        match self {
            Self::Exact(name) => name == folded,
            Self::Wild(pattern) => matches(pattern, folded),
        }
    }
}

/// Where it fails behind a star, the star takes one character more.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut star = None;
    loop {
        let before = (pattern.clone(), name.clone());
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((pattern.clone(), before.1.clone()));
                name = before.1;
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(letter), Some(found)) if letter == found => continue,
            _ => {}
        }
        let Some((behind, from)) = star.as_mut() else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, name) = (behind.clone(), from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let glob = Glob::new(pattern);
        yes.iter().for_each(|name| assert!(glob.matches(&fold(name)), "{pattern} {name}"));
        no.iter().for_each(|name| assert!(!glob.matches(&fold(name)), "{pattern} {name}"));
    }

    #[test]
    fn a_name_is_matched_whatever_its_case() {
        check("apiKey", &["apikey", "APIKEY"], &["api_key", "apikeys", "apike", ""]);
        check("Größe", &["GRÖSSE", "größe"], &["grose"]);
        check("pass", &["pa\u{17f}s", "PASS"], &[]);
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        check("*pass*word*", &["password", "my_pass_word_x"], &["passwor", "wordpass"]);
        check("?é", &["xÉ", "éé"], &["é", "xxé"]);
        check("*", &["", "x"], &[]);
        check("a*b*c", &["abc", "axbbxc"], &["ab", "acb"]);
    }
}
