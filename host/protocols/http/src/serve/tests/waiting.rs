//! Requests that wait for a person.

use palisade_policy::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::world::{With, World, accept, ok, request};

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
    assert!(again.starts_with("HTTP/1.1 404 ") && again.contains("\"status\":404"), "{again}");
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

/// What became of a request, once that is decided.
async fn fetched(world: &World, place: &str) -> String {
    loop {
        let answer = world.ask(&format!("GET {place}"), "", "").await;
        if !answer.starts_with("HTTP/1.1 202 ") {
            return answer;
        }
    }
}

/// A request that its client does not wait for, allowed and on its way: its service's end, and where it is asked for.
async fn running(world: &World, listener: &TcpListener) -> (TcpStream, String) {
    let response = world.ask("POST /c/api/held", "Prefer: respond-async\r\n", "").await;
    world.desk.opened.notified().await;
    world.desk.outcome.send_replace(granted());
    let (stream, _) = accept(listener).await;
    world.desk.outcome.send_replace(None);
    (stream, location(&response))
}

#[tokio::test]
async fn what_runs_for_later_goes_on_where_its_session_ends_soon() {
    let (world, listener) = World::alone(With::default()).await;
    let (mut stream, _) = running(&world, &listener).await;
    let mut waiting = world.client().await;
    waiting.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    world.end("the token's time is over", false);
    // Who still waits is told so.
    assert!(waiting.response().await.starts_with("HTTP/1.1 401 "));
    stream.write_all(ok("text/plain", "done").as_bytes()).await.unwrap();
    let recorded = world.recorded_with("result 200 OK").await;
    assert!(recorded.contains("done"), "{recorded}");
}

#[tokio::test]
async fn what_waits_for_later_is_withdrawn_where_its_session_ends_soon() {
    let world = World::new(With::default()).await;
    world.ask("POST /c/api/held", "Prefer: respond-async\r\n", "").await;
    world.desk.opened.notified().await;
    world.end("the token's time is over", false);
    world.recorded_with("withdrawn").await;
    world.desk.outcome.send_replace(granted());
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn what_runs_for_later_is_cut_off_where_access_ends_at_once_and_that_is_on_record() {
    let (world, listener) = World::alone(With::default()).await;
    let (mut stream, _) = running(&world, &listener).await;
    world.end("revoked", true);
    let recorded = world.recorded_with("error 499").await;
    assert!(recorded.contains("the session ended before the service answered"), "{recorded}");
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn what_cannot_be_kept_for_later_is_on_record_as_what_its_client_is_told() {
    let mut with = With::default();
    with.options.response_limit = 3;
    let (world, listener) = World::alone(with).await;
    let (mut stream, place) = running(&world, &listener).await;
    stream.write_all(ok("text/plain", "long").as_bytes()).await.unwrap();
    world.recorded_with("error 502 the response is too long to be kept").await;
    let answer = fetched(&world, &place).await;
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("too long"), "{answer}");
}

#[tokio::test]
async fn what_is_kept_for_later_is_withheld_where_it_would_be_covered_otherwise_by_now() {
    let body = r#"{"password":"hunter2"}"#;
    let head = "HTTP/1.1 200 OK\r\nX-Password: hunter2\r\nContent-Length: 0\r\n\r\n";
    for answer in [ok("application/json", body), head.to_owned()] {
        let (world, listener) = World::alone(With::default()).await;
        let (mut stream, place) = running(&world, &listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        world.recorded_with("result 200 OK").await;
        world.mask();
        let answer = fetched(&world, &place).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(answer.contains("gateway.unmaskable") && !answer.contains("hunter2"), "{answer}");
        assert!(world.recorded().contains("error 502 "), "{}", world.recorded());
    }
}

#[tokio::test]
async fn what_is_kept_for_later_is_handed_out_where_new_policies_cover_it_alike() {
    let (world, listener) = World::alone(With { masks: true, ..With::default() }).await;
    let (mut stream, place) = running(&world, &listener).await;
    let body = r#"{"password":"hunter2"}"#;
    stream.write_all(ok("application/json", body).as_bytes()).await.unwrap();
    world.recorded_with("result 200 OK").await;
    world.mask();
    let answer = fetched(&world, &place).await;
    assert!(answer.ends_with(r#"{"password":"****"}"#), "{answer}");
}
