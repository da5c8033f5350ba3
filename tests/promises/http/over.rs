//! Requests that are under way while their client's access ends.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Curl, Web, api, until};

use super::{BEARER, hello};

#[test]
fn a_request_whose_body_comes_after_access_was_withdrawn_reaches_nobody() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, "");
    let curl = Curl::new(&gateway, "api-agent");
    // It sends what comes by its standard input, as that comes.
    let slowly = ["--include", "--request", "POST", "--upload-file", "-"];
    let json = ["--header", "Content-Type: application/json"];
    let mut client = curl.command("/c/api/v1/a", &[&slowly[..], &json].concat());
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().unwrap();
    let mut rest = client.stdin.take().unwrap();
    until("the session", || gateway.json(&["sessions", "list"]).pop());
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let role = "name = \"api-agent\"\nconnections = [\"api\"]";
    assert!(text.contains(role), "{text}");
    std::fs::write(&file, text.replace(role, "name = \"api-agent\"\nconnections = []")).unwrap();
    assert!(gateway.cli(&["reload"]).ok);
    rest.write_all(b"{}").unwrap();
    drop(rest);
    let answer = client.wait_with_output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout);
    assert!(answer.contains("HTTP/2 401"), "{answer}");
    assert!(answer.contains("access to this connection was withdrawn"), "{answer}");
    assert!(web.asked().is_empty(), "{:?}", web.asked());
}
