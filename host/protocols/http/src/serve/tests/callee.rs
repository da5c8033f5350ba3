//! A service of calls that does what no library does, and a client that sees each frame.

use std::future::poll_fn;
use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use super::world::{SECRET, With, World};
use crate::Descriptors;
use crate::grpc::{ENCODING, framed, prefix};

/// What both ends let come on a connection, so that one stream keeps none of the others waiting, in bytes.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What a service says in each head, beside all else.
pub(super) const PASSWORD: &str = "hunter3";

/// What a service got, in lines.
pub(super) type Got = Arc<Mutex<Vec<String>>>;

/// Answers calls by their method's name.
async fn service(listener: TcpListener, got: Got) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let got = Arc::clone(&got);
        tokio::spawn(async move {
            let mut builder = h2::server::Builder::new();
            builder.initial_connection_window_size(CONNECTION_WINDOW);
            let mut connection = builder.handshake(stream).await.unwrap();
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(answer(request, respond, Arc::clone(&got)));
            }
        });
    }
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, got: Got) {
    let (head, body) = request.into_parts();
    let line = format!("{} {} {:?}", head.method, head.uri.path(), head.headers);
    got.lock().unwrap().push(line);
    let method = head.uri.path().rsplit('/').next().unwrap();
    let only = match method {
        "Alone" => Some((200, "application/grpc", Some("5"))),
        "Shut" => Some((200, "application/grpc", Some("16"))),
        "NotIn" => Some((401, "text/html", None)),
        "Down" => Some((503, "text/html", None)),
        "Html" => Some((200, "text/html", None)),
        _ => None,
    };
    if let Some((code, kind, end)) = only {
        let mut head = response(code, kind);
        head.headers_mut().extend(end.into_iter().flat_map(status));
        return drop(respond.send_response(head, true));
    }
    if method == "Deaf" {
        let reset = poll_fn(|cx| respond.poll_reset(cx)).await;
        return got.lock().unwrap().push(format!("reset {:?}", reset.ok()));
    }
    let packs = head.headers.get("x-pack").cloned();
    let mut begun = response(200, "application/grpc");
    begun.headers_mut().extend(packs.clone().map(|coding| (ENCODING, coding)));
    let Ok(stream) = respond.send_response(begun, false) else {
        return;
    };
    if let Some(coding) = packs {
        return echo_packed(stream, body, coding.to_str().unwrap()).await;
    }
    match method {
        "Silent" | "Packed" | "Reset" => break_off(method, stream, body).await,
        "Flood" => flood(stream, got).await,
        _ => echo(stream, body, got).await,
    }
}

/// A payload, compressed.
pub(super) fn packed(coding: &str, payload: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    if coding == "gzip" {
        let mut encoder = flate2::write::GzEncoder::new(vec![], level);
        encoder.write_all(payload).unwrap();
        return encoder.finish().unwrap();
    }
    let mut encoder = flate2::write::ZlibEncoder::new(vec![], level);
    encoder.write_all(payload).unwrap();
    encoder.finish().unwrap()
}

/// A compressed message, framed.
pub(super) fn framed_packed(payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).unwrap();
    [&prefix(true, length)[..], payload].concat().into()
}

/// Says what it is told in one message, compressed; of one that is told to grow, a megabyte of zeros.
async fn echo_packed(mut stream: SendStream<Bytes>, mut body: RecvStream, coding: &str) {
    let mut told = vec![];
    while let Some(Ok(data)) = body.data().await {
        told.extend_from_slice(&data);
    }
    let payload = &told[5..];
    let answer = if payload.ends_with(b"grow") { vec![0; 1 << 20] } else { payload.to_vec() };
    stream.send_data(framed_packed(&packed(coding, &answer)), false).unwrap();
    stream.send_trailers(status("0")).unwrap();
}

fn response(status: u16, kind: &str) -> Response<()> {
    let head = Response::builder().status(status).header("content-type", kind);
    head.header("x-password", PASSWORD).body(()).unwrap()
}

fn status(status: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static(status))])
}

async fn break_off(method: &str, mut stream: SendStream<Bytes>, mut body: RecvStream) {
    match method {
        "Silent" => stream.send_data(framed(b"half"), true).unwrap(),
        "Packed" => {
            stream.send_data(Bytes::from_static(&[1, 0, 0, 0, 1, 9]), false).unwrap();
            stream.send_trailers(status("0")).unwrap();
        }
        _ => {
            stream.send_data(framed(b"half"), false).unwrap();
            while let Some(Ok(_)) = body.data().await {}
            stream.send_reset(Reason::REFUSED_STREAM);
        }
    }
}

/// Sends as much as it may, for as long as anybody is there.
async fn flood(mut stream: SendStream<Bytes>, got: Got) {
    let mut sent = 0_usize;
    loop {
        stream.reserve_capacity(64 * 1024);
        let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { break };
        let piece = framed(&vec![0; room.saturating_sub(5)]);
        sent += piece.len();
        got.lock().unwrap().push(format!("sent {sent}"));
        stream.send_data(piece, false).unwrap();
    }
    got.lock().unwrap().push("stopped".to_owned());
}

/// Says what it is told, and in the end what it was let in with.
async fn echo(mut stream: SendStream<Bytes>, mut body: RecvStream, got: Got) {
    while let Some(read) = body.data().await {
        let Ok(data) = read else { return got.lock().unwrap().push("broke off".to_owned()) };
        let _ = body.flow_control().release_capacity(data.len());
        // A message that ends with this word it does not end.
        let is_half = data.ends_with(b"stall");
        let data = data.slice(..data.len() - usize::from(is_half));
        if !data.is_empty() {
            stream.send_data(data, false).unwrap();
        }
    }
    let trailers = body.trailers().await.unwrap();
    got.lock().unwrap().push(format!("trailers {trailers:?}"));
    let mut end = status("0");
    end.insert("x-secret", HeaderValue::from_static(SECRET));
    end.insert("palisade-rule", HeaderValue::from_static("forged"));
    stream.send_trailers(end).unwrap();
}

/// A gateway before such a service, and a connection to it.
pub(super) async fn calls(with: With) -> (World, SendRequest<Bytes>, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Got::default();
    tokio::spawn(service(listener, Arc::clone(&got)));
    let with = With { grpc: Some(with.grpc.unwrap_or_default()), ..with };
    let world = World::before(port, with, Default::default(), Default::default()).await;
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(CONNECTION_WINDOW);
    let (client, connection) = builder.handshake(stream).await.unwrap();
    tokio::spawn(connection);
    (world, client, got)
}

pub(super) fn shop() -> With {
    let shop = include_bytes!("../../grpc/testdata/shop.pb");
    With { grpc: Some(Descriptors::read(shop).unwrap()), ..With::default() }
}

pub(super) async fn begin(
    client: &SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
) -> (ResponseFuture, SendStream<Bytes>) {
    let mut request = Request::builder()
        .method("POST")
        .uri(format!("http://gateway/c/api{path}"))
        .header("authorization", "Bearer token")
        .header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut client = client.clone().ready().await.unwrap();
    client.send_request(request.body(()).unwrap(), false).unwrap()
}

/// What came of a call: its status, its words, its messages' bytes, and its trailers.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) status: String,
    pub(super) message: String,
    pub(super) data: Vec<u8>,
    pub(super) trailers: HeaderMap,
}

pub(super) async fn finish(response: ResponseFuture) -> Result<Came, h2::Error> {
    let (head, mut body) = response.await?.into_parts();
    assert_eq!(head.status, 200);
    let mut data = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        data.extend_from_slice(&piece);
    }
    let trailers = body.trailers().await?.unwrap_or(head.headers);
    let text = |name: &str| {
        let value = trailers.get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    Ok(Came { status: text("grpc-status"), message: text("grpc-message"), data, trailers })
}

/// A call with these bytes as its messages.
pub(super) async fn call(client: &SendRequest<Bytes>, path: &str, body: &[u8]) -> Came {
    let (response, mut stream) = begin(client, path, &[]).await;
    stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
    finish(response).await.unwrap()
}

pub(super) fn seen(got: &Got) -> String {
    got.lock().unwrap().join("\n")
}

pub(super) async fn until(got: &Got, line: &str) {
    while !seen(got).contains(line) {
        tokio::task::yield_now().await;
    }
}
