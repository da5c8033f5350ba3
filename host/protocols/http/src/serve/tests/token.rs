//! The client's token lets in at the gateway, and reaches no service in whatever place it is repeated.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::callee::{begin, call, calls, finish, seen, shop};
use super::world::{With, World, accept, request};
use crate::grpc::framed;

/// What the service got of such a request, in lower case.
async fn got(line: &str, headers: &str, body: &str) -> String {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&request(line, headers, body)).await;
    let answer = client.response().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let recorded = world.recorded();
    assert!(!recorded.contains("token"), "{recorded}");
    world.got().join("\n").to_lowercase()
}

/// What such a request is told, and whether any of it reached the service.
async fn refused(line: &str, headers: &str, body: &str) -> String {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    client.send(&request(line, headers, body)).await;
    let answer = client.response().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(world.got(), Vec::<String>::new());
    let recorded = world.recorded();
    assert!(!recorded.contains("a-token"), "{recorded}");
    answer
}

#[tokio::test]
async fn a_token_in_another_header_a_cookie_or_the_query_goes_no_further() {
    let encoded = STANDARD.encode("api:token");
    let headers = format!(
        "X-Api-Key: token\r\nCookie: a=1; b=token\r\nX-Auth: Basic {encoded}\r\nX-Own: 1\r\n"
    );
    let got = got("GET /c/api/a?x=1&key=token", &headers, "").await;
    assert!(got.starts_with("get /a?x=1 ") && got.contains("cookie: a=1\r\n"), "{got}");
    assert!(got.contains("x-own: 1"), "{got}");
    assert!(!got.contains("token") && !got.contains(&encoded.to_lowercase()), "{got}");
}

#[tokio::test]
async fn a_token_that_a_proxys_client_repeats_without_a_scheme_goes_no_further() {
    let world = World::new(With::default()).await;
    let mut client = world.proxied().await;
    let login = STANDARD.encode("api:token");
    client
        .send(&format!(
            "GET http://127.0.0.1:{0}/a HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nAuthorization: token\r\n\
             Proxy-Authorization: Basic {login}\r\nX-Proxy: Basic {login}\r\n\r\n",
            world.service
        ))
        .await;
    assert!(client.response().await.ends_with("hello"));
    let got = world.got().join("\n");
    assert!(!got.contains("token") && !got.contains(&login), "{got}");
}

#[tokio::test]
async fn a_token_in_a_path_or_a_body_is_refused_and_on_no_record() {
    let told = refused("GET /c/api/a-token/b", "", "").await;
    assert!(told.contains("gateway.token-repeated"), "{told}");
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let encoded = format!(r#"{{"key":"{}"}}"#, STANDARD.encode("a-token"));
    for (kind, body) in [
        (json, r#"{"key":"a-token"}"#),
        (json, r#"{"key":"a-t\u006fken"}"#),
        (json, r#"{"a-\u0074oken":1}"#),
        (json, encoded.as_str()),
        (form, "key=a-t%6fken"),
    ] {
        let told = refused("POST /c/api/a", kind, body).await;
        assert!(told.contains("gateway.token-repeated"), "{body}: {told}");
    }
}

#[tokio::test]
async fn a_body_that_streams_through_is_broken_off_before_the_token_is_whole() {
    let world = World::new(With::default()).await;
    let mut client = world.client().await;
    let headers = "Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n";
    let head = request("POST /c/api/a", headers, "");
    client.send(&format!("{head}7\r\nsome to\r\n3\r\nken\r\n0\r\n\r\n")).await;
    let answer = client.response().await;
    assert!(answer.contains("gateway.token-repeated"), "{answer}");
    assert_eq!(world.got(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upgrade_goes_on_without_the_token() {
    let (world, listener) = World::alone(With::default()).await;
    let mut client = world.client().await;
    let ask = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, bearer.token\r\n\
        Cookie: token\r\n";
    client.send(&request("GET /c/api/ws?access=token", ask, "")).await;
    let (_stream, got) = accept(&listener).await;
    let got = got.to_lowercase();
    assert!(
        got.starts_with("get /ws ") && got.contains("sec-websocket-protocol: chat\r\n"),
        "{got}"
    );
    assert!(!got.contains("token"), "{got}");
}

#[tokio::test]
async fn a_call_goes_on_without_the_token_in_its_metadata_and_not_with_it_in_a_message() {
    let (_world, client, got) = calls(shop()).await;
    let encoded = STANDARD.encode("a token");
    let metadata = [("x-key", "token"), ("x-key-bin", encoded.as_str()), ("x-own", "1")];
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Talk", &metadata).await;
    stream.send_data(framed(b"\x0a\x04fine"), true).unwrap();
    assert_eq!(finish(response).await.unwrap().status, "0");
    let seen_first = seen(&got);
    assert!(
        seen_first.contains("\"x-own\": \"1\"") && !seen_first.contains("token"),
        "{seen_first}"
    );
    assert!(!seen_first.contains(&encoded), "{seen_first}");
    for path in ["/shop.v1.Orders/Get", "/a.B/Echo"] {
        let came = call(&client, path, &framed(b"\x0a\x05token")).await;
        assert_eq!(came.status, "3", "{came:?}");
        assert!(came.message.contains("repeats the token"), "{came:?}");
    }
}
