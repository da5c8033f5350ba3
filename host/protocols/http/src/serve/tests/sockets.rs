//! WebSockets: what a client says is judged, what a service says is masked.

use palisade_policy::{Ending, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{SECRET, With, World, accept, request};
use crate::websocket::{Message, Messages, Opcode, write};

const ASK: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// One side of a socket, and what comes to it.
struct Side {
    stream: TcpStream,
    heard: Messages,
    mask: Option<[u8; 4]>,
}

impl Side {
    async fn say(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = vec![];
        write(opcode, payload, self.mask, &mut frame);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn text(&mut self, text: &str) {
        self.say(Opcode::Text, text.as_bytes()).await;
    }

    /// The next message; `None` where the connection ends.
    async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.heard.next().unwrap() {
                return Some(message);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await.unwrap_or(0) {
                0 => return None,
                read => self.heard.feed(&bytes[..read]),
            }
        }
    }

    async fn hear_text(&mut self) -> String {
        match self.hear().await {
            Some(Message::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    async fn hear_close(&mut self) -> (u16, String) {
        match self.hear().await {
            Some(Message::Close(Some(close))) => close,
            other => panic!("{other:?}"),
        }
    }
}

/// A client and a service with a socket between them.
async fn open(with: With) -> (World, Side, Side) {
    let (world, listener) = World::alone(with).await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/ws", ASK, "")).await;
    let (mut stream, got) = accept(&listener).await;
    let got = got.to_lowercase();
    assert!(got.contains("upgrade: websocket") && got.contains("connection: upgrade"), "{got}");
    assert!(!got.contains("deflate"), "{got}");
    stream.write_all(AGREE.as_bytes()).await.unwrap();
    let head = client.some().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let side = |stream, from_client, mask| Side {
        stream,
        heard: Messages::new(from_client, 1 << 20),
        mask,
    };
    let client = side(client.into_inner(), false, Some([9, 8, 7, 6]));
    (world, client, side(stream, true, None))
}

#[tokio::test]
async fn messages_pass_both_ways_and_each_of_the_clients_is_a_command() {
    let (world, mut client, mut service) = open(With::default()).await;
    client.text(r#"{"say":"hello"}"#).await;
    assert_eq!(service.hear_text().await, r#"{"say":"hello"}"#);
    client.say(Opcode::Binary, b"\xff\x00").await;
    assert_eq!(service.hear().await, Some(Message::Binary(b"\xff\x00".to_vec())));
    service.text("hi").await;
    assert_eq!(client.hear_text().await, "hi");
    service.say(Opcode::Close, &[0x03, 0xe8, b'o', b'k']).await;
    assert_eq!(client.hear_close().await, (1000, "ok".to_owned()));
    assert_eq!(service.hear_close().await, (1000, String::new()));
    assert_eq!(client.hear().await, None);
    let recorded = world.recorded();
    assert!(recorded.contains("allow  MESSAGE /ws\ncontent-type: application/json"), "{recorded}");
    assert!(recorded.contains("[2 bytes that are no text]"), "{recorded}");
    assert!(
        recorded.contains("17 bytes in, 4 bytes out; closed, 1000 ok [[Some(\"hi\")]"),
        "{recorded}"
    );
}

#[tokio::test]
async fn a_message_that_repeats_the_token_reaches_nobody_however_it_is_escaped() {
    for said in [r#"{"key":"a-token"}"#, r#"{"key":"a-t\u006fken"}"#, "api%3Ato%6ben"] {
        let (world, mut client, mut service) = open(With::default()).await;
        client.text(said).await;
        let (code, why) = client.hear_close().await;
        assert!(code == 1008 && why.contains("gateway.token-repeated"), "{said}: {code} {why}");
        assert!(!matches!(service.hear().await, Some(Message::Text(_))), "{said}");
        assert!(!world.recorded().contains(said), "{said}");
    }
}

#[tokio::test]
async fn a_denied_message_reaches_nobody_and_the_client_hears_why() {
    let (_world, mut client, mut service) = open(With::default()).await;
    client.text("forbidden").await;
    client.text("and more").await;
    assert_eq!(client.hear_close().await, (1008, "not that (test.word)".to_owned()));
    assert_eq!(service.hear_close().await, (1001, String::new()));
}

#[tokio::test]
async fn a_message_that_is_json_with_two_readings_reaches_nobody() {
    let (world, mut client, mut service) = open(With::default()).await;
    client.text(r#"{"do":"read","do":"delete"}"#).await;
    let (code, reason) = client.hear_close().await;
    assert!(code == 1008 && reason.contains("more than one reading"), "{code} {reason}");
    assert_eq!(service.hear_close().await.0, 1001);
    assert!(world.recorded().contains("gateway.body"), "{}", world.recorded());
}

#[tokio::test]
async fn a_message_that_names_more_than_is_told_reaches_nobody() {
    let mut with = With::default();
    with.options.body_limit = 1 << 20;
    let (world, mut client, mut service) = open(with).await;
    let inner: Vec<String> = (0..1000).map(|number| format!("\"{number}\":0")).collect();
    client.text(&format!("{{\"{}\":{{{}}}}}", "x".repeat(20_000), inner.join(","))).await;
    let (code, reason) = client.hear_close().await;
    assert!(code == 1008 && reason.contains("names more than is told"), "{code} {reason}");
    assert_eq!(service.hear_close().await.0, 1001);
    assert!(world.recorded().contains("gateway.body-limit"), "{}", world.recorded());
}

#[tokio::test]
async fn many_small_messages_at_once_are_judged_one_by_one() {
    let (_world, mut client, mut service) = open(With::default()).await;
    let mut frames = vec![];
    for _ in 0..200 {
        write(Opcode::Text, b"", client.mask, &mut frames);
    }
    client.stream.write_all(&frames).await.unwrap();
    for _ in 0..200 {
        assert_eq!(service.hear_text().await, "");
    }
}

#[tokio::test]
async fn a_held_message_waits_with_those_behind_it_while_the_connection_lives() {
    let (world, mut client, mut service) = open(With::default()).await;
    client.text("held").await;
    world.desk.opened.notified().await;
    client.text("next").await;
    client.say(Opcode::Ping, b"there?").await;
    assert_eq!(client.hear().await, Some(Message::Pong(b"there?".to_vec())));
    assert_eq!(service.hear().await, Some(Message::Ping(vec![])));
    service.text("news").await;
    assert_eq!(client.hear_text().await, "news");
    world.desk.outcome.send_replace(Some(Outcome::Granted { by: vec!["boss".into()] }));
    assert_eq!(service.hear_text().await, "held");
    assert_eq!(service.hear_text().await, "next");
}

#[tokio::test]
async fn a_message_may_be_rewritten() {
    let (_world, mut client, mut service) = open(With::default()).await;
    client.text(r#"{"path":"/old"}"#).await;
    assert_eq!(service.hear_text().await, r#"{"path":"/new"}"#);
}

#[tokio::test]
async fn what_the_service_says_is_masked_message_by_message() {
    let (world, mut client, mut service) = open(With { masks: true, ..With::default() }).await;
    service.text(r#"{"password":"hunter2","note":"AKIAIOSFODNN7EXAMPLE"}"#).await;
    let heard = client.hear_text().await;
    assert!(heard.starts_with(r#"{"password":"****","note":""#), "{heard}");
    assert!(!heard.contains("AKIA"), "{heard}");
    service.text("the key is AKIAIOSFODNN7EXAMPLE").await;
    let heard = client.hear_text().await;
    assert!(heard.starts_with("the key is ") && !heard.contains("AKIA"), "{heard}");
    service.say(Opcode::Ping, b"hunter2").await;
    assert_eq!(client.hear().await, Some(Message::Ping(vec![])));
    assert_eq!(service.hear().await, Some(Message::Pong(b"hunter2".to_vec())));
    drop(service);
    while client.hear().await.is_some() {}
    let recorded = world.recorded();
    assert!(recorded.contains("****") && !recorded.contains("hunter2"), "{recorded}");
}

#[tokio::test]
async fn what_cannot_be_masked_is_withheld_and_ends_the_socket() {
    let bytes = (Opcode::Binary, b"\x00\x01".as_slice());
    let framed = (Opcode::Text, br#"42["news",{"password":"hunter2"}]"#.as_slice());
    for (opcode, said) in [bytes, framed] {
        let (_world, mut client, mut service) = open(With { masks: true, ..With::default() }).await;
        service.say(opcode, said).await;
        let (code, reason) = client.hear_close().await;
        assert!(code == 1011 && reason.contains("must be masked"), "{code} {reason}");
        assert_eq!(service.hear_close().await.0, 1001);
    }
}

#[tokio::test]
async fn the_gateways_credential_does_not_come_back_by_a_socket() {
    let (_world, mut client, mut service) = open(With::default()).await;
    service.text(&format!("you are {SECRET}")).await;
    let heard = client.hear_text().await;
    assert!(heard.starts_with("you are ***") && !heard.contains(SECRET), "{heard}");
}

#[tokio::test]
async fn a_session_that_is_over_ends_its_sockets_and_says_why() {
    let (world, mut client, mut service) = open(With::default()).await;
    let ending = Ending::soon("the token's time is over", "Get a new token.");
    world.door.ends.send_replace(Some(ending));
    let why = "the token's time is over. Get a new token.";
    assert_eq!(client.hear_close().await, (1008, why.to_owned()));
    assert_eq!(service.hear_close().await.0, 1001);
}

#[tokio::test]
async fn a_socket_that_was_allowed_and_never_opened_is_on_record_with_the_cause() {
    for (answer, cause) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "opens no WebSocket here"),
        ("", "the service broke the exchange off"),
    ] {
        let (world, listener) = World::alone(With::default()).await;
        let mut client = world.client().await;
        client.send(&request("GET /c/api/ws", ASK, "")).await;
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        drop(stream);
        let response = client.response().await;
        assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
        let recorded = world.recorded();
        assert!(recorded.contains("error 502 ") && recorded.contains(cause), "{recorded}");
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_shown_out() {
    let (_world, mut client, mut service) = open(With::default()).await;
    // Not masked, as a client's frames are.
    client.stream.write_all(b"\x81\x02hi").await.unwrap();
    assert_eq!(client.hear_close().await.0, 1002);
    assert_eq!(service.hear_close().await.0, 1001);
    let (_world, mut client, mut service) = open(With::default()).await;
    // A frame of an extension that nobody agreed on.
    service.stream.write_all(b"\xc1\x02hi").await.unwrap();
    assert_eq!(client.hear_close().await.0, 1011);
    assert_eq!(service.hear_close().await.0, 1002);
}
