use super::*;
use crate::Scan;
use crate::fuzzing::reference;
use crate::stream::fixtures::{self, all, fed, masks, stars};
use crate::stream::{Limits, Trouble};
use palisade_policy::Action;
use proptest::prelude::*;
use serde_json::Value;

fn rules() -> Vec<(&'static str, Action)> {
    vec![
        ("public_secret", Action::Keep),
        ("*secret*", stars()),
        ("user.name", Action::Nullify),
        ("hash", Action::Pseudonym),
        ("card_end", Action::Partial(0, 4)),
        ("tags[]", stars()),
    ]
}

fn check(input: &str, expected: &str) {
    fixtures::check(|| JsonStream::new(masks(&rules(), all())), input.as_bytes(), Ok(expected));
}

fn check_refused(input: &[u8], trouble: Trouble) {
    fixtures::check(|| JsonStream::new(masks(&rules(), all())), input, Err(trouble));
}

#[test]
fn what_needs_no_change_leaves_byte_for_byte() {
    for text in [
        "",
        " \r\n\t",
        "null",
        " { \"a\" : [ 1.50 , -0e+1 , true , false , null , \"\\u0041\\/é\" , { } , [ ] ] } \n",
        "123456789012345678901234567890.000000000000000000001",
        "\u{feff}{\"a\":1}",
        r#""😀 \ud83d\ude00""#,
    ] {
        check(text, text);
    }
}

#[test]
fn a_covered_value_may_be_of_any_kind() {
    for value in
        [r#""x""#, "17", "true", "null", r#"{"a":[1,{"b":"x"}]}"#, "[[],[1]]", "{}", r#""\u0078""#]
    {
        check(
            &format!(r#"{{"a":1, "my_secret" : {value} ,"b":2}}"#),
            r#"{"a":1, "my_secret" : "***" ,"b":2}"#,
        );
    }
}

#[test]
fn a_key_is_known_however_it_is_written() {
    check(r#"{"s\u0065cret":1}"#, r#"{"s\u0065cret":"***"}"#);
    check(r#"{"S\u0065CRET":1}"#, r#"{"S\u0065CRET":"***"}"#);
    check("{\"\u{17f}ecret\":1}", "{\"\u{17f}ecret\":\"***\"}");
}

#[test]
fn covers_are_those_of_cells() {
    check(r#"{"user":{"name":"x","id":1}}"#, r#"{"user":{"name":null,"id":1}}"#);
    check(
        r#"[{"card_end":"12345678"},{"card_end":{"a":1}}]"#,
        r#"[{"card_end":"****5678"},{"card_end":"****"}]"#,
    );
    let hash = |value: &str| {
        let text = format!(r#"{{"hash":{value}}}"#);
        String::from_utf8(fed(&mut JsonStream::new(masks(&rules(), all())), text.as_bytes(), 3).0)
            .unwrap()
    };
    assert_eq!(hash(r#""a""#), hash(r#""\u0061""#));
    assert_eq!(hash("[1,2]"), hash("[1,2]"));
    assert_ne!(hash("[1,2]"), hash("[1,3]"));
    assert!(hash("[1,2]").starts_with(r#"{"hash":"p_"#));
}

#[test]
fn the_first_rule_counts_and_a_deeper_one_where_it_is() {
    check(r#"{"public_secret":{"a":1,"secret":2}}"#, r#"{"public_secret":{"a":1,"secret":"***"}}"#);
}

#[test]
fn elements_are_covered_one_by_one_where_a_path_names_them() {
    check(r#"{"tags":["a",{"b":1},[2]],"x":["a"]}"#, r#"{"tags":["***","***","***"],"x":["a"]}"#);
}

#[test]
fn a_cover_for_the_rest_leaves_what_a_rule_keeps() {
    let machine =
        || JsonStream::new(masks(&[("id", Action::Keep), ("user", Action::Keep)], stars()));
    fixtures::check(
        machine,
        br#"{"id":7,"name":"x","in":{"id":[1,"a"],"b":true},"user":{"a":"b"}}"#,
        Ok(r#"{"id":7,"name":"***","in":{"id":[1,"a"],"b":"***"},"user":{"a":"b"}}"#),
    );
}

#[test]
fn detectors_look_into_every_string_and_key_and_number() {
    check(r#"{"a":["mail alice\u0040example.com \"now\""]}"#, r#"{"a":["mail [email] \"now\""]}"#);
    check(r#"{"alice@example.com":4111111111111111}"#, r#"{"[email]":"[card]"}"#);
    check(
        r#"{"db_password":"x","token":"4eC39HqLyjWDarjtT1zdp7dc","n":1}"#,
        r#"{"db_password":"[password]","token":"[token]","n":1}"#,
    );
    check(r#"{"password":12,"pwd":true}"#, r#"{"password":"[password]","pwd":true}"#);
    check(
        r#"{"password":["x",[1,true],{"a":"x"}]}"#,
        r#"{"password":["[password]",["[password]",true],{"a":"x"}]}"#,
    );
}

#[test]
fn what_is_no_json_is_refused() {
    for text in ["{", "[1", "\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "[1,", "\u{feff}".trim_end()] {
        if text.starts_with('\u{feff}') {
            continue;
        }
        check_refused(text.as_bytes(), Trouble::Unterminated);
    }
    for text in [
        "NaN",
        "Infinity",
        "[01]",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":}",
        "[1 2]",
        "[}",
        "{]",
        "'a'",
        "\"a\nb\"",
        "\"\u{1}\"",
        "\"\\x\"",
        "[tru]",
        "[nulll]",
        "// x",
        "[1}",
        ":",
        ",",
        "]",
        "{\"a\"}",
        "{\"a\":1 \"b\"}",
        "[\"a\"\"b\"]",
    ] {
        check_refused(text.as_bytes(), Trouble::Syntax);
    }
    for text in ["1 2", "{} {}", "[],", "\"a\"x", "null]"] {
        check_refused(text.as_bytes(), Trouble::Trailing);
    }
    check_refused(b"\"a\xff\"", Trouble::NotUtf8);
    check_refused(b"\"\xc3\"", Trouble::NotUtf8);
    check_refused(b"{\"\xff\":1}", Trouble::NotUtf8);
    check_refused(b"\xef\xbb1", Trouble::Syntax);
    check_refused(b"\xef\xbb", Trouble::Unterminated);
    check_refused(br#"["\ud83d"]"#, Trouble::LoneSurrogate);
    check_refused(br#"{"\ude00":1}"#, Trouble::LoneSurrogate);
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    check_refused(br#"{"a":1,"b":2,"a":3}"#, Trouble::DuplicateKey);
    check_refused(br#"{"a":1,"\u0061":3}"#, Trouble::DuplicateKey);
    check_refused(br#"{"secret":{"a":1,"a":2}}"#, Trouble::DuplicateKey);
    check(
        r#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}}"#,
        r#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}}"#,
    );
    let many = |last: &str| {
        let keys: Vec<_> = (0..500).map(|n| format!(r#""k{n}":{{"k{n}":0}}"#)).collect();
        format!("{{{},\"{last}\":1}}", keys.join(","))
    };
    check(&many("k500"), &many("k500"));
    check_refused(many("k7").as_bytes(), Trouble::DuplicateKey);
}

#[test]
fn depth_and_keys_are_bounded() {
    let text = "[".repeat(128) + &"]".repeat(128);
    check(&text, &text);
    check_refused("[".repeat(129).as_bytes(), Trouble::TooDeep);
    let mut masks = masks(&[], Action::Keep);
    masks.limits.keys = 20;
    let keys: Vec<_> = (0..21).map(|n| format!(r#""k{n}":0"#)).collect();
    let text = format!("{{{}}}", keys.join(","));
    fixtures::check(|| JsonStream::new(masks.clone()), text.as_bytes(), Err(Trouble::TooManyKeys));
}

fn small(keys: &[(&str, Action)], rest: Action) -> Masks {
    Masks { limits: Limits { held: 20, ..Limits::default() }, ..masks(keys, rest) }
}

#[test]
fn a_long_value_is_refused_covered_or_passed_as_it_is_treated() {
    let text = format!(r#"{{"a":"{}\u0041{}"}}"#, "x".repeat(30), "é".repeat(30));
    let machine = |rest: Action| move || JsonStream::new(small(&[], rest.clone()));
    fixtures::check(machine(Action::Keep), text.as_bytes(), Ok(&text));
    fixtures::check(machine(all()), text.as_bytes(), Err(Trouble::TooLong));
    fixtures::check(machine(stars()), text.as_bytes(), Ok(r#"{"a":"***"}"#));
    fixtures::check(machine(Action::Nullify), text.as_bytes(), Ok(r#"{"a":null}"#));
    fixtures::check(machine(Action::Partial(1, 1)), text.as_bytes(), Ok(r#"{"a":"[masked]"}"#));
    let whole = || JsonStream::new(small(&[("a", stars())], all()));
    fixtures::check(whole, text.as_bytes(), Ok(r#"{"a":"***"}"#));
    let inside = format!(r#"{{"a":[{}]}}"#, &text);
    fixtures::check(whole, inside.as_bytes(), Ok(r#"{"a":"***"}"#));
}

#[test]
fn a_long_value_that_cannot_be_read_is_refused_whatever_its_treatment() {
    for bad in ["\\ud83dx", "\\x", "\u{1}"] {
        let text = format!(r#"["{}{bad}{}"]"#, "x".repeat(30), "y".repeat(30));
        for rest in [Action::Keep, stars()] {
            let ended = fed(&mut JsonStream::new(small(&[], rest)), text.as_bytes(), 4).1;
            assert!(ended.is_err(), "{text}");
        }
    }
}

#[test]
fn nothing_of_a_value_leaves_before_it_is_judged() {
    let mut machine = JsonStream::new(masks(&rules(), all()));
    let mut out = Vec::new();
    machine.feed(br#"{"mail":"alice@exam"#, &mut out).unwrap();
    assert_eq!(out, br#"{"mail":"#);
    machine.feed(br#"ple.com","secret":[1,2"#, &mut out).unwrap();
    assert_eq!(out, br#"{"mail":"[email]","secret":"#);
    assert_eq!(machine.covered(), 1);
}

#[test]
fn a_machine_that_failed_says_so_again_and_writes_nothing() {
    let mut machine = JsonStream::new(masks(&rules(), all()));
    let mut out = Vec::new();
    let failed = machine.feed(b"[1, x", &mut out).and(machine.feed(b"]", &mut out)).unwrap_err();
    assert_eq!((failed.trouble, failed.at), (Trouble::Syntax, 4));
    out.clear();
    assert_eq!(machine.feed(b"{}", &mut out), Err(failed));
    assert_eq!(machine.finish(&mut out), Err(failed));
    assert!(out.is_empty());
    assert!(failed.to_string().contains("byte 4"), "{failed}");
}

fn scan() -> Scan {
    Scan::new(&crate::detectors().map(|detector| detector.name.to_owned()).collect()).unwrap()
}

const PLAIN: &[&str] =
    &["a", "my_secret_x", "user", "name", "tags", "é\"", "x.name", "bob@example.org"];
const ALL: &[&str] =
    &["a", "my_secret_x", "secret", "user", "name", "tags", "password", "token", "x.name"];

fn document(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        (-9999..9999_i64).prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "[\"\\\\a-c\n😀]{0,4}(alice@example.com|password=\"x|4111111111111111)[\"\\\\é]{0,4}"
            .prop_map(Into::into),
    ];
    let name = prop::sample::select(names);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|fields| {
                let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

/// The text of a value, with escapes and white space where they may be.
fn written(value: &Value, spaced: bool, escaped: bool) -> String {
    let text = if spaced { format!("{value:#}") } else { value.to_string() };
    if escaped { text.replace('a', "\\u0061").replace('@', "\\u0040") } else { text }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_document_is_masked_as_the_rules_read(value in document(ALL), spaced: bool, escape: bool, size in 1_usize..40) {
        let text = written(&value, spaced, escape).replace("f\\u0061lse", "false");
        let rules = [("*secret*", stars()), ("user.name", Action::Nullify), ("tags[]", stars())];
        let mut machine = JsonStream::new(masks(&rules, all()));
        let (out, ended) = fed(&mut machine, text.as_bytes(), size);
        prop_assert_eq!(ended, Ok(()));
        let out: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(out, reference(&scan(), &value, "", ""));
    }

    #[test]
    fn detectors_alone_find_what_they_find_in_a_cell(value in document(PLAIN), spaced: bool, size in 1_usize..40) {
        let text = written(&value, spaced, false);
        let (out, ended) = fed(&mut JsonStream::new(masks(&[], all())), text.as_bytes(), size);
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(&*out, &*scan().json(text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_taken_or_refused_alike_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0a1e-. \n\xc3\xa9tsecr"[..]), 0..60),
        size in 1_usize..9
    ) {
        let whole = fed(&mut JsonStream::new(masks(&rules(), all())), &bytes, bytes.len());
        let cut = fed(&mut JsonStream::new(masks(&rules(), all())), &bytes, size);
        prop_assert_eq!(whole.1.map_err(|it| it.at), cut.1.map_err(|it| it.at));
        if whole.1.is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&whole.0).is_ok() || whole.0.trim_ascii().is_empty());
            prop_assert_eq!(whole.0, cut.0);
        }
    }

    #[test]
    fn what_is_taken_is_what_a_parser_takes(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0a1e-. \n\xc3\xa9tru"[..]), 1..30)
    ) {
        let taken = fed(&mut JsonStream::new(masks(&[], Action::Keep)), &bytes, bytes.len()).1;
        let parsed = serde_json::from_slice::<Value>(&bytes);
        match taken {
            // The parser has no room for some numbers.
            Ok(()) => prop_assert!(
                bytes.trim_ascii().is_empty()
                    || parsed.map_or_else(|error| error.to_string().contains("out of range"), |_| true)
            ),
            // Of what else is refused a parser knows nothing.
            Err(it) => prop_assert!(parsed.is_err() || it.trouble == Trouble::DuplicateKey, "{}", it),
        }
    }
}
