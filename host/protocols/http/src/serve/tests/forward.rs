//! The forward proxy, byte by byte. Its service speaks in clear, so that tunnels can be looked into.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_policy::Outcome;

use super::super::sessions::MOST_TUNNELS;
use super::world::{Client, SECRET, With, World, ok, request};

/// A login of the proxy, as a header.
fn login(user: &str, token: &str) -> String {
    format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{token}")))
}

fn connect(target: &str, headers: &str) -> String {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n")
}

/// What is asked and answered to the end of the connection.
async fn ask(world: &World, bytes: &str) -> String {
    let mut client = world.proxied().await;
    client.send(bytes).await;
    let mut text = String::new();
    while let Some(more) = client.some().await {
        text.push_str(&more);
    }
    text
}

/// A tunnel to the service.
async fn tunnel(world: &World) -> Client {
    let mut client = world.proxied().await;
    client.send(&connect(&place(world), &login("api", "token"))).await;
    let answer = client.response().await;
    assert!(answer.starts_with("HTTP/1.1 200 Connection Established\r\n"), "{answer}");
    client
}

fn place(world: &World) -> String {
    format!("127.0.0.1:{}", world.service)
}

/// A request as it is made within a tunnel.
fn inner(world: &World, line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", place(world))
}

#[tokio::test]
async fn what_is_asked_by_a_tunnel_is_judged_recorded_and_gets_the_gateways_credential() {
    let world = World::new(With::default()).await;
    let mut client = tunnel(&world).await;
    let own =
        "Palisade-Token: token\r\nProxy-Authorization: Basic x\r\nAuthorization: Bearer token\r\n";
    client.send(&inner(&world, "GET /v1/a?b=1", own)).await;
    assert!(client.response().await.ends_with("hello"));
    client.send(&inner(&world, "GET /forbidden", "")).await;
    let denied = client.response().await;
    assert!(denied.starts_with("HTTP/1.1 403 ") && denied.contains("test.word"), "{denied}");
    let got = world.got();
    assert_eq!(got.len(), 1, "{got:?}");
    let text = got[0].to_lowercase();
    assert!(text.starts_with("get /v1/a?b=1 ") && text.contains(SECRET), "{text}");
    assert!(!text.contains("token") && !text.contains("proxy-"), "{text}");
    let recorded = world.recorded();
    assert!(
        recorded.contains("allow  GET /v1/a") && recorded.contains("deny test.word"),
        "{recorded}"
    );
    assert_eq!(world.events(), "opened");
}

#[tokio::test]
async fn an_absolute_target_is_a_request_to_the_service_and_its_token_goes_no_further() {
    let world = World::new(With::default()).await;
    let line = format!("GET http://{}/v1/a HTTP/1.1\r\nHost: {0}\r\n", place(&world));
    let mut client = world.proxied().await;
    for user in ["api", "*", ""] {
        client.send(&format!("{line}{}\r\n", login(user, "token"))).await;
        assert!(client.response().await.ends_with("hello"), "{user}");
    }
    for got in world.got() {
        assert!(got.starts_with("GET /v1/a ") && !got.to_lowercase().contains("proxy-"), "{got}");
    }
    assert_eq!(world.got().len(), 3);
}

#[tokio::test]
async fn where_a_service_redirects_to_is_told_as_its_client_knows_it() {
    let script =
        |_: &str| "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n".to_owned();
    let world = World::new(With { script, ..With::default() }).await;
    let mut client = tunnel(&world).await;
    client.send(&inner(&world, "GET /a", "")).await;
    assert!(client.response().await.to_lowercase().contains("\r\nlocation: /next\r\n"));
}

#[tokio::test]
async fn any_other_address_than_the_connections_is_refused_and_recorded() {
    let world = World::new(With::default()).await;
    let (gateway, port) = (world.gateway.to_string(), world.service);
    for target in [
        gateway.as_str(),
        &world.proxy.to_string(),
        &format!("localhost:{port}"),
        &format!("127.0.0.1.evil.example:{port}"),
        &format!("[::ffff:127.0.0.1]:{port}"),
        "127.0.0.1:1",
        "169.254.169.254:80",
    ] {
        let answer = ask(&world, &connect(target, &login("api", "token"))).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
        let leads = format!("`api` leads to http://127.0.0.1:{port}, and this asks for");
        assert!(answer.contains(&leads), "{target}: {answer}");
        let target = format!("GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\n");
        let answer = ask(&world, &format!("{target}{}\r\n", login("api", "token"))).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
    }
    assert_eq!(*world.connections.lock().unwrap(), 0);
    let recorded = world.recorded();
    assert!(recorded.contains("deny gateway.proxy-address CONNECT 127.0.0.1:1"), "{recorded}");
}

#[tokio::test]
async fn who_is_not_let_in_learns_nothing_of_where_connections_lead() {
    let world = World::new(With::default()).await;
    let (place, mut answers) = (place(&world), vec![]);
    for headers in [
        String::new(),
        login("api", "wrong"),
        login("other", "token"),
        login("*", "wrong"),
        "Proxy-Authorization: Bearer token\r\n".to_owned(),
        "Authorization: Bearer token\r\n".to_owned(),
    ] {
        for target in [place.as_str(), "127.0.0.1:1"] {
            answers.push(ask(&world, &connect(target, &headers)).await);
        }
    }
    for answer in &answers {
        assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
        assert!(answer.contains("proxy-authenticate: Basic realm="), "{answer}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let line =
        format!("GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    assert!(ask(&world, &line).await.starts_with("HTTP/1.1 407 "));
}

#[tokio::test]
async fn a_client_that_names_no_connection_gets_the_one_that_is_there() {
    let world = World::new(With::default()).await;
    let mut client = world.proxied().await;
    client.send(&connect(&place(&world), &login("*", "token"))).await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 "));
    let answer = ask(&world, &connect("127.0.0.1:1", &login("*", "token"))).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("leads to 127.0.0.1:1"));
    let world = World::new(With { there: vec!["api", "again"], ..With::default() }).await;
    let answer = ask(&world, &connect(&place(&world), &login("*", "token"))).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("api, again"), "{answer}");
}

#[tokio::test]
async fn requests_of_one_form_are_never_taken_for_those_of_another() {
    let world = World::new(With::default()).await;
    let place = place(&world);
    let with = login("api", "token");
    for bytes in [
        request("GET /c/api/a", "", ""),
        request("GET /c/api/a", &with, ""),
        request(&format!("GET https://{place}/"), &with, ""),
        request(&format!("GET ftp://{place}/"), &with, ""),
        request("OPTIONS *", &with, ""),
        format!("GET http://{place}/ HTTP/1.1\r\nHost: other\r\n{with}\r\n"),
        format!("GET http://{place}/ HTTP/1.1\r\n{with}\r\n"),
        format!("GET http://{place}/ HTTP/1.0\r\nHost: {place}\r\n{with}\r\n"),
        format!("GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n{with}{with}\r\n"),
        format!("GET http://api@{place}/ HTTP/1.1\r\nHost: api@{place}\r\n{with}\r\n"),
        format!("GET http://{place}/../x HTTP/1.1\r\nHost: {place}\r\n{with}\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        connect(&place, &format!("{with}{with}")),
        connect(&place, &format!("{with}Content-Length: 4\r\n")),
        connect("/c/api/a", &with),
        format!("CONNECT {place} HTTP/1.1\r\nHost: other:1\r\n{with}\r\n"),
    ] {
        let answer = ask(&world, &bytes).await;
        let refused = answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 505 ");
        assert!((refused || answer.is_empty()) && !answer.contains("407"), "{bytes}: {answer}");
    }
    // And the gateway's own listener is no proxy.
    for bytes in [
        connect(&place, &with),
        format!("GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n{with}\r\n"),
        request("GET http://gateway/c/api/a", "", ""),
    ] {
        let mut client = world.client().await;
        client.send(&bytes).await;
        assert!(client.response().await.starts_with("HTTP/1.1 4"), "{bytes}");
    }
    assert!(world.got().is_empty(), "{:?}", world.got());
}

#[tokio::test]
async fn what_follows_a_request_for_a_tunnel_before_its_answer_is_in_no_tunnel() {
    let world = World::new(With::default()).await;
    let hidden = inner(&world, "GET /hidden", "");
    let asked = connect(&place(&world), &login("api", "token"));
    let answer = ask(&world, &format!("{asked}{hidden}")).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("follows"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(world.got().is_empty() && !world.events().contains("opened"));
}

#[tokio::test]
async fn a_head_without_end_is_given_up_and_a_long_login_is_not() {
    let world = World::new(With::default()).await;
    let endless = format!("CONNECT a:1 HTTP/1.1\r\nX: {}", "x".repeat(70_000));
    assert!(ask(&world, &endless).await.starts_with("HTTP/1.1 431 "));
    let long = connect(&place(&world), &login("api", &"t".repeat(30_000)));
    assert!(ask(&world, &long).await.starts_with("HTTP/1.1 407 "));
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_read_the_same() {
    let world = World::new(With::default()).await;
    let mut client = world.proxied().await;
    for byte in connect(&place(&world), &login("api", "token")).chars() {
        client.send(&byte.to_string()).await;
    }
    assert!(client.response().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn another_host_within_a_tunnel_is_misdirected_whatever_its_path_says() {
    let world = World::new(With::default()).await;
    for host in ["other", "127.0.0.1", "127.0.0.1:1", "gateway", "localhost"] {
        let mut client = tunnel(&world).await;
        client.send(&format!("GET /c/api/a HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let answer = client.response().await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{host}: {answer}");
    }
    assert!(world.got().is_empty() && world.recorded().contains("deny gateway.proxy-address GET"));
}

#[tokio::test]
async fn no_tunnel_leads_out_of_a_tunnel() {
    let world = World::new(With::default()).await;
    let with = login("api", "token");
    let place = place(&world);
    for bytes in [
        connect(&place, &with),
        connect("127.0.0.1:1", &with),
        format!("GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n{with}\r\n"),
        inner(&world, "GET *", ""),
    ] {
        let mut client = tunnel(&world).await;
        client.send(&bytes).await;
        assert!(client.response().await.starts_with("HTTP/1.1 4"), "{bytes}");
    }
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn a_path_within_a_tunnel_is_the_services_own() {
    let world = World::new(With::default()).await;
    let mut client = tunnel(&world).await;
    client.send(&inner(&world, "GET /c/other/a", "")).await;
    assert!(client.response().await.ends_with("hello"));
    assert!(world.got()[0].starts_with("GET /c/other/a "), "{:?}", world.got());
}

#[tokio::test]
async fn a_tunnel_ends_with_its_session() {
    for at_once in [true, false] {
        let world = World::new(With::default()).await;
        let mut client = tunnel(&world).await;
        client.send(&inner(&world, "GET /a", "")).await;
        assert!(client.response().await.ends_with("hello"));
        world.end("the token was revoked", at_once);
        assert_eq!(client.some().await, None, "at once: {at_once}");
        assert!(world.events().ends_with("ended: the token was revoked"), "{}", world.events());
    }
}

#[tokio::test]
async fn a_session_has_so_many_tunnels_and_no_more_until_one_is_closed() {
    let world = World::new(With::default()).await;
    let mut tunnels = vec![];
    for _ in 0..MOST_TUNNELS {
        tunnels.push(tunnel(&world).await);
    }
    let asked = connect(&place(&world), &login("api", "token"));
    assert!(ask(&world, &asked).await.starts_with("HTTP/1.1 429 "));
    let mut last = tunnels.pop().unwrap();
    // Whoever hears the end of it knows that its place is free.
    last.send(&inner(&world, "GET /a", "Connection: close\r\n")).await;
    while last.some().await.is_some() {}
    while !ask_open(&world, &asked).await {}
}

/// Whether a tunnel opens.
async fn ask_open(world: &World, asked: &str) -> bool {
    let mut client = world.proxied().await;
    client.send(asked).await;
    client.some().await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

#[tokio::test]
async fn a_tunnel_ends_with_the_gateway() {
    let world = World::new(With::default()).await;
    let mut client = tunnel(&world).await;
    world.stop.send_replace(true);
    assert_eq!(client.some().await, None);
}

#[tokio::test]
async fn a_websocket_opens_by_a_tunnel_and_its_messages_are_judged() {
    let script = |_: &str| {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .to_owned()
    };
    let world = World::new(With { script, ..With::default() }).await;
    let mut client = tunnel(&world).await;
    let ask = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    client.send(&inner(&world, "GET /ws", ask)).await;
    assert!(client.some().await.unwrap().starts_with("HTTP/1.1 101 "));
    // A whole message of text, masked by zeros (RFC 6455 section 5.2).
    client.send_bytes(b"\x81\x89\0\0\0\0forbidden").await;
    let recorded = world.recorded_with("deny test.word").await;
    assert!(recorded.contains("forbidden"), "{recorded}");
}

/// Bytes that are no HTTP, each way.
async fn spoken(client: &mut Client) {
    client.send("\r\n\r\nnonsense").await;
    assert_eq!(client.some().await.as_deref(), Some("and back"));
}

#[tokio::test]
async fn a_blind_tunnel_carries_what_it_does_not_read_and_says_so() {
    let script = |_: &str| "and back".to_owned();
    let world = World::new(With { blind: true, script, ..With::default() }).await;
    let mut client = tunnel(&world).await;
    spoken(&mut client).await;
    drop(client);
    let recorded = world.recorded_with("result").await;
    assert!(recorded.contains("allow  CONNECT 127.0.0.1:"), "{recorded}");
    assert!(
        recorded.contains("result blind tunnel: 12 bytes in, 8 bytes out, unread"),
        "{recorded}"
    );
    assert!(world.events().contains("blind"));
    assert!(!world.got().join("").contains(SECRET));
}

#[tokio::test]
async fn a_blind_tunnel_is_not_for_who_only_reads_nor_where_something_is_masked() {
    for (with, rule) in [
        (With { blind: true, read_only: true, ..With::default() }, "gateway.read-only"),
        (With { blind: true, masks: true, ..With::default() }, "gateway.tunnel-unmaskable"),
    ] {
        let world = World::new(with).await;
        let answer = ask(&world, &connect(&place(&world), &login("api", "token"))).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(rule), "{answer}");
        assert_eq!(*world.connections.lock().unwrap(), 0);
        assert!(world.recorded().contains(&format!("deny {rule} CONNECT")));
    }
}

#[tokio::test]
async fn a_blind_tunnel_ends_with_its_session_in_the_midst_of_it() {
    for at_once in [true, false] {
        let script = |_: &str| "and back".to_owned();
        let world = World::new(With { blind: true, script, ..With::default() }).await;
        let mut client = tunnel(&world).await;
        spoken(&mut client).await;
        world.end("the token's time is over", at_once);
        assert_eq!(client.some().await, None);
    }
}

#[tokio::test]
async fn a_blind_connection_is_judged_as_ever_where_it_is_no_tunnel() {
    let script = |_: &str| ok("text/plain", "hello");
    let world = World::new(With { blind: true, script, ..With::default() }).await;
    assert!(world.ask("GET /c/api/forbidden", "", "").await.contains("test.word"));
    assert!(world.ask("GET /c/api/a", "", "").await.ends_with("hello"));
}

#[tokio::test]
async fn a_request_by_a_tunnel_is_held_as_any_other() {
    let world = World::new(With::default()).await;
    let mut client = tunnel(&world).await;
    client.send(&inner(&world, "GET /held", "")).await;
    world.desk.opened.notified().await;
    assert!(world.got().is_empty());
    world.desk.outcome.send_replace(Some(Outcome::Granted { by: vec!["ann".into()] }));
    assert!(client.response().await.ends_with("hello"));
}
