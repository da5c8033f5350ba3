//! How the gateway logs in at the server.

use crate::harness::{Gateway, Postgres, Settings};

fn check(authentication: &str) {
    let postgres = Postgres::start_with(authentication, &[]);
    let gateway = Gateway::start(&postgres, Settings::default());
    assert_eq!(gateway.agent().query("SELECT 1"), "1", "{authentication}");
}

#[test]
fn scram_works() {
    check("scram-sha-256");
}

#[test]
fn md5_works() {
    check("md5");
}

#[test]
fn a_password_in_clear_works_on_loopback() {
    check("password");
}

#[test]
fn trust_works() {
    check("trust");
}

#[test]
fn tls_with_scram_binds_the_channel() {
    let postgres = Postgres::start_with_tls();
    let gateway =
        Gateway::start(&postgres, Settings { server_tls: "require", ..Settings::default() });
    let shown = gateway.agent().query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    assert_eq!(shown, "t");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_where_it_must_be_verified() {
    let postgres = Postgres::start_with_tls();
    let settings = Settings { server_tls: "verify-full", ..Settings::default() };
    let gateway = Gateway::start(&postgres, settings);
    let error = gateway.agent().error("SELECT 1");
    assert!(error.contains("no session at the server"), "{error}");
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_required() {
    let postgres = Postgres::start();
    let gateway =
        Gateway::start(&postgres, Settings { server_tls: "require", ..Settings::default() });
    let error = gateway.agent().error("SELECT 1");
    assert!(error.contains("offers no TLS"), "{error}");
}
