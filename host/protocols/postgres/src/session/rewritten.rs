//! Where an error in a rewritten text is in the text that the client sent.

use std::borrow::Cow;

/// The place in `from`, the client's text, of a place in `to`, which was put in its stead; both count characters from 1.
/// `None` where the client's text has nothing at that place.
pub(super) fn position<'a>(place: &'a [u8], from: &str, to: &str) -> Option<Cow<'a, [u8]>> {
    let at: usize = std::str::from_utf8(place).ok()?.parse().ok()?;
    let at = at.checked_sub(1)?;
    let (old, new) = (from.chars().count(), to.chars().count());
    let before = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
    if at < before {
        return Some(Cow::Borrowed(place));
    }
    let most = old.min(new) - before;
    let after = from.chars().rev().zip(to.chars().rev()).take(most);
    let after = after.take_while(|(a, b)| a == b).count();
    let from_end = new.checked_sub(at)?;
    if from_end > after {
        return None;
    }
    Some(Cow::Owned((old - from_end + 1).to_string().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str, from: &str, to: &str) -> Option<String> {
        position(place.as_bytes(), from, to).map(|at| String::from_utf8(at.into_owned()).unwrap())
    }

    #[test]
    fn a_place_before_or_behind_what_was_rewritten_is_found_again() {
        let (from, to) = ("SELECT a, b FROM t WHERE x", "SELECT a, b FROM tttt WHERE x");
        assert_eq!(at("8", from, to).as_deref(), Some("8"));
        assert_eq!(at("29", from, to).as_deref(), Some("26"));
    }

    #[test]
    fn a_place_within_what_was_rewritten_is_nowhere() {
        assert_eq!(at("9", "SELECT a", "SELECT other"), None);
        assert_eq!(at("99", "SELECT a", "SELECT a LIMIT 5"), None);
        assert_eq!(at("", "x", "y"), None);
    }
}
