//! Requests that two readers would cut or understand differently, byte by byte: none reaches the service.

use super::world::{With, World, request};

async fn refused(world: &World, what: &str, bytes: &str) {
    let mut client = world.client().await;
    client.send(bytes).await;
    let mut text = String::new();
    while let Some(more) = client.some().await {
        text.push_str(&more);
    }
    assert!(text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 505"), "{what}: {text:?}");
    assert!(text.contains("\"detail\":"), "{what}: {text:?}");
    let answers = text.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count();
    assert_eq!(answers, 1, "{what}: {text:?}");
    assert!(world.got().is_empty(), "{what}: {:?}", world.got());
}

/// What a smuggler would hide behind the first request.
const HIDDEN: &str = "GET /c/api/hidden HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n";

#[tokio::test]
async fn a_request_that_is_framed_in_two_ways_is_refused_and_ends_the_connection() {
    let world = World::new(With::default()).await;
    let start = "POST /c/api/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n";
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length : 4\r\n",
        "Content-Length\t: 4\r\n",
        "Content-Length:\r\n 4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer_Encoding: chunked\r\nContent-Length: 4\r\n",
        "X: 1\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "X: 1\rTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "X: 1\0Transfer-Encoding: chunked\r\n",
    ] {
        refused(&world, framing, &format!("{start}{framing}\r\n0\r\n\r\n{HIDDEN}")).await;
    }
}

#[tokio::test]
async fn lines_that_readers_end_differently_are_refused() {
    let world = World::new(With::default()).await;
    for bytes in [
        "GET /c/api/a HTTP/1.1\nHost: g\nAuthorization: Bearer token\n\n",
        "GET /c/api/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\nX: 1\r\n\r\n",
        "GET /c/api/a HTTP/1.1\r\nHost: g\r\n X: folded\r\nAuthorization: Bearer token\r\n\r\n",
        "GET  /c/api/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
        "GET\t/c/api/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
        "GET /c/api/a HTTP/1.1 \r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
        "GET /c/api/a HTTP/1.0\r\nHost: g\r\nAuthorization: Bearer token\r\n\r\n",
    ] {
        refused(&world, bytes, bytes).await;
    }
}

#[tokio::test]
async fn headers_and_targets_with_two_meanings_are_refused() {
    let world = World::new(With::default()).await;
    for headers in [
        "Host: other\r\n",
        "Authorization: Bearer other\r\n",
        "X-HTTP-Method-Override: DELETE\r\n",
        "X-Original-URL: /hidden\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "Expect: something\r\n",
        "Content-Encoding: gzip\r\n",
    ] {
        refused(&world, headers, &request("GET /c/api/a", headers, "")).await;
    }
    for target in [
        "http://gateway/c/api/a",
        "http://169.254.169.254/latest/meta-data",
        "/c/api/../../hidden",
        "/c/api/%2e%2e/hidden",
        "/c/api/%252e%252e/hidden",
        "/c/api/a%2fb",
        "/c/api/a;x=1",
        "/c/api//hidden",
        "/c/api/a\\b",
        "/c/api/%00",
        "/c/api/%zz",
        "*",
        "gateway:443",
    ] {
        refused(&world, target, &request(&format!("GET {target}"), "Connection: close\r\n", ""))
            .await;
    }
    for method in ["get", "CONNECT", "TRACE", "G(T"] {
        let line = format!("{method} /c/api/a");
        refused(&world, method, &request(&line, "Connection: close\r\n", "")).await;
    }
}

#[tokio::test]
async fn what_follows_a_request_unasked_is_never_answered() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&format!("{}{HIDDEN}", request("GET /c/api/a", "", ""))).await;
    let mut text = String::new();
    while let Some(more) = client.some().await {
        text.push_str(&more);
    }
    assert!(text.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count() <= 1, "{text}");
    assert!(!world.got().join("").contains("/hidden"), "{:?}", world.got());
}

#[tokio::test]
async fn malformed_chunks_reach_nobody() {
    let world = World::new(With::default()).await;
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    for body in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\n{}\n0\n\n",
        "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
    ] {
        let bytes = format!("{}{body}{HIDDEN}", request("POST /c/api/a", headers, ""));
        refused(&world, body, &bytes).await;
    }
}

#[tokio::test]
async fn a_header_that_the_connection_names_is_gone_and_the_gateways_own_stays() {
    let world = World::new(With::default()).await;
    let headers = "Connection: keep-alive, authorization, host, x-own\r\nX-Own: 1\r\n";
    let response = world.ask("GET /c/api/a", headers, "").await;
    assert!(response.starts_with("HTTP/1.1 401 ") || !world.got().is_empty(), "{response}");
    for got in world.got() {
        let got = got.to_lowercase();
        assert!(!got.contains("x-own") && !got.contains("connection: "), "{got}");
        assert!(
            got.contains("authorization: bearer hunter2") && got.contains("host: 127"),
            "{got}"
        );
    }
}
