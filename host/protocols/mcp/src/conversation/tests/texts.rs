//! Texts in results: what of them is shown, and what is covered by its keys.

use super::*;

/// What a client gets of a text in a result.
fn shown(text: &str) -> Vec<String> {
    let mut script = one();
    script.call(7, "{}");
    let text = Json::text(text).to_text();
    script.answer_last(0, &format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#))
}

#[test]
fn long_logs_and_listings_with_json_in_them_are_shown_and_their_secrets_covered() {
    let cut = format!(r#"{{"at":"x","ctx":{{"user":"u","tags":["a","{}"#, "b".repeat(40));
    for line in [
        r#"ts=2026-01-01 msg="{\"ctx\":{\"user\":\"u\"},\"n\":1}""#,
        cut.as_str(),
        r#"src/a.json:12:  "dep": {"#,
        "a.py:3: 'NAME': {",
    ] {
        let lines = format!("{line}\n").repeat(200);
        let with_secret = format!("{lines}x \"password\": \"pw-1\"\nlast=line\n{lines}");
        for (text, parts) in [(&lines, ["answer 7", ""]), (&with_secret, ["********", "last=line"])]
        {
            let effects = shown(text);
            assert!(has(&effects, &parts), "{line}: {effects:.300?}");
            assert!(!has(&effects, &["withheld"]) && !has(&effects, &["pw-1"]), "{line}");
        }
    }
}

#[test]
fn a_covered_key_takes_no_more_than_its_value() {
    for text in [
        "at=1 msg=\"{\\\"password\\\": {\\\"a\\\":\\\"pw-1\\\"}}\" level=info\nnext=line",
        "at=1 msg=\"{\\\"password\\\": \\\"pw-1\" level=info\nnext=line",
        "set 'password': don't share it\nnext=line level=info",
        "'password': 5 o'clock\nnext=line level=info",
    ] {
        let effects = shown(text);
        assert!(has(&effects, &["answer 7", "level=info", "next=line"]), "{text} {effects:?}");
        assert!(!has(&effects, &["pw-1"]), "{effects:?}");
    }
}

#[test]
fn json_without_a_single_reading_is_covered_key_by_key() {
    for text in [
        r#"see {"a":1,"a":2,"password":"pw-1"} here"#,
        r#"see {"password":{"a":"pw-1","a":"pw-1"},"b":1} here"#,
        r#"{"body":"see {\"a\":1,\"a\":2,\"password\":\"pw-1\"} here"}"#,
    ] {
        let effects = shown(text);
        assert!(has(&effects, &["answer 7", "see ", "********", " here"]), "{effects:?}");
        assert!(!has(&effects, &["pw-1"]), "{effects:?}");
    }
}

#[test]
fn strings_that_are_put_together_are_covered_whole() {
    for value in [r#""""pw-1""""#, r#""s" "pw-1""#, r#""a" + "pw-1""#, "\"\"\"a\npw-1\"\"\""] {
        let effects =
            shown(&format!("x = {{\"n\": 1, \"password\": {value}, \"m\": 7}}\nnext=line"));
        assert!(has(&effects, &["answer 7", "********", "m\\\": 7", "next=line"]), "{effects:?}");
        assert!(!has(&effects, &["pw-1"]), "{effects:?}");
    }
}

#[test]
fn no_text_shows_what_is_covered_in_it_wherever_it_ends() {
    // What prints a value, and what prints what was printed.
    for text in [
        r##"x '{"n": 1, "password": {"a": "x\\"pw-1", "b": ["pw-1\\\\", "it\'s pw-1"], "c": null}, "m": 2}' y
z=1"##,
        r##"msg="{'body': '{\"n\": 1, \"password\": {\"a\": \"x\\\\\"pw-1\", \"b\": [\"pw-1\\\\\\\\\", \"it\\'s pw-1\"], \"c\": null}, \"m\": 2}'}" l=1"##,
        r##"msg="{\"body\": \"{\\\"n\\\": 1, \\\"password\\\": {\\\"a\\\": \\\"x\\\\\\\"pw-1\\\", \\\"b\\\": [\\\"pw-1\\\\\\\\\\\", \\\"it's pw-1\\\"], \\\"c\\\": null}, \\\"m\\\": 2}\"}""##,
        r##"msg="{\"log\": \"{'n': 1, 'password': {'a': 'x\\\"pw-1', 'b': ['pw-1\\\\\\\\', \\\"it's pw-1\\\", 'say \\\"pw-1\\\" it\\\\'s'], 'd': (1, b'pw-1')}, 'm': 2}\"}" l=1"##,
        r##"{'log': '{\'n\': 1, \'password\': {\'a\': \'x"pw-1\', \'b\': [\'pw-1\\\\\', "it\'s pw-1", \'say "pw-1" it\\\'s\'], \'d\': (1, b\'pw-1\')}, \'m\': 2}'}"##,
        r##"{'log': '{\'n\': 1, \'password\': \'it\\\'s "pw-1" \\\\\', \'my_password\': \'pw-1\', \'m\': \'x\'}'}"##,
        r##"{'m': 'x',
 'my_password': 'pw-1',
 'n': 1,
 'password': "it's "
             '"pw-1" '
             '\\'}"##,
    ] {
        for end in (1..=text.len()).rev().filter(|end| text.is_char_boundary(*end)) {
            let effects = shown(text.get(..end).unwrap());
            assert!(!has(&effects, &["pw-1"]), "{end} {text}: {effects:?}");
        }
        assert!(has(&shown(text), &["answer 7", "********"]), "{text}");
    }
}
