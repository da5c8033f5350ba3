use super::*;

#[derive(Deserialize)]
struct Table {
    password: Reference,
}

fn read(text: &str) -> Result<Reference, String> {
    let table: Result<Table, _> = toml::from_str(&format!("password = {text}"));
    table.map(|table| table.password).map_err(|error| error.message().to_owned())
}

fn refused(text: &str, why: &str) {
    let error = read(text).unwrap_err();
    assert!(error.contains(why), "{error}");
}

#[test]
fn every_place_is_read_and_written_alike() {
    for text in [
        r#"{ env = "X" }"#,
        r#"{ file = "/x", cache_seconds = 5 }"#,
        r#"{ exec = ["cmd", "arg"], cache_seconds = 60 }"#,
        r#"{ vault = { path = "db/orders", field = "pw" } }"#,
        r#"{ vault = { address = "https://v:8200", path = "a", approle = { role_id = "r", secret_id = { env = "S" } } } }"#,
    ] {
        let reference = read(text).unwrap();
        let json = serde_json::to_string(&reference).unwrap();
        assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference, "{json}");
    }
}

#[test]
fn a_place_is_one_and_known() {
    refused(r#"{ env = "X", file = "/x" }"#, "one place");
    refused("{ cache_seconds = 1 }", "one place");
    refused("{ exec = [] }", "no program");
    refused(r#"{ env = "X", cache_seconds = 100000 }"#, "cache_seconds");
    refused(r#"{ key = "X" }"#, "key");
}

fn check(text: &str, expected: Result<(), VaultUnusable>) {
    let Place::Vault(place) = read(&format!("{{ vault = {text} }}")).unwrap().place else {
        panic!("no vault")
    };
    assert_eq!(place.check(None), expected, "{text}");
}

#[test]
fn a_vault_that_cannot_be_asked_is_refused() {
    let token = r#"token = { env = "T" }"#;
    check(&format!(r#"{{ address = "https://v", path = "a", {token} }}"#), Ok(()));
    check(&format!(r#"{{ address = "http://127.0.0.1:8200", path = "a", {token} }}"#), Ok(()));
    check(r#"{ path = "a" }"#, Err(VaultUnusable::NoServer));
    check(&format!(r#"{{ path = "a", {token} }}"#), Err(VaultUnusable::NoAddress));
    check(r#"{ path = "../sys" }"#, Err(VaultUnusable::Path("../sys".into())));
    check(r#"{ address = "https://v", path = "a" }"#, Err(VaultUnusable::Login));
    let clear = Err(VaultUnusable::Clear("http://v".into()));
    check(&format!(r#"{{ address = "http://v", path = "a", {token} }}"#), clear);
}
