//! Clients and services as the tests play them, byte by byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request with a token; a body has its length.
pub(super) fn request(line: &str, headers: &str, body: &str) -> String {
    let length = match body {
        "" => String::new(),
        body => format!("Content-Length: {}\r\n", body.len()),
    };
    format!(
        "{line} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer token\r\n{headers}{length}\r\n{body}"
    )
}

pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// One response: its head, and its body by length or chunks; what there is when the connection ends.
    pub(super) async fn response(&mut self) -> String {
        let mut text = String::new();
        while !is_whole(&text) {
            let Some(more) = self.some().await else { break };
            text.push_str(&more);
        }
        text
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.0
    }

    /// What comes next; `None` at the end.
    pub(super) async fn some(&mut self) -> Option<String> {
        let mut bytes = vec![0; 64 * 1024];
        let read = self.0.read(&mut bytes).await.unwrap_or(0);
        (read > 0).then(|| String::from_utf8_lossy(&bytes[..read]).into_owned())
    }
}

/// Whether a message has all of its body.
pub(super) fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// The next connection to a service, and the request that comes by it.
pub(super) async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    let mut bytes = vec![0; 4096];
    while !is_whole(&text) {
        let read = stream.read(&mut bytes).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    (stream, text)
}
