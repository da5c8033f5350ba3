use super::*;
use crate::json::Json;

const OLD: Edition = Edition { policies: 1, context: 0 };
const NEW: Edition = Edition { policies: 2, context: 0 };

fn notification(text: &str) -> Message {
    let params = Json::object([("data", Json::text(text))]);
    Message::Notification { method: "notifications/message".to_owned(), params }
}

/// All that can be read now.
fn read(events: &mut mpsc::Receiver<Bytes>) -> String {
    let mut all = String::new();
    while let Ok(piece) = events.try_recv() {
        all.push_str(std::str::from_utf8(&piece).unwrap());
    }
    all
}

#[test]
fn what_other_policies_masked_is_not_sent_once_more() {
    let mut outbox = Outbox::new(1 << 20);
    let (stream, events) = outbox.open(1);
    drop(events);
    outbox.send(Some(stream), &notification("swordfish-1"), OLD);
    let id = Id::Number("7".to_owned());
    let result = Json::object([("password", Json::text("swordfish-2"))]);
    outbox.send(Some(stream), &Message::Result { id, result }, OLD);
    outbox.send(Some(stream), &notification("newer"), NEW);
    outbox.send(None, &notification("swordfish-3"), OLD);
    for _ in 0..2 {
        let from_there = format!("{stream}-0");
        let told = read(&mut outbox.listen(Some(&from_there), NEW).unwrap());
        assert!(told.contains("newer") && !told.contains("swordfish"), "{told}");
        assert!(told.contains("withheld") && told.contains(r#""id":7"#), "{told}");
    }
    assert!(!read(&mut outbox.listen(None, NEW).unwrap()).contains("swordfish"));
    assert!(outbox.take_unasked().is_empty());
}

#[test]
fn what_the_same_policies_masked_is_sent_once_more() {
    let mut outbox = Outbox::new(1 << 20);
    let (stream, _) = outbox.open(1);
    outbox.send(Some(stream), &notification("hello"), OLD);
    let told = read(&mut outbox.listen(Some(&format!("{stream}-0")), OLD).unwrap());
    assert!(told.contains("hello"), "{told}");
}

#[test]
fn of_a_request_that_is_not_made_once_more_its_server_hears() {
    let mut outbox = Outbox::new(1 << 20);
    let id = Id::Text("palisade-3".to_owned());
    let params = Json::object([("note", Json::text("swordfish-1"))]);
    let method = "elicitation/create".to_owned();
    outbox.send(None, &Message::Request { id: id.clone(), method, params }, OLD);
    assert!(!read(&mut outbox.listen(None, NEW).unwrap()).contains("swordfish"));
    assert_eq!(outbox.take_unasked(), [id]);
    assert!(outbox.take_unasked().is_empty());
}

const LARGE: usize = 512 << 10;

fn large() -> Message {
    notification(&"x".repeat(LARGE))
}

#[test]
fn a_client_that_does_not_read_has_so_many_bytes_wait_and_goes_on_from_there() {
    let mut outbox = Outbox::new(1 << 20);
    let (stream, mut events) = outbox.open(1);
    for _ in 0..20 {
        outbox.send(Some(stream), &large(), OLD);
    }
    let most = outbox.limit + MOST_UNREAD + 2 * LARGE;
    assert!(outbox.alive.bytes() < most, "{}", outbox.alive.bytes());
    let told = read(&mut events);
    assert!(!told.is_empty() && events.is_closed());
    let (last, _) = told.rsplit_once("\ndata: ").unwrap();
    let last = last.rsplit_once("id: ").unwrap().1.to_owned();
    let mut again = outbox.listen(Some(&last), OLD).unwrap();
    outbox.send(Some(stream), &notification("the last"), OLD);
    assert!(read(&mut again).contains("the last"));
}

#[test]
fn a_client_that_reads_is_sent_as_much_as_there_is() {
    let mut outbox = Outbox::new(1 << 20);
    let (stream, mut events) = outbox.open(1);
    // One event always waits.
    outbox.send(Some(stream), &large(), OLD);
    for _ in 0..20 {
        outbox.send(Some(stream), &large(), OLD);
        assert!(events.try_recv().is_ok());
    }
    assert!(!events.is_closed());
}

#[test]
fn all_streams_of_a_session_have_so_many_bytes_wait_and_no_more() {
    let mut outbox = Outbox::new(1 << 20);
    let mut readers = Vec::new();
    for _ in 0..80 {
        let (stream, events) = outbox.open(1);
        outbox.send(Some(stream), &large(), OLD);
        // Nothing more is to come by it, and what it has waits.
        outbox.done(stream);
        readers.push(events);
    }
    let most = outbox.limit + MOST_UNREAD_OF_ALL + 2 * LARGE;
    assert!(outbox.alive.bytes() < most, "{}", outbox.alive.bytes());
    readers.clear();
    assert!(outbox.alive.bytes() <= outbox.limit);
    let (stream, mut events) = outbox.open(1);
    outbox.send(Some(stream), &large(), OLD);
    assert!(!read(&mut events).is_empty());
}
