use super::super::parse;
use super::*;
use crate::config::Config;

const LISTEN: &str = "[listen]\nhttp = '127.0.0.1:6481'\n";
/// Made of `tests/grpc/shop.proto`.
const SHOP: &[u8] = include_bytes!("../../../../protocols/http/src/grpc/testdata/shop.pb");

fn read(lines: &str) -> Result<Config, String> {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("shop.pb"), SHOP).unwrap();
    std::fs::write(dir.path().join("shop.proto"), "syntax = 'proto3';").unwrap();
    let text = format!("{LISTEN}[[connection]]\nname = 'orders'\n{lines}\n");
    parse(&dir.path().join("palisade.toml"), &text).map_err(|mistakes| {
        mistakes.iter().map(|it| it.problem.clone()).collect::<Vec<_>>().join("; ")
    })
}

fn grpc(lines: &str) -> Result<Config, String> {
    read(&format!("protocol = 'grpc'\naddress = 'https://a.example'\n{lines}"))
}

#[test]
fn a_grpc_connection_has_the_descriptors_of_its_file() {
    let config = grpc("descriptors = 'shop.pb'").unwrap();
    let http = config.connections[0].http.as_ref().unwrap();
    assert!(http.tls);
    assert_eq!(http.grpc, Some(Descriptors::read(SHOP).unwrap()));
    assert_ne!(http.grpc, Some(Descriptors::default()));
    let told = |config: &Config| config.warnings.iter().any(|it| it.problem.contains("not read"));
    assert!(!told(&config));
    assert!(told(&grpc("").unwrap()));
    let clear = read("protocol = 'grpc'\naddress = 'http://127.0.0.1:50051'").unwrap();
    assert!(!clear.connections[0].http.as_ref().unwrap().tls);
}

#[test]
fn what_is_amiss_is_named() {
    let other = "protocol = 'http'\naddress = 'https://a.example'\ndescriptors = 'shop.pb'";
    let database = "protocol = 'postgres'\naddress = 'a:5432'\ndatabase = 'a'\nusername = 'a'\n\
        descriptors = 'shop.pb'";
    for lines in [other, database] {
        let told = read(lines).unwrap_err();
        assert!(told.contains("for connections of the protocol `grpc`"), "{told}");
    }
    for (lines, expected) in [
        ("descriptors = 'none.pb'", "cannot read the descriptors"),
        ("descriptors = 'shop.proto'", "no descriptors of services"),
        ("paths = ['/a/{b}']", "have no templates"),
        ("websocket = true", "`websocket` says nothing here"),
        ("login = { query = 'key' }\npassword = { env = 'K' }", "by metadata"),
        ("login = { cookie = 'sid' }\npassword = { env = 'K' }", "by metadata"),
    ] {
        let told = grpc(lines).unwrap_err();
        assert!(told.contains(expected), "{lines}: {told}");
    }
    let clear = "protocol = 'grpc'\naddress = 'http://a.example'\nlogin = 'bearer'\n\
        password = { env = 'K' }";
    assert!(read(clear).unwrap_err().contains("in clear text"));
}

#[test]
fn a_grpc_connection_may_have_its_descriptors_in_itself() {
    let encoded = STANDARD.encode(SHOP);
    let config = grpc(&format!("descriptor_set = '{encoded}'")).unwrap();
    let http = config.connections[0].http.as_ref().unwrap();
    assert_eq!(http.grpc, Some(Descriptors::read(SHOP).unwrap()));
    let long = "A".repeat(LARGEST * 2);
    for (lines, expected) in [
        (format!("descriptor_set = '{encoded}'\ndescriptors = 'shop.pb'"), "there are"),
        ("descriptor_set = '?'".to_owned(), "no Base64"),
        ("descriptor_set = 'AAAA'".to_owned(), "no descriptors of services"),
        (format!("descriptor_set = '{long}'"), "more than 524288 bytes"),
    ] {
        let told = grpc(&lines).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    let other =
        format!("protocol = 'http'\naddress = 'https://a.example'\ndescriptor_set = '{encoded}'");
    assert!(read(&other).unwrap_err().contains("of the protocol `grpc`"));
}
