//! httpx over HTTP/2, and curl, at an nginx that keeps what is put there.

#![cfg(have_python3)]

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Curl, Nginx, api_at, asks};

const LOCATIONS: &str = "dav_methods PUT; client_max_body_size 64m;
    location = /old { return 302 /new; } location = /new { return 200 here; }
    location = /enter { add_header Set-Cookie 'room=7; Path=/'; return 204; }
    location = /who { return 200 $cookie_room; }";

#[test]
fn a_program_with_httpx_streams_both_ways_follows_redirects_and_keeps_cookies() {
    let nginx = Nginx::start(LOCATIONS);
    let gateway = api_at(&nginx.url(), "", "");
    let outcome = asks(&gateway, ("fetch.py", "https"), "", &[]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let expected = ["HTTP/2 201", "same True", "moved here", "cookie 7"];
    assert_eq!(lines, expected, "{outcome:?}");
}

#[test]
fn curl_uploads_what_it_does_not_know_the_length_of() {
    let nginx = Nginx::start(LOCATIONS);
    let gateway = api_at(&nginx.url(), "", "");
    let curl = Curl::new(&gateway, "api-agent");
    let kind = "Content-Type: application/octet-stream";
    let bytes = vec![b'x'; 2 << 20];
    for version in ["--http1.1", "--http2"] {
        let path = format!("https://{}/c/api/kept", gateway.address("http"));
        let mut upload =
            curl.command(&path, &["--fail", "--upload-file", "-", "--header", kind, version]);
        let mut client = upload.stdin(Stdio::piped()).spawn().unwrap();
        client.stdin.take().unwrap().write_all(&bytes).unwrap();
        assert!(client.wait().unwrap().success(), "{version}");
        let got = curl.ask("/kept", &[]).stdout;
        assert_eq!(got.split_once("\r\n\r\n").unwrap().1.as_bytes(), bytes, "{version}");
    }
}
