use palisade_policy::Principal;
use serde_json::{Value, json};

use super::*;
use crate::{GatewayVerifier, Presented, Role, Roles, Verifier};

const NOW: u64 = 1_800_000_000;

fn key() -> SigningKey {
    SigningKey::load_or_create(tempfile::tempdir().unwrap().path()).unwrap()
}

fn roles() -> Roles {
    let role = |name: &str, connections: &[&str]| Role {
        name: name.into(),
        connections: connections.iter().map(|&name| name.into()).collect(),
        ..Role::default()
    };
    Roles::new(vec![role("reader", &["orders", "dev-*"]), role("writer", &["orders"])]).unwrap()
}

fn bearer(subject: &str, roles: &[&str]) -> Identity {
    Identity {
        principal: Principal {
            subject: subject.into(),
            issuer: "https://corp.example".into(),
            roles: roles.iter().map(|&role| role.into()).collect(),
            ..Principal::default()
        },
        token_id: format!("t-{subject}"),
        expires_at: NOW + 600,
        ..Identity::default()
    }
}

/// Exchanges, and reads what came of it.
fn try_exchange(
    subject: &Identity,
    actor: Option<&Identity>,
    wish: &Wish,
) -> Result<Identity, ExchangeRefused> {
    let key = key();
    let exchanged =
        exchange(&key, |bearer, name| roles().reaches(bearer, name), (subject, actor), wish, NOW)?;
    Ok(GatewayVerifier::new(&key).verify(exchanged.issued.token.expose(), NOW).unwrap())
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|&name| name.into()).collect())
}

#[test]
fn what_is_given_is_no_more_and_no_longer() {
    let subject = bearer("ada", &["reader", "writer"]);
    let given = try_exchange(&subject, None, &Wish::default()).unwrap();
    assert_eq!(given.principal, subject.principal);
    assert_eq!((given.expires_at, given.parents), (NOW + 600, vec!["t-ada".to_owned()]));
    assert_eq!(given.connections, None);
    let wish = Wish { roles: names(&["reader"]), connections: names(&["dev-1"]) };
    let given = try_exchange(&subject, None, &wish).unwrap();
    assert_eq!(given.principal.roles, ["reader"]);
    assert!(roles().reaches(&given, "dev-1") && !roles().reaches(&given, "orders"));
    let long = Identity { expires_at: NOW + 1_000_000, ..subject };
    assert_eq!(try_exchange(&long, None, &Wish::default()).unwrap().expires_at, NOW + 86_400);
}

#[test]
fn more_than_there_is_is_refused() {
    let subject = bearer("ada", &["reader"]);
    let check = |subject: &Identity, wish: Wish, expected: ExchangeRefused| {
        assert_eq!(try_exchange(subject, None, &wish).unwrap_err(), expected);
    };
    let role = Wish { roles: names(&["reader", "writer"]), ..Wish::default() };
    check(&subject, role, ExchangeRefused::Role("writer".into()));
    let place = |name: &str| Wish { connections: names(&[name]), ..Wish::default() };
    check(&subject, place("payments"), ExchangeRefused::Connection("payments".into()));
    let narrow = Identity { connections: names(&["dev-1"]), ..subject.clone() };
    check(&narrow, place("orders"), ExchangeRefused::Connection("orders".into()));
    assert_eq!(
        try_exchange(&narrow, None, &Wish::default()).unwrap().connections,
        names(&["dev-1"])
    );
    check(&Identity { expires_at: NOW, ..subject.clone() }, Wish::default(), ExchangeRefused::Over);
    check(
        &Identity { operator: true, ..subject.clone() },
        Wish::default(),
        ExchangeRefused::Operator,
    );
    let parents = vec!["t".to_owned(); MOST_PARENTS];
    check(&Identity { parents, ..subject }, Wish::default(), ExchangeRefused::TooMany);
}

#[test]
fn a_dropped_role_gives_nothing_and_stays_a_name_through_every_exchange() {
    let wish = |role: &str| Wish { roles: names(&[role]), ..Wish::default() };
    let subject = bearer("ada", &["writer", "reader", "contractor"]);
    let once = try_exchange(&subject, None, &wish("reader")).unwrap();
    let twice = try_exchange(&once, None, &Wish::default()).unwrap();
    let nothing = Wish { roles: names(&[]), ..Wish::default() };
    let none = try_exchange(&twice, None, &nothing).unwrap();
    let actor = bearer("agent-7", &["reader", "contractor"]);
    let acting = try_exchange(&once, Some(&actor), &Wish::default()).unwrap();
    for (given, held) in [(&once, 1), (&twice, 1), (&none, 0), (&acting, 1)] {
        let Principal { roles, dropped, .. } = &given.principal;
        let mut all = [&roles[..], dropped].concat();
        all.sort();
        assert_eq!((all, roles.len()), (names(&["contractor", "reader", "writer"]).unwrap(), held));
        for dropped in ["writer", "contractor"] {
            let refused = try_exchange(given, None, &wish(dropped)).unwrap_err();
            assert_eq!(refused, ExchangeRefused::Role(dropped.into()));
        }
    }
    let orders = roles().access(&twice, "orders", None).unwrap();
    assert_eq!(orders.roles, ["reader"]);
    assert!(!roles().reaches(&none, "orders"));
    let standings = roles().explain(&twice, "orders", None);
    let writer = standings.iter().find(|standing| standing.role == "writer").unwrap();
    assert!(!writer.held && writer.missing[0].contains("dropped"), "{writer:?}");
}

#[test]
fn who_vouches_for_a_person_is_kept_with_whoever_acts_for_them() {
    let mut agent = bearer("agent-7", &["reader"]);
    agent.principal.issuer = "https://agents.example".into();
    let person = bearer("ada", &["reader"]);
    let given = try_exchange(&person, Some(&agent), &Wish::default()).unwrap();
    assert_eq!(given.principal.issuer, "https://agents.example");
    assert_eq!(given.principal.acting_for_issuer.as_deref(), Some("https://corp.example"));
    let again = try_exchange(&given, None, &Wish::default()).unwrap();
    assert_eq!(again.principal.acting_for_issuer, given.principal.acting_for_issuer);
    let alone = try_exchange(&person, None, &Wish::default()).unwrap();
    assert_eq!(alone.principal.acting_for_issuer, None);
}

#[test]
fn an_agent_acts_for_a_person_with_what_both_may() {
    let person = Identity {
        connections: names(&["orders", "dev-1"]),
        ..bearer("ada", &["writer", "reader"])
    };
    let agent = Identity { expires_at: NOW + 60, ..bearer("agent-7", &["reader", "other"]) };
    let given = try_exchange(&person, Some(&agent), &Wish::default()).unwrap();
    assert_eq!(given.principal.subject, "agent-7");
    assert_eq!(given.principal.acting_for.as_deref(), Some("ada"));
    assert_eq!(given.principal.roles, ["reader"]);
    assert_eq!(given.principal.dropped, ["writer", "other"], "policies act on all of both");
    assert_eq!(given.connections, names(&["orders", "dev-1"]));
    assert_eq!((given.expires_at, given.parents.len()), (NOW + 60, 2));
    let chained = try_exchange(&given, Some(&agent), &Wish::default());
    assert_eq!(chained.unwrap_err(), ExchangeRefused::Chain);
}

/// A person whose token says who may act.
fn person(may_act: Value) -> Identity {
    Identity {
        presented: Some(Presented {
            issuer: "corp".into(),
            subject: "ada".into(),
            groups: vec![],
            claims: json!({ "may_act": may_act }),
        }),
        ..bearer("ada", &["reader"])
    }
}

#[test]
fn a_person_says_who_may_act() {
    let agent = bearer("agent-7", &["reader"]);
    let try_with =
        |may_act| try_exchange(&person(may_act), Some(&agent), &Wish::default()).map(drop);
    assert_eq!(try_with(json!({ "sub": "agent-7" })), Ok(()));
    for other in [
        json!({ "sub": "agent-8" }),
        json!({}),
        json!("agent-7"),
        json!({ "sub": "agent-7", "iss": "x" }),
    ] {
        assert_eq!(try_with(other.clone()), Err(ExchangeRefused::MayAct), "{other}");
    }
}

#[test]
fn who_may_act_is_who_may_act_by_a_token_given_for_the_persons_too() {
    let act = |subject: &Identity, actor: &str| {
        try_exchange(subject, Some(&bearer(actor, &["reader"])), &Wish::default()).map(drop)
    };
    let again = |subject: &Identity| try_exchange(subject, None, &Wish::default()).unwrap();
    let given = again(&again(&person(json!({ "sub": "agent-7" }))));
    assert_eq!(act(&given, "agent-7"), Ok(()));
    assert_eq!(act(&given, "agent-8"), Err(ExchangeRefused::MayAct));
    let nobody = again(&again(&person(json!(null))));
    assert_eq!(act(&nobody, "agent-7"), Err(ExchangeRefused::MayAct));
}
