//! What of a response reaches the client.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::world::{Client, SECRET, With, World, accept, ok, request};

fn masking(script: super::world::Script) -> With {
    With { script, masks: true, ..With::default() }
}

#[tokio::test]
async fn keys_and_secrets_in_json_are_covered_and_recorded_covered() {
    let world = World::new(masking(|_| {
        ok(
            "application/json",
            r#"{"user":{"Password":"hunter2","note":"AKIAIOSFODNN7EXAMPLE"},"n":1}"#,
        )
    }));
    let world = world.await;
    let response = world.ask("GET /c/api/a", "", "").await;
    assert!(response.contains(r#""Password":"****""#), "{response}");
    assert!(!response.contains("AKIA") && response.contains("\"n\":1"), "{response}");
    assert!(!world.recorded().contains("hunter2") && !world.recorded().contains("AKIA"));
    assert!(world.recorded().contains("result 200 OK"), "{}", world.recorded());
}

#[tokio::test]
async fn what_cannot_be_masked_is_withheld() {
    for script in [
        (|_: &str| ok("application/json", "{\"a\":1} garbage")) as super::world::Script,
        |_| ok("application/octet-stream", "\u{1}\u{2}"),
        |_| ok("application/xml", "<password>hunter2</password>"),
        |_| ok("application/json", "{\"password\":1,\"password\":2}"),
        |_| ok("application/json", "{\"a\":\"\\ud800\"}"),
        |_| ok("text/plain; charset=utf-16", "A\0K\0I\0A\0"),
        |_| ok("text/plain", "A\0K\0I\0A\0"),
        |_| ok("text/plain\r\nContent-Type: application/json", "{\"password\":\"hunter2\"}"),
        |_| {
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"
                .into()
        },
    ] {
        let world = World::new(masking(script)).await;
        let response = world.ask("GET /c/api/a", "", "").await;
        assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
        assert!(response.contains("gateway.unmaskable"), "{response}");
        assert!(world.recorded().contains("error 502"), "{}", world.recorded());
    }
}

#[tokio::test]
async fn what_a_service_compresses_unasked_is_masked_and_goes_on_plain() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, br#"{"password":"hunter2","n":1}"#).unwrap();
    let body = gzip.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = accept(&listener).await;
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
                 ETag: \"1\"\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    for (masks, body) in
        [(true, r#"{"password":"****","n":1}"#), (false, r#"{"password":"hunter2","n":1}"#)]
    {
        let with = With { masks, ..With::default() };
        let world = World::before(port, with, Default::default(), Default::default()).await;
        let response = world.ask("GET /c/api/a", "", "").await.to_lowercase();
        assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{response}");
        assert!(response.contains(&format!("content-length: {}", body.len())), "{response}");
        assert!(
            !response.contains("content-encoding") && !response.contains("etag: \"1\""),
            "{response}"
        );
    }
}

#[tokio::test]
async fn a_response_that_is_too_long_to_be_masked_is_withheld() {
    let mut with = masking(|_| ok("text/plain", &"x".repeat(5000)));
    with.options.response_limit = 1000;
    let world = World::new(with).await;
    assert!(world.ask("GET /c/api/a", "", "").await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_long_response_is_masked_as_it_comes_and_cut_off_where_it_cannot_be_read() {
    let rows = |end: &str| {
        let row = r#"{"id":1,"password":"hunter2","note":"nothing to see"},"#;
        format!("[{}{end}", row.repeat(20_000))
    };
    let (good, bad) = (rows("{}]"), rows("{\"a\":\"\\ud800\"},{\"late\":1}]"));
    for (body, is_good) in [(good, true), (bad, false)] {
        let with = masking(|_| String::new());
        let (world, listener) = World::alone(with).await;
        let mut client = world.client().await;
        client.send(&request("GET /c/api/a", "Connection: close\r\n", "")).await;
        let (mut stream, _) = accept(&listener).await;
        let answer = ok("application/json", &body);
        tokio::spawn(async move { stream.write_all(answer.as_bytes()).await });
        let mut text = String::new();
        while let Some(more) = client.some().await {
            text.push_str(&more);
        }
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(r#""password":"****""#));
        assert!(!text.contains("hunter2") && !text.contains("late"));
        assert_eq!(text.ends_with("0\r\n\r\n"), is_good);
        assert_eq!(world.recorded().contains("broke off"), !is_good, "{}", world.recorded().len());
    }
}

#[tokio::test]
async fn events_are_masked_one_by_one_as_they_come() {
    let with = masking(|_| String::new());
    let (world, listener) = World::alone(with).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/events", "", "")).await;
    let (mut stream, _) = accept(&listener).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    for (event, shown) in [
        ("data: {\"password\":\"hunter2\",\"n\":1}\n\n", "data: {\"password\":\"****\",\"n\":1}"),
        ("data: {\"n\":2}\n\n", "data: {\"n\":2}"),
    ] {
        stream.write_all(event.as_bytes()).await.unwrap();
        while !text.contains(shown) {
            text.push_str(&client.some().await.unwrap());
        }
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_range_is_not_asked_for_where_something_is_masked() {
    let world = World::new(masking(|_| ok("text/plain", "x"))).await;
    world.ask("GET /c/api/a", "Range: bytes=3-5\r\n", "").await;
    assert!(!world.got()[0].to_lowercase().contains("range"), "{:?}", world.got());
    let world = World::new(With::default()).await;
    world.ask("GET /c/api/a", "Range: bytes=3-5\r\n", "").await;
    assert!(world.got()[0].to_lowercase().contains("range: bytes=3-5"));
}

#[tokio::test]
async fn a_credential_that_the_service_repeats_is_covered() {
    let world = World::new(With {
        script: |request| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Debug: ";
            let sent =
                request.lines().find(|line| line.to_lowercase().starts_with("auth")).unwrap();
            format!("{head}{sent}\r\nContent-Length: {}\r\n\r\n{sent}", sent.len())
        },
        ..With::default()
    });
    let world = world.await;
    let response = world.ask("GET /c/api/a", "", "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(!response.contains(SECRET) && response.contains("Bearer ****"), "{response}");
    assert!(!world.recorded().contains(SECRET), "{}", world.recorded());
}

#[tokio::test]
async fn secrets_in_headers_are_covered() {
    let world = World::new(masking(|_| {
        "HTTP/1.1 200 OK\r\nX-Key: AKIAIOSFODNN7EXAMPLE\r\nContent-Length: 0\r\n\r\n".into()
    }));
    let response = world.await.ask("GET /c/api/a", "", "").await;
    assert!(response.starts_with("HTTP/1.1 200 ") && !response.contains("AKIA"), "{response}");
}

#[tokio::test]
async fn a_redirect_stays_with_the_gateway_or_is_withheld() {
    let world = World::new(With {
        script: |request| {
            let place = if request.starts_with("GET /in") { "/v2" } else { "//evil.example/" };
            format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
        },
        ..With::default()
    });
    let world = world.await;
    let response = world.ask("GET /c/api/in", "", "").await.to_lowercase();
    assert!(response.contains("location: /c/api/v2\r\n"), "{response}");
    let response = world.ask("GET /c/api/out", "", "").await;
    assert!(response.starts_with("HTTP/1.1 502 ") && response.contains("gateway.redirect"));
}

#[tokio::test]
async fn cookies_stay_with_the_connection_that_set_them() {
    let script = |_: &str| {
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=gateway; Path=/\r\nSet-Cookie: __Host-b=2; Path=/\r\n\
         Set-Cookie: c=3; HttpOnly\r\nSet-Cookie2: d=4; Path=/\r\nContent-Length: 0\r\n\r\n"
            .to_owned()
    };
    let world = World::new(With { script, ..With::default() }).await;
    let response = world.ask("GET /c/api/a", "", "").await;
    let cookies: Vec<_> =
        response.lines().filter(|line| line.to_lowercase().starts_with("set-cookie")).collect();
    assert_eq!(cookies.len(), 2, "{response}");
    assert!(cookies[0].ends_with(": a=1; Path=/c/api/"), "{response}");
    assert!(cookies[1].ends_with(": c=3; HttpOnly; Path=/c/api/"), "{response}");
}

#[tokio::test]
async fn that_the_credential_is_refused_is_not_told_as_the_clients_fault() {
    let world = World::new(With {
        script: |_| "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".into(),
        ..With::default()
    });
    assert!(world.await.ask("GET /c/api/a", "", "").await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn responses_without_bodies_are_passed_on() {
    for (line, answer, status) in [
        ("HEAD /c/api/a", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200),
        ("DELETE /c/api/a", "HTTP/1.1 204 No Content\r\n\r\n", 204),
    ] {
        let (world, listener) = World::alone(With::default()).await;
        let mut client = world.client().await;
        client.send(&request(line, "", "")).await;
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let head = client.some().await.unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }
}

#[tokio::test]
async fn events_are_passed_on_as_they_come() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/events", "Accept: text/event-stream\r\n", "")).await;
    let (mut stream, _) = accept(&listener).await;
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    for event in ["data: one\n\n", "data: two\n\n"] {
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        stream.write_all(chunk.as_bytes()).await.unwrap();
        // The next event is sent only when this one is there.
        while !text.contains(event) {
            text.push_str(&client.some().await.unwrap());
        }
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    while !text.ends_with("0\r\n\r\n") {
        text.push_str(&client.some().await.unwrap());
    }
    assert!(world.recorded().contains("data: two"), "{}", world.recorded());
}

/// A client to whom a service has sent half of a response, and the service's end.
async fn half_sent(world: &World, listener: &TcpListener) -> (Client, TcpStream) {
    let mut client = world.client().await;
    client.send(&request("GET /c/api/a", "", "")).await;
    let (mut stream, _) = accept(listener).await;
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    (client, stream)
}

#[tokio::test]
async fn a_response_that_breaks_off_does_not_look_whole() {
    let (world, listener) = World::alone(With::default()).await;
    let (mut client, stream) = half_sent(&world, &listener).await;
    drop(stream);
    let mut text = String::new();
    while let Some(more) = client.some().await {
        text.push_str(&more);
    }
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
    assert!(world.recorded().contains("error 502"), "{}", world.recorded());
}

#[tokio::test]
async fn what_a_client_has_of_a_response_is_on_record_when_its_session_is_cut_off() {
    let (world, listener) = World::alone(With::default()).await;
    let (mut client, _stream) = half_sent(&world, &listener).await;
    let mut text = String::new();
    while !text.contains("half") {
        text.push_str(&client.some().await.unwrap());
    }
    world.end("revoked", true);
    while client.some().await.is_some() {}
    while !world.recorded().contains("half") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_response_that_began_goes_on_to_its_end_where_its_session_ends_soon() {
    let (world, listener) = World::alone(With::default()).await;
    let (mut client, mut stream) = half_sent(&world, &listener).await;
    let mut text = String::new();
    while !text.contains("half") {
        text.push_str(&client.some().await.unwrap());
    }
    let mut held = world.client().await;
    held.send(&request("GET /c/api/held", "", "")).await;
    world.desk.opened.notified().await;
    world.end("the token's time is over", false);
    // Who waits is told so, and then the session is over for all.
    assert!(held.response().await.starts_with("HTTP/1.1 401 "));
    stream.write_all(b"4\r\nrest\r\n0\r\n\r\n").await.unwrap();
    while !text.ends_with("0\r\n\r\n") {
        text.push_str(&client.some().await.unwrap());
    }
    assert!(text.contains("rest"), "{text}");
}

#[tokio::test]
async fn a_request_without_a_response_is_on_record_as_cut_off_when_its_session_is() {
    let streamed = "Content-Type: application/octet-stream\r\n";
    for (line, headers, body) in
        [("GET /c/api/a", "", ""), ("PUT /c/api/a", streamed, "\u{1}\u{2}")]
    {
        let (world, listener) = World::alone(With::default()).await;
        let mut client = world.client().await;
        client.send(&request(line, headers, body)).await;
        let (_stream, _) = accept(&listener).await;
        world.end("revoked", true);
        let response = client.response().await;
        assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
        let recorded = world.recorded();
        assert!(
            recorded.contains("error 499 the session ended before the service answered"),
            "{recorded}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_its_response_is_on_record_once() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/a", "", "")).await;
    let (_stream, _) = accept(&listener).await;
    drop(client);
    let recorded = world.recorded_with("error 499 the client left").await;
    assert_eq!(recorded.matches("error").count(), 1, "{recorded}");
}

#[tokio::test]
async fn a_long_response_breaks_off_where_something_of_it_is_to_be_masked_meanwhile() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/a", "", "")).await;
    let (mut stream, _) = accept(&listener).await;
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("data: 1") {
        text.push_str(&client.some().await.unwrap());
    }
    world.mask();
    stream.write_all(b"f\r\ndata: hunter2\n\n\r\n").await.unwrap();
    while let Some(more) = client.some().await {
        text.push_str(&more);
    }
    assert!(!text.contains("hunter2") && !text.ends_with("0\r\n\r\n"), "{text}");
    assert!(world.recorded().contains("changed while it was under way"), "{}", world.recorded());
}
