use super::*;
use crate::{Principal, Target};

fn context() -> Context {
    Context {
        principal: Principal { roles: vec!["support-agent".into()], ..Principal::default() },
        target: Target {
            connection: "orders".into(),
            protocol: "postgres".into(),
            labels: vec![("env".into(), "prod".into())],
        },
        ..Context::default()
    }
}

fn check(scope: &str, expected: bool) {
    let scope: Scope = toml::from_str(scope).unwrap();
    assert_eq!(scope.covers(&context()), expected);
}

#[test]
fn an_empty_scope_covers_everything() {
    check("", true);
}

#[test]
fn every_part_that_is_given_must_match() {
    check("protocols = ['postgres']\nconnections = ['ord*']\nroles = ['support-*']", true);
    check("protocols = ['postgres']\nconnections = ['payments']", false);
    check("roles = ['admin']", false);
}

#[test]
fn a_label_must_be_there_and_match() {
    check("labels = { env = 'pr*' }", true);
    check("labels = { env = 'test' }", false);
    check("labels = { team = '*' }", false);
}

#[test]
fn a_star_covers_a_principal_without_roles() {
    let scope: Scope = toml::from_str("roles = ['*']").unwrap();
    assert!(scope.covers(&Context::default()));
}

#[test]
fn a_guard_is_asked_about_facts_that_may_be_among_those_that_are_not_told() {
    let scope: Scope = toml::from_str("actions = ['POST']\nfacts = ['body:role']").unwrap();
    let asks = |action: &str, fact: (&str, &str), complete| {
        let facts = vec![(fact.0.to_owned(), fact.1.to_owned())];
        let operation = Operation { action: action.to_owned(), facts, ..Operation::default() };
        let command =
            Command { operations: vec![operation].into(), complete, ..Command::default() };
        scope.asks_about(&command)
    };
    assert!(asks("POST", ("body:role", "admin"), true));
    assert!(!asks("POST", ("body:name", "x"), true));
    assert!(asks("POST", ("values", "cut"), true));
    assert!(!asks("GET", ("values", "cut"), true));
    assert!(asks("GET", ("body", "unread"), false));
}

#[test]
fn a_guard_is_asked_about_facts_that_only_some_servers_see_and_no_reviewer_approves_for_these() {
    let facts = [("path-may-be", "/v1/users/{id}"), ("path-may-be:Id", "7")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let operation = Operation { action: "GET".to_owned(), facts, ..Operation::default() };
    let command =
        Command { operations: vec![operation].into(), complete: true, ..Command::default() };
    for (scope, asks) in [
        ("facts = ['path:id']", true),
        ("facts = ['PATH:*']", true),
        ("facts = ['path']", true),
        ("actions = ['POST']\nfacts = ['path:id']", false),
        ("facts = ['path:name']", false),
    ] {
        let scope: Scope = toml::from_str(scope).unwrap();
        assert_eq!(scope.asks_about(&command), asks, "{scope:?}");
        assert!(!scope.surely_asks_about(&command), "{scope:?}");
    }
}

#[test]
fn a_guard_is_asked_about_actions_and_facts_whatever_their_case() {
    let operation = Operation {
        action: "DELETE".to_owned(),
        facts: vec![("body:Role".to_owned(), "admin".to_owned())],
        ..Operation::default()
    };
    let command =
        Command { operations: vec![operation].into(), complete: true, ..Command::default() };
    for (scope, asks) in [
        ("actions = ['delete']", true),
        ("facts = ['body:role']", true),
        ("actions = ['Del*']\nfacts = ['BODY:*']", true),
        ("actions = ['delete']\nfacts = ['body:name']", false),
    ] {
        let scope: Scope = toml::from_str(scope).unwrap();
        assert_eq!(scope.asks_about(&command), asks, "{scope:?}");
    }
    check("protocols = ['Postgres']", true);
}
