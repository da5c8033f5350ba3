use plugin_sdk::prelude::*;
use plugin_sdk::testing::{command, configure, context, operation};

use super::HttpGuard;
use crate::path::matches;
use crate::untold::UNTOLD;

mod shipped;

fn judge(config: &str, command: &Command) -> Verdict {
    configure::<HttpGuard>(config).unwrap().judge(&context(), command)
}

/// `allow`, `deny RULE` or `hold RULE`.
fn said(config: &str, command: &Command) -> String {
    match judge(config, command) {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Deny(denial) => format!("deny {}", denial.rule),
        Verdict::Hold(hold) => format!("hold {} {}", hold.rule, hold.approvers.join(",")),
        other => panic!("{other:?}"),
    }
}

fn check(config: &str, operations: impl IntoIterator<Item = Operation>, expected: &str) {
    assert_eq!(said(config, &command("", operations)), expected);
}

const RULES: &str = r#"{ "rules": [
    { "name": "uploads", "methods": ["PUT"], "paths": ["/files/*"], "unread": true, "then": "allow" },
    { "name": "read", "methods": ["GET"], "paths": ["/v1/**"], "then": "allow" },
    { "name": "no-roles", "fields": ["role", "user.role"], "then": "deny", "hint": "Leave the role out." },
    { "name": "no-admins", "values": { "body:kind": ["admin*"] }, "then": "deny" },
    { "name": "refunds", "methods": ["POST"], "paths": ["/v1/orders/*/refund"],
      "then": { "hold": { "approvers": ["finance"] } } },
    { "methods": ["DELETE"], "then": "deny" }
], "unlisted": "deny" }"#;

#[test]
fn the_first_rule_that_matches_decides() {
    check(RULES, [operation("GET", "/v1/orders/7")], "allow");
    check(RULES, [operation("DELETE", "/v1/orders/7")], "deny http-guard.6");
    check(RULES, [operation("POST", "/v1/orders/7/refund")], "hold http-guard.refunds finance");
    check(RULES, [operation("POST", "/v1/orders")], "deny http-guard.unlisted");
    check(RULES, [operation("GET", "/v2/orders")], "deny http-guard.unlisted");
}

#[test]
fn a_denial_says_what_it_is_about_and_what_to_do() {
    let request = operation("POST", "/v1/users").with_fields(["role"]);
    let Verdict::Deny(denial) = judge(RULES, &command("", [request])) else { panic!("not denied") };
    assert_eq!(denial.reason, "POST /v1/users is not allowed here");
    assert_eq!(denial.hint, "Leave the role out.");
}

#[test]
fn fields_and_values_of_the_body_decide() {
    let request = |fact: (&str, &str)| operation("POST", "/v1/users").with_fact(fact.0, fact.1);
    check(RULES, [request(("body:kind", "Administrator"))], "deny http-guard.no-admins");
    check(RULES, [request(("body:kind", "guest"))], "deny http-guard.unlisted");
    // One of two is enough.
    let twice = request(("body:kind", "guest")).with_fact("body:kind", "admin");
    check(RULES, [twice], "deny http-guard.no-admins");
    // More values than are told may be among the rest.
    check(RULES, [request(("values", "cut"))], "deny http-guard.no-admins");
}

#[test]
fn a_permission_by_a_value_is_for_that_value_alone() {
    let rules = r#"{ "rules": [{ "values": { "body:currency": ["eur", "us*"] }, "then": "allow" }], "unlisted": "deny" }"#;
    let pay = |value: &str| operation("POST", "/pay").with_fact("body:currency", value);
    check(rules, [pay("eur")], "allow");
    check(rules, [pay("usd")], "allow");
    for other in ["x.eur", "EUR", "?", "*", "a.?", "eur ", "eu"] {
        check(rules, [pay(other)], "deny http-guard.unlisted");
    }
    // More values than are told may be among the rest.
    check(rules, [pay("eur").with_fact("values", "cut")], "deny http-guard.unlisted");
}

#[test]
fn a_name_of_a_file_that_is_not_told_may_be_any() {
    let rules = r#"{ "rules": [
        { "name": "no-svg", "values": { "file:avatar": ["*.svg"] }, "then": "deny" },
        { "values": { "f*": ["x"] }, "then": { "hold": { "approvers": ["a"] } } }
    ] }"#;
    let upload = |name: &str, value: &str| operation("POST", "/avatars").with_fact(name, value);
    check(rules, [upload("file:avatar", "x.svg")], "deny http-guard.no-svg");
    check(rules, [upload("file:avatar", "x.png")], "allow");
    check(rules, [upload("values", "cut")], "deny http-guard.no-svg");
}

#[test]
fn a_denial_does_not_depend_on_case_or_a_slash_at_the_end_and_a_permission_does() {
    let rules = r#"{ "rules": [{ "paths": ["/admin/**"], "then": "deny" }, { "paths": ["/ok"], "then": "allow" }],
        "unlisted": "deny" }"#;
    check(rules, [operation("GET", "/Admin/users")], "deny http-guard.1");
    check(rules, [operation("GET", "/ADMIN/")], "deny http-guard.1");
    check(rules, [operation("GET", "/ok")], "allow");
    for path in ["/OK", "/ok/", "/ok/x"] {
        check(rules, [operation("GET", path)], "deny http-guard.unlisted");
    }
}

#[test]
fn of_several_operations_the_strictest_decision_counts() {
    let rules = r#"{ "rules": [
        { "methods": ["mutation"], "paths": ["delete*"], "then": "deny" },
        { "methods": ["mutation"], "then": { "hold": { "approvers": ["a", "b"], "expires_in": 60 } } },
        { "methods": ["subscription"], "then": { "hold": { "approvers": ["b"], "quorum": 2 } } },
        { "methods": ["notify"], "then": { "hold": { "approvers": ["c"] } } }
    ] }"#;
    let post = || operation("POST", "/graphql");
    check(rules, [post(), operation("query", "orders")], "allow");
    check(rules, [post(), operation("mutation", "addOrder")], "hold http-guard.2 a,b");
    check(
        rules,
        [operation("mutation", "add"), operation("mutation", "deleteUser")],
        "deny http-guard.1",
    );
    let both = command("", [operation("mutation", "add"), operation("subscription", "news")]);
    let Verdict::Hold(hold) = judge(rules, &both) else { panic!("not held") };
    assert_eq!((hold.quorum, hold.expires_in, hold.approvers), (2, 60, vec!["b".to_owned()]));
    check(
        rules,
        [operation("mutation", "add"), operation("notify", "x")],
        "deny http-guard.2+http-guard.4",
    );
}

#[test]
fn what_was_not_read_passes_only_by_a_rule_that_says_so() {
    let unread = |operation| Command { complete: false, ..command("", [operation]) };
    let said_of = |method: &str, path: &str| said(RULES, &unread(operation(method, path)));
    assert_eq!(said_of("PUT", "/files/a"), "allow");
    // What a header names is no body.
    let mut copied = operation("PUT", "/files/a");
    copied.facts.push(("elsewhere".to_owned(), "unaccounted".to_owned()));
    assert_eq!(said(RULES, &unread(copied)), "deny http-guard.incomplete");
    // A rule about fields or values of the body may be about it.
    assert_eq!(said_of("POST", "/v1/orders/7/refund"), "deny http-guard.no-roles");
    assert_eq!(said_of("GET", "/v1/socket"), "deny http-guard.incomplete");
    let open = r#"{ "incomplete": { "hold": { "approvers": ["ops"] } } }"#;
    assert_eq!(said(open, &unread(operation("PUT", "/x"))), "hold http-guard.incomplete ops");
}

#[test]
fn who_sent_a_body_that_was_not_read_is_told_that_this_is_why() {
    let denial_of = |complete| {
        let mut told = operation("POST", "/v1/orders");
        if complete {
            told.fields.push("role".to_owned());
        }
        match judge(RULES, &Command { complete, ..command("", [told]) }) {
            Verdict::Deny(denial) => denial,
            other => panic!("{other:?}"),
        }
    };
    let (read, unread) = (denial_of(true), denial_of(false));
    assert_eq!(read.hint, "Leave the role out.");
    assert!(unread.reason.contains("was not read in full"), "{}", unread.reason);
    assert!(unread.hint.contains("Send JSON"), "{}", unread.hint);
}

#[test]
fn type_and_size_decide() {
    let rules = r#"{ "rules": [
        { "types": ["text/*"], "then": "deny" }, { "larger_than": 1000, "then": "deny" }
    ] }"#;
    let request = |kind: &str, size: &str| {
        operation("POST", "/x").with_fact("content-type", kind).with_fact("size", size)
    };
    check(rules, [request("text/plain", "1")], "deny http-guard.1");
    check(rules, [request("application/json", "1000")], "allow");
    check(rules, [request("application/json", "1001")], "deny http-guard.2");
}

#[test]
fn a_template_is_known_by_itself_and_by_the_path_that_it_stands_for() {
    let request = || operation("GET", "/v1/users/{id}").with_fact("path", "/v1/users/7");
    let rules =
        |path: &str| format!(r#"{{ "rules": [{{ "paths": ["{path}"], "then": "deny" }}] }}"#);
    for path in ["/v1/users/{id}", "/v1/users/7", "/v1/*/*", "/v1/**", "**"] {
        check(&rules(path), [request()], "deny http-guard.1");
    }
    check(&rules("/v1/*"), [request()], "allow");
}

#[test]
fn a_configuration_that_means_nothing_is_refused() {
    for config in [
        r#"{ "rules": [{ "methods": [], "then": "deny" }] }"#,
        r#"{ "rules": [{ "paths": [], "then": "deny" }] }"#,
        r#"{ "rules": [{ "paths": [""], "then": "deny" }] }"#,
        r#"{ "rules": [{ "values": {}, "then": "deny" }] }"#,
        r#"{ "rules": [{ "unread": true, "then": "deny" }] }"#,
        r#"{ "rules": [{ "then": { "hold": { "approvers": [] } } }] }"#,
        r#"{ "rules": [{ "path": ["/"], "then": "deny" }] }"#,
        r#"{ "unlisted": { "hold": { "approvers": ["a"], "quorum": 0 } } }"#,
    ] {
        assert!(configure::<HttpGuard>(config).is_err(), "{config}");
    }
}

#[test]
fn a_glob_stays_within_a_segment_unless_it_has_two_stars() {
    for (glob, path, expected) in [
        ("/a/*", "/a/b", true),
        ("/a/*", "/a/b/c", false),
        ("/a/*/c", "/a/b/c", true),
        ("/a/**", "/a/b/c", true),
        ("/a/**/c", "/a/b/x/c", true),
        ("/a/**", "/a", false),
        ("/**/c", "/c", false),
        ("**/c", "/c", true),
        ("/a*", "/abc", true),
        ("/a*", "/abc/", false),
        ("*", "deleteUser", true),
        ("**", "/", true),
        ("", "", true),
        ("/a", "/ab", false),
        // A tool's name may have slashes.
        ("*.*delete*", "git.repo/delete_branch", false),
        ("*.**delete**", "git.repo/delete_branch", true),
        ("*.**/exec**", "sys.box/exec_now", true),
    ] {
        assert_eq!(matches(glob.as_bytes(), path.as_bytes()), expected, "{glob} {path}");
    }
}

#[test]
fn the_name_of_a_fact_may_be_a_glob() {
    let rules = r#"{ "rules": [
        { "name": "keys", "values": { "argument:*path*": ["/etc/*"] }, "then": "deny" },
        { "name": "tmp", "values": { "argument:to.*": ["/tmp/*"] }, "then": "allow" },
        { "name": "admins", "values": { "b*": ["admin"] }, "then": "deny" }
    ], "unlisted": { "hold": { "approvers": ["a"] } } }"#;
    let call = |name: &str, value: &str| operation("call", "files.read").with_fact(name, value);
    for name in ["argument:path", "argument:x.Path", "argument:path.p", "argument:filePaths"] {
        check(rules, [call(name, "/etc/passwd")], "deny http-guard.keys");
    }
    check(rules, [call("argument:text", "/etc/passwd")], "hold http-guard.unlisted a");
    check(rules, [call("argument:to.a", "/tmp/a")], "allow");
    // All that it names must be what is allowed.
    let both = call("argument:to.a", "/tmp/a").with_fact("argument:to.b", "/home/b");
    check(rules, [both], "hold http-guard.unlisted a");
    // What a glob names may be among what the body holds and is not told.
    let cut = |rules| check(rules, [call("values", "cut")], "deny http-guard.keys");
    cut(rules);
    cut(r#"{ "rules": [{ "name": "keys", "values": { "b*": ["admin"] }, "then": "deny" }] }"#);
}

#[test]
fn a_header_whose_value_nobody_is_told_may_have_any() {
    let rules = |then: &str| {
        format!(
            r#"{{ "rules": [{{ "name": "it", "values": {{ "header:x-auth-role": ["admin"] }}, "then": "{then}" }}], "unlisted": "deny" }}"#
        )
    };
    let hidden = operation("GET", "/").with_fact("header:x-auth-role", "***");
    check(&rules("deny"), [hidden.clone()], "deny http-guard.it");
    check(&rules("allow"), [hidden], "deny http-guard.unlisted");
}

#[test]
fn a_query_in_the_dark_is_not_a_body_that_may_pass_unread() {
    let mut upload = command("", [operation("PUT", "/files/a").with_fact("query", "unaccounted")]);
    upload.complete = false;
    assert_eq!(said(RULES, &upload), "deny http-guard.incomplete");
}

#[test]
fn a_path_that_only_some_servers_take_for_a_templates_is_forbidden_with_it_and_not_permitted() {
    let rule = |then: &str, more: &str| {
        format!(
            r#"{{ "rules": [{{ "methods": ["DELETE"], "paths": ["/v1/users/{{id}}"], "then": "{then}" {more} }}],
                "unlisted": "{}" }}"#,
            if then == "allow" { "deny" } else { "allow" }
        )
    };
    let doubtful = || {
        operation("DELETE", "/V1/users/42")
            .with_fact("path-may-be", "/v1/users/{id}")
            .with_fact("path-may-be:id", "42")
    };
    check(&rule("deny", ""), [doubtful()], "deny http-guard.1");
    check(&rule("allow", ""), [doubtful()], "deny http-guard.unlisted");
    let of = |id: &str| format!(r#", "values": {{ "path:id": ["{id}"] }}"#);
    check(&rule("deny", &of("42")), [doubtful()], "deny http-guard.1");
    check(&rule("deny", &of("43")), [doubtful()], "allow");
    let by_value = r#"{ "rules": [{ "values": { "path:id": ["42"] }, "then": "allow" }], "unlisted": "deny" }"#;
    check(by_value, [doubtful()], "deny http-guard.unlisted");
}

#[test]
fn a_rule_on_a_header_that_is_never_told_is_refused() {
    let rules = |fact: &str, then: &str| {
        configure::<HttpGuard>(&format!(
            r#"{{ "rules": [{{ "values": {{ "body:x": ["1"], "{fact}": ["*bot*"] }}, "then": "{then}" }}] }}"#
        ))
    };
    for (fact, then) in [("header:user-agent", "deny"), ("Header:Referer", "allow")] {
        let refused = rules(fact, then).err().unwrap();
        assert!(refused.contains("rule 1") && refused.contains("is not told"), "{refused}");
    }
    assert!(rules("header:x-env", "deny").is_ok() && rules("body:user-agent", "deny").is_ok());
}

#[test]
fn the_headers_that_are_never_told_are_those_of_the_gateway_and_of_the_readme() {
    let gateway = include_str!("../../../host/protocols/http/src/event/headers.rs");
    let (_, list) = gateway.split_once("const NOISE").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let told: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(told, UNTOLD);
    let readme = include_str!("../README.md");
    assert!(UNTOLD.iter().all(|name| readme.contains(&format!("`{name}`"))));
}
