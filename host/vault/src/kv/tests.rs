use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use palisade_identity::Credential;

use super::*;
use crate::server::{AppRole, Jwt};

/// A server that gives these answers, one for each request, and says what it was asked.
fn serve(answers: Vec<(u16, String)>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || answers.iter().map(|it| answer(&listener, it)).collect());
    (address, serving)
}

fn answer(listener: &TcpListener, (status, body): &(u16, String)) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut asked = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        asked.push_str(&line);
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).unwrap();
    asked.push_str(&String::from_utf8(content).unwrap());
    let size = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    asked
}

fn kv(value: &str) -> (u16, String) {
    (200, format!(r#"{{"data":{{"data":{{"n":1,"password":"{value}"}},"metadata":{{}}}}}}"#))
}

fn login(token: &str, seconds: u64) -> (u16, String) {
    (200, format!(r#"{{"auth":{{"client_token":"{token}","lease_duration":{seconds}}}}}"#))
}

fn file(content: &str) -> (tempfile::NamedTempFile, Credential) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let credential = Credential::File(file.path().into());
    (file, credential)
}

fn server(address: String) -> VaultServer {
    VaultServer {
        address,
        mount: "kv".into(),
        namespace: Some("team".into()),
        ca: None,
        token: None,
        approle: None,
        jwt: None,
    }
}

fn place() -> VaultPlace {
    VaultPlace::shared("db/or ders".into(), "password".into())
}

#[test]
fn a_token_reads_a_field() {
    let (address, serving) = serve(vec![kv("hunter2")]);
    let (_file, token) = file("tok\n");
    let server = VaultServer { token: Some(token), ..server(address) };
    let read = Kv::new(&place(), Some(&server)).unwrap().read().unwrap();
    assert_eq!(read.expose(), "hunter2");
    let asked = serving.join().unwrap().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("get /v1/kv/data/db/or%20ders "), "{asked}");
    assert!(asked.contains("x-vault-token: tok\r\n"), "{asked}");
    assert!(asked.contains("x-vault-namespace: team\r\n"), "{asked}");
}

#[test]
fn an_application_logs_in_once_for_its_lease_and_anew_after_it() {
    let answers =
        vec![login("t1", 3600), kv("a"), kv("b"), (403, String::new()), login("t2", 0), kv("c")];
    let (address, serving) = serve(answers);
    let (_file, secret_id) = file("sid");
    let approle = AppRole { role_id: "rid".into(), secret_id, mount: "approle".into() };
    let server = VaultServer { approle: Some(approle), ..server(address) };
    let kv = Kv::new(&place(), Some(&server)).unwrap();
    let read: Vec<_> = (0..3).map(|_| kv.read().unwrap().expose().clone()).collect();
    assert_eq!(read, ["a", "b", "c"]);
    let asked = serving.join().unwrap();
    assert!(asked[0].starts_with("POST /v1/auth/approle/login "), "{}", asked[0]);
    assert!(asked[0].ends_with(r#"{"role_id":"rid","secret_id":"sid"}"#), "{}", asked[0]);
    assert!(asked[5].contains("t2"), "{}", asked[5]);
}

#[test]
fn a_service_logs_in_by_its_jwt() {
    let (address, serving) = serve(vec![login("t", 10), kv("a")]);
    let (_file, jwt) = file("ey.J.\"x");
    let jwt = Jwt { role: "gateway".into(), jwt, mount: "kubernetes".into() };
    let server = VaultServer { jwt: Some(jwt), ..server(address) };
    assert_eq!(Kv::new(&place(), Some(&server)).unwrap().read().unwrap().expose(), "a");
    let asked = serving.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1/auth/kubernetes/login "), "{asked}");
    assert!(asked.ends_with(r#"{"role":"gateway","jwt":"ey.J.\"x"}"#), "{asked}");
}

fn failure(answer: (u16, String)) -> String {
    let (address, serving) = serve(vec![answer]);
    let (_file, token) = file("tok");
    let server = VaultServer { token: Some(token), ..server(address) };
    let failed = Kv::new(&place(), Some(&server)).unwrap().read().unwrap_err();
    serving.join().unwrap();
    failed.to_string()
}

#[test]
fn failures_name_status_and_path_and_no_content() {
    let forbidden = failure((403, r#"{"errors":["hunter2"]}"#.into()));
    assert!(forbidden.contains("403 to kv/data/db/or%20ders"), "{forbidden}");
    assert!(!forbidden.contains("hunter2"));
    assert!(failure((404, String::new())).contains("no such secret"));
    assert!(failure((200, "hunter2".into())).contains("not understood"));
    let other = failure((200, r#"{"data":{"data":{"user":"hunter2"}}}"#.into()));
    assert!(other.contains("no text in its field `password`"), "{other}");
}

#[test]
fn a_vault_that_is_not_there_is_said_to_be_so() {
    let (_file, token) = file("tok");
    let server = VaultServer { token: Some(token), ..server("http://127.0.0.1:1".into()) };
    let failed = Kv::new(&place(), Some(&server)).unwrap().read().unwrap_err().to_string();
    assert_eq!(failed, "the vault at http://127.0.0.1:1 cannot be reached: nobody listens there");
}
