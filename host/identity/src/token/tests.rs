use super::*;
use crate::{GatewayVerifier, Identity, Verifier};

const NOW: u64 = 1_800_000_000;

fn key() -> SigningKey {
    SigningKey::load_or_create(tempfile::tempdir().unwrap().path()).unwrap()
}

fn grant(subject: &str) -> Grant {
    Grant {
        subject: subject.into(),
        roles: vec!["support-agent".into()],
        ttl: "15m".parse().unwrap(),
        acting_for: None,
        acting_for_issuer: None,
        connections: None,
        parents: vec![],
        vouched: None,
        may_act: None,
        dropped: vec![],
    }
}

fn read_back(key: &SigningKey, issued: &Issued) -> Identity {
    GatewayVerifier::new(key).verify(issued.token.expose(), NOW).unwrap()
}

fn check_refused(subject: &str, expected: IssueRefused) {
    assert_eq!(issue(&key(), &grant(subject), NOW).unwrap_err(), expected);
}

#[test]
fn a_token_carries_its_subject_roles_and_time() {
    let key = key();
    let issued = issue(&key, &grant("agent-7"), NOW).unwrap();
    let identity = read_back(&key, &issued);
    assert_eq!(identity.principal.subject, "agent-7");
    assert_eq!(identity.principal.issuer, "palisade");
    assert_eq!(identity.principal.roles, ["support-agent"]);
    assert_eq!(identity.principal.acting_for, None);
    assert_eq!(identity.expires_at, NOW + 900);
    assert_eq!((identity.token_id, identity.expires_at), (issued.token_id, issued.expires_at));
    assert!(!identity.operator);
}

#[test]
fn a_token_carries_whom_the_subject_acts_for() {
    let key = key();
    let grant = Grant { acting_for: Some("alice".into()), ..grant("agent-7") };
    let identity = read_back(&key, &issue(&key, &grant, NOW).unwrap());
    assert_eq!(identity.principal.acting_for.as_deref(), Some("alice"));
}

#[test]
fn each_token_has_an_id_of_its_own() {
    let key = key();
    let [one, other] = [(); 2].map(|()| issue(&key, &grant("agent-7"), NOW).unwrap().token_id);
    assert_ne!(one, other);
}

#[test]
fn an_operators_token_lives_a_minute_and_carries_no_role() {
    let key = key();
    let identity = read_back(&key, &issue_operator(&key, NOW).unwrap());
    assert!(identity.operator);
    assert_eq!(identity.principal.subject, OPERATOR);
    assert_eq!(identity.principal.roles, [""; 0]);
    assert_eq!(identity.expires_at, NOW + 60);
}

#[test]
fn the_operators_name_is_reserved() {
    check_refused("operator", IssueRefused::Reserved);
}

#[test]
fn nobody_acts_for_the_operator() {
    let grant = Grant { acting_for: Some(OPERATOR.into()), ..grant("agent-7") };
    assert_eq!(issue(&key(), &grant, NOW).unwrap_err(), IssueRefused::Reserved);
}

#[test]
fn a_subject_that_a_log_could_not_show_is_refused() {
    check_refused("", IssueRefused::Name);
    check_refused("agent\n7", IssueRefused::Name);
    check_refused(&"a".repeat(257), IssueRefused::Name);
}

#[test]
fn a_token_that_no_verifier_would_read_is_not_issued() {
    let grant = Grant { roles: vec!["role".repeat(10); 200], ..grant("agent-7") };
    assert_eq!(issue(&key(), &grant, NOW).unwrap_err(), IssueRefused::TooLarge);
}

#[test]
fn debug_of_an_issued_token_does_not_show_it() {
    let issued = issue(&key(), &grant("agent-7"), NOW).unwrap();
    assert!(!format!("{issued:?}").contains(issued.token.expose().as_str()));
}
