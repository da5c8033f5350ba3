use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<String, JsonRefused> {
    Json::read(text.as_bytes()).map(|json| json.to_text())
}

#[test]
fn names_keep_their_order_and_numbers_their_spelling() {
    let text = r#"{"b":1.0,"a":[1e400,-0,12345678901234567890123],"":{"c":null,"d":true}}"#;
    assert_eq!(read(text).unwrap(), text);
    assert_eq!(read(" { \"b\" : [ 1 , 2 ] } ").unwrap(), r#"{"b":[1,2]}"#);
}

#[test]
fn what_readers_read_differently_is_refused() {
    assert_eq!(read(r#"{"a":1,"a":2}"#), Err(JsonRefused::Twice));
    assert_eq!(read(r#"{"a":1,"\u0061":2}"#), Err(JsonRefused::Twice));
    assert_eq!(read(r#"{"x":[{"a":1,"a":2}]}"#), Err(JsonRefused::Twice));
    assert_eq!(read(r#""\ud800""#), Err(JsonRefused::Syntax));
    assert_eq!(read(&"1".repeat(65)), Err(JsonRefused::Number));
    for wrong in ["", "{", "[1,]", "{} {}", "nul", "01", "'a'", "[1] // no"] {
        assert_eq!(read(wrong), Err(JsonRefused::Syntax), "{wrong}");
    }
    assert_eq!(Json::read(b"\"\xff\""), Err(JsonRefused::Syntax));
}

#[test]
fn depth_is_bounded() {
    assert!(read(&("[".repeat(64) + &"]".repeat(64))).is_ok());
    assert_eq!(read(&("[".repeat(65) + &"]".repeat(65))), Err(JsonRefused::Deep));
    assert_eq!(read(&"[".repeat(1_000_000)), Err(JsonRefused::Syntax));
}

#[test]
fn names_that_differ_in_case_alone_are_found() {
    let json = Json::read(br#"{"a":[{"path":1,"Path":2}]}"#).unwrap();
    assert_eq!(json.confusable_name(), Some("Path"));
}

proptest! {
    #[test]
    fn what_is_read_reads_as_serde_json_reads_it(text in "[\\[\\]{}:,\"a0-9.e\\\\u ntrfl-]{0,40}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        if let Ok(ours) = Json::read(text.as_bytes()) {
            let again: Result<serde_json::Value, _> = serde_json::from_str(&ours.to_text());
            if let (Ok(theirs), Ok(again)) = (theirs, again) {
                prop_assert_eq!(theirs, again);
            }
        }
    }

    #[test]
    fn what_is_written_reads_the_same(text in any::<String>(), name in any::<String>()) {
        let json = Json::Object(vec![(name, Json::List(vec![Json::text(text), Json::Null]))]);
        prop_assert_eq!(Json::read(json.to_text().as_bytes()).unwrap(), json);
    }
}
