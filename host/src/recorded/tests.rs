use palisade_store::Options;
use serde_json::json;

use super::*;
use crate::sessions::tests::{document, seat};

struct Fixture {
    sessions: Sessions,
    store: Store,
    _dir: tempfile::TempDir,
}

/// Sessions 1 to `count`, each with a command of `size` bytes, a result and an error.
fn fixture(count: u128, size: usize) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let sessions = Sessions::new(store.clone()).unwrap();
    for number in 1..=count {
        let (id, document) = document(number);
        sessions.open(id, &document, seat("even"), None).unwrap();
        for event in [
            json!({"kind": "command", "text": "x".repeat(size)}),
            json!({"kind": "result", "rows": [["secret"]]}),
            json!({"kind": "error"}),
        ] {
            let _receipt = store.append(id, 0, event.to_string().as_bytes()).unwrap();
        }
    }
    Fixture { sessions, store, _dir: dir }
}

/// A page; every connection has one label.
fn of(fixture: &Fixture, place: &Place, seen: impl Fn(&SessionDocument) -> bool) -> Page {
    let labels = |name: &str| Some(BTreeMap::from([("is".to_owned(), name.to_owned())]));
    page((&fixture.sessions, &fixture.store), place, seen, labels).unwrap()
}

/// All pages: how many sessions and events each has.
fn pages(fixture: &Fixture, seen: impl Fn(&SessionDocument) -> bool + Copy) -> Vec<(usize, usize)> {
    let (mut pages, mut place) = (vec![], Some(Place::at(0)));
    while let Some(from) = place {
        let page = of(fixture, &from, seen);
        assert!(page.sessions.iter().all(|part| seen(&part.session)));
        pages.push((page.sessions.len(), page.sessions.iter().map(|it| it.events.len()).sum()));
        place = page.next;
    }
    pages
}

#[test]
fn commands_and_results_come_without_rows() {
    let fixture = fixture(1, 1);
    let page = of(&fixture, &Place::at(0), |_| true);
    let text = serde_json::to_string(&page).unwrap();
    assert_eq!(page.sessions[0].events.len(), 2);
    let label = page.sessions[0].labels.as_ref().and_then(|labels| labels.get("is"));
    assert_eq!(label, Some(&page.sessions[0].session.connection));
    assert!(!text.contains("secret") && page.next.is_none(), "{text}");
}

#[test]
fn every_session_comes_once_however_they_fall_on_pages() {
    let sessions: usize = 2 * SESSIONS;
    let pages = pages(&fixture(u128::try_from(sessions).unwrap(), 1), |_| true);
    assert_eq!(pages.iter().map(|page| page.0).sum::<usize>(), sessions);
    assert_eq!(pages.iter().map(|page| page.1).sum::<usize>(), 2 * sessions);
    assert!(pages.len() > 1);
}

#[test]
fn a_page_ends_where_it_gets_large_and_the_next_goes_on_there() {
    let pages = pages(&fixture(5, BYTES / 2), |_| true);
    assert!(pages.len() >= 3, "{pages:?}");
    assert_eq!(pages.iter().map(|page| page.1).sum::<usize>(), 10);
}

#[test]
fn who_may_see_nothing_learns_of_no_session() {
    let all = u128::try_from(SESSIONS).unwrap() + 1;
    let fixture = fixture(all, 1);
    let page = of(&fixture, &Place::at(0), |_| false);
    assert_eq!(page, Page { sessions: vec![], next: None });
    let odd = pages(&fixture, |session| session.connection == "odd");
    assert_eq!(odd.iter().map(|page| page.0).sum::<usize>(), SESSIONS / 2 + 1);
}

#[test]
fn a_place_in_time_comes_before_the_sessions_that_opened_then() {
    let place = Place::at(1_700_000_000_123_456);
    assert!(place.session.as_str() < "018bcfe5-687b-7000-8000-000000000000");
    assert!(place.session.as_str() > "018bcfe5-687a-7fff-bfff-ffffffffffff");
}

#[test]
fn a_page_looks_through_so_many_sessions_and_the_next_goes_on_from_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let sessions = Sessions::new(store.clone()).unwrap();
    let documents = store.collection::<SessionDocument>("sessions").unwrap();
    for number in 1..=LOOKED_THROUGH as u128 + 1 {
        let (_, mut document) = document(number << 81 | 7);
        document.id = SessionId(number << 81 | 7).to_string();
        documents.put(&document.id, &document).unwrap();
    }
    let fixture = Fixture { sessions, store, _dir: dir };
    let last = SessionId((LOOKED_THROUGH as u128 + 1) << 81 | 7).to_string();
    let seen = |session: &SessionDocument| session.id == last;
    let first = of(&fixture, &Place::at(0), seen);
    let next = first.next.unwrap();
    assert!(
        first.sessions.is_empty() && next.session.ends_with("-0000-0000-000000000000"),
        "{next:?}"
    );
    let second = of(&fixture, &next, seen);
    assert_eq!((second.sessions.len(), second.next), (1, None));
}
