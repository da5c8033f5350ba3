use super::super::{searches, table};
use super::*;
use proptest::prelude::*;

/// Every search of the table, on its own, with and without what is ruled out beforehand.
fn nothing_is_lost(value: &[u8]) {
    let every = (1 << table::DETECTORS.len()) - 1;
    let may = set::candidates(every, kind::in_value(value), value);
    for place in set::places(every & !may) {
        let lost = searches(1 << place).find(|search| search.next_hit(value, 0).is_some());
        let name = lost.map(|search| search.detector.name);
        assert_eq!(name, None, "in {}", value.escape_ascii());
    }
}

#[test]
fn each_detector_has_the_place_that_its_name_says() {
    let at = |set: Detectors| table::DETECTORS[set.trailing_zeros() as usize].name;
    let places = [
        (set::CARD, "card"),
        (set::IBAN, "iban"),
        (set::US_SSN, "us-ssn"),
        (set::PHONE, "phone"),
        (set::PRIVATE_KEY, "private-key"),
        (set::JWT, "jwt"),
        (set::AWS_KEY, "aws-key"),
        (set::GITHUB_TOKEN, "github-token"),
        (set::SLACK_TOKEN, "slack-token"),
        (set::STRIPE_KEY, "stripe-key"),
        (set::GOOGLE_API_KEY, "google-api-key"),
        (set::VENDOR_TOKEN, "vendor-token"),
        (set::TOKEN, "token"),
        (set::PASSWORD, "password"),
    ];
    for (set, name) in places {
        assert_eq!(at(set), name);
    }
}

#[test]
fn ordinary_values_are_ruled_out_without_a_search() {
    let every = (1 << table::DETECTORS.len()) - 1;
    for value in [
        "2026-11-27T21:24:04.123Z",
        "https://api.example.com/v1/orders/4711/lines?page=2",
        "0b5e3c1a-7f2d-4d3b-9a51-4f3f0c9c7d11",
        "The order was shipped to Bremen on Monday: it is due today.",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ] {
        let bytes = value.as_bytes();
        assert_eq!(set::candidates(every, kind::in_value(bytes), bytes), 0, "{value}");
    }
}

/// Texts made by the detectors' own expressions, with other bytes around them.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let patterns: Vec<_> = table::DETECTORS
        .iter()
        .map(|detector| {
            let pattern = detector.expression.as_ref().unwrap().as_str().replace(r"\b", "");
            let pattern = format!("(?-u){pattern}").replace("[^", "(?u)[^").replace("(?u)", "");
            proptest::string::bytes_regex(&pattern).unwrap().boxed()
        })
        .collect();
    let around = || prop::collection::vec(prop::sample::select(&b" a1.-_:=\"'/@+\\\n"[..]), 0..6);
    (around(), proptest::strategy::Union::new(patterns), around())
        .prop_map(|(before, hit, after)| [before, hit, after].concat())
}

/// Pieces of secrets in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    #[rustfmt::skip]
    const PIECES: [&str; 44] = [
        "password", "PassWD", "pwd", "passphrase", "api_key", "Token", "client-secret", "aws", "aws_x.y z",
        "secretAccessKey", "session-token", "bearer", "Bearer ", "=", ":", "=>", ":=", "\"", "'", "\\", " ", "\n", "-",
        "_", ".", "+1", "4111111111111111", "4111 1111-1111 1111", "123-45-6789", "DE89370400440532013000",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE", "://u:p", "@", "eyJhbGciOiJF", "é",
        "xoxb", "ghp", "sk", "npm", "hooks.slack.com/services/", "-----BEGIN PRIVATE KEY-----", "AGE-SECRET-KEY-1",
        "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..9)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_an_expression_finds_is_never_ruled_out(value in likely()) {
        nothing_is_lost(&value);
    }

    #[test]
    fn what_pieces_make_together_is_never_ruled_out(value in pieces()) {
        nothing_is_lost(&value);
    }

    #[test]
    fn a_name_that_a_detector_knows_is_never_ruled_out(
        name in "[a-z_]{0,3}(aws|(?i:secret[_-]?access[_-]?key)|session-token|api[_-]?key|Token|secret|PASSwort|pwd|passwd|passphrase)[a-z_]{0,3}"
    ) {
        let knows = |place: &usize| searches(1 << place).any(|it| it.knows_name(name.as_bytes()));
        let known = (0..table::DETECTORS.len()).filter(knows).fold(0, |set, at| set | 1 << at);
        prop_assert_eq!(known & !by_name(name.as_bytes()), 0);
    }

    #[test]
    fn any_bytes_are_ruled_out_rightly(value in prop::collection::vec(any::<u8>(), 0..120)) {
        nothing_is_lost(&value);
    }
}
