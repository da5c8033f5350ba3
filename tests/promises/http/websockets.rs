//! WebSockets between a client and a service on the package `websockets`.

#![cfg(have_python3)]

use crate::harness::{Talker, api_at, asks};

const POLICY: &str = r#"
[[use]]
plugin = "mask-secrets"
[use.config]
names = ["*password*"]
[[use]]
plugin = "http-guard"
on = { protocols = ["http"] }
[[use.config.rules]]
name = "roles"
methods = ["MESSAGE"]
fields = ["role"]
then = "deny"
hint = "Leave the role out."
[[use.config.rules]]
name = "mutations"
methods = ["mutation"]
then = "deny"
"#;

const CLIENT: (&str, &str) = ("socket_client.py", "wss");

#[test]
fn messages_go_both_ways_masked_and_pings_are_answered_on_both_sides() {
    let service = Talker::start();
    let url = format!("http://127.0.0.1:{}", service.port);
    let gateway = api_at(&url, "websocket = true", POLICY);
    let said = [r#"{"say":"one"}"#, "ping", r#"{"say":"two"}"#];
    let outcome = asks(&gateway, CLIENT, "/live", &said);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let [first, pong, second, closed] = lines[..] else { panic!("{outcome:?}") };
    for (line, word) in [(first, "one"), (second, "two")] {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["heard"]["say"], word);
        assert_eq!(answer["password"], "********");
    }
    assert_eq!((pong, closed), ("pong", "1000"));
    assert_eq!(service.heard(), [said[0], said[2]]);
    assert!(!gateway.everything_kept().contains("hunter2"));
}

#[test]
fn a_denied_message_reaches_nobody_and_closes_the_socket_with_the_reason() {
    let service = Talker::start();
    let url = format!("http://127.0.0.1:{}", service.port);
    let gateway = api_at(&url, "websocket = true", POLICY);
    let said = [r#"{"say":"one"}"#, r#"{"role":"admin"}"#, r#"{"say":"two"}"#];
    let outcome = asks(&gateway, CLIENT, "/live", &said);
    let last = outcome.stdout.lines().last().unwrap_or_default();
    assert!(last.starts_with("1008 ") && last.contains("http-guard.roles"), "{outcome:?}");
    assert_eq!(service.heard(), said[..1]);
}

#[test]
fn a_mutation_is_judged_as_one_in_the_message_that_carries_it() {
    for said in [
        r#"{"id":"1","type":"subscribe","payload":{"query":"mutation{drop}"}}"#,
        r#"[{"x":{"query":"mutation{drop}"}}]"#,
    ] {
        let service = Talker::start();
        let url = format!("http://127.0.0.1:{}", service.port);
        let gateway = api_at(&url, "websocket = true", POLICY);
        let outcome = asks(&gateway, CLIENT, "/live", &[r#"{"query":"hello"}"#, said]);
        let last = outcome.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with("1008 ") && last.contains("http-guard.mutations"), "{outcome:?}");
        assert_eq!(service.heard(), [r#"{"query":"hello"}"#]);
    }
}

#[test]
fn a_connection_without_websockets_opens_none() {
    let service = Talker::start();
    let gateway = api_at(&format!("http://127.0.0.1:{}", service.port), "", POLICY);
    let outcome = asks(&gateway, CLIENT, "/live", &[r#"{"say":"one"}"#]);
    assert!(!outcome.ok && outcome.stderr.contains("rejected WebSocket"), "{outcome:?}");
    assert!(service.heard().is_empty());
}
