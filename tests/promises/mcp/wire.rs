//! What no client would send, and what it gets.

use serde_json::Value;

use super::one;
use crate::harness::{Gateway, run, until};

/// curl, which sends what no client would.
struct Raw<'a> {
    gateway: &'a Gateway,
    token: String,
    session: Option<String>,
}

impl Raw<'_> {
    fn post(&self, body: &str, more: &[&str]) -> String {
        let url = format!("https://{}/c/tools/mcp", self.gateway.address("http"));
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--max-time", "30", "--http1.1"]);
        curl.arg("--cacert").arg(self.gateway.folder.path().join("data/tls-cert.pem"));
        curl.args(["-H", "content-type: application/json"]);
        curl.args(["-H", "accept: application/json, text/event-stream"]);
        curl.args(["-H", &format!("authorization: Bearer {}", self.token)]);
        if let Some(session) = &self.session {
            curl.args(["-H", &format!("mcp-session-id: {session}")]);
        }
        let outcome = run(curl.args(more).args(["--data-binary", body, &url]));
        assert!(outcome.ok, "{}", outcome.stderr);
        outcome.stdout
    }

    /// Begins a session.
    fn begin(&mut self) {
        let begun = self.post(
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
            &[],
        );
        let session = begun.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("mcp-session-id").then(|| value.trim().to_owned())
        });
        self.session = Some(session.unwrap_or_else(|| panic!("{begun}")));
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_on_the_wire() {
    let gateway = one();
    let token = gateway.token("agent-7", "tool-agent");
    let mut raw = Raw { gateway: &gateway, token, session: None };
    raw.begin();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}"#;
    assert!(raw.post(call, &[]).contains(r#""result":3"#));
    for (body, told) in [
        (format!("[{call}]"), "batch"),
        (call.replace("\"id\":1", "\"id\":1,\"id\":2"), "name twice"),
        (call.replace("\"add\"", "\"add\",\"Name\":\"customer\""), "does not know"),
        (call.replace("\"a\":1", "\"a\":1,\"A\":2"), "case alone"),
        (call.replace("\"a\":1", "\"A\":1"), "case alone"),
        (call.replace("\"add\"", "\"аdd\""), "ASCII"),
        (call.replace("tools/call", "tasks/list"), "-32601"),
        (call.replace("\"2.0\"", "\"1.0\""), "jsonrpc"),
    ] {
        let answer = raw.post(&body, &[]);
        assert!(answer.contains(told), "{body}: {answer}");
        assert!(!answer.contains(r#""result":3"#), "{body}: {answer}");
    }
    let from_a_page = raw.post(call, &["-H", "origin: http://evil.example"]);
    assert!(from_a_page.starts_with("HTTP/1.1 403"), "{from_a_page}");
    let events = gateway.events();
    let ran = |event: &&Value| event["kind"] == "command" && event["verdict"] == "allow";
    assert_eq!(events.iter().filter(ran).count(), 1, "{events:?}");
}

#[test]
fn a_session_is_its_tokens_and_ends_with_it() {
    let gateway = one();
    let token = gateway.token("agent-7", "tool-agent");
    let mut raw = Raw { gateway: &gateway, token, session: None };
    raw.begin();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert!(raw.post(ping, &[]).contains(r#""result":{}"#));
    assert!(raw.post(ping, &["--http2"]).contains(r#""result":{}"#));
    let other = Raw {
        gateway: &gateway,
        token: gateway.token("agent-8", "tool-agent"),
        session: raw.session.clone(),
    };
    assert!(other.post(ping, &[]).starts_with("HTTP/1.1 404"));
    let nobody = Raw { gateway: &gateway, token: "no".into(), session: raw.session.clone() };
    assert!(nobody.post(ping, &[]).starts_with("HTTP/1.1 401"));
    let revoked = gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]);
    assert!(revoked.ok, "{}", revoked.stderr);
    until("the session's end", || {
        let sessions = gateway.json(&["sessions", "list"]);
        let mine = sessions.iter().find(|session| session["subject"] == "agent-7")?;
        mine["ended"].as_str().filter(|how| how.contains("revoked")).map(drop)
    });
    assert!(raw.post(ping, &[]).starts_with("HTTP/1.1 401"));
}

#[test]
fn a_stream_that_broke_off_is_gone_on_with_on_the_wire() {
    let gateway = one();
    let token = gateway.token("agent-7", "tool-agent");
    let mut raw = Raw { gateway: &gateway, token, session: None };
    raw.begin();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","_meta":{"progressToken":"p"}}}"#;
    let all = raw.post(call, &[]);
    assert!(all.contains("step 1") && all.contains("\"done\""), "{all}");
    let first = all.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let rest = raw.post("", &["--request", "GET", "-H", &format!("last-event-id: {first}")]);
    assert!(!rest.contains("step 1"), "{rest}");
    assert!(rest.contains("step 2") && rest.contains("\"done\""), "{rest}");
    assert!(raw.post("", &["--request", "DELETE"]).starts_with("HTTP/1.1 204"));
    assert!(raw.post(call, &[]).starts_with("HTTP/1.1 404"));
}

#[test]
fn a_session_ends_with_the_gateway_though_no_connection_is_left() {
    let mut gateway = one();
    let token = gateway.token("agent-7", "tool-agent");
    let mut raw = Raw { gateway: &gateway, token, session: None };
    raw.begin();
    gateway.stop();
    gateway.restart();
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!(sessions[0]["state"], "ended", "{sessions:?}");
    assert_eq!(sessions[0]["ended"], "the gateway is stopping");
}
