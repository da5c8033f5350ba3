//! Requests without a session.

use super::client::{Client, whole};
use super::world::{Servers, World, serve};
use super::*;

/// A client that has no session.
struct Lone<'a>(Client<'a>);

/// What is read of a response, whole or piece by piece.
async fn all(reply: Reply) -> String {
    let mut pieces = match reply.body {
        Body::Whole(bytes) => return String::from_utf8(bytes.to_vec()).unwrap(),
        Body::Stream(pieces) => pieces,
    };
    let mut all = String::new();
    while let Some(piece) = next(&mut pieces).await {
        all.push_str(&piece);
    }
    all
}

async fn next(pieces: &mut mpsc::Receiver<Bytes>) -> Option<String> {
    let piece = tokio::time::timeout(Duration::from_secs(20), pieces.recv()).await.unwrap();
    piece.map(|piece| String::from_utf8(piece.to_vec()).unwrap())
}

/// The next piece that has this in it.
async fn wait_for(pieces: &mut mpsc::Receiver<Bytes>, part: &str) -> String {
    loop {
        let piece = next(pieces).await.unwrap_or_else(|| panic!("no {part}"));
        if piece.contains(part) {
            return piece;
        }
    }
}

fn request(id: u64, method: &str, members: &str, capabilities: &str) -> String {
    let meta = format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities},"progressToken":"p"}}"#
    );
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{members}{meta}}}}}"#)
}

impl<'a> Lone<'a> {
    fn new(world: &'a World) -> Self {
        Self(Client::new(world))
    }

    async fn ask(&self, id: u64, method: &str, members: &str, more: &[(&str, &str)]) -> Reply {
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        headers.extend(more);
        self.0.send(Method::POST, &headers, &request(id, method, members, "{}")).await
    }

    async fn call(&self, arguments: &str) -> Reply {
        let members = format!(r#""name":"say","arguments":{arguments},"#);
        self.ask(1, "tools/call", &members, &[("mcp-name", "say")]).await
    }
}

#[tokio::test]
async fn requests_without_a_session_share_one_and_are_told_what_there_is() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let told = all(client.ask(0, "server/discover", "", &[]).await).await;
    for part in [
        r#""supportedVersions":["2026-07-28","#,
        r#""resultType":"complete""#,
        r#""cacheScope":"private""#,
        r#""ttlMs":0"#,
        r#""tools":{"#,
    ] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    assert!(!told.contains("logging"), "{told}");
    let reply = client.call(r#"{"say":"hello"}"#).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.iter().any(|(name, _)| *name == "mcp-session-id"), "{reply:?}");
    let told = all(reply).await;
    assert!(told.contains(r#""text":"hello""#) && told.contains("complete"), "{told}");
    world.told.wait_for("allow  tools/call test.say").await;
    assert_eq!(world.admitted(), 1);
}

#[tokio::test]
async fn ids_of_requests_without_a_session_are_each_clients_own() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let (a, b) = tokio::join!(client.call(r#"{"say":"a"}"#), client.call(r#"{"say":"b"}"#));
    let (a, b) = (all(a).await, all(b).await);
    assert!(a.contains(r#""text":"a""#) && b.contains(r#""text":"b""#), "{a} {b}");
    assert_eq!(world.admitted(), 1, "two that come at once begin one");
}

#[tokio::test]
async fn clients_that_can_do_other_things_or_are_others_share_nothing() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    all(client.call("{}").await).await;
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let samples = request(1, "tools/list", "", r#"{"sampling":{}}"#);
    let listed = all(client.0.send(Method::POST, &headers, &samples).await).await;
    assert!(listed.contains("\"say\""), "{listed}");
    assert_eq!(world.admitted(), 2);
    let other = Lone(Client { name: "other".to_owned(), ..Client::new(&world) });
    all(other.call("{}").await).await;
    assert_eq!(world.admitted(), 3);
}

#[tokio::test]
async fn who_says_more_of_itself_than_is_kept_begins_no_session() {
    let world = World::new(Servers::Programs);
    let client = Client::new(&world);
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let roots = format!("{{\"roots\":{{\"x\":\"{}\"}}}}", "x".repeat(20_000));
    let reply = client.send(Method::POST, &headers, &request(1, "tools/list", "", &roots)).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(world.admitted(), 0);
}

#[tokio::test]
async fn a_message_that_its_headers_do_not_repeat_is_refused_before_anybody_is_asked() {
    let world = World::new(Servers::Programs);
    let client = Client::new(&world);
    let body = request(1, "tools/call", r#""name":"say","arguments":{},"#, "{}");
    let version = ("mcp-protocol-version", "2026-07-28");
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "say"));
    for headers in [
        &[version, method][..],
        &[version, name],
        &[method, name],
        &[version, method, ("mcp-name", "other")],
        &[version, method, ("mcp-name", "Say")],
        &[version, method, ("mcp-name", "=?base64?c2F=?=")],
        &[version, ("mcp-method", "tools/list"), name],
        &[("mcp-protocol-version", "2025-11-25"), method, name],
        &[("mcp-protocol-version", "2027-01-01"), method, name],
        &[version, method, name, ("mcp-param-path", "x")],
    ] {
        let reply = client.send(Method::POST, headers, &body).await;
        assert_eq!(reply.status, 400, "{headers:?}");
        assert!(whole(&reply).contains("-32020"), "{headers:?} {reply:?}");
    }
    let mut twice = client.headers();
    for (header, value) in [version, method, name, ("mcp-name", "say")] {
        twice.append(header, http::HeaderValue::from_static(value));
    }
    let guest = world.guest("agent");
    let reply = world.service.handle(&guest, &Method::POST, &twice, body.as_bytes()).await;
    assert!(whole(&reply).contains("-32020"), "{reply:?}");
    world.told.never("allow");
    let wrapped = [version, method, ("mcp-name", "=?base64?c2F5?=")];
    let reply = client.send(Method::POST, &wrapped, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn what_went_with_the_sessions_is_not_found() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    for method in
        ["ping", "initialize", "logging/setLevel", "resources/subscribe", "tasks/get", "no/such"]
    {
        let reply = client.ask(1, method, "", &[]).await;
        assert_eq!(reply.status, 404, "{method}");
        assert!(whole(&reply).contains("-32601"), "{method} {reply:?}");
    }
    let version = [("mcp-protocol-version", "2026-07-28")];
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(client.0.send(method, &version, "").await.status, 405);
    }
    let done = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(client.0.send(Method::POST, &version, done).await.status, 202);
    let result = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(client.0.send(Method::POST, &version, result).await.status, 400);
    let without = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    assert!(whole(&client.0.send(Method::POST, &version, without).await).contains("-32602"));
}

#[tokio::test]
async fn a_held_call_without_a_session_waits_on_its_stream() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let reply = client.call(r#"{"say":"risky"}"#).await;
    let Body::Stream(mut pieces) = reply.body else { panic!("{reply:?}") };
    let told = wait_for(&mut pieces, "notifications/progress").await;
    assert!(told.contains("approve h1") && told.contains(r#""progressToken":"p""#), "{told}");
    world.grant.send_replace(true);
    let told = wait_for(&mut pieces, r#""result""#).await;
    assert!(told.contains(r#""text":"risky""#), "{told}");
}

/// A body of which it is known whether it is in memory.
struct Known {
    text: String,
    _known: Arc<()>,
}

impl AsRef<[u8]> for Known {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[tokio::test]
async fn a_body_is_kept_no_longer_than_until_its_message_is_handed_over() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let members = r#""name":"say","arguments":{"say":"risky"},"#;
    let text = request(1, "tools/call", members, "{}").replace(r#","progressToken":"p""#, "");
    let mut headers = client.0.headers();
    for (name, value) in
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "say")]
    {
        headers.insert(name, value.parse().unwrap());
    }
    let known = Arc::new(());
    let guest = world.guest("client");
    let body = Known { text, _known: Arc::clone(&known) };
    let mut asked = Box::pin(world.service.handle(&guest, &Method::POST, &headers, body));
    // Its stream may begin first, by which it is told that the gateway waits.
    let begun = tokio::select! {
        reply = &mut asked => Some(reply),
        () = world.told.wait_for("held") => None,
    };
    world.told.wait_for("held").await;
    assert_eq!(Arc::strong_count(&known), 1);
    world.grant.send_replace(true);
    let reply = match begun {
        Some(reply) => reply,
        None => asked.await,
    };
    assert!(all(reply).await.contains(r#""text":"risky""#));
}

#[tokio::test]
async fn leaving_the_stream_cancels_what_was_asked_by_it() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let reply = client.call(r#"{"say":"risky"}"#).await;
    world.told.wait_for("held").await;
    drop(reply);
    world.told.wait_for("withdrawn").await;
    let reply = client.call(r#"{"do":"wait"}"#).await;
    let Body::Stream(mut pieces) = reply.body else { panic!("{reply:?}") };
    wait_for(&mut pieces, "waiting").await;
    drop(pieces);
    world.told.wait_for("error cancelled").await;
    let told = all(client.call(r#"{"do":"cancelled"}"#).await).await;
    assert!(told.contains(r#""text":"cancelled""#), "{told}");
}

#[tokio::test]
async fn a_server_that_ended_is_there_again_for_the_next_request_without_a_session() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let told = all(client.call(r#"{"do":"end"}"#).await).await;
    assert!(told.contains("its program ended"), "{told}");
    let told = all(client.call(r#"{"say":"again"}"#).await).await;
    assert!(told.contains(r#""text":"again""#), "{told}");
    assert_eq!(world.admitted(), 2);
}

#[tokio::test]
async fn a_service_that_has_no_sessions_serves_clients_that_have_one_and_such_that_have_none() {
    let behind = Arc::new(World::newest());
    let port = serve(Arc::clone(&behind)).await;
    let world = World::new(Servers::Service(port));
    let mut older = Client::begun(&world).await;
    assert!(older.called(r#"{"say":"hello"}"#).await.contains(r#""text":"hello""#));
    let told = older.called(r#"{"do":"progress"}"#).await;
    assert!(told.contains("step 2") && told.contains("token-2"), "{told}");
    let newest = Lone::new(&world);
    let told = all(newest.call(r#"{"say":"again"}"#).await).await;
    assert!(told.contains(r#""text":"again""#), "{told}");
    let told = all(newest.ask(2, "tools/list", "", &[]).await).await;
    assert!(told.contains(r#""name":"say""#), "{told}");
    behind.told.wait_for("allow  tools/call test.say").await;
}

#[tokio::test]
async fn a_call_of_a_service_that_has_no_sessions_is_cancelled_by_leaving_its_stream() {
    let behind = Arc::new(World::newest());
    let port = serve(Arc::clone(&behind)).await;
    let world = World::new(Servers::Service(port));
    let mut client = Client::begun(&world).await;
    let _events = client.cancelled().await;
    behind.told.wait_for("error cancelled").await;
}

#[tokio::test]
async fn what_changes_at_a_service_that_has_no_sessions_is_heard_of() {
    let behind = Arc::new(World::newest());
    let port = serve(Arc::clone(&behind)).await;
    let world = World::new(Servers::Service(port));
    let mut client = Client::begun(&world).await;
    client.called(r#"{"do":"change"}"#).await;
    let (_, told) = client.listen(None).await.next().await.unwrap();
    assert!(told.contains("notifications/tools/list_changed"), "{told}");
    let (_, mut events) = client.call("{}").await;
    assert!(events.next().await.unwrap().1.contains("not what it was"));
}

#[tokio::test]
async fn a_token_that_is_revoked_has_nothing_left_without_a_session_either() {
    let world = World::new(Servers::Programs);
    let client = Lone::new(&world);
    let reply = client.call(r#"{"do":"wait"}"#).await;
    let Body::Stream(mut pieces) = reply.body else { panic!("{reply:?}") };
    wait_for(&mut pieces, "waiting").await;
    world.end(true);
    wait_for(&mut pieces, "revoked").await;
    world.told.wait_for("ended: the token is revoked").await;
}
