use palisade_policy::Approvals as _;
use palisade_store::Options;

use super::*;
use crate::holds::tests::{person, request, roles};

fn approvals(dir: &std::path::Path) -> Approvals {
    Approvals::new(&Store::open(dir, Options::default()).unwrap()).unwrap()
}

fn state(approvals: &Approvals, id: &str) -> HoldState {
    approvals.get(id).unwrap().unwrap().state
}

#[tokio::test]
async fn whoever_waits_is_told_of_the_decision() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let mut ticket = approvals.open(request(1, 300)).unwrap();
    let id = ticket.id().to_owned();
    assert_eq!(ticket.how(), format!("palisade approvals approve {id}"));
    approvals.decide(&id, &person("boss", None), &roles(), true, "ok").unwrap();
    assert_eq!(ticket.outcome().await, Outcome::Granted { by: vec!["boss".into()] });
    drop(ticket);
    assert_eq!(state(&approvals, &id), HoldState::Granted);
}

#[tokio::test]
async fn of_two_decisions_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let ticket = approvals.open(request(1, 300)).unwrap();
    let id = ticket.id().to_owned();
    let threads: Vec<_> = ["one", "two", "three"]
        .map(|name| {
            let (approvals, id) = (approvals.clone(), id.clone());
            std::thread::spawn(move || {
                approvals.decide(&id, &person(name, None), &roles(), name == "one", "").is_ok()
            })
        })
        .into();
    let counted = threads.into_iter().filter_map(|t| t.join().unwrap().then_some(())).count();
    assert_eq!(counted, 1);
}

#[tokio::test]
async fn a_hold_that_is_dropped_is_withdrawn() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let ticket = approvals.open(request(1, 300)).unwrap();
    let id = ticket.id().to_owned();
    assert_eq!(approvals.list(false, |_| true).unwrap().len(), 1);
    drop(ticket);
    assert_eq!(state(&approvals, &id), HoldState::Withdrawn);
    assert_eq!(approvals.open_count(), 0);
    let late = approvals.decide(&id, &person("boss", None), &roles(), true, "");
    assert_eq!(late.unwrap_err(), NotDecided::Over("withdrawn"));
}

#[tokio::test]
async fn an_undecided_hold_expires() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let mut ticket = approvals.open(request(1, 0)).unwrap();
    assert_eq!(ticket.outcome().await, Outcome::Expired);
    assert_eq!(state(&approvals, ticket.id()), HoldState::Expired);
}

#[tokio::test]
async fn a_hold_that_a_crash_left_open_is_withdrawn_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let before = approvals(dir.path());
    let document = HoldDocument::open("h".into(), &request(1, 300), clock::now_micros());
    before.inner.documents.put("h", &document).unwrap();
    drop(before);
    assert_eq!(state(&approvals(dir.path()), "h"), HoldState::Withdrawn);
}

#[test]
fn a_later_hold_has_a_greater_id_that_a_person_can_type() {
    let at = |millisecond: u128| id_of(Uuid::from_u128(millisecond << 80 | 7));
    assert_eq!(at(0), "0000000000000007");
    assert_eq!(at((1 << 48) - 1), "zzzzzzzzzw000007");
    assert!(at(1_790_000_000_001) > at(1_790_000_000_000));
}
