use std::sync::Arc;

use palisade_identity::Role;
use palisade_policy::{Command, Hold, Target};

use super::*;

pub(crate) fn request(quorum: u32, expires_in: u32) -> HoldRequest {
    HoldRequest {
        context: Arc::new(Context {
            session: "s".into(),
            principal: person("agent", Some("ada")).principal,
            target: Target { connection: "orders".into(), ..Target::default() },
            client_address: "127.0.0.1:1".into(),
        }),
        command: Arc::new(Command {
            text: "UPDATE secrets SET x = 1".into(),
            ..Command::default()
        }),
        number: 4,
        terms: Hold {
            reason: "risky".into(),
            rule: "r".into(),
            approvers: vec!["approver".into()],
            quorum,
            expires_in,
            for_approvers: String::new(),
        },
    }
}

pub(crate) fn person(subject: &str, acting_for: Option<&str>) -> Identity {
    Identity {
        principal: Principal {
            subject: subject.into(),
            issuer: "palisade".into(),
            roles: vec!["approver".into()],
            acting_for: acting_for.map(str::to_owned),
            acting_for_issuer: acting_for.map(|_| "palisade".into()),
            ..Principal::default()
        },
        token_id: "t".into(),
        expires_at: u64::MAX,
        ..Identity::default()
    }
}

pub(crate) fn roles() -> Roles {
    let approves = vec!["*".to_owned()];
    Roles::new(vec![Role { name: "approver".into(), approves, ..Role::default() }]).unwrap()
}

fn hold(quorum: u32) -> HoldDocument {
    HoldDocument::open("h".into(), &request(quorum, 300), 0)
}

#[test]
fn a_decision_says_who_vouches_for_whoever_made_it_and_by_which_token() {
    let mut hold = hold(2);
    let mut boss = person("boss", None);
    boss.principal.issuer = "https://corp.example".into();
    hold.decide(&boss, &roles(), true, "fine", 1).unwrap();
    hold.decide(&person("helper", Some("bob")), &roles(), true, "fine", 1).unwrap();
    let by = vec!["boss (of https://corp.example)".into(), "helper (acting for bob)".into()];
    assert_eq!(hold.outcome(), Some(Outcome::Granted { by }));
    let stored = serde_json::to_value(&hold).unwrap();
    let boss = &stored["decisions"][0];
    assert_eq!((&boss["issuer"], &boss["token"]), (&"https://corp.example".into(), &"t".into()));
}

#[test]
fn a_decision_from_before_issuers_were_written_down_is_read() {
    let mut hold = hold(1);
    hold.decide(&person("boss", None), &roles(), true, "fine", 1).unwrap();
    let mut stored = serde_json::to_value(&hold).unwrap();
    let decided = stored["decisions"][0].as_object_mut().unwrap();
    for key in ["issuer", "acting_for_issuer", "token"] {
        decided.remove(key).unwrap();
    }
    stored.as_object_mut().unwrap().remove("acting_for_issuer").unwrap();
    let read: HoldDocument = serde_json::from_value(stored).unwrap();
    assert_eq!(read.outcome(), Some(Outcome::Granted { by: vec!["boss".into()] }));
}

#[test]
fn one_approval_grants_where_one_is_enough() {
    let mut hold = hold(1);
    hold.decide(&person("boss", None), &roles(), true, "fine", 1).unwrap();
    assert_eq!(hold.outcome(), Some(Outcome::Granted { by: vec!["boss".into()] }));
}

#[test]
fn a_quorum_is_of_distinct_people() {
    let mut hold = hold(2);
    hold.decide(&person("boss", None), &roles(), true, "", 1).unwrap();
    assert_eq!(hold.outcome(), None);
    let again = hold.decide(&person("boss", None), &roles(), true, "", 1);
    assert_eq!(again, Err(NotDecided::Twice));
    let through_an_agent = hold.decide(&person("bot", Some("boss")), &roles(), true, "", 1);
    assert_eq!(through_an_agent, Err(NotDecided::Twice));
    hold.decide(&person("chief", None), &roles(), true, "", 1).unwrap();
    assert_eq!(hold.state, HoldState::Granted);
}

#[test]
fn one_refusal_ends_it_whatever_the_quorum() {
    let mut hold = hold(3);
    hold.decide(&person("boss", None), &roles(), false, "no", 1).unwrap();
    let refused = Outcome::Refused { by: "boss".into(), reason: "no".into() };
    assert_eq!(hold.outcome(), Some(refused));
}

#[test]
fn nobody_decides_their_own_nor_that_of_their_agent() {
    for own in [person("agent", None), person("ada", None), person("other", Some("ada"))] {
        let decided = hold(1).decide(&own, &roles(), true, "", 1);
        assert_eq!(decided, Err(NotDecided::Refused(DecideRefused::OwnCommand)));
    }
}

#[test]
fn a_decision_counts_only_while_the_hold_is_open_and_in_time() {
    let mut hold = hold(1);
    let late = hold.decide(&person("boss", None), &roles(), true, "", 300_000_000);
    assert_eq!(late, Err(NotDecided::Over("expired")));
    hold.end(HoldState::Withdrawn, 1);
    let withdrawn = hold.decide(&person("boss", None), &roles(), true, "", 1);
    assert_eq!(withdrawn, Err(NotDecided::Over("withdrawn")));
}
