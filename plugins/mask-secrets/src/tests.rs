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

/// What the policy for services covers by name, as a file or with what it has for those who want it.
fn policy(text: &str, index: usize) -> Vec<(Pattern, Action)> {
    let file: toml::Table = text.parse().unwrap();
    let config = serde_json::to_string(&file["use"][index]["config"]).unwrap();
    let headers = Shape::Document("application/vnd.palisade.http-headers".to_owned());
    let keys = plan(&config, &headers).keys.into_iter();
    keys.map(|(key, action)| (Pattern::try_from(key).unwrap(), action)).collect()
}

#[test]
fn the_policies_for_services_cover_headers_that_hold_secrets() {
    for (text, index) in [
        (include_str!("../../../policies/http.toml"), 1),
        (include_str!("../../../policies/grpc.toml"), 1),
    ] {
        let keys = policy(text, index);
        let is_covered = |name: &str| keys.iter().any(|(key, _)| key.matches(name));
        for name in
            ["x-api-key", "x-auth-token", "private-key", "x-card-number", "api_key", "cardNumber"]
        {
            assert!(is_covered(name), "{name}");
        }
        for name in ["set-cookie", "etag", "location", "x-request-id"] {
            assert!(!is_covered(name), "{name}");
        }
    }
}

#[test]
fn the_policy_for_services_says_how_to_leave_cookies_out() {
    let text = include_str!("../../../policies/http.toml");
    let (_, words) = text.split_once("leaves them out:").unwrap();
    let words = words.replace("\n# ", "\n").replace("\n#\n", "\n");
    let keys = policy(&words, 0);
    assert!(
        keys.iter().any(|(key, action)| key.matches("set-cookie") && *action == Action::Nullify)
    );
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
