//! What of a request reaches the service.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{SECRET, With, World, request};

#[tokio::test]
async fn an_allowed_request_reaches_the_service_with_the_gateways_credential_and_without_the_token()
{
    let world = World::new(With::default()).await;
    let response = world.ask("GET /c/api/v1/%69tems?a=1", "X-Own: 1\r\n", "").await;
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("hello"), "{response}");
    let got = world.got().join("").to_ascii_lowercase();
    assert!(got.starts_with("get /v1/items?a=1 http/1.1\r\n"), "{got}");
    assert!(got.contains(&format!("authorization: bearer {SECRET}")), "{got}");
    assert!(got.contains("x-own: 1") && got.contains("accept-encoding: identity"), "{got}");
    assert!(!got.contains("bearer token") && !got.contains("host: gateway"), "{got}");
    assert!(world.recorded().contains("allow  GET /v1/items?a=1"), "{}", world.recorded());
    assert!(!world.recorded().contains(SECRET));
}

#[tokio::test]
async fn a_token_of_its_own_header_leaves_the_authorization_to_the_service() {
    let with = With { credential: crate::Credential::None, ..With::default() };
    let world = World::new(with).await;
    let mut client = world.client().await;
    client
        .send("GET /c/api/ HTTP/1.1\r\nHost: g\r\nPalisade-Token: token\r\nAuthorization: Basic eA==\r\n\r\n")
        .await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 "));
    let got = world.got().join("").to_ascii_lowercase();
    assert!(got.contains("authorization: basic eA==".to_ascii_lowercase().as_str()), "{got}");
    assert!(!got.contains("palisade-token"), "{got}");
}

#[tokio::test]
async fn a_denied_request_reaches_nobody_and_its_client_reads_why() {
    let world = World::new(With::default()).await;
    let response = world.ask("GET /c/api/forbidden", "", "").await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    assert!(response.to_lowercase().contains("content-type: application/problem+json"));
    for part in ["\"detail\":\"not that\"", "\"rule\":\"test.word\"", "\"session\":\"s1\""] {
        assert!(response.contains(part), "{part}: {response}");
    }
    assert!(world.got().is_empty());
    assert!(world.recorded().contains("deny test.word GET /forbidden"));
}

#[tokio::test]
async fn who_is_nobody_is_told_the_same_for_every_cause() {
    let world = World::new(With::default()).await;
    let mut bodies = Vec::new();
    for head in [
        "GET /c/api/ HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET /c/api/ HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer wrong\r\n\r\n",
        "GET /c/other/ HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
        "GET /elsewhere HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
    ] {
        let mut client = world.client().await;
        client.send(head).await;
        let response = client.response().await;
        assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
        assert!(response.to_lowercase().contains("www-authenticate: bearer"), "{response}");
        bodies.push(response.split_once("\r\n\r\n").unwrap().1.to_owned());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn a_long_body_is_sent_as_it_was_judged_byte_for_byte() {
    let world = World::new(With::default()).await;
    let body = format!("{{\"text\" : \"{}\"}}", "x".repeat(300_000));
    let json = "Content-Type: application/json\r\n";
    let response = world.ask("POST /c/api/a", json, &body).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(world.got()[0].ends_with(&body));
    assert!(world.recorded().contains("allow  POST /a"));
}

#[tokio::test]
async fn a_body_in_chunks_is_judged_and_sent_with_its_length() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let body = "6\r\n{\"a\":1\r\n1\r\n}\r\n0\r\n\r\n";
    client.send(&format!("{}{body}", request("POST /c/api/a", headers, ""))).await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 "));
    let got = world.got().join("").to_ascii_lowercase();
    assert!(got.contains("content-length: 7") && !got.contains("transfer-encoding"), "{got}");
    assert!(got.ends_with("{\"a\":1}"), "{got}");
}

#[tokio::test]
async fn a_forbidden_word_in_a_body_is_found_wherever_it_is_cut() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    client.send(&request("POST /c/api/a", headers, "")).await;
    client.send("9\r\n{\"a\":\"for\r\n").await;
    client.send("8\r\nbidden\"}\r\n0\r\n\r\n").await;
    assert!(client.response().await.starts_with("HTTP/1.1 403 "));
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn a_body_that_cannot_be_judged_or_is_too_long_is_refused_and_recorded() {
    let mut with = With::default();
    with.options.body_limit = 100;
    let world = World::new(with).await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    for (kind, body, status) in [
        ("application/json", "{\"a\":1,\"a\":2}", 400),
        ("application/json; charset=utf-16", "{}", 415),
        ("application/json", long.as_str(), 413),
    ] {
        let header = format!("Content-Type: {kind}\r\n");
        let response = world.ask("POST /c/api/a", &header, body).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    }
    assert!(world.got().is_empty());
    assert_eq!(world.recorded().matches("deny gateway.body").count(), 3, "{}", world.recorded());
}

#[tokio::test]
async fn a_query_whose_names_servers_could_decode_otherwise_is_refused_whatever_the_body() {
    let world = World::new(With::default()).await;
    let utf_7 = "Content-Type: text/plain; charset=utf-7\r\n";
    for (line, headers, body) in [
        ("GET /c/api/a?%2BAHI-ole=admin", utf_7, ""),
        ("POST /c/api/a?%2BAHI-ole=admin", utf_7, "text"),
        ("GET /c/api/a?_charset_=utf-7&%2BAHI-ole=admin", "", ""),
    ] {
        let response = world.ask(line, headers, body).await;
        assert!(response.starts_with("HTTP/1.1 415 "), "{response}");
    }
    assert!(world.got().is_empty());
    let plain = "Content-Type: text/plain; charset=iso-8859-1\r\n";
    let response = world.ask("GET /c/api/a?_charset_=utf-8", plain, "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn a_query_that_names_another_method_is_refused_however_it_is_written() {
    let world = World::new(With::default()).await;
    // PHP cuts blanks off in front, and puts an underscore for a dot.
    for name in ["_method", "+_method", ".method", "[_method]", "role%C5%BF"] {
        let response = world.ask(&format!("POST /c/api/a?{name}=DELETE"), "", "").await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{name}: {response}");
    }
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn a_body_that_names_more_than_is_told_is_refused_and_its_names_are_on_no_record() {
    let mut with = With::default();
    with.options.body_limit = 1 << 20;
    let world = World::new(with).await;
    let inner: Vec<String> = (0..77_500).map(|number| format!("\"{number:x}\":0")).collect();
    let body = format!("{{\"{}\":{{{}}}}}", "x".repeat(2500), inner.join(","));
    let header = "Content-Type: application/json\r\n";
    let response = world.ask("POST /c/api/a", header, &body).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    assert!(response.contains("application/problem+json"), "{response}");
    assert!(response.contains("names more than is told"), "{response}");
    assert!(world.got().is_empty());
    let recorded = world.recorded();
    assert!(recorded.contains("deny gateway.body-limit POST /a"), "{recorded}");
    assert!(recorded.len() < 2000, "{}", recorded.len());
}

#[tokio::test]
async fn a_body_that_nobody_reads_streams_through() {
    let world = World::new(With::default()).await;
    let header = "Content-Type: application/octet-stream\r\nExpect: 100-continue\r\n";
    let mut client = world.client().await;
    let whole = request("PUT /c/api/file", header, &"x".repeat(200_000));
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    client.send(&format!("{head}\r\n\r\n")).await;
    let told = client.some().await.unwrap();
    assert!(told.starts_with("HTTP/1.1 100 "), "{told}");
    client.send(body).await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 "));
    let got = world.got().join("");
    assert!(got.to_lowercase().contains("content-length: 200000"));
    assert!(got.ends_with(&"x".repeat(200_000)));
}

#[tokio::test]
async fn a_service_that_refuses_an_upload_before_its_end_is_heard() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    let header = "Content-Type: application/octet-stream\r\n";
    client.send(&request("PUT /c/api/file", header, &"x".repeat(100))).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = [0; 64];
    stream.read_exact(&mut bytes).await.unwrap();
    let answer =
        b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch";
    stream.write_all(answer).await.unwrap();
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 413 ") && response.ends_with("much"), "{response}");
}

#[tokio::test]
async fn a_rewritten_request_is_the_one_that_is_sent() {
    let world = World::new(With::default()).await;
    world.ask("GET /c/api/old?a=1", "", "").await;
    assert!(world.got()[0].starts_with("GET /new?a=1 "), "{:?}", world.got());
}

#[tokio::test]
async fn who_only_reads_sends_nothing_that_could_write() {
    let world = World::new(With { read_only: true, ..With::default() }).await;
    assert!(world.ask("GET /c/api/a", "", "").await.starts_with("HTTP/1.1 200 "));
    for method in ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"] {
        let response = world.ask(&format!("{method} /c/api/a"), "", "").await;
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
        assert!(response.contains("gateway.read-only"), "{response}");
    }
    assert_eq!(world.got().len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_recorded() {
    let world = World::new(With::default()).await;
    *world.record.broken.lock().unwrap() = true;
    let response = world.ask("GET /c/api/a", "", "").await;
    assert!(response.starts_with("HTTP/1.1 403 ") && response.contains("gateway.record"));
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn connections_are_kept_on_both_sides_and_one_session_holds_them_together() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    for path in ["/c/api/1", "/c/api/2"] {
        client.send(&request(&format!("GET {path}"), "", "")).await;
        assert!(client.response().await.ends_with("hello"));
    }
    world.ask("GET /c/api/3", "", "").await;
    assert_eq!(world.got().len(), 3);
    assert_eq!(*world.connections.lock().unwrap(), 1);
    assert_eq!(world.events(), "opened");
}

#[tokio::test]
async fn a_session_whose_time_is_over_answers_nothing_more() {
    let world = World::new(With::default()).await;
    world.ask("GET /c/api/1", "", "").await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    world.end("the token was revoked", false);
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
    assert!(response.contains("the token was revoked"), "{response}");
    while !world.events().contains("ended: the token was revoked") {
        tokio::task::yield_now().await;
    }
    assert!(world.recorded().contains("withdrawn"), "{}", world.recorded());
}

#[tokio::test]
async fn a_request_that_is_not_whole_when_its_session_ends_reaches_nobody() {
    let world = World::new(With::default()).await;
    let headers = "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n";
    let mut client = world.client().await;
    client.send(&request("POST /c/api/1", headers, "")).await;
    // It is let in, and its body is waited for.
    let goes_on = client.some().await.unwrap();
    assert!(goes_on.starts_with("HTTP/1.1 100 "), "{goes_on}");
    world.end("access to this connection was withdrawn", false);
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
    assert!(response.contains("access to this connection was withdrawn"), "{response}");
    client.send("{}").await;
    assert!(client.some().await.is_none());
    assert_eq!((world.recorded().as_str(), world.got().len()), ("", 0));
}

#[tokio::test]
async fn a_session_that_ends_as_it_opens_is_opened_once() {
    let world = World::new(With::default()).await;
    world.door.ends.send_replace(Some(palisade_policy::Ending::stopping()));
    let response = world.ask("GET /c/api/1", "", "").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("the gateway is stopping"), "{response}");
    assert_eq!(world.events().matches("opened").count(), 1, "{}", world.events());
}

#[tokio::test]
async fn what_is_under_way_ends_with_its_session_where_that_ends_at_once() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/1", "", "")).await;
    let (_service, _) = super::world::accept(&listener).await;
    world.end("the session's time is over", false);
    world.end("the token was revoked", true);
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
}

#[tokio::test]
async fn a_session_ends_when_nothing_was_asked_for_a_while_and_with_the_gateway() {
    let mut with = With::default();
    with.options.idle_time = std::time::Duration::from_millis(10);
    let world = World::new(with).await;
    world.ask("GET /c/api/1", "", "").await;
    while !world.events().contains("ended: no request came for a while") {
        tokio::task::yield_now().await;
    }
    let world = World::new(With::default()).await;
    world.ask("GET /c/api/1", "", "").await;
    world.door.ends.send_replace(Some(palisade_policy::Ending::stopping()));
    while !world.events().contains("ended: the gateway is stopping") {
        tokio::task::yield_now().await;
    }
}
