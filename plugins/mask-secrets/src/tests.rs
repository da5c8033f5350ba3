use plugin_sdk::prelude::*;
use plugin_sdk::testing::{configure, context, field};

use super::MaskSecrets;

const PROTECT: &str = r#"{"protect": ["*.*.password"], "detect": ["aws-key", "jwt"]}"#;

fn plan(config: &str, shape: &Shape) -> Plan {
    configure::<MaskSecrets>(config).unwrap().plan(&context(), shape)
}

fn action(config: &str, name: &str, sources: &[&str]) -> Action {
    let shape = Shape::Table(vec![field(name, sources.iter().copied())]);
    plan(config, &shape).fields.remove(0)
}

fn stars() -> Action {
    Action::Replace("********".to_owned())
}

fn scan() -> Action {
    Action::Scan(vec!["aws-key".to_owned(), "jwt".to_owned()])
}

fn check(name: &str, sources: &[&str], expected: &Action) {
    assert_eq!(action(PROTECT, name, sources), *expected, "{name} from {sources:?}");
}

#[test]
fn a_protected_column_is_covered() {
    check("password", &["public.users.password"], &stars());
}

#[test]
fn an_alias_does_not_uncover_it() {
    check("x", &["public.users.password"], &stars());
}

#[test]
fn one_protected_source_of_several_is_enough() {
    check("x", &["public.users.name", "public.users.password"], &stars());
}

#[test]
fn a_value_from_any_column_of_a_table_is_covered() {
    check("row_to_json", &["public.users.*"], &stars());
}

#[test]
fn a_value_from_another_table_than_the_pattern_names_is_not() {
    let config = r#"{"protect": ["*.users.password"]}"#;
    assert_eq!(action(config, "x", &["public.orders.*"]), Action::Keep);
}

#[test]
fn a_value_from_an_unknown_table_is_covered_by_its_column() {
    check("x", &["?.?.password"], &stars());
    check("x", &["?.?.city"], &scan());
}

#[test]
fn a_constant_is_scanned_and_not_covered() {
    check("count", &[], &scan());
}

#[test]
fn a_name_alone_is_no_source() {
    check("password", &["public.users.city"], &scan());
}

#[test]
fn a_listed_name_is_covered_whatever_its_source() {
    let config = r#"{"names": ["*_token"]}"#;
    assert_eq!(action(config, "API_Token", &[]), stars());
    assert_eq!(action(config, "city", &[]), Action::Keep);
}

#[test]
fn the_keys_of_documents_are_covered_by_name() {
    let plan = plan(r#"{"names": ["*_token"]}"#, &Shape::Document("application/json".to_owned()));
    assert_eq!(plan.keys, [("*_token".to_owned(), stars())]);
}

#[test]
fn the_keys_of_json_columns_are_covered_by_name() {
    let mut json = field("payload", []);
    json.type_name = "jsonb".to_owned();
    let plan = plan(r#"{"names": ["*_token"]}"#, &Shape::Table(vec![json]));
    assert_eq!(plan.keys.len(), 1);
}

#[test]
fn a_byte_stream_is_scanned() {
    assert_eq!(plan(PROTECT, &Shape::ByteStream).rest, scan());
}

#[test]
fn the_text_is_the_operators_choice() {
    let config = r#"{"protect": ["a"], "text": "[hidden]"}"#;
    assert_eq!(action(config, "a", &["a"]), Action::Replace("[hidden]".to_owned()));
}

#[test]
fn a_partial_cover_keeps_the_last_four_unless_told_otherwise() {
    let config = r#"{"protect": ["a"], "action": "partial"}"#;
    assert_eq!(action(config, "a", &["a"]), Action::Partial((0, 4)));
    let config = r#"{"protect": ["a"], "action": "partial", "keep_first": 2, "keep_last": 0}"#;
    assert_eq!(action(config, "a", &["a"]), Action::Partial((2, 0)));
}

#[test]
fn pseudonyms_and_nothing_are_covers_too() {
    let covered = |how| action(&format!(r#"{{"names": ["a"], "action": "{how}"}}"#), "a", &[]);
    assert_eq!(covered("pseudonym"), Action::Pseudonym);
    assert_eq!(covered("nullify"), Action::Nullify);
}

fn refused(config: &str, expected: &str) {
    let error = configure::<MaskSecrets>(config).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_configuration_that_masks_nothing_is_refused() {
    refused("{}", "nothing to mask");
}

#[test]
fn options_of_another_action_are_refused() {
    refused(r#"{"names": ["a"], "action": "nullify", "text": "x"}"#, "text goes with");
    refused(r#"{"names": ["a"], "keep_last": 2}"#, "keep_last go with");
}

#[test]
fn a_detector_that_does_not_exist_is_refused() {
    refused(r#"{"detect": ["emial"]}"#, "unknown variant `emial`");
}

#[test]
fn a_detector_has_the_same_name_in_the_configuration_and_in_the_plan() {
    let schema = plugin_sdk::testing::schema::<MaskSecrets>();
    for name in schema["$defs"]["Detector"]["enum"].as_array().unwrap() {
        let config = format!(r#"{{"detect": [{name}]}}"#);
        let expected = Action::Scan(vec![name.as_str().unwrap().to_owned()]);
        assert_eq!(action(&config, "x", &[]), expected);
    }
}

#[test]
fn an_empty_pattern_is_refused() {
    refused(r#"{"protect": [""]}"#, "must not be empty");
}
