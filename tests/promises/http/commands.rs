//! nghttp and curl, as people use them on a command line.

use std::process::Command;

use crate::harness::{Authority, Curl, Nginx, Web, api, api_at, ok, run};

#[test]
fn nghttp_asks_for_many_big_things_at_once_over_one_connection() {
    let authority = Authority::new();
    let nginx = Nginx::start_with_tls("", &authority.vouch("127.0.0.1"));
    let trusts = format!("tls_ca = \"{}\"", authority.file().display());
    let gateway = api_at(&nginx.url(), &trusts, "");
    // More than any window of HTTP/2.
    nginx.put("big", &vec![b'x'; 4 << 20]);
    let mut nghttp = Command::new("nghttp");
    nghttp.args(["--no-dep", "--multiply=8", "--timeout=60", "--header"]);
    nghttp.arg(format!("authorization: Bearer {}", gateway.token("agent-7", "api-agent")));
    let outcome = run(nghttp.arg(format!("https://{}/c/api/big", gateway.address("http"))));
    assert!(outcome.ok, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.matches('x').count(), 8 * (4 << 20));
    let asked = nginx.asked(8);
    assert!(asked.iter().all(|it| it.status == 200), "{asked:?}");
}

#[test]
fn nghttp_uploads_more_than_a_window() {
    let web = Web::start(|asked| ok("text/plain", &asked.body.len().to_string()));
    let gateway = api(&web, "", "");
    let file = gateway.folder.path().join("upload");
    std::fs::write(&file, vec![b'x'; 4 << 20]).unwrap();
    let mut nghttp = Command::new("nghttp");
    nghttp.args(["--timeout=60", "--header=content-type: application/octet-stream", "--header"]);
    nghttp.arg(format!("authorization: Bearer {}", gateway.token("agent-7", "api-agent")));
    nghttp.arg("--data").arg(file);
    let outcome = run(nghttp.arg(format!("https://{}/c/api/up", gateway.address("http"))));
    assert!(outcome.ok && outcome.stdout.trim() == "4194304", "{outcome:?}");
}

#[test]
fn curl_uploads_once_it_is_told_to_continue_and_takes_what_is_not_compressed() {
    let web = Web::start(|asked| ok("text/plain", &asked.body.len().to_string()));
    let gateway = api(&web, "", "");
    let file = gateway.folder.path().join("upload");
    std::fs::write(&file, vec![b'x'; 2 << 20]).unwrap();
    let curl = Curl::new(&gateway, "api-agent");
    let kind = "Content-Type: application/octet-stream";
    let upload = ["--upload-file", file.to_str().unwrap(), "--header", kind, "--http1.1"];
    // Without an answer to its question curl would wait beyond its time.
    let patient = ["--header", "Expect: 100-continue", "--expect100-timeout", "70"];
    let answer = curl.ask("/up", &[&upload[..], &patient, &["--compressed"]].concat());
    assert!(answer.ok && answer.stdout.contains("HTTP/1.1 100 "), "{answer:?}");
    assert!(answer.stdout.ends_with("\r\n\r\n2097152"), "{answer:?}");
    assert_eq!(web.asked()[0].header("expect"), "");
}
