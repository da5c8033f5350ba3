//! A service whose streams break off, that answers in two ways at once, and that takes no cancelling.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier};

/// Serves on a free port, as long as the test runs.
pub(super) fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // What is late comes behind a cancelling that was refused.
        let refused = Arc::new(Barrier::new(2));
        for stream in listener.incoming().flatten() {
            let refused = Arc::clone(&refused);
            std::thread::spawn(move || answer(stream, &refused));
        }
    });
    port
}

/// The head of a request in lower case, and its body.
fn read(reader: &mut impl BufRead) -> (String, String) {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line.to_lowercase());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn answer(mut stream: TcpStream, refused: &Barrier) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (head, body) = read(&mut reader);
    let id = body.split("\"id\":").nth(1).and_then(|rest| rest.split(',').next());
    let id = id.unwrap_or_default();
    let result = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    let answer = if head.starts_with("get ") && head.contains("last-event-id: e1-") {
        let asked = head.split("last-event-id: e1-").nth(1).unwrap().lines().next().unwrap();
        let text = r#"{"content":[{"type":"text","text":"after all"}]}"#;
        stream_of(&format!(r#"{{"jsonrpc":"2.0","id":{asked},"result":{text}}}"#), "e2")
    } else if head.starts_with("get ") {
        "HTTP/1.1 405 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
    } else if body.contains("\"initialize\"") {
        json(&result(r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}"#))
    } else if body.contains("tools/list") {
        json(&result(r#"{"tools":[{"name":"say","inputSchema":{"type":"object"}}]}"#))
    } else if body.contains("\"garble\"") {
        let twice = r#"{"content":[],"content":[]}"#;
        stream_of(&result(twice), "e2")
    } else if body.contains("\"wait\"") {
        // Left open, until whoever reads it leaves.
        let progress = format!(r#"{{"progressToken":{id},"progress":1,"message":"waiting"}}"#);
        let told =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#);
        let _ = stream.write_all(stream_of(&told, "e3").as_bytes());
        let _ = reader.read(&mut [0]);
        return;
    } else if body.contains("notifications/cancelled") {
        let _ = stream.write_all(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n");
        // Whoever was refused has read it when it leaves.
        let _ = reader.read(&mut [0]);
        refused.wait();
        return;
    } else if body.contains("\"late\"") {
        refused.wait();
        json(&result(r#"{"content":[{"type":"text","text":"late"}]}"#))
    } else if body.contains("tools/call") {
        let told = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}"#;
        stream_of(told, &format!("e1-{id}"))
    } else {
        "HTTP/1.1 202 Yes\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
    };
    let _ = stream.write_all(answer.as_bytes());
}

fn json(text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: s\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{text}"
    )
}

/// A stream that ends behind one event.
fn stream_of(text: &str, id: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         id: {id}\ndata: {text}\n\n"
    )
}
