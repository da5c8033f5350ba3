//! Connections that are kept in the store, with their passwords sealed.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::harness::{
    Gateway, Knows, Outcome, PASSWORD, Postgres, Psql, SECRET, Settings, Vault, cli, finish,
};

const ROLES: &str = r#"
[[role]]
name = "everywhere"
connections = ["*"]
[[role]]
name = "tester"
labels = { env = "test" }
"#;

/// A gateway with a master key.
pub(super) fn start(postgres: &Postgres) -> Gateway {
    let key = "5e".repeat(32);
    let more = format!("{ROLES}[vault]\nmaster_key = {{ exec = [\"echo\", \"{key}\"] }}\n");
    Gateway::start(postgres, Settings { more, ..Settings::default() })
}

/// Adds a connection to this server, with the password on the standard input.
pub(super) fn add(gateway: &Gateway, postgres: &Postgres, name: &str, more: &[&str]) -> Outcome {
    let address = format!("127.0.0.1:{}", postgres.port);
    let mut command = cli(gateway.folder.path());
    command.args(["connections", "add", name, "--address", &address, "--database", "orders"]);
    command.args(["--username", "svc_orders", "--password-stdin"]).args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    finish(process)
}

fn psql(gateway: &Gateway, connection: &str) -> Psql {
    Psql::new(gateway.port, &gateway.token("agent-7", "everywhere")).user(connection)
}

#[test]
fn a_kept_connection_works_at_once_and_after_a_restart_and_is_sealed() {
    let postgres = Postgres::start();
    let mut gateway = start(&postgres);
    psql(&gateway, "ledger").error("SELECT 1");
    assert!(gateway.log().contains("there is no such connection"));
    let added = add(&gateway, &postgres, "ledger", &["--label", "env=test"]);
    assert!(added.ok, "{}", added.stderr);
    assert_eq!(psql(&gateway, "ledger").query("SELECT 1"), "1");
    let tester = Psql::new(gateway.port, &gateway.token("agent-8", "tester"));
    assert_eq!(tester.clone().user("ledger").query("SELECT 1"), "1");
    tester.user("orders").error("SELECT 1");
    assert!(gateway.log().contains("no role of the token reaches the connection"));
    gateway.kill_and_restart();
    assert_eq!(psql(&gateway, "ledger").query("SELECT 1"), "1");
    let listed = gateway.json(&["connections", "list"]);
    let ledger = listed.iter().find(|it| it["id"] == "ledger").unwrap();
    assert_eq!(
        (ledger["origin"].as_str(), ledger["added_by"].as_str()),
        (Some("store"), Some("operator"))
    );
    assert!(!gateway.everything_kept().contains(PASSWORD));
}

#[test]
fn a_removed_connection_takes_no_new_session_and_ends_those_that_are_open() {
    let postgres = Postgres::start();
    let gateway = start(&postgres);
    assert!(add(&gateway, &postgres, "ledger", &[]).ok);
    let mut open = psql(&gateway, "ledger").interactive();
    open.say("SELECT 'first', pg_sleep(3);");
    open.say("SELECT 'second';");
    gateway.wait_for_a_first_command();
    assert!(gateway.cli(&["connections", "remove", "ledger"]).ok);
    psql(&gateway, "ledger").error("SELECT 1");
    assert!(gateway.log().contains("there is no such connection"));
    let outcome = open.end();
    assert!(outcome.stdout.contains("first"), "{outcome:?}");
    assert!(!outcome.stdout.contains("second"), "{outcome:?}");
    assert!(outcome.stderr.contains("access to this connection was withdrawn"), "{outcome:?}");
    let again = gateway.cli(&["connections", "remove", "ledger"]);
    assert!(again.stderr.contains("there is no connection `ledger`"), "{}", again.stderr);
}

#[test]
fn who_changed_which_connection_is_listed_whether_the_gateway_runs_or_not() {
    let postgres = Postgres::start();
    let mut gateway = start(&postgres);
    assert!(add(&gateway, &postgres, "ledger", &[]).ok);
    assert!(add(&gateway, &postgres, "ledger", &["--replace"]).ok);
    let administrator = gateway.token("ada", "administrator");
    assert!(gateway.cli_as(&administrator, &["connections", "remove", "ledger"]).ok);
    let agent = gateway.token("agent-7", "everywhere");
    let denied = gateway.cli_as(&agent, &["connections", "history"]);
    assert!(denied.stderr.contains("administers = true"), "{denied:?}");
    for stopped in [false, true] {
        if stopped {
            gateway.kill();
        }
        let changes = gateway.json(&["connections", "history"]);
        let shown: Vec<_> = changes
            .iter()
            .map(|it| (it["change"].as_str().unwrap(), it["by"].as_str().unwrap()))
            .collect();
        assert_eq!(shown, [("add", "operator"), ("replace", "operator"), ("remove", "ada")]);
        let newest = gateway.cli(&["connections", "history", "--limit", "1"]).stdout;
        assert!(newest.contains("remove  ledger") && !newest.contains("replace"), "{newest}");
    }
}

#[test]
fn the_files_connections_are_not_touched_by_the_store() {
    let postgres = Postgres::start();
    let gateway = start(&postgres);
    for outcome in [
        add(&gateway, &postgres, "orders", &["--replace"]),
        gateway.cli(&["connections", "remove", "orders"]),
    ] {
        assert!(!outcome.ok);
        assert!(outcome.stderr.contains("is in the configuration file"), "{}", outcome.stderr);
    }
    assert!(add(&gateway, &postgres, "ledger", &[]).ok);
    let again = add(&gateway, &postgres, "ledger", &[]);
    assert!(again.stderr.contains("--replace"), "{}", again.stderr);
    assert!(add(&gateway, &postgres, "ledger", &["--replace"]).ok);
    assert_eq!(psql(&gateway, "ledger").query("SELECT 1"), "1");
}

/// Adds a connection to nobody, with what follows.
const ADD: &[&str] =
    &["connections", "add", "x", "--address", "127.0.0.1:1", "--database", "d", "--username", "u"];

#[test]
fn only_administrators_keep_connections_and_none_of_them_runs_commands_by_it() {
    let postgres = Postgres::start();
    let gateway = start(&postgres);
    let agent = gateway.token("agent-7", "everywhere");
    let refused = gateway.cli_as(&agent, &["connections", "list"]);
    assert!(refused.stderr.contains("administers"), "{}", refused.stderr);
    let administrator = gateway.token("ada", "administrator");
    let command = [ADD, &["--password-exec", "id"]].concat();
    let refused = gateway.cli_as(&administrator, &command);
    assert!(refused.stderr.contains("only the operator"), "{}", refused.stderr);
    assert!(gateway.cli(&command).ok);
}

#[test]
fn what_administrators_by_token_name_of_the_gateways_machine_is_not_looked_at() {
    let postgres = Postgres::start();
    let gateway = start(&postgres);
    // Whoever opened it would wait until somebody writes.
    let pipe = gateway.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.display().to_string();
    let connection = |key: &str, value: &serde_json::Value| {
        let mut whole = json!({
            "name": "x", "protocol": "postgres", "address": "127.0.0.1:1", "database": "d", "username": "u",
        });
        whole[key] = value.clone();
        whole
    };
    let program = |place: &serde_json::Value| json!({"name": "x", "protocol": "mcp", "command": ["x"], "env": {"A": place}});
    let is_there = gateway.folder.path().join("palisade.toml").display().to_string();
    for (there, not) in [
        (connection("tls_ca", &json!(is_there)), connection("tls_ca", &json!("/no/such/file"))),
        (connection("tls_ca", &json!(pipe)), connection("tls_ca", &json!("/no/such/file"))),
        (
            connection("password_from", &json!({"file": pipe})),
            connection("password_from", &json!({"file": "/no/such/file"})),
        ),
        (
            connection("password_from", &json!({"env": "API_SECRET"})),
            connection("password_from", &json!({"env": "NO_SUCH_VARIABLE"})),
        ),
        (program(&json!({"file": pipe})), program(&json!({"file": "/no/such/file"}))),
    ] {
        let [one, other] = [there, not].map(|it| gateway.post("/v1/connections", &it.to_string()));
        let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(one.starts_with("HTTP/1.1 403"), "{one}");
        assert_eq!(body(&one), body(&other), "the answer tells what is there");
    }
    let refused = gateway.cli(&[ADD, &["--tls-ca", &pipe]].concat());
    assert!(refused.stderr.contains("no regular file"), "{refused:?}");
}

/// Adds a connection whose password is at a path of the vault.
fn add_by_vault(
    gateway: &Gateway,
    postgres: &Postgres,
    token: Option<&str>,
    place: &str,
) -> Outcome {
    let address = format!("127.0.0.1:{}", postgres.port);
    let name = place.replace(['/', '#'], "-");
    let server = ["connections", "add", &name, "--address", &address, "--database", "orders"];
    let login = ["--username", "svc_orders", "--password-vault", place];
    let command = [&server[..], &login].concat();
    match token {
        Some(token) => gateway.cli_as(token, &command),
        None => gateway.cli(&command),
    }
}

#[test]
fn administrators_by_token_have_only_those_paths_of_the_vault_read_that_the_file_allows() {
    let postgres = Postgres::start();
    let secret = |path: &str| (path.to_owned(), json!({"password": PASSWORD}));
    let secrets = BTreeMap::from([secret("palisade/orders"), secret("db/root")]);
    let vault = Vault::start(Knows { secrets, token: SECRET.to_owned(), ..Knows::default() });
    let allowed = "kept_paths = [\"palisade/*\"]\n";
    let server = format!(
        "[vault.server]\naddress = \"{}\"\ntoken = {{ env = \"API_SECRET\" }}\n",
        vault.url()
    );
    let more = format!("{ROLES}[vault]\n{allowed}{server}");
    let gateway = Gateway::start(&postgres, Settings { more, ..Settings::default() });
    let ada = gateway.token("ada", "administrator");
    let refused = add_by_vault(&gateway, &postgres, Some(&ada), "db/root#password");
    assert!(!refused.ok && refused.stderr.contains("kept_paths"), "{refused:?}");
    let elsewhere = r#"{"name": "x", "protocol": "postgres", "address": "127.0.0.1:1", "database": "d", "username": "u",
        "password_from": {"vault": {"path": "palisade/orders", "mount": "other"}}}"#;
    let refused = gateway.post("/v1/connections", elsewhere);
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("mounts"), "{refused}");
    assert_eq!(vault.count("GET"), 0, "nothing was read");
    let kept = add_by_vault(&gateway, &postgres, Some(&ada), "palisade/orders#password");
    assert!(kept.ok, "{kept:?}");
    assert_eq!(psql(&gateway, "palisade-orders-password").query("SELECT 1"), "1");
    let operators = add_by_vault(&gateway, &postgres, None, "db/root#password");
    assert!(operators.ok, "{operators:?}");
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen(allowed, "", 1)).unwrap();
    assert!(gateway.cli(&["reload"]).ok);
    let read = vault.count("GET");
    let error = psql(&gateway, "palisade-orders-password").error("SELECT 1");
    assert!(error.contains("is refused"), "what is taken out again is not read any more: {error}");
    let tried = gateway.cli(&["connections", "test", "palisade-orders-password"]);
    assert!(!tried.ok && tried.stdout.contains("kept_paths"), "{tried:?}");
    assert_eq!(vault.count("GET"), read);
    assert_eq!(psql(&gateway, "db-root-password").query("SELECT 1"), "1", "the operator's stays");
}

#[test]
fn without_a_master_key_a_password_is_not_kept_and_it_is_said_what_to_do() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::default());
    let refused = add(&gateway, &postgres, "ledger", &[]);
    assert!(refused.stderr.contains("palisade vault key"), "{}", refused.stderr);
    let key = gateway.folder.path().join("new.key");
    let made = gateway.cli(&["vault", "key", key.to_str().unwrap()]);
    assert!(made.ok, "{}", made.stderr);
    assert_eq!(std::fs::read_to_string(key).unwrap().trim().len(), 64);
}
