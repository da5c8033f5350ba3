use serde_json::json;

use super::*;
use crate::foreign::tests::{NOW, Published, claims, ed25519, issuer};
use crate::{Grant, Role, Rule, Ttl, issue};

fn roles() -> Roles {
    let rule = |groups: &[&str]| Rule {
        issuer: "corp".into(),
        groups: groups.iter().map(|&group| group.into()).collect(),
        ..Rule::default()
    };
    let role = |name: &str, given| Role { name: name.into(), given, ..Role::default() };
    Roles::new(vec![
        role("dba", vec![rule(&["x"]), rule(&["dba"]), rule(&["eu"])]),
        role("boss", vec![]),
    ])
    .unwrap()
}

fn own_key() -> SigningKey {
    SigningKey::load_or_create(tempfile::tempdir().unwrap().path()).unwrap()
}

#[test]
fn a_foreign_token_gets_its_roles_from_rules_alone() {
    let pair = ed25519("k");
    let published = Published::default();
    published.keys(&[&pair.public]);
    let mut verifiers = Verifiers::new(&own_key(), roles());
    verifiers.add(issuer(), Box::new(published));
    let token = pair.sign(&claims(&json!({ "roles": ["boss"] })));
    let identity = verifiers.verify(&token, NOW).unwrap();
    assert_eq!(identity.principal.roles, ["dba"]);
    let rules: Vec<_> = identity.given.iter().map(|given| given.rule).collect();
    assert_eq!(rules, [2, 3]);
    let stranger = pair.sign(&claims(&json!({ "realm": null, "groups": ["dba"] })));
    assert_eq!(verifiers.verify(&stranger, NOW).unwrap().principal.roles, [""; 0]);
}

#[test]
fn the_gateways_own_tokens_carry_their_roles() {
    let key = own_key();
    let grant = Grant {
        subject: "a".into(),
        roles: vec!["boss".into()],
        ttl: Ttl::MIN,
        acting_for: None,
        acting_for_issuer: None,
        connections: None,
        parents: vec![],
        vouched: None,
        may_act: None,
        dropped: vec![],
    };
    let issued = issue(&key, &grant, NOW).unwrap();
    let identity = Verifiers::new(&key, roles()).verify(issued.token.expose(), NOW).unwrap();
    assert_eq!(identity.principal.roles, ["boss"]);
    assert!(identity.given.is_empty() && identity.presented.is_none());
}

#[test]
fn nobody_vouches_for_another_issuer() {
    let pair = ed25519("k");
    let published = Published::default();
    published.keys(&[&pair.public]);
    let mut verifiers = Verifiers::new(&own_key(), roles());
    verifiers.add(issuer(), Box::new(published));
    for iss in [json!("palisade"), json!("https://other.example"), json!(null)] {
        let token = pair.sign(&claims(&json!({ "iss": iss })));
        assert!(verifiers.verify(&token, NOW).is_err(), "{iss}");
    }
}
