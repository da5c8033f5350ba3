use palisade_policy::Journal as _;
use palisade_store::{Durability, Options};

use super::*;

fn journal(dir: &std::path::Path, durability: Durability) -> Journal {
    let store = Store::open(dir, Options { durability, ..Options::default() }).unwrap();
    let sessions = Arc::new(Sessions::new(store.clone()).unwrap());
    Journal::new(store, sessions)
}

const ERROR: Entry<'static> = Entry::Error { number: 7, code: "42501", message: "no" };

#[test]
fn an_entry_is_kept_when_put_returns() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path(), Durability::Process);
    let id = SessionId(1);
    assert!(journal.put(&id.to_string(), &ERROR).unwrap().is_none());
    let events = read_events(&journal.store, id, 0, 10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["id"], "0");
    assert_eq!(events[0]["kind"], "error");
    assert_eq!(events[0]["number"], 7);
}

#[tokio::test]
async fn with_durability_disk_there_is_something_to_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path(), Durability::Disk);
    let later = journal.put(&SessionId(1).to_string(), &ERROR).unwrap().unwrap();
    later.await.unwrap();
}

#[test]
fn a_session_id_that_is_none_is_not_recorded_and_so_nothing_runs() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path(), Durability::Process);
    assert!(journal.put("x", &ERROR).is_err());
}

#[test]
fn a_page_begins_where_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path(), Durability::Process);
    let id = SessionId(1);
    for _ in 0..5 {
        journal.put(&id.to_string(), &ERROR).unwrap();
    }
    let page = read_events(&journal.store, id, 2, 2).unwrap();
    let ids: Vec<_> = page.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2", "3"]);
}

#[test]
fn what_a_policy_refused_before_anybody_was_asked_counts_as_denied() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path(), Durability::Process);
    let (id, document) = crate::sessions::tests::document(1);
    let seat = crate::sessions::tests::seat("odd");
    let _ends = journal.sessions.open(id, &document, seat, None).unwrap();
    let refused = Outcome::Refused { by: "tickets".into(), reason: "no ticket".into() };
    for hold in ["", "h1"] {
        let entry = Entry::Decided { number: 1, hold, outcome: &refused };
        journal.put(&id.to_string(), &entry).unwrap();
    }
    let counted = format!("{:?}", journal.sessions.counts(id).unwrap());
    assert!(counted.contains("denied: 1"), "{counted}");
    let event = &read_events(&journal.store, id, 0, 1).unwrap()[0];
    assert_eq!(event["by"][0], "tickets");
    assert_eq!(event["reason"], "no ticket");
}
