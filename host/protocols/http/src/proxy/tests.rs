use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::Origin;

fn origin(tls: bool, host: &str, port: u16) -> Origin {
    Origin::new(tls, host.to_owned(), port)
}

fn leads(asked: &str, to: &Origin) -> bool {
    let authority = Authority::parse(asked, None);
    authority.is_some_and(|authority| Address { tls: None, authority }.is_of(to))
}

#[test]
fn a_host_is_the_same_in_whatever_spelling() {
    let service = origin(true, "api.internal", 443);
    for asked in ["api.internal:443", "API.Internal:443", "api.internal.:443", "api.internal:0443"]
    {
        assert!(leads(asked, &service), "{asked}");
    }
    assert!(leads("api.internal:443", &origin(true, "API.internal.", 443)));
    let sixth = origin(true, "::1", 8443);
    assert!(leads("[::1]:8443", &sixth) && leads("[0:0::1]:8443", &sixth));
}

#[test]
fn what_is_not_exactly_the_services_address_is_another() {
    let service = origin(true, "api.internal", 443);
    for asked in [
        "api.internal:444",
        "api.internal",
        "api.internal:",
        "api.internal:0",
        "api.internal:65979",
        "api.internal:+443",
        "api.internal: 443",
        "api.internal..:443",
        ".api.internal:443",
        "api.internal.evil.example:443",
        "evil.api.internal:443",
        "user@api.internal:443",
        "api.internal%00:443",
        "api.internal:443/",
        "api.internal:443@evil.example:443",
        "https://api.internal:443",
        "[api.internal]:443",
        "api\u{3002}internal:443",
        "127.0.0.1:443",
        "",
    ] {
        assert!(!leads(asked, &service), "{asked}");
    }
    let loopback = origin(true, "127.0.0.1", 443);
    for asked in ["127.1:443", "2130706433:443", "0x7f.0.0.1:443", "[::ffff:127.0.0.1]:443"] {
        assert!(!leads(asked, &loopback), "{asked}");
    }
    assert!(!leads("::1:443", &origin(true, "::1", 443)));
}

#[test]
fn a_scheme_counts_where_one_is_asked_for() {
    let authority = Authority::parse("api.internal:443", None).unwrap();
    let clear = Address { tls: Some(false), authority };
    assert!(!clear.is_of(&origin(true, "api.internal", 443)));
    assert!(clear.is_of(&origin(false, "api.internal", 443)));
}

fn basic(text: &str) -> Option<(Option<String>, String)> {
    let login = ProxyLogin::read(format!("Basic {}", STANDARD.encode(text)).as_bytes())?;
    Some((login.connection, login.token.to_string()))
}

#[test]
fn a_login_is_a_connection_and_a_token() {
    let orders = (Some("orders".to_owned()), "a:b".to_owned());
    assert_eq!(basic("orders:a:b"), Some(orders));
    for anyone in ["*:t", ":t"] {
        assert_eq!(basic(anyone), Some((None, "t".to_owned())));
    }
    for nobody in ["orders:", "orders", "or\nders:t", "orders:t\0"] {
        assert_eq!(basic(nobody), None, "{nobody}");
    }
    for value in ["Bearer abc", "Basic", "Basic !", "basic", "Basic b3JkZXJzOnQ", ""] {
        assert_eq!(ProxyLogin::read(value.as_bytes()), None, "{value}");
    }
}

fn connect(target: &str, headers: &str) -> Result<Connect, Refused> {
    Connect::read(format!("CONNECT {target} HTTP/1.1\r\n{headers}\r\n").as_bytes())
}

#[test]
fn a_tunnel_is_asked_for_by_its_authority() {
    let read = connect("Api.Internal:443", "Host: api.internal:443\r\nUser-Agent: x\r\n").unwrap();
    assert_eq!(read.authority.to_string(), "api.internal:443");
    assert_eq!(read.login, None);
    let login = "Proxy-Authorization: Basic b3JkZXJzOnQ=\r\n";
    assert_eq!(connect("a:1", login).unwrap().login.unwrap().connection.unwrap(), "orders");
    assert!(Connect::read(b"CONNECT a:1 HTTP/1.0\r\n\r\n").is_ok());
    assert!(connect("a:1", "Host: a\r\n").is_ok(), "some leave the port out");
}

#[test]
fn a_request_for_a_tunnel_that_two_readers_could_read_differently_is_refused() {
    let login = "Proxy-Authorization: Basic b3JkZXJzOnQ=\r\n";
    for headers in [
        "Content-Length: 0\r\n",
        "Content-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: b:1\r\n",
        "Host: a:2\r\n",
        "Host: a:1\r\nHost: a:1\r\n",
        "Host : a:1\r\n",
        "Upgrade: websocket\r\n",
        "Expect: 100-continue\r\n",
        "X: 1\nHost: a:1\r\n",
        "X: 1\r\n folded\r\n",
        "X: \x01\r\n",
        &login.repeat(2),
        &format!("{login}proxy-authorization: x\r\n"),
    ] {
        assert!(connect("a:1", headers).is_err(), "{headers}");
    }
    for target in ["/", "*", "a", "a:", "http://a:1", "a:1/", "a:1 a:2", "u@a:1", ""] {
        assert!(connect(target, "").is_err(), "{target}");
    }
    for raw in
        ["CONNECT a:1 HTTP/2.0\r\n\r\n", "connect a:1 HTTP/1.1\r\n\r\n", "CONNECT a:1\r\n\r\n"]
    {
        assert!(Connect::read(raw.as_bytes()).is_err(), "{raw}");
    }
}

#[test]
fn an_absolute_target_is_an_authority_and_a_path() {
    let read = |text: &'static str| {
        Absolute::parse(text.as_bytes())
            .map(|it| (it.authority, std::str::from_utf8(it.target).unwrap()))
    };
    assert_eq!(read("http://orders.internal/x?y=1"), Ok(("orders.internal", "/x?y=1")));
    assert_eq!(read("HTTP://orders.internal:8080"), Ok(("orders.internal:8080", "/")));
    for text in [
        "/x",
        "*",
        "https://orders.internal/x",
        "orders.internal:80",
        "http://user@orders.internal/",
        "http:///x",
        "http://a b/",
        "http://a?x",
        "http:/a/",
        "ftp://a/",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_asked_has_one_reading(
        head in "CONNECT [a-zA-Z0-9.:\\[\\]@%_-]{0,12} HTTP/1\\.[01]\r\n(Host: [a-z0-9.:]{0,8}\r\n)?\r\n",
        target in "(http://|/|HTTP:)[a-z0-9.:/?#@%]{0,12}",
    ) {
        for asked in [head, target] {
            crate::fuzzing::request(&[&[6], asked.as_bytes()].concat());
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Connect::read(&bytes), Absolute::parse(&bytes), ProxyLogin::read(&bytes));
        let text = String::from_utf8_lossy(&bytes);
        if let Some(read) = Authority::parse(&text, Some(443)) {
            prop_assert_eq!(Authority::parse(&read.to_string(), None), Some(read));
        }
    }
}
