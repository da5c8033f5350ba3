use palisade_policy::Principal;

use super::*;
use crate::Role;

fn bearer(roles: &[&str]) -> Identity {
    let roles = roles.iter().map(|&role| role.into()).collect();
    let principal = Principal { subject: "a".into(), roles, ..Principal::default() };
    Identity { principal, ..Identity::default() }
}

fn roles() -> Roles {
    let all = || vec!["*".to_owned()];
    let role = |name: &str| Role { name: name.into(), connections: all(), ..Role::default() };
    Roles::new(vec![
        Role {
            read_only: all(),
            session_seconds: Some(60),
            max_sessions: Some(2),
            ..role("reader")
        },
        Role { session_seconds: Some(90), read_only: vec!["prod-*".into()], ..role("careful") },
        role("writer"),
        Role { name: "elsewhere".into(), connections: vec!["x".into()], ..Role::default() },
    ])
    .unwrap()
}

#[test]
fn only_who_reads_by_every_role_only_reads() {
    let check = |held: &[&str], connection: &str, read_only: bool| {
        let access = roles().access(&bearer(held), connection, None).unwrap();
        assert_eq!(access.read_only, read_only, "{held:?} {connection}");
    };
    check(&["reader"], "prod-1", true);
    check(&["reader", "careful"], "prod-1", true);
    check(&["reader", "careful"], "dev-1", false);
    check(&["reader", "writer"], "prod-1", false);
    check(&["reader", "elsewhere"], "prod-1", true);
    assert_eq!(roles().access(&bearer(&["elsewhere"]), "prod-1", None), None);
}

#[test]
fn the_most_generous_role_limits_sessions() {
    let limits = |held: &[&str]| {
        let access = roles().access(&bearer(held), "prod-1", None).unwrap();
        (access.session_seconds, access.max_sessions)
    };
    assert_eq!(limits(&["reader"]), (Some(60), Some(2)));
    assert_eq!(limits(&["reader", "careful"]), (Some(90), None));
    assert_eq!(limits(&["reader", "writer"]), (None, None));
}

#[test]
fn who_can_and_why_not_is_told() {
    let names: Vec<_> =
        roles().who_can("x", None).into_iter().map(|reaching| reaching.role).collect();
    assert_eq!(names, ["careful", "elsewhere", "reader", "writer"]);
    let standings = roles().explain(&bearer(&["reader", "elsewhere"]), "prod-1", None);
    let shown: Vec<_> = standings
        .iter()
        .map(|standing| (standing.role.as_str(), standing.held, standing.reaches))
        .collect();
    let expected = [
        ("careful", false, true),
        ("elsewhere", true, false),
        ("reader", true, true),
        ("writer", false, true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(standings[0].missing, ["the token does not carry it"]);
}
