use super::*;
use crate::detectors;
use proptest::prelude::*;

fn all() -> Scan {
    Scan::new(&detectors().map(|detector| detector.name.to_owned()).collect()).unwrap()
}

fn check(text: &str, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&all().json(text.as_bytes())), expected);
}

fn check_not(text: &str) {
    assert!(matches!(all().json(text.as_bytes()), Cow::Borrowed(_)), "{text}");
}

#[test]
fn a_document_without_a_hit_is_not_copied() {
    check_not(r#"{"id": 7, "name": "Bremen \"Nord\"", "tags": [true, null, 1.5e3]}"#);
}

#[test]
fn strings_are_covered_at_any_depth_and_the_rest_stays_as_it_is() {
    check(
        r#"{ "a" : [ {"to":"alice@example.com"} , 1.50 ] }"#,
        r#"{ "a" : [ {"to":"[email]"} , 1.50 ] }"#,
    );
}

#[test]
fn a_number_that_is_a_hit_becomes_a_string() {
    check(r#"{"n":4111111111111111}"#, r#"{"n":"[card]"}"#);
    check("4111111111111111", r#""[card]""#);
}

#[test]
fn an_escape_hides_nothing() {
    check(r#"["alice\u0040example.com"]"#, r#"["[email]"]"#);
    check(r#"["alice\u0040example.com \"x\""]"#, r#"["[email] \"x\""]"#);
}

#[test]
fn a_key_that_is_a_hit_is_covered() {
    check(r#"{"alice@example.com":1}"#, r#"{"[email]":1}"#);
}

#[test]
fn a_private_key_ends_with_its_string() {
    check(
        r#"{"key":"-----BEGIN PRIVATE KEY-----\nMIIE","next":"x"}"#,
        r#"{"key":"[private-key]","next":"x"}"#,
    );
}

#[test]
fn a_value_under_a_secrets_name_is_covered() {
    check(r#"{"db_password" : "x", "b": "x"}"#, r#"{"db_password" : "[password]", "b": "x"}"#);
    check(r#"{"password":1234}"#, r#"{"password":"[password]"}"#);
    check(r#"{"p\u0061ssword":"x"}"#, r#"{"p\u0061ssword":"[password]"}"#);
    check(r#"{"apiKey":"4eC39HqLyjWDarjtT1zdp7dc"}"#, r#"{"apiKey":"[token]"}"#);
}

#[test]
fn a_value_behind_a_secrets_name_and_its_value_is_left() {
    check_not(r#"{"password":null,"b":"x"}"#);
    check_not(r#"["password","x"]"#);
}

#[test]
fn a_string_that_cannot_be_read_is_covered_whole() {
    check(r#"["\ud800 alice\u0040example.com", 1]"#, r#"["[masked]", 1]"#);
}

#[test]
fn what_is_no_json_is_treated_as_plain_text() {
    check("{alice@example.com", "{[email]");
    check(r#"{"a":"alice@example.com"#, r#"{"a":"[email]"#);
}

#[test]
fn what_a_string_reads_is_read() {
    assert_eq!(read_string(br#""a\u0040b""#).as_deref(), Some("a@b"));
    assert_eq!(read_string(br#""ab""#).as_deref(), Some("ab"));
    assert_eq!(read_string(br#""a","b""#), None);
    assert_eq!(read_string(b"\""), None);
    assert_eq!(read_string(b"17"), None);
}

fn leaf() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        Just(4_111_111_111_111_111_u64.into()),
        "\\PC{0,12}".prop_map(Into::into),
        "[\"\\\\a-c\n]{0,4}(alice@example.com|password=\"x|-----BEGIN PRIVATE KEY-----)[\"\\\\é]{0,4}"
            .prop_map(Into::into),
    ]
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof!["[a-z\"\\\\]{0,5}", Just("password".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name, inner), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn json_stays_json_and_a_second_scan_changes_nothing(value in document()) {
        let text = value.to_string();
        let once = all().json(text.as_bytes()).into_owned();
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok());
        prop_assert_eq!(&*all().json(&once), &once);
    }

    #[test]
    fn any_bytes_can_be_scanned_as_json(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = all().json(&bytes);
    }

    #[test]
    fn any_punctuation_can_be_scanned_as_json(text in "[\\[\\]{}\",:\\\\ @.a1-]{0,40}") {
        let _ = all().json(text.as_bytes());
    }
}
