use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, value.parse().unwrap());
    }
    map
}

fn check(pairs: &[(&'static str, &str)], passes: bool) {
    let own = ["gateway.example".to_owned()];
    assert_eq!(check_source(&headers(pairs), &own).is_ok(), passes, "{pairs:?}");
}

#[test]
fn loopback_and_own_hosts_are_answered() {
    for host in ["localhost:6480", "127.0.0.1", "[::1]:6480", "Gateway.Example:1"] {
        check(&[("host", host)], true);
    }
}

#[test]
fn a_foreign_missing_or_doubled_host_is_refused() {
    for host in ["evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"] {
        check(&[("host", host)], false);
    }
    check(&[], false);
    check(&[("host", "localhost"), ("host", "localhost")], false);
}

#[test]
fn a_web_page_is_refused_even_on_loopback() {
    check(&[("host", "localhost"), ("origin", "null")], false);
}

#[test]
fn a_bearer_token_is_taken_from_one_header_only() {
    assert_eq!(bearer(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
    assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
    let doubled = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    assert_eq!(bearer(&doubled), None);
}

#[test]
fn a_json_route_takes_json_only() {
    let json = headers(&[("content-type", "application/json; charset=utf-8")]);
    assert!(check_type(&json, Body::Json).is_ok());
    let form = headers(&[("content-type", "text/plain")]);
    assert!(check_type(&form, Body::Json).is_err());
    assert!(check_type(&HeaderMap::new(), Body::Json).is_err());
    assert!(check_type(&HeaderMap::new(), Body::None).is_ok());
}
