use super::*;

fn check(word: &str, expected: Option<&str>) {
    assert_eq!(nearest(word, ["connections", "approves", "tls", "key"]), expected, "{word}");
}

#[test]
fn a_slip_finds_the_name_that_was_meant() {
    check("conections", Some("connections"));
    check("aproves", Some("approves"));
    check("tsl", None);
    check("tl", Some("tls"));
}

#[test]
fn a_foreign_word_finds_nothing() {
    check("banana", None);
    check("", None);
}
