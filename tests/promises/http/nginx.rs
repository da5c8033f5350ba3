//! nginx as a service: what it serves comes through, in HTTP/1.1 and HTTP/2.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Command;

use crate::harness::{Authority, Curl, Gateway, Nginx, api_at, run};

const MASKS: &str = r#"
[[use]]
plugin = "mask-secrets"
[use.config]
names = ["*password*"]
"#;

const USER: &str = r#"{"name":"Ada","password":"hunter2"}"#;

const COVERED: &str = r#"{"name":"Ada","password":"********"}"#;

/// The same locations by TLS and HTTP/2, and in clear text and HTTP/1.1, each before a gateway of its own.
fn both(locations: &str, policy: &str, promise: impl Fn(&Nginx, &Gateway, &str)) {
    let authority = Authority::new();
    let secured = Nginx::start_with_tls(locations, &authority.vouch("127.0.0.1"));
    let trusts = format!("tls_ca = \"{}\"", authority.file().display());
    promise(&secured, &api_at(&secured.url(), &trusts, policy), "HTTP/2.0");
    let plain = Nginx::start(locations);
    promise(&plain, &api_at(&plain.url(), "", policy), "HTTP/1.1");
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1
}

#[test]
fn connections_are_kept_and_new_ones_made_where_nginx_says_that_one_is_over() {
    both("keepalive_requests 4;", "", |nginx, gateway, version| {
        nginx.put("a.txt", b"hello");
        let curl = Curl::new(gateway, "api-agent");
        for _ in 0..12 {
            let answer = curl.ask("/a.txt", &[]);
            assert!(answer.ok && answer.stdout.ends_with("\r\n\r\nhello"), "{answer:?}");
        }
        let asked = nginx.asked(12);
        assert!(asked.iter().all(|it| it.version == version && it.status == 200), "{asked:?}");
        let connections: BTreeSet<u64> = asked.iter().map(|it| it.connection).collect();
        // Of four requests each; one that is not back before the next request makes a few more.
        assert!((3..=6).contains(&connections.len()), "{asked:?}");
    });
}

#[test]
fn a_service_that_was_restarted_is_reached_anew() {
    let mut nginx = Nginx::start("");
    nginx.put("a.txt", b"hello");
    let gateway = api_at(&nginx.url(), "", "");
    let curl = Curl::new(&gateway, "api-agent");
    for _ in 0..3 {
        assert!(curl.ask("/a.txt", &[]).stdout.starts_with("HTTP/2 200"));
        nginx.restart();
    }
    nginx.kill();
    assert!(curl.ask("/a.txt", &[]).stdout.starts_with("HTTP/2 502"));
}

#[test]
fn what_is_compressed_unasked_is_masked_and_goes_on_plain() {
    let locations = "gzip on; gzip_types application/json; gzip_min_length 1;
        location /packed/ { alias www/; gzip_static always; }";
    both(locations, MASKS, |nginx, gateway, _| {
        let file = nginx.put("user.json", USER.as_bytes());
        assert!(run(Command::new("gzip").arg("--keep").arg(file)).ok);
        let curl = Curl::new(gateway, "api-agent");
        for path in ["/user.json", "/packed/user.json"] {
            let answer = curl.ask(path, &["--header", "Accept-Encoding: gzip"]);
            assert!(answer.ok && body(&answer.stdout) == COVERED, "{path}: {answer:?}");
            assert!(!answer.stdout.contains("content-encoding"), "{path}: {answer:?}");
        }
        assert!(!gateway.everything_kept().contains("hunter2"));
    });
}

#[test]
fn what_comes_in_chunks_is_masked_across_them() {
    // What includes others is of a length that nginx does not know.
    let locations = "ssi on; ssi_types application/json; ssi_min_file_chunk 1;";
    both(locations, MASKS, |nginx, gateway, _| {
        nginx.put("end.txt", br#"ter2","name":"Ada"}"#);
        let whole = br#"{"password":"hun<!--#include virtual="/end.txt" -->"#;
        nginx.put("user.json", whole);
        let curl = Curl::new(gateway, "api-agent");
        for version in ["--http1.1", "--http2"] {
            let answer = curl.ask("/user.json", &[version]);
            let covered = r#"{"password":"********","name":"Ada"}"#;
            assert!(answer.ok && body(&answer.stdout) == covered, "{answer:?}");
        }
    });
}

#[test]
fn what_a_client_has_already_is_not_sent_again() {
    both("", "", |nginx, gateway, _| {
        nginx.put("a.txt", b"hello");
        let curl = Curl::new(gateway, "api-agent");
        let first = curl.ask("/a.txt", &[]).stdout;
        let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        for version in ["--http1.1", "--http2"] {
            let known = format!("If-None-Match: {tag}");
            let answer = curl.ask("/a.txt", &["--header", &known, version]);
            let status = answer.stdout.split(' ').nth(1);
            assert!(answer.ok && status == Some("304"), "{answer:?}");
            assert_eq!(body(&answer.stdout), "", "{answer:?}");
            let other = curl.ask("/a.txt", &["--header", "If-None-Match: \"other\"", version]);
            assert!(other.ok && body(&other.stdout) == "hello", "{other:?}");
        }
        let asked = nginx.asked(5);
        assert_eq!(asked[1].status, 304, "{asked:?}");
    });
}

#[test]
fn a_head_comes_without_its_body_and_the_connection_goes_on() {
    both("", "", |nginx, gateway, _| {
        nginx.put("a.txt", b"hello");
        let curl = Curl::new(gateway, "api-agent");
        for version in ["--http1.1", "--http2"] {
            let answer = curl.ask("/a.txt", &["--head", version]);
            let head = answer.stdout.to_ascii_lowercase();
            assert!(answer.ok && head.contains("content-length: 5\r\n"), "{answer:?}");
            assert_eq!(body(&answer.stdout), "", "{answer:?}");
            let whole = curl.ask("/a.txt", &[version]);
            assert!(whole.ok && body(&whole.stdout) == "hello", "{whole:?}");
        }
        let asked = nginx.asked(4);
        let methods: Vec<&str> = asked.iter().map(|it| it.method.as_str()).collect();
        assert_eq!(methods, ["HEAD", "GET", "HEAD", "GET"]);
    });
}

#[test]
fn a_big_file_comes_whole_and_in_part() {
    let bytes: Vec<u8> = (0..8_u32 << 20).flat_map(u32::to_le_bytes).collect();
    both("", "", |nginx, gateway, _| {
        nginx.put("big", &bytes);
        let curl = Curl::new(gateway, "api-agent");
        let got = gateway.folder.path().join("got");
        let into = got.to_str().unwrap();
        for version in ["--http1.1", "--http2"] {
            let path = format!("https://{}/c/api/big", gateway.address("http"));
            let answer = run(&mut curl.command(&path, &["--output", into, version]));
            assert!(answer.ok && std::fs::read(&got).unwrap() == bytes, "{answer:?}");
        }
        let part = curl.ask("/big", &["--range", "4-7"]).stdout;
        assert!(part.starts_with("HTTP/2 206") && part.ends_with("\u{1}\0\0\0"), "{part:?}");
    });
}

#[test]
fn the_services_own_error_pages_come_with_their_status_and_masked() {
    let locations = "error_page 404 /lost.html; location = /down {
        default_type application/json; return 503 '{\"password\":\"hunter2\"}'; }";
    both(locations, MASKS, |nginx, gateway, _| {
        nginx.put("lost.html", b"<h1>Lost</h1>");
        let curl = Curl::new(gateway, "api-agent");
        let lost = curl.ask("/nothing", &[]).stdout;
        assert!(lost.starts_with("HTTP/2 404") && lost.ends_with("<h1>Lost</h1>"), "{lost}");
        let down = curl.ask("/down", &[]).stdout;
        assert!(down.starts_with("HTTP/2 503"), "{down}");
        assert_eq!(body(&down), r#"{"password":"********"}"#);
        assert_eq!(nginx.asked(2)[0].target, "/nothing");
    });
}

#[test]
fn a_service_that_closes_without_an_answer_is_a_bad_gateway() {
    both("location = /gone { return 444; }", "", |nginx, gateway, _| {
        nginx.put("a.txt", b"hello");
        let curl = Curl::new(gateway, "api-agent");
        for (path, status) in [("/a.txt", "200"), ("/gone", "502"), ("/a.txt", "200")] {
            for post in [&[] as &[&str], &["--request", "POST", "--data", "a=1"]] {
                if path == "/gone" || post.is_empty() {
                    let answer = curl.ask(path, post);
                    assert_eq!(answer.stdout.split(' ').nth(1), Some(status), "{answer:?}");
                }
            }
        }
        // What may have been done is not asked for twice.
        let gone = |it: &crate::harness::Logged| it.target == "/gone" && it.method == "POST";
        assert_eq!(nginx.asked(4).into_iter().filter(gone).count(), 1);
    });
}

#[test]
fn a_service_that_ends_in_the_middle_of_its_answer_does_not_look_whole() {
    for version in ["--http1.1", "--http2"] {
        let mut nginx = Nginx::start("location = /big { limit_rate_after 1m; limit_rate 10k; }");
        nginx.put("big", &vec![b'x'; 16 << 20]);
        let gateway = api_at(&nginx.url(), "", "");
        let curl = Curl::new(&gateway, "api-agent");
        let mut client = curl.start("/big", &["--no-buffer", version]);
        let mut some = vec![0; 500_000];
        client.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
        nginx.kill();
        let mut rest = vec![];
        client.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        let ended = client.wait().unwrap();
        assert!(!ended.success() && ended.code() != Some(28), "{version}: {ended}");
    }
}
