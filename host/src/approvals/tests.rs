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
    assert_eq!(approvals.list(Listed::default(), |_| true).unwrap().len(), 1);
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

/// A hold whose document is as large as the store takes.
fn full() -> HoldDocument {
    let mut document = HoldDocument::open("h".into(), &request(1, 300), clock::now_micros());
    let used = serde_json::to_vec(&document).unwrap().len();
    document.text.push_str(&"x".repeat(palisade_store::MAX_DOCUMENT_BYTES - used));
    document
}

#[tokio::test]
async fn a_hold_that_fills_its_document_ends_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let before = approvals(dir.path());
    before.inner.documents.put("h", &full()).unwrap();
    drop(before);
    let approvals = approvals(dir.path());
    assert_eq!(state(&approvals, "h"), HoldState::Withdrawn);
    assert_eq!(approvals.open_count(), 0);
    let ended = approvals.get("h").unwrap().unwrap();
    assert!(ended.text.starts_with("UPDATE secrets") && ended.text.ends_with('…'));
    assert!(!ended.complete, "it is not all that would have run");
}

#[tokio::test]
async fn a_command_that_leaves_no_room_for_decisions_is_not_held() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    for (text, is_held) in [(180 << 10, true), (200 << 10, false), (300 << 10, false)] {
        let mut large = request(2, 300);
        Arc::make_mut(&mut large.command).text = "x".repeat(text);
        let opened = approvals.open(large);
        assert_eq!(opened.is_ok(), is_held, "{text}");
        assert_eq!(approvals.open_count(), usize::from(is_held));
        let Ok(ticket) = opened else { continue };
        // The longest reasons that are taken.
        for by in ["boss", "other"] {
            let (by, reason) = (person(by, None), "\u{1}".repeat(4096));
            approvals.decide(ticket.id(), &by, &roles(), true, &reason).unwrap();
        }
        assert_eq!(state(&approvals, ticket.id()), HoldState::Granted);
    }
}

#[tokio::test]
async fn a_hold_that_nobody_waits_for_cannot_be_granted() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let document = HoldDocument::open("h".into(), &request(1, 300), clock::now_micros());
    approvals.inner.documents.put("h", &document).unwrap();
    let late = approvals.decide("h", &person("boss", None), &roles(), true, "");
    assert_eq!(late.unwrap_err(), NotDecided::Over("withdrawn"));
    assert_eq!(state(&approvals, "h"), HoldState::Open);
}

#[test]
fn a_later_hold_has_a_greater_id_that_a_person_can_type() {
    let at = |millisecond: u128| id_of(Uuid::from_u128(millisecond << 80 | 7));
    assert_eq!(at(0), "0000000000000007");
    assert_eq!(at((1 << 48) - 1), "zzzzzzzzzw000007");
    assert!(at(1_790_000_000_001) > at(1_790_000_000_000));
}

/// Holds of large commands, one after another, as long as they wait.
fn flood(approvals: &Approvals, connection: &str) -> Vec<Box<dyn Ticket>> {
    let open = |_| {
        let mut large = request(1, 300);
        let command = Arc::make_mut(&mut large.command);
        command.text = "x".repeat(150 << 10);
        Arc::make_mut(&mut large.context).target.connection = connection.into();
        approvals.open(large).unwrap()
    };
    (0..100).map(open).collect()
}

#[tokio::test]
async fn a_list_of_holds_ends_where_it_gets_large_and_the_next_page_goes_on_there() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let waiting = flood(&approvals, "orders");
    for all in [false, true] {
        let (mut pages, mut ids) = (0, vec![]);
        loop {
            let before = ids.last().cloned();
            let listed = Listed { all, before: before.as_deref() };
            let page = approvals.list(listed, |_| true).unwrap();
            let bytes: usize = page.iter().map(|hold| hold.text.len()).sum();
            assert!(bytes <= LARGEST_LIST + (150 << 10), "{bytes}");
            if page.is_empty() {
                break;
            }
            pages += 1;
            ids.extend(page.into_iter().map(|hold| hold.id));
        }
        ids.dedup();
        assert!(pages > 1 && ids.len() == waiting.len(), "{pages} pages of {} holds", ids.len());
    }
}

#[tokio::test]
async fn a_flood_of_holds_that_one_may_not_see_hides_none_that_waits() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = approvals(dir.path());
    let own = approvals.open(request(1, 300)).unwrap();
    let _others = [(); 3].map(|()| flood(&approvals, "billing"));
    let seen = |hold: &HoldDocument| hold.connection == "orders";
    let open = approvals.list(Listed::default(), seen).unwrap();
    assert_eq!(open.iter().map(|hold| &*hold.id).collect::<Vec<_>>(), [own.id()]);
    // What ended is looked through as far as it is worth, and from any hold on.
    let all = Listed { all: true, before: None };
    assert!(approvals.list(all, seen).unwrap().is_empty(), "all of them were read");
    let after = format!("{}z", own.id());
    let from = Listed { all: true, before: Some(&after) };
    assert_eq!(approvals.list(from, seen).unwrap().len(), 1);
}
