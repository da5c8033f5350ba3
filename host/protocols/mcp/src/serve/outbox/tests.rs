use super::*;

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
