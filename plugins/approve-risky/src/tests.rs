use plugin_sdk::prelude::*;
use plugin_sdk::testing::{command, configure, context, incomplete, operation};

use super::ApproveRisky;

const SECRETS: &str = r#"{"hold": [
    {"actions": ["update", "delete"], "objects": ["*.secrets"], "approvers": ["approver"], "expires_in": 60}
]}"#;

/// Two rules with one approver in common, and one that shares none with them.
const SEVERAL: &str = r#"{"hold": [
    {"name": "secrets", "actions": ["*"], "objects": ["*.secrets"], "approvers": ["dba", "ciso"], "quorum": 2},
    {"name": "pay", "actions": ["*"], "objects": ["*.pay"], "approvers": ["dba", "cfo"], "expires_in": 60, "reason": "money"},
    {"name": "law", "actions": ["*"], "objects": ["*.law"], "approvers": ["counsel"]}
]}"#;

fn judge(config: &str, command: &Command) -> Verdict {
    configure::<ApproveRisky>(config).unwrap().judge(&context(), command)
}

fn held(config: &str, objects: &[&str]) -> Hold {
    let operations = objects.iter().map(|object| operation("update", object));
    match judge(config, &command("", operations)) {
        Verdict::Hold(hold) => hold,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_matching_command_is_held_as_the_rule_says() {
    let expected =
        Hold::new("approve-risky.1", "update public.secrets", ["approver"]).expires_in(60);
    assert_eq!(held(SECRETS, &["public.secrets"]), expected);
}

#[test]
fn another_action_is_not_held() {
    let select = command("", [operation("select", "public.secrets")]);
    assert_eq!(judge(SECRETS, &select), Verdict::Allow);
}

#[test]
fn another_object_is_not_held() {
    let update = command("", [operation("update", "public.orders")]);
    assert_eq!(judge(SECRETS, &update), Verdict::Allow);
}

#[test]
fn a_rule_without_objects_holds_every_object() {
    let config = r#"{"hold": [{"actions": ["POST"], "approvers": ["a"]}]}"#;
    let post = command("", [operation("POST", "/v1/keys")]);
    assert!(matches!(judge(config, &post), Verdict::Hold(_)));
}

#[test]
fn a_path_is_held_however_it_is_written_for_servers_that_read_it_loosely() {
    let config = r#"{"hold": [{"actions": ["*"], "objects": ["/v1/pay", "/v1/users/{id}", "/v1/keys/", "/"], "approvers": ["a"]}]}"#;
    let held = |operation| matches!(judge(config, &command("", [operation])), Verdict::Hold(_));
    for path in ["/v1/pay", "/v1/pay/", "/V1/Pay/", "/v1/keys", "/v1/keys/", "/"] {
        assert!(held(operation("POST", path)), "{path}");
    }
    for path in ["/v1/pay/1", "/v1/pa", "/v1"] {
        assert!(!held(operation("POST", path)), "{path}");
    }
    let user = || operation("POST", "/v1/Users/7/");
    assert!(!held(user()) && held(user().with_fact("path-may-be", "/v1/users/{id}")));
    // A template's object is not the path, which is a fact then.
    let templated = || operation("POST", "/v1/{area}/{id}");
    assert!(held(templated().with_fact("path", "/v1/Keys")));
    assert!(!held(templated().with_fact("path", "/v1/other")));
}

#[test]
fn a_named_rule_holds_under_its_name_and_with_its_reason() {
    let hold = held(SEVERAL, &["public.pay"]);
    assert_eq!((hold.rule.as_str(), hold.reason.as_str()), ("approve-risky.pay", "money"));
}

#[test]
fn a_command_under_two_rules_needs_what_both_need() {
    let expected = Hold::new(
        "approve-risky.secrets+approve-risky.pay",
        "update public.secrets; money",
        ["dba"],
    );
    let expected = expected.quorum(2).expires_in(60);
    assert_eq!(held(SEVERAL, &["public.secrets", "public.pay"]), expected);
}

#[test]
fn a_command_that_nobody_may_approve_as_a_whole_is_denied() {
    let both = [operation("update", "public.pay"), operation("update", "public.law")];
    let Verdict::Deny(denial) = judge(SEVERAL, &command("", both)) else { panic!("not denied") };
    assert_eq!(denial.rule, "approve-risky.pay+approve-risky.law");
}

#[test]
fn an_operation_is_held_by_the_first_rule_that_matches() {
    let config = r#"{"hold": [
        {"name": "first", "actions": ["update"], "approvers": ["a"]},
        {"name": "second", "actions": ["*"], "approvers": ["b"]}
    ]}"#;
    assert_eq!(held(config, &["public.orders"]).rule, "approve-risky.first");
}

#[test]
fn an_incomplete_command_is_held_since_it_may_be_anything() {
    assert!(matches!(judge(SECRETS, &incomplete("DO", "a block")), Verdict::Hold(_)));
}

#[test]
fn an_incomplete_command_can_be_left_to_other_plugins() {
    let config =
        r#"{"hold": [{"actions": ["update"], "approvers": ["a"]}], "incomplete": "ignore"}"#;
    assert_eq!(judge(config, &incomplete("DO", "a block")), Verdict::Allow);
}

fn refused(config: &str, expected: &str) {
    let error = configure::<ApproveRisky>(config).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_configuration_without_rules_is_refused() {
    refused("{}", "missing field `hold`");
    refused(r#"{"hold": []}"#, "at least one rule");
}

#[test]
fn a_rule_that_nobody_can_decide_is_refused_with_its_number() {
    let nobody = r#"{"hold": [{"actions": ["update"], "approvers": []}]}"#;
    refused(nobody, "hold, rule 1: approvers must name at least one role");
    let never = r#"{"hold": [{"actions": ["update"], "approvers": ["a"], "quorum": 0}]}"#;
    refused(never, "must be at least 1");
}

#[test]
fn a_rule_that_matches_nothing_is_refused() {
    refused(r#"{"hold": [{"actions": [], "approvers": ["a"]}]}"#, "actions must not be empty");
    let nothing = r#"{"hold": [{"actions": ["*"], "objects": [], "approvers": ["a"]}]}"#;
    refused(nothing, "objects must not be empty");
}

#[test]
fn a_misspelt_key_is_refused() {
    refused(r#"{"hold": [{"action": ["update"], "approvers": ["a"]}]}"#, "unknown field `action`");
}
