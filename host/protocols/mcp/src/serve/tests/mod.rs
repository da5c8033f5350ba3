mod breaks;
mod client;
mod stateless;
mod world;

use self::client::{Client, reading, whole};
use self::world::{Servers, World, serve};
use super::*;
use crate::conversation::Reverse;

#[tokio::test]
async fn a_call_goes_to_a_program_that_the_gateway_started_and_comes_back() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"say":"hello"}"#).await;
    assert!(told.contains(r#""text":"hello""#), "{told}");
    world.told.wait_for(r#"allow  tools/call test.say"#).await;
    world.told.wait_for("hello").await;
}

#[tokio::test]
async fn a_program_has_the_environment_that_was_given_to_it_and_its_secrets_do_not_come_back() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"environment"}"#).await;
    assert!(told.contains("API_KEY") && told.contains("********"), "{told}");
    assert!(!told.contains("s3cr3t") && !told.contains("HOME"), "{told}");
}

#[tokio::test]
async fn a_client_begins_no_more_sessions_than_it_may_have() {
    let world = World::new(Servers::Programs);
    for _ in 0..3 {
        Client::begun(&world).await;
    }
    let begin = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
    let client = Client::new(&world);
    assert_eq!(client.post(begin).await.status, 429);
    // More tokens of the same bearer's are no more sessions.
    let exchanged = Client { name: format!("{}#2", client.name), ..Client::new(&world) };
    assert_eq!(exchanged.post(begin).await.status, 429);
    // Others have their own.
    let other = Client { name: "other".to_owned(), ..Client::new(&world) };
    assert_eq!(other.post(begin).await.status, 200);
}

#[tokio::test]
async fn a_session_keeps_no_more_of_its_clients_capabilities_than_any_client_has() {
    let world = World::new(Servers::Programs);
    for (length, status) in [(100, 200), (20_000, 400)] {
        let roots = format!("{{\"roots\":{{\"x\":\"{}\"}}}}", "x".repeat(length));
        let begin = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"2025-06-18","capabilities":{roots}}}}}"#
        );
        assert_eq!(Client::new(&world).post(&begin).await.status, status, "{length}");
    }
}

#[tokio::test]
async fn a_denied_call_is_a_result_that_a_model_reads() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"say":"forbidden"}"#).await;
    assert!(told.contains(r#""isError":true"#) && told.contains("by-word"), "{told}");
}

#[tokio::test]
async fn a_held_call_waits_with_progress_and_goes_on_when_it_is_granted() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let (_, mut events) = client.call(r#"{"say":"risky"}"#).await;
    for _ in 0..3 {
        let (_, told) = events.next().await.unwrap();
        assert!(told.contains("notifications/progress") && told.contains("token-1"), "{told}");
        assert!(told.contains("approve h1"), "{told}");
    }
    world.grant.send_replace(true);
    let told = events.rest().await;
    assert!(told.contains(r#""text":"risky""#), "{told}");
}

#[tokio::test]
async fn a_held_call_whose_client_leaves_is_withdrawn() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let (_, events) = client.call(r#"{"say":"risky"}"#).await;
    world.told.wait_for("held").await;
    drop(events);
    world.told.wait_for("withdrawn").await;
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_its_server() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let events = client.cancelled().await;
    assert_eq!(events.rest().await, "");
    let told = client.called(r#"{"do":"cancelled"}"#).await;
    assert!(told.contains(r#""text":"cancelled""#), "{told}");
}

#[tokio::test]
async fn progress_comes_before_the_result_under_the_clients_token() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"progress"}"#).await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[1].contains("step 2") && lines[1].contains("token-1"), "{told}");
}

/// A client that left a call's stream behind its first event, whose id it has, and the server has answered since.
async fn broken_off(world: &World) -> (Client<'_>, String) {
    let mut client = Client::begun(world).await;
    let (_, mut events) = client.call(r#"{"do":"progress"}"#).await;
    let (first, _) = events.next().await.unwrap();
    drop(events);
    world.told.wait_for("result").await;
    (client, first)
}

#[tokio::test]
async fn a_stream_that_broke_off_is_gone_on_with_behind_the_last_event() {
    let world = World::new(Servers::Programs);
    let (client, first) = broken_off(&world).await;
    let told = client.listen(Some(&first)).await.rest().await;
    assert!(!told.contains("step 1") && told.contains("step 2"), "{told}");
    assert!(told.contains(r#""text":"done""#), "{told}");
    let reply = client.send(Method::GET, &[("last-event-id", "99-1")], "").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_stream_that_broke_off_is_not_gone_on_with_what_other_policies_masked() {
    let world = World::new(Servers::Programs);
    let (client, first) = broken_off(&world).await;
    world.swap();
    let told = client.listen(Some(&first)).await.rest().await;
    assert!(!told.contains("step 2") && !told.contains(r#""text":"done""#), "{told}");
    assert!(told.contains("withheld") && told.contains("gateway.mask"), "{told}");
}

#[tokio::test]
async fn what_belongs_to_no_request_goes_by_the_clients_own_stream_once() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    client.called(r#"{"do":"change"}"#).await;
    let (_, told) = client.listen(None).await.next().await.unwrap();
    assert!(told.contains("notifications/tools/list_changed"), "{told}");
    // It is held now, since its words are not what they were.
    let (_, mut events) = client.call(r#"{"say":"x"}"#).await;
    assert!(events.next().await.unwrap().1.contains("not what it was"));
    world.grant.send_replace(true);
    assert!(events.rest().await.contains(r#""text":"x""#));
    let (_, told) = client.listen(None).await.next().await.unwrap();
    assert!(told.contains("list_changed"), "the approval changes the list: {told}");
}

#[tokio::test]
async fn a_server_that_samples_gets_the_clients_answer_where_it_is_allowed() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let world = World::with(Servers::Programs, &["test"], allow);
    let mut client = Client::begun(&world).await;
    let (_, mut events) = client.call(r#"{"do":"sample"}"#).await;
    let (_, told) = events.next().await.unwrap();
    let id = told.split(r#""id":"#).nth(1).unwrap().split(',').next().unwrap();
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"role":"assistant","content":{{"type":"text","text":"well"}},"model":"m"}}}}"#
    );
    assert_eq!(client.post(&answer).await.status, 202);
    assert!(events.rest().await.contains("the model says well"));
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"sample"}"#).await;
    assert!(told.contains("does not allow servers sampling"), "{told}");
}

#[tokio::test]
async fn a_server_that_answers_twice_or_writes_junk_is_heard_once() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"twice"}"#).await;
    assert!(told.contains("one") && !told.contains("two"), "{told}");
    assert!(client.called(r#"{"do":"junk"}"#).await.contains("after junk"));
}

#[tokio::test]
async fn an_answer_that_has_two_readings_fails_its_call_by_name() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"garble"}"#).await;
    assert!(told.contains("gateway.server-message") && told.contains("a name twice"), "{told}");
    assert!(client.called(r#"{"say":"still there"}"#).await.contains("still there"));
}

#[tokio::test]
async fn a_session_whose_server_ends_is_over() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"end"}"#).await;
    assert!(told.contains("its program ended"), "{told}");
    world.told.wait_for("ended: its servers are gone").await;
    assert_eq!(client.post(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#).await.status, 404);
}

#[tokio::test]
async fn a_session_is_theirs_who_began_it() {
    let world = World::new(Servers::Programs);
    let client = Client::begun(&world).await;
    let other =
        Client { name: "other".to_owned(), session: client.session.clone(), ..Client::new(&world) };
    let ping = r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
    assert_eq!(other.post(ping).await.status, 404);
    assert_eq!(other.send(Method::DELETE, &[], "").await.status, 404);
    assert!(reading(client.post(ping).await).rest().await.contains(r#""result":{}"#));
    assert_eq!(client.send(Method::DELETE, &[], "").await.status, 204);
    world.told.wait_for("ended: the client ended it").await;
    assert_eq!(client.post(ping).await.status, 404);
}

#[tokio::test]
async fn what_is_no_request_of_a_session_is_refused() {
    let world = World::new(Servers::Programs);
    let client = Client::begun(&world).await;
    let ping = r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
    for (header, status) in [
        (("origin", "http://evil.example"), 403),
        (("content-type", "text/plain"), 415),
        (("content-type", "application/json; charset=utf-16"), 415),
        (("accept", "application/json"), 406),
        (("mcp-protocol-version", "2025-11-25"), 400),
        (("mcp-session-id", "00"), 404),
    ] {
        assert_eq!(client.send(Method::POST, &[header], ping).await.status, status, "{header:?}");
    }
    assert_eq!(client.send(Method::PUT, &[], ping).await.status, 405);
    for (body, status) in
        [("{", 400), ("[]", 400), (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, 400)]
    {
        assert_eq!(client.post(body).await.status, status, "{body}");
    }
    let batch = client.post(&format!("[{ping}]")).await;
    assert!(whole(&batch).contains("batch"), "{batch:?}");
    let without = Client::new(&world);
    assert_eq!(without.post(ping).await.status, 400);
}

#[tokio::test]
async fn a_client_of_a_newer_revision_is_told_which_there_are() {
    let world = World::new(Servers::Programs);
    let client = Client::new(&world);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let headers = [("mcp-protocol-version", "2027-01-01"), ("mcp-method", "server/discover")];
    let reply = client.send(Method::POST, &headers, body).await;
    let told = whole(&reply);
    for part in ["-32022", "2026-07-28", "2025-11-25"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn a_session_that_is_revoked_ends_at_once_and_one_that_is_over_finishes_first() {
    let world = World::new(Servers::Programs);
    let mut client = Client::begun(&world).await;
    let (_, mut events) = client.call(r#"{"do":"wait"}"#).await;
    events.next().await.unwrap();
    world.end(false);
    let refused = loop {
        let told = client.called(r#"{"say":"more"}"#).await;
        if told.contains("revoked") {
            break told;
        }
    };
    assert!(refused.contains("Get another."), "{refused}");
    world.end(true);
    assert!(events.rest().await.contains("revoked"));
    world.told.wait_for("ended: the token is revoked").await;
}

#[tokio::test]
async fn several_programs_are_offered_as_one() {
    let world = World::with(Servers::Programs, &["one", "two"], Reverse::default());
    let client = Client::begun(&world).await;
    let list = r#"{"jsonrpc":"2.0","id":9,"method":"tools/list"}"#;
    let told = reading(client.post(list).await).rest().await;
    assert!(told.contains("one__say") && told.contains("two__say"), "{told}");
    let read =
        r#"{"jsonrpc":"2.0","id":10,"method":"resources/read","params":{"uri":"two+file:///a"}}"#;
    let told = reading(client.post(read).await).rest().await;
    assert!(told.contains("two+file:///a") && told.contains("contents"), "{told}");
    world.told.wait_for("resources/read two.file:///a").await;
}

#[tokio::test]
async fn a_service_is_spoken_to_by_streamable_http_with_the_gateways_credential() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let behind = Arc::new(World::with(Servers::Programs, &["test"], allow));
    let port = serve(Arc::clone(&behind)).await;
    let world = World::with(Servers::Service(port), &["test"], allow);
    let mut client = Client::begun(&world).await;
    assert!(client.called(r#"{"say":"hello"}"#).await.contains("hello"));
    let told = client.called(r#"{"do":"progress"}"#).await;
    assert!(told.contains("step 2") && told.contains("token-2"), "{told}");
    // What the service says unasked comes by its own stream.
    client.called(r#"{"do":"change"}"#).await;
    let (_, told) = client.listen(None).await.next().await.unwrap();
    assert!(told.contains("list_changed"), "{told}");
    assert_eq!(client.send(Method::DELETE, &[], "").await.status, 204);
    behind.told.wait_for("ended: the client ended it").await;
}

#[tokio::test]
async fn a_services_answer_that_has_two_readings_fails_its_call_by_name() {
    let world = World::new(Servers::Service(breaks::service()));
    let mut client = Client::begun(&world).await;
    let told = client.called(r#"{"do":"garble"}"#).await;
    assert!(told.contains("gateway.server-message") && told.contains("a name twice"), "{told}");
    assert!(client.called("{}").await.contains("after all"));
}

#[tokio::test]
async fn a_service_whose_stream_breaks_off_is_asked_for_the_rest() {
    let world = World::new(Servers::Service(breaks::service()));
    let mut client = Client::begun(&world).await;
    let told = client.called("{}").await;
    assert!(told.contains("after all"), "{told}");
}

#[tokio::test]
async fn a_service_that_takes_no_cancelling_goes_on_with_its_other_calls() {
    let world = World::new(Servers::Service(breaks::service()));
    let mut client = Client::begun(&world).await;
    let (_, late) = client.call(r#"{"do":"late"}"#).await;
    assert_eq!(client.cancelled().await.rest().await, "");
    let told = late.rest().await;
    assert!(told.contains(r#""text":"late""#), "{told}");
    assert!(client.called("{}").await.contains("after all"));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_without_its_address() {
    let world = World::new(Servers::Service(1));
    let client = Client::new(&world);
    let begin = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let reply = client.post(begin).await;
    assert_eq!(reply.status, 502);
    assert!(whole(&reply).contains("no server of the connection can be used"));
    world.told.wait_for("ended:").await;
}
