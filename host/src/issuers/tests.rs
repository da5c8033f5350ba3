use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_identity::TokenRefused;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::settings::Settings;

/// A server on loopback that gives this answer to each of `times` requests by TLS. Gives its address and its certificate's file.
fn server(answer: &'static str, times: usize) -> (String, tempfile::TempDir) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().take(times) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Who does not trust the certificate says nothing more.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (format!("https://localhost:{port}/keys"), dir)
}

fn check(answer: &'static str, expected: Result<&str, &str>) {
    let (url, dir) = server(answer, 1);
    let fetcher = Fetcher::new(Some(&dir.path().join("ca.pem"))).unwrap();
    match (fetcher.fetch(&url, 16), expected) {
        (Ok(body), Ok(expected)) => assert_eq!(body, expected.as_bytes()),
        (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{problem}"),
        (other, _) => panic!("{other:?} instead of {expected:?}"),
    }
}

#[test]
fn what_is_there_is_fetched_from_whom_its_own_authority_vouches_for() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", Ok("hi"));
}

#[test]
fn nobody_else_vouches_for_an_issuer_with_an_authority_of_its_own() {
    let (url, _dir) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 2);
    let (_, other) = server("", 0);
    for ca in [None, Some(other.path().join("ca.pem"))] {
        let problem = Fetcher::new(ca.as_deref()).unwrap().fetch(&url, 16).unwrap_err();
        assert!(problem.contains("certificate"), "{problem}");
    }
}

#[test]
fn no_redirect_is_followed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    check(moved, Err("the status 302"));
}

#[test]
fn what_is_larger_than_allowed_is_not_read() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n12345678901234567", Err("keys: "));
}

/// What follows from a configuration by which the issuer there is trusted by the folder's `ca.pem`.
fn settings(url: &str, dir: &Path, before: Option<&Settings>) -> Arc<Settings> {
    let file = dir.join("palisade.toml");
    let issuer = "[[issuer]]\nname = 'ci'\naudience = ['palisade']\nca = 'ca.pem'";
    std::fs::write(&file, format!("{issuer}\nurl = '{url}'\njwks = '{url}'\n")).unwrap();
    let key = SigningKey::load_or_create(&dir.join("data")).unwrap();
    Settings::new(Config::read(&file).unwrap(), &key, before).unwrap()
}

#[test]
fn an_issuer_keeps_its_keys_until_others_vouch_for_its_certificate() {
    let (url, dir) = server("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}", 1);
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let claims = part(&format!(r#"{{"iss":"{url}"}}"#));
    let token = format!("{}.{claims}.AA", part(r#"{"alg":"RS256","kid":"k"}"#));
    let refused = |settings: &Settings| settings.verify(&token).unwrap_err();
    let first = settings(&url, dir.path(), None);
    assert!(matches!(refused(&first), TokenRefused::UnknownIssuerKey));
    let same = settings(&url, dir.path(), Some(&first));
    assert!(matches!(refused(&same), TokenRefused::UnknownIssuerKey), "its keys are known");
    let (_, other) = server("", 0);
    std::fs::copy(other.path().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let anew = settings(&url, dir.path(), Some(&same));
    assert!(matches!(refused(&anew), TokenRefused::KeysUnavailable(_)), "they are no more");
    assert_eq!(anew.config.issuers, same.config.issuers, "by this open sessions go on");
}
