use bytes::BytesMut;
use palisade_relay::{Sequence, Step};

use super::*;
use crate::codec::{build, startup};

fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn check(pairs: &[(&str, &str)], passes: bool) {
    assert_eq!(check_parameters(&parameters(pairs)).is_ok(), passes, "{pairs:?}");
}

#[test]
fn ordinary_parameters_pass() {
    check(&[("user", "orders"), ("application_name", "psql"), ("client_encoding", "UTF8")], true);
    check(&[("options", "-c search_path=a,b --statement-timeout=5s -cwork_mem=4MB")], true);
    check(&[("options", r"-c application_name=two\ words")], true);
}

#[test]
fn parameters_that_change_who_acts_are_refused() {
    check(&[("role", "postgres")], false);
    check(&[("options", "-c role=postgres")], false);
    check(&[("options", "--session-authorization=postgres")], false);
}

#[test]
fn how_statements_are_read_is_for_the_session_to_follow() {
    check(&[("options", "-c standard_conforming_strings=off")], true);
    check(&[("standard_conforming_strings", "on")], true);
}

#[test]
fn replication_is_refused() {
    check(&[("replication", "database")], false);
    check(&[("replication", "true")], false);
    check(&[("replication", "off")], true);
}

#[test]
fn options_that_are_not_settings_are_refused() {
    check(&[("options", "-d 5")], false);
    check(&[("options", "-c")], false);
}

fn open(bytes: &[u8], insecure: bool) -> (Result<Step<Opened>, OpeningRefused>, BytesMut) {
    let mut output = BytesMut::new();
    let mut input = BytesMut::from(bytes);
    let step = ClientOpening::new(insecure).step(&mut input, &mut output);
    (step, output)
}

#[test]
fn a_session_without_tls_is_refused_with_what_to_do() {
    let mut packet = BytesMut::new();
    build::startup(&mut packet, [("user", "orders")]);
    let (step, output) = open(&packet, false);
    assert!(matches!(step, Err(OpeningRefused::Insecure)));
    assert!(String::from_utf8_lossy(&output).contains("sslmode=require"));
    assert!(matches!(open(&packet, true).0, Ok(Step::Done(_))));
}

#[test]
fn gss_encryption_is_declined_and_tls_accepted() {
    let mut packet = BytesMut::from(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30][..]);
    build::ssl_request(&mut packet);
    let (step, output) = open(&packet, false);
    assert_eq!(step.unwrap(), Step::Secure);
    assert_eq!(&output[..], b"NS");
}

#[test]
fn a_newer_minor_version_is_negotiated_down() {
    let mut packet = BytesMut::new();
    build::body(&mut packet, |out| {
        out.extend_from_slice(&(startup::V3_2 + 7).to_be_bytes());
        for text in ["user", "orders", "_pq_.magic", "1", ""] {
            build::cstr(out, text);
        }
    });
    let (step, output) = open(&packet, true);
    let Ok(Step::Done(Opened::Session { minor, parameters, .. })) = step else {
        panic!("a session")
    };
    assert_eq!(minor, 2);
    assert_eq!(parameters.len(), 1);
    assert_eq!(output[0], b'v');
    assert!(String::from_utf8_lossy(&output).contains("_pq_.magic"));
}

fn login(mode: TlsMode, private: bool, from_server: &[&[u8]]) -> Result<BytesMut, LoginRefused> {
    let mut login = ServerLogin::new(mode, private, "svc", "pw", vec![("database", "orders")]);
    let mut output = BytesMut::new();
    let mut input = BytesMut::new();
    login.step(&mut input, &mut output)?;
    for bytes in from_server {
        output.clear();
        input.extend_from_slice(bytes);
        login.step(&mut input, &mut output)?;
    }
    Ok(output)
}

const CLEARTEXT: &[u8] = b"R\0\0\0\x08\0\0\0\x03";

#[test]
fn a_password_goes_in_clear_only_where_nobody_listens() {
    assert!(matches!(
        login(TlsMode::Prefer, false, &[b"N", CLEARTEXT]),
        Err(LoginRefused::Cleartext)
    ));
    assert!(login(TlsMode::Prefer, true, &[b"N", CLEARTEXT]).is_ok());
    assert!(login(TlsMode::Disable, false, &[CLEARTEXT]).is_ok());
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_required() {
    assert!(matches!(login(TlsMode::Require, true, &[b"N"]), Err(LoginRefused::NoTls)));
}

#[test]
fn a_server_that_skips_its_scram_proof_is_refused() {
    let mut offer = BytesMut::new();
    build::frame(&mut offer, b'R', |out| {
        out.extend_from_slice(&[0, 0, 0, 10]);
        out.extend_from_slice(b"SCRAM-SHA-256\0\0");
    });
    let mut ok = BytesMut::new();
    build::authentication_ok(&mut ok);
    assert!(matches!(login(TlsMode::Disable, true, &[&offer, &ok]), Err(LoginRefused::Order('R'))));
}

#[test]
fn md5_is_answered_with_a_salted_hash() {
    let sent = login(TlsMode::Disable, true, &[b"R\0\0\0\x0c\0\0\0\x05\x01\x02\x03\x04"]).unwrap();
    assert!(sent[5..].starts_with(b"md5"));
}
