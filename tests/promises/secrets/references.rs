//! Passwords that are read when a connection opens: from a command, and from HashiCorp Vault.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::harness::{
    Authority, Gateway, Knows, PASSWORD, Postgres, Psql, Settings, Vault, repository, run,
};

const MORE: &str = r#"
[[role]]
name = "everywhere"
connections = ["*"]
"#;

fn connection(name: &str, postgres: &Postgres, password: &str) -> String {
    format!(
        "[[connection]]\nname = \"{name}\"\nprotocol = \"postgres\"\naddress = \"127.0.0.1:{}\"\n\
         database = \"orders\"\nusername = \"svc_orders\"\npassword = {password}\n",
        postgres.port
    )
}

fn start(postgres: &Postgres, connections: &[(&str, &str)]) -> Gateway {
    let mut more = MORE.to_owned();
    for (name, password) in connections {
        let _ = write!(more, "{}", connection(name, postgres, password));
    }
    Gateway::start(postgres, Settings { more, ..Settings::default() })
}

fn psql(gateway: &Gateway, connection: &str) -> Psql {
    Psql::new(gateway.port, &gateway.token("agent-7", "everywhere")).user(connection)
}

#[test]
fn a_commands_output_is_a_password_kept_for_its_time() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let script = format!("echo x >> {}; echo {PASSWORD}", runs.display());
    let fresh = format!(r#"{{ exec = ["/bin/sh", "-c", "{script}"] }}"#);
    let kept = format!(r#"{{ exec = ["/bin/sh", "-c", "{script}"], cache_seconds = 600 }}"#);
    let gateway = start(&postgres, &[("fresh", &fresh), ("kept", &kept)]);
    let runs = || std::fs::read_to_string(&runs).unwrap_or_default().lines().count();
    assert_eq!(psql(&gateway, "fresh").query("SELECT 1"), "1");
    let first = runs();
    assert_eq!(psql(&gateway, "fresh").query("SELECT 1"), "1");
    assert!(first >= 1 && runs() > first);
    assert_eq!(psql(&gateway, "kept").query("SELECT 1"), "1");
    let first = runs();
    assert_eq!(psql(&gateway, "kept").query("SELECT 1"), "1");
    assert_eq!(runs(), first);
}

#[test]
fn a_kept_password_that_the_server_refuses_is_read_anew() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "an-old-one").unwrap();
    let kept = format!(r#"{{ file = "{}", cache_seconds = 600 }}"#, file.display());
    let gateway = start(&postgres, &[("kept", &kept)]);
    let error = psql(&gateway, "kept").error("SELECT 1");
    assert!(error.contains("password authentication failed"), "{error}");
    std::fs::write(&file, PASSWORD).unwrap();
    assert_eq!(psql(&gateway, "kept").query("SELECT 1"), "1");
}

#[test]
fn a_vault_gives_passwords_to_every_kind_of_login() {
    let postgres = Postgres::start();
    let vault = Vault::start(Knows {
        secrets: BTreeMap::from([(
            "db/orders".into(),
            json!({"password": PASSWORD, "port": 5432}),
        )]),
        token: "hvs.token".into(),
        secret_id: "the-secret-id".into(),
        jwt: "ey.the.jwt".into(),
    });
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        format!(r#"{{ file = "{}" }}"#, folder.path().join(name).display())
    };
    let place = |login: &str| {
        let address = vault.url();
        format!(r#"{{ vault = {{ address = "{address}", path = "db/orders", {login} }} }}"#)
    };
    let token = place(&format!("token = {}", file("token", "hvs.token\n")));
    let secret_id = file("secret_id", "the-secret-id");
    let approle =
        place(&format!(r#"approle = {{ role_id = "gateway", secret_id = {secret_id} }}"#));
    let jwt = file("jwt", "ey.the.jwt");
    let jwt = place(&format!(r#"jwt = {{ role = "gateway", jwt = {jwt} }}"#));
    let gateway = start(&postgres, &[("token", &token), ("approle", &approle), ("jwt", &jwt)]);
    for name in ["token", "approle", "jwt", "approle"] {
        assert_eq!(psql(&gateway, name).query("SELECT 1"), "1", "{name}");
    }
    assert_eq!(vault.count("POST /v1/auth/approle/login"), 1, "its lease is not over");
    drop(vault);
    let error = psql(&gateway, "token").error("SELECT 1");
    assert!(error.contains("cannot be reached: nobody listens there"), "{error}");
}

#[test]
fn a_vault_is_asked_by_tls_where_its_own_authority_vouches_for_it_and_not_else() {
    let postgres = Postgres::start();
    let (ours, others) = (Authority::new(), Authority::new());
    let knows = Knows {
        secrets: BTreeMap::from([("db/orders".into(), json!({"password": PASSWORD}))]),
        token: "hvs.token".into(),
        ..Knows::default()
    };
    let start_vault = |name: &str| Vault::start_with_tls(knows.clone(), &ours.vouch(name));
    let (vault, misnamed) = (start_vault("127.0.0.1"), start_vault("vault.internal"));
    let expired = Vault::start_with_tls(knows.clone(), &ours.vouch_until_2021("127.0.0.1"));
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "hvs.token").unwrap();
    let place = |vault: &Vault, ca: Option<&Authority>| {
        let ca = ca.map_or_else(String::new, |ca| format!("ca = \"{}\", ", ca.file().display()));
        format!(
            r#"{{ vault = {{ address = "{}", path = "db/orders", {ca}token = {{ file = "{}" }} }} }}"#,
            vault.url(),
            token.display()
        )
    };
    let places = [
        ("known", place(&vault, Some(&ours))),
        ("unknown", place(&vault, Some(&others))),
        ("public", place(&vault, None)),
        ("misnamed", place(&misnamed, Some(&ours))),
        ("expired", place(&expired, Some(&ours))),
    ];
    let places = places.each_ref().map(|(name, place)| (*name, place.as_str()));
    let gateway = start(&postgres, &places);
    assert_eq!(psql(&gateway, "known").query("SELECT 1"), "1");
    let asked = vault.count("GET");
    for name in ["unknown", "public", "misnamed", "expired"] {
        let error = psql(&gateway, name).error("SELECT 1");
        assert!(error.contains("its certificate is not trusted"), "{name}: {error}");
    }
    let all = [vault.count("GET"), misnamed.count("GET"), expired.count("GET")];
    assert_eq!(all, [asked, 0, 0], "nobody else was told the token");
}

#[test]
fn a_vault_that_would_be_asked_in_clear_is_a_mistake_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("palisade.toml");
    let text =
        "[vault.server]\naddress = \"http://vault.internal:8200\"\ntoken = { env = \"T\" }\n";
    std::fs::write(&file, text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_palisade"));
    let outcome = run(command.arg("--config").arg(&file).arg("check").current_dir(repository()));
    assert!(!outcome.ok);
    assert!(outcome.stderr.contains("in clear"), "{}", outcome.stderr);
}
