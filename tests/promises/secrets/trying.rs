//! `connections test` says what is wrong in plain words.

use std::io::Write;
use std::net::TcpListener;

use super::kept::{add, start};
use crate::harness::{Authority, Certificate, Gateway, PASSWORD, Postgres};

fn add_at(gateway: &Gateway, name: &str, address: &str, more: &[&str]) {
    let mut arguments = vec!["connections", "add", name, "--replace", "--address", address];
    arguments.extend(["--password-env", "ORDERS_PASSWORD"]);
    if !more.contains(&"--database") {
        arguments.extend(["--database", "orders"]);
    }
    if !more.contains(&"--username") {
        arguments.extend(["--username", "svc_orders"]);
    }
    arguments.extend(more);
    let added = gateway.cli(&arguments);
    assert!(added.ok, "{}", added.stderr);
}

fn said(gateway: &Gateway, address: &str, more: &[&str]) -> String {
    add_at(gateway, "tried", address, more);
    let tried = gateway.cli(&["connections", "test", "tried"]);
    assert!(!tried.ok, "{}", tried.stdout);
    assert!(!tried.stdout.contains(PASSWORD));
    tried.stdout
}

#[test]
fn what_is_wrong_with_a_connection_is_said_in_plain_words() {
    let postgres = Postgres::start();
    let mut gateway = start(&postgres);
    let here = format!("127.0.0.1:{}", postgres.port);
    let check = |address: &str, more: &[&str], expected: &str| {
        let said = said(&gateway, address, more);
        assert!(said.contains(expected), "{expected}: {said}");
    };
    check("no.such.host.invalid:5432", &[], "does not resolve");
    check("127.0.0.1:1", &[], "refuses connections");
    check(&here, &["--tls", "require"], "offers no TLS");
    check(&here, &["--database", "nowhere"], "there is no database nowhere");
    check(&here, &["--username", "nobody"], "the password of nobody is wrong");
    postgres.admin(&format!("CREATE ROLE dweller NOLOGIN PASSWORD '{PASSWORD}'"));
    check(&here, &["--username", "dweller"], "needs LOGIN");
    postgres.admin(&format!("CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'"));
    postgres.admin("CREATE DATABASE closed");
    postgres.admin("REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
    check(&here, &["--username", "stranger", "--database", "closed"], "needs CONNECT");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    check(&other, &[], "no PostgreSQL server");
    serving.join().unwrap();
    assert!(add(&gateway, &postgres, "good", &[]).ok);
    assert!(gateway.cli(&["connections", "test", "good"]).ok);
    assert!(gateway.cli(&["connections", "test", "orders"]).ok);
    gateway.kill();
    let good = gateway.cli(&["connections", "test", "good"]);
    assert!(good.ok, "{}{}", good.stdout, good.stderr);
    assert!(!gateway.cli(&["connections", "test", "tried"]).ok);
}

#[test]
fn a_certificate_that_is_not_good_is_said_to_be_so() {
    let postgres = Postgres::start_with_tls();
    let gateway = start(&postgres);
    let here = format!("127.0.0.1:{}", postgres.port);
    let said = said(&gateway, &here, &["--tls", "verify-full"]);
    assert!(said.contains("is not trusted") || said.contains("not for the name"), "{said}");
}

/// What is said of a server with this certificate, whose authority is known.
fn said_of(authority: &Authority, shown: &Certificate) -> (bool, String) {
    let postgres = Postgres::start_with_certificate(shown);
    let gateway = start(&postgres);
    let (here, ca) =
        (format!("127.0.0.1:{}", postgres.port), authority.file().display().to_string());
    add_at(&gateway, "tried", &here, &["--tls", "verify-full", "--tls-ca", &ca]);
    let tried = gateway.cli(&["connections", "test", "tried"]);
    assert!(!postgres.log().contains("authentication failed"), "{}", postgres.log());
    (tried.ok, tried.stdout.replace(&here, "HERE"))
}

#[test]
fn a_certificate_of_a_known_authority_is_good() {
    let authority = Authority::new();
    let (ok, said) = said_of(&authority, &authority.vouch("127.0.0.1"));
    assert!(ok && said.contains("the gateway is let in"), "{said}");
}

#[test]
fn a_certificate_for_another_name_is_said_to_be_so() {
    let authority = Authority::new();
    let (ok, said) = said_of(&authority, &authority.vouch("db.internal"));
    assert!(!ok, "{said}");
    assert_eq!(said.trim(), "tried: the certificate of HERE is not for the name 127.0.0.1");
}

#[test]
fn a_certificate_that_has_expired_is_said_to_be_so() {
    let authority = Authority::new();
    let (ok, said) = said_of(&authority, &authority.vouch_until_2021("127.0.0.1"));
    assert!(!ok, "{said}");
    assert_eq!(said.trim(), "tried: the certificate of HERE has expired");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_said_to_be_so_with_what_helps() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (ok, said) = said_of(&ours, &theirs.vouch("127.0.0.1"));
    assert!(!ok, "{said}");
    for part in ["the certificate of HERE is not trusted", "--tls-ca FILE"] {
        assert!(said.contains(part), "{said}");
    }
}
