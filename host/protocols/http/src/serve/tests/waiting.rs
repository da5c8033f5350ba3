//! Requests that wait for a person.

use palisade_policy::Outcome;

use super::world::{With, World, ok, request};

fn granted() -> Option<Outcome> {
    Some(Outcome::Granted { by: vec!["boss".into()] })
}

#[tokio::test]
async fn a_held_request_runs_once_it_is_granted_while_its_client_waits() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    assert!(world.got().is_empty());
    world.desk.outcome.send_replace(granted());
    assert!(client.response().await.ends_with("hello"));
    assert_eq!(world.got().len(), 1);
    let recorded = world.recorded();
    assert!(recorded.contains("hold test.hold GET /held") && recorded.contains("granted"));
}

#[tokio::test]
async fn a_held_request_that_is_refused_reaches_nobody() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    let refused = Outcome::Refused { by: "boss".into(), reason: "no".into() };
    world.desk.outcome.send_replace(Some(refused));
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 403 ") && response.contains("refused by boss"));
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_withdraws_what_it_held() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    drop(client);
    while !world.recorded().contains("withdrawn") {
        tokio::task::yield_now().await;
    }
    world.desk.outcome.send_replace(granted());
    assert!(world.got().is_empty());
}

/// The place that a client is told to ask at.
fn location(response: &str) -> String {
    let line = response.lines().find(|line| line.to_lowercase().starts_with("location: "));
    line.unwrap().split_once(' ').unwrap().1.to_owned()
}

#[tokio::test]
async fn a_client_that_does_not_wait_asks_later_and_the_request_runs_once() {
    let world = World::new(With::default()).await;
    let response = world.ask("POST /c/api/held", "Prefer: respond-async\r\n", "").await;
    assert!(response.starts_with("HTTP/1.1 202 "), "{response}");
    assert!(response.contains("\"rule\":\"test.hold\""), "{response}");
    let place = location(&response);
    assert!(place.starts_with("/c/api/.palisade/requests/"), "{place}");
    let meanwhile = world.ask(&format!("GET {place}"), "", "").await;
    assert!(meanwhile.starts_with("HTTP/1.1 202 "), "{meanwhile}");
    assert!(world.got().is_empty());
    world.desk.outcome.send_replace(granted());
    let mut last = meanwhile;
    while last.starts_with("HTTP/1.1 202 ") {
        last = world.ask(&format!("GET {place}"), "", "").await;
    }
    assert!(last.starts_with("HTTP/1.1 200 ") && last.ends_with("hello"), "{last}");
    let again = world.ask(&format!("GET {place}"), "", "").await;
    assert!(again.starts_with("HTTP/1.1 404 "), "{again}");
    assert_eq!(world.got().len(), 1);
}

#[tokio::test]
async fn what_is_allowed_at_once_is_answered_at_once_whatever_is_preferred() {
    let world = World::new(With::default()).await;
    let response = world.ask("GET /c/api/a", "Prefer: respond-async\r\n", "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn what_came_into_force_while_a_request_waited_counts_for_its_response() {
    let script = |_: &str| ok("application/json", r#"{"password":"hunter2"}"#);
    let world = World::new(With { script, ..With::default() }).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    world.mask();
    world.desk.outcome.send_replace(granted());
    let response = client.response().await;
    assert!(response.ends_with(r#"{"password":"****"}"#), "{response}");
}
