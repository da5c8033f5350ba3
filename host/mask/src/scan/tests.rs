use super::*;
use crate::detectors;
use proptest::prelude::*;

fn all() -> Scan {
    Scan::new(&detectors().map(|detector| detector.name.to_owned()).collect()).unwrap()
}

fn check(text: &str, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&all().text(text.as_bytes())), expected);
}

#[test]
fn a_text_without_a_hit_is_not_copied() {
    assert!(matches!(all().text(b"order 4711 was shipped to Bremen"), Cow::Borrowed(_)));
}

#[test]
fn all_hits_of_all_detectors_are_covered() {
    check("a@b.example 4111111111111111 c@d.example", "[email] [card] [email]");
}

#[test]
fn hits_that_overlap_are_covered_as_one() {
    check("postgres://svc:s3cret@db.example.com/x", "postgres://svc:[email]/x");
    check("Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl1", "Bearer [jwt]");
}

#[test]
fn a_hit_that_appears_when_another_is_covered_is_covered_too() {
    check("a@b.example_4111111111111111", "[email]_[card]");
    check("4111111111111111AKIAIOSFODNN7EXAMPLE", "[card][aws-key]");
}

#[test]
fn no_detectors_find_nothing() {
    let none = Scan::new(&BTreeSet::new()).unwrap();
    assert!(none.is_empty());
    assert!(!none.finds(b"alice@example.com"));
    assert!(matches!(none.text(b"alice@example.com"), Cow::Borrowed(_)));
}

#[test]
fn an_unknown_detector_is_refused() {
    let refused = Scan::new(&["email".to_owned(), "emial".to_owned()].into()).unwrap_err();
    assert_eq!(refused, DetectorRefused::Unknown("emial".into()));
}

#[test]
fn finds_says_whether_there_is_a_hit() {
    assert!(all().finds(b"\x00\xffalice@example.com\x00"));
    assert!(!all().finds(b"\x00\x00\x00\x2a"));
}

/// Pieces that detectors care about, in any order.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 24] = [
        "alice@example.com",
        "4111 1111 1111 1111",
        "4111111111111111",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "password",
        "api_key",
        "=",
        ": ",
        "\"",
        "'",
        "\\",
        " ",
        "-",
        "@",
        "://",
        "é",
        "7",
        "4eC39HqLyjWDarjtT1zdp7dc",
        "[email]",
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln",
        "DE89370400440532013000",
        "+1 415 555 2671",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_can_be_scanned(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let once = all().text(&bytes).into_owned();
        prop_assert!(!all().finds(&once));
    }

    #[test]
    fn text_stays_text_and_a_second_scan_changes_nothing(text in pieces()) {
        let once = all().text(text.as_bytes()).into_owned();
        prop_assert!(std::str::from_utf8(&once).is_ok());
        prop_assert_eq!(&*all().text(&once), &once);
    }

    #[test]
    fn text_of_any_characters_stays_text(text in "\\PC{0,40}(password[:=] ?)?\\PC{0,40}@\\PC{0,40}\\.\\PC{0,9}") {
        let once = all().text(text.as_bytes()).into_owned();
        prop_assert!(std::str::from_utf8(&once).is_ok());
    }

    #[test]
    fn what_is_found_is_covered(before in "[a-z ]{0,9} ", after in " [a-z ]{0,9}") {
        let text = format!("{before}alice@example.com{after}");
        let expected = format!("{before}[email]{after}");
        prop_assert_eq!(&*all().text(text.as_bytes()), expected.as_bytes());
    }
}
