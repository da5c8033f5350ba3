use std::time::Duration;

use palisade_policy::{Context, Principal};
use palisade_store::Options;

use super::*;

pub(crate) fn document(number: u128) -> (SessionId, SessionDocument) {
    let id = SessionId(number);
    let document = SessionDocument {
        id: id.to_string(),
        state: State::Open,
        connection: if number.is_multiple_of(2) { "even" } else { "odd" }.into(),
        protocol: "postgres".into(),
        subject: "agent".into(),
        issuer: "palisade".into(),
        roles: vec![],
        dropped: vec![],
        acting_for: None,
        token: String::new(),
        parents: vec![],
        client_address: "127.0.0.1:1".into(),
        opened_at: clock::rfc3339(0),
        ended_at: None,
        ended: None,
        commands: 0,
        denied: 0,
        held: 0,
        bytes_in: 0,
        bytes_out: 0,
        blind: false,
    };
    (id, document)
}

/// A session's seat, which is over in a minute.
pub(crate) fn seat(connection: &str) -> (Seat, Due) {
    let opened = Instant::now();
    let token_over = opened + Duration::from_secs(60);
    let seat = Seat {
        bearer: Identity {
            principal: Principal { issuer: "palisade".into(), ..Principal::default() },
            ..Identity::default()
        },
        vouchers: vec![],
        connection: connection.into(),
        destination: Destination::default(),
        service: None,
        read_only: false,
        opened,
        token_over,
        context: SessionContext::new(Context::default()),
    };
    (seat, due(token_over, "over"))
}

fn due(at: Instant, reason: &str) -> Due {
    Due { at, ending: Ending::soon(reason, "") }
}

fn told(ends: &mut watch::Receiver<Option<Ending>>) -> Option<String> {
    ends.borrow_and_update().clone().map(|ending| ending.reason)
}

#[test]
fn a_session_is_told_when_it_ends_now_and_not_told_otherwise_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let (id, document) = document(1);
    let (seat, first) = seat("odd");
    let mut ends = sessions.open(id, &document, (seat, first.clone()), None).unwrap();
    assert_eq!(sessions.look_again(None, |_| first.clone()), 0);
    let now = due(Instant::now(), "narrowed");
    assert_eq!(sessions.look_again(Some(SessionId(2)), |_| now.clone()), 0);
    assert_eq!(told(&mut ends), None);
    assert_eq!(sessions.look_again(None, |_| now.clone()), 1);
    assert_eq!(told(&mut ends).as_deref(), Some("narrowed"));
    assert_eq!(sessions.look_again(None, |_| first.clone()), 0);
    sessions.tell_the_time(first.at);
    assert_eq!(told(&mut ends).as_deref(), Some("narrowed"));
    assert_eq!(sessions.end_those(|_| true, "revoked"), 1);
    assert!(Ending::is_at_once(&ends.borrow_and_update()));
}

#[test]
fn a_session_is_told_once_its_time_is_over_and_the_next_time_to_look_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let now = Instant::now();
    let (sooner, later) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
    let open = |number, at, reason| {
        let ((id, document), (seat, _)) = (document(number), seat("odd"));
        sessions.open(id, &document, (seat, due(at, reason)), None).unwrap()
    };
    let (mut one, mut other) = (open(1, later, "later"), open(3, sooner, "sooner"));
    assert_eq!(sessions.tell_the_time(now), Some(sooner));
    assert_eq!((told(&mut one), told(&mut other)), (None, None));
    assert_eq!(sessions.tell_the_time(sooner), Some(later));
    assert_eq!((told(&mut one), told(&mut other).as_deref()), (None, Some("sooner")));
    assert_eq!(sessions.tell_the_time(later), None);
    assert_eq!(told(&mut one).as_deref(), Some("later"));
}

#[tokio::test]
async fn whoever_keeps_the_time_hears_of_a_session_that_ends_sooner_than_those_before() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let now = Instant::now();
    let open = |number, at| {
        let ((id, document), (seat, _)) = (document(number), seat("odd"));
        let _told = sessions.open(id, &document, (seat, due(at, "over")), None).unwrap();
    };
    open(1, now + Duration::from_secs(60));
    sessions.sooner().await;
    sessions.tell_the_time(now);
    open(3, now + Duration::from_secs(90));
    open(5, now + Duration::from_secs(30));
    sessions.sooner().await;
    assert_eq!(sessions.tell_the_time(now), Some(now + Duration::from_secs(30)));
}

#[test]
fn no_session_opens_while_the_gateway_stops_and_those_before_it_are_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let open = |number| {
        let (id, document) = document(number);
        sessions.open(id, &document, seat("odd"), None)
    };
    let before = open(1).unwrap();
    sessions.stop();
    assert_eq!(*before.borrow(), Some(Ending::stopping()));
    assert!(matches!(open(3), Err(NotOpened::Stopping)));
    assert_eq!(
        sessions.newest(9, &SessionFilter::default(), |_| true).unwrap().len(),
        1,
        "it is on record"
    );
}

#[test]
fn whoever_looks_again_is_the_only_one_so_that_the_newest_look_is_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let (id, document) = document(1);
    let (seat, first) = seat("odd");
    let _ends = sessions.open(id, &document, (seat, first.clone()), None).unwrap();
    let (tell, looks) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        sessions.look_again(None, |_| {
            let (tell, newer, sessions) = (tell.clone(), first.clone(), &sessions);
            threads.spawn(move || {
                sessions.look_again(None, |_| {
                    tell.send(()).unwrap();
                    newer.clone()
                })
            });
            let meanwhile = looks.recv_timeout(Duration::from_millis(200));
            assert!(meanwhile.is_err(), "another looked while this one did");
            first.clone()
        });
        looks.recv().unwrap();
    });
}

fn sessions(dir: &std::path::Path) -> Sessions {
    Sessions::new(Store::open(dir, Options::default()).unwrap()).unwrap()
}

#[test]
fn a_session_is_open_until_it_ends_and_then_keeps_its_counts() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let (id, document) = document(1);
    sessions.open(id, &document, seat("even"), None).unwrap();
    sessions.counts(id).unwrap().command(true, "allow");
    sessions.counts(id).unwrap().command(false, "deny");
    assert_eq!(sessions.get(&document.id).unwrap().unwrap().denied, 1);
    let ended = Ended { how: "the client left".into(), bytes_in: 3, bytes_out: 4 };
    sessions.end(id, &ended).unwrap();
    let ended = sessions.get(&document.id).unwrap().unwrap();
    assert_eq!((ended.state, ended.commands, ended.denied), (State::Ended, 1, 1));
    assert_eq!((ended.bytes_in, ended.bytes_out), (3, 4));
    assert_eq!(sessions.open_count(), 0);
}

#[test]
fn a_session_that_a_crash_left_open_is_marked_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (id, open) = document(1);
    let before = sessions(dir.path());
    before.open(id, &open, seat("odd"), None).unwrap();
    let event = br#"{"kind":"command","number":1,"moment":"run","text":"x","operations":[],"complete":true,"verdict":"deny","policies":1}"#;
    let _ = before.store.append(id, 5_000_000, event).unwrap();
    drop(before);
    let after = sessions(dir.path());
    assert_eq!(after.mark_interrupted().unwrap(), 1);
    let marked = after.get(&open.id).unwrap().unwrap();
    assert_eq!((marked.state, marked.commands, marked.denied), (State::Interrupted, 1, 1));
    assert_eq!(marked.ended_at.as_deref(), Some("1970-01-01T00:00:05.000000Z"));
    assert_eq!(after.mark_interrupted().unwrap(), 0);
}

#[test]
fn whoever_sees_or_asks_for_only_some_sessions_gets_the_newest_of_those() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    for number in 1..=9 {
        let (id, document) = document(number);
        sessions.open(id, &document, seat("even"), None).unwrap();
    }
    let list = |filter: SessionFilter, connection: &str| {
        let seen = sessions.newest(2, &filter, |document| document.connection == connection);
        seen.unwrap().into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    let ids = |numbers: [u128; 2]| numbers.map(|number| SessionId(number).to_string());
    assert_eq!(list(SessionFilter::default(), "even"), ids([8, 6]));
    let before = SessionFilter { before: Some(SessionId(6).to_string()), ..Default::default() };
    assert_eq!(list(before, "even"), ids([4, 2]), "the next page");
    let odd = SessionFilter { connection: Some("o*".into()), ..Default::default() };
    assert!(list(odd, "even").is_empty(), "what is asked for is not what may be seen");
    let subject = |name: &str| SessionFilter { subject: Some(name.into()), ..Default::default() };
    assert_eq!(list(subject("agent"), "odd"), ids([9, 7]));
    assert!(list(subject("agent-7"), "odd").is_empty());
}

#[test]
fn a_flood_of_refused_logins_does_not_fill_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let (_, refused) = document(1);
    *sessions.refused.lock().unwrap() = (clock::now_seconds() / 60, REFUSED_A_MINUTE);
    sessions.refuse(&refused).unwrap();
    // A minute may just have ended.
    let recorded = sessions.documents.list().unwrap().len();
    assert!(recorded == 0 || sessions.refused.lock().unwrap().1 == 1);
}
