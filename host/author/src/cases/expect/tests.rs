use serde_json::json;

use super::*;

fn expected(asked: Asked, value: &Value) -> Expected {
    let pairs = value.as_object().unwrap().iter();
    Expected::read(asked, pairs.map(|(key, value)| (key.as_str(), value.clone()))).unwrap()
}

fn wrong(asked: Asked, value: &Value) -> String {
    let pairs = value.as_object().unwrap().iter();
    let wrong = Expected::read(asked, pairs.map(|(key, value)| (key.as_str(), value.clone())));
    let wrong = wrong.unwrap_err();
    format!("{} ({})", wrong.problem, wrong.fix)
}

fn keys(differences: &[Difference]) -> Vec<&str> {
    differences.iter().map(|difference| difference.key).collect()
}

#[test]
fn only_what_is_expected_is_compared() {
    let got = vec![("verdict", json!("deny")), ("rule", json!("r")), ("reason", json!("x"))];
    let expected = expected(Asked::Command, &json!({ "verdict": "deny", "rule": "r" }));
    assert_eq!(expected.differences(&got), []);
}

#[test]
fn a_difference_names_its_key_alone() {
    let got = vec![("verdict", json!("deny")), ("rule", json!("r")), ("reason", json!("x"))];
    let expected = expected(Asked::Command, &json!({ "verdict": "deny", "rule": "other" }));
    assert_eq!(keys(&expected.differences(&got)), ["rule"]);
}

#[test]
fn another_verdict_is_shown_with_all_that_it_says() {
    let got = vec![("verdict", json!("deny")), ("rule", json!("r")), ("reason", json!("x"))];
    let expected = expected(Asked::Command, &json!({ "verdict": "allow" }));
    assert_eq!(keys(&expected.differences(&got)), ["verdict", "rule", "reason"]);
}

#[test]
fn a_failure_is_no_verdict_and_is_matched_by_a_part_of_it() {
    let got = vec![("failure", json!("trapped: out of bounds"))];
    let verdict = expected(Asked::Command, &json!({ "verdict": "deny" }));
    assert_eq!(keys(&verdict.differences(&got)), ["verdict", "failure"]);
    let failure = expected(Asked::Command, &json!({ "failure": "trapped" }));
    assert_eq!(failure.differences(&got), []);
}

#[test]
fn a_plan_is_compared_in_what_is_expected_of_it() {
    let got = vec![
        ("fields", json!(["keep", { "replace": "x" }])),
        ("keys", json!([])),
        ("rest", json!("keep")),
    ];
    let same = expected(Asked::Result, &json!({ "fields": ["keep", { "replace": "x" }] }));
    assert_eq!(same.differences(&got), []);
    let other = expected(Asked::Result, &json!({ "fields": ["keep", "keep"] }));
    assert_eq!(keys(&other.differences(&got)), ["fields"]);
}

#[test]
fn what_cannot_be_expected_is_told_with_what_can() {
    let check = |asked, value: &Value, told: &str| {
        let wrong = wrong(asked, value);
        assert!(wrong.contains(told), "{wrong}");
    };
    check(Asked::Command, &json!({ "verdikt": "deny" }), "did you mean `verdict`?");
    check(Asked::Command, &json!({ "fields": [] }), "unknown key `fields` for a command");
    check(Asked::Command, &json!({ "verdict": "denied" }), "`verdict` is not one of \"allow\"");
    check(Asked::Result, &json!({ "fields": ["hide"] }), "`fields` is not a list of actions");
    check(Asked::Result, &json!({ "keys": [["*"]] }), "`keys` is not a list of");
    check(Asked::Result, &json!({ "rest": { "partial": [1] } }), "`rest` is not one of the");
    check(Asked::Inspect, &json!({}), "give it at least one of values");
    check(Asked::Configuration, &json!({ "configuration": "ok" }), "\"refused\"");
}
