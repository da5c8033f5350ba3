use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn read(method: &str, lines: &[(&str, &str)]) -> Result<Head, Refused> {
    read_as(Version::HTTP_11, method, lines)
}

fn read_as(version: Version, method: &str, lines: &[(&str, &str)]) -> Result<Head, Refused> {
    read_at(version, method, b"/a", lines)
}

fn read_at(
    version: Version,
    method: &str,
    target: &[u8],
    lines: &[(&str, &str)],
) -> Result<Head, Refused> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("gateway"));
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Head::read(&Parsed {
        version,
        method: &method,
        target,
        authority: None,
        ends: false,
        headers: &headers,
    })
}

fn status(lines: &[(&str, &str)]) -> u16 {
    read("POST", lines).err().map_or(200, Refused::status)
}

#[test]
fn what_is_for_all_of_a_service_is_options_and_no_path() {
    assert!(read_at(Version::HTTP_11, "OPTIONS", b"*", &[]).is_ok());
    for method in ["GET", "DELETE"] {
        assert!(read_at(Version::HTTP_11, method, b"*", &[]).is_err(), "{method}");
    }
}

#[test]
fn a_client_does_not_say_who_a_proxy_before_it_let_in() {
    for name in [
        "x-forwarded-email",
        "x-forwarded-client-cert",
        "x-auth-request-user",
        "x-auth-request-preferred-username",
        "remote-user",
        "remote-email",
        "x-remote-extra-scopes",
        "client-cert",
        "client-cert-chain",
        "ssl-client-subject-dn",
        "x-ssl-client-cert",
        "x-arr-clientcert",
        "x-amzn-mtls-clientcert-leaf",
        "tailscale-user-login",
        "cf-access-authenticated-user-email",
        "cf-access-jwt-assertion",
        "x-authentik-username",
        "x-consumer-custom-id",
    ] {
        let head = read("GET", &[(name, "admin")]).unwrap();
        assert!(head.headers.is_empty(), "{name}");
        let odd = name.replace('-', ".");
        assert_eq!(status(&[(&odd, "admin")]), 400, "{odd}");
    }
    for name in ["cf-access-client-id", "x-consumer", "x-api-key"] {
        assert!(!read("GET", &[(name, "a")]).unwrap().headers.is_empty(), "{name}");
    }
}

#[test]
fn a_body_that_is_framed_twice_or_oddly_is_refused() {
    let chunked = ("transfer-encoding", "chunked");
    assert_eq!(status(&[chunked, ("content-length", "4")]), 400);
    assert_eq!(status(&[chunked, chunked]), 400);
    for odd in ["gzip, chunked", "xchunked", "chunked, identity", "identity", "\tchunked x"] {
        assert_eq!(status(&[("transfer-encoding", odd)]), 400, "{odd}");
    }
    for odd in ["+4", "4,4", "0x4", "-1", "", "4 4", "9999999999999999999"] {
        assert_eq!(status(&[("content-length", odd)]), 400, "{odd}");
    }
    assert_eq!(read("POST", &[chunked]).unwrap().length, Length::Open);
    assert_eq!(read("POST", &[("content-length", "4")]).unwrap().length, Length::Known(4));
    let in_http2 = read_as(Version::HTTP_2, "POST", &[chunked]);
    assert_eq!(in_http2.unwrap_err().rule(), "gateway.framing");
}

#[test]
fn a_header_that_counts_once_is_refused_twice() {
    for name in ["authorization", "host", "content-type", "palisade-token"] {
        assert_eq!(status(&[(name, "a"), (name, "b")]), 400, "{name}");
    }
    assert_eq!(status(&[("cookie", "a"), ("cookie", "b")]), 200);
}

#[test]
fn headers_that_would_change_the_method_or_the_path_are_refused() {
    for name in ["x-http-method-override", "x-original-url", "x-rewrite-url"] {
        assert_eq!(read("POST", &[(name, "/b")]).unwrap_err().rule(), "gateway.override", "{name}");
    }
    assert_eq!(status(&[("x_http_method_override", "DELETE")]), 400);
}

#[test]
fn what_belongs_to_the_hop_goes_no_further_and_neither_does_what_it_names() {
    let head = read(
        "GET",
        &[
            ("connection", "keep-alive, X-Api-Key"),
            ("x-api-key", "1"),
            ("te", "trailers"),
            ("x-forwarded-for", "10.0.0.1"),
            ("proxy-authorization", "Basic eA=="),
            ("x-own", "2"),
        ],
    );
    let head = head.unwrap();
    let names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["x-own"]);
}

#[test]
fn only_a_websocket_is_an_upgrade() {
    let connection = ("connection", "Upgrade");
    assert!(read("GET", &[connection, ("upgrade", "websocket")]).unwrap().websocket);
    for lines in [
        &[("upgrade", "h2c"), connection] as &[_],
        &[("upgrade", "websocket")],
        &[("upgrade", "websocket, h2c"), connection],
        &[("http2-settings", "x")],
    ] {
        assert_eq!(read("GET", lines).unwrap_err().rule(), "gateway.upgrade", "{lines:?}");
    }
    assert!(read("POST", &[connection, ("upgrade", "websocket")]).is_err());
}

#[test]
fn methods_are_words_in_upper_case_without_tunnels_and_echoes() {
    assert!(read("PROPFIND", &[]).is_ok());
    for method in ["get", "Get", "CONNECT", "TRACE"] {
        assert!(read(method, &[]).is_err(), "{method}");
    }
    assert_eq!(read_as(Version::HTTP_10, "GET", &[]).unwrap_err().status(), 505);
}

#[test]
fn a_compressed_body_and_an_unknown_expectation_are_refused() {
    assert_eq!(status(&[("content-encoding", "gzip")]), 415);
    assert_eq!(status(&[("expect", "200-ok")]), 417);
    assert!(read("POST", &[("expect", "100-continue")]).unwrap().expects);
}

#[test]
fn too_many_headers_are_refused() {
    let lines: Vec<_> = (0..200).map(|_| ("x-own", "1")).collect();
    assert_eq!(status(&lines), 431);
}

fn raw(text: &str) -> Result<(), Refused> {
    check_raw(text.as_bytes())
}

#[test]
fn a_head_is_looked_at_as_it_came() {
    assert_eq!(raw("GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"), Ok(()));
    for (what, text) in [
        ("bare newlines", "GET / HTTP/1.1\nHost: a\n\n"),
        ("a bare newline", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"),
        ("a bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n"),
        ("a fold", "GET / HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n"),
        ("a space before the colon", "GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n"),
        ("no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n"),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("two lengths", "GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n"),
        (
            "a length and an encoding",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ] {
        assert_eq!(raw(text).map_err(Refused::status), Err(400), "{what}");
    }
    assert_eq!(raw("GET / HTTP/1.0\r\n\r\n"), Err(Refused::Version));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = check_raw(&bytes);
    }
}
