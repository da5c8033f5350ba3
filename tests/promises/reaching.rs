//! Who reaches a connection, and what a token may do: the same answer from the running gateway and from its files.

use crate::harness::{Gateway, Outcome, Postgres, Settings};

const ROLES: &str = r#"
[[role]]
name = "tester"
labels = { env = "test" }
read_only = ["led*"]
"#;

/// A gateway that keeps a connection with a label besides those of its file.
fn start() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let settings = Settings { more: ROLES.to_owned(), ..Settings::policy("") };
    let gateway = Gateway::start(&postgres, settings);
    let address = format!("127.0.0.1:{}", postgres.port);
    let added = gateway.cli(&[
        "connections",
        "add",
        "ledger",
        "--address",
        &address,
        "--database",
        "orders",
        "--username",
        "svc_orders",
        "--label",
        "env=test",
    ]);
    assert!(added.ok, "{}", added.stderr);
    (postgres, gateway)
}

/// What is asked while the gateway runs and while it does not, which gives the same answer.
fn check(gateway: &mut Gateway, asked: &[&[&str]]) -> Vec<String> {
    let ask = |gateway: &Gateway, form: &[&str]| -> Vec<Outcome> {
        asked.iter().map(|words| gateway.cli(&[*words, form].concat())).collect()
    };
    let running = [ask(gateway, &[]), ask(gateway, &["--json"])].into_iter().flatten();
    let running: Vec<Outcome> = running.collect();
    gateway.kill();
    let files = [ask(gateway, &[]), ask(gateway, &["--json"])].into_iter().flatten();
    for (one, other) in running.iter().zip(files) {
        assert!(one.ok && other.ok, "{one:?} {other:?}");
        assert_eq!(one.stdout, other.stdout);
        assert_eq!(one.stderr, "");
        let said = "the gateway is not running; this goes by its configuration file and its store";
        assert_eq!(other.stderr.trim(), said);
    }
    running.into_iter().map(|outcome| outcome.stdout).collect()
}

#[test]
fn a_kept_connection_is_known_with_its_labels_whether_the_gateway_runs_or_not() {
    let (_postgres, mut gateway) = start();
    let token = gateway.token("agent-7", "tester");
    let shown = check(
        &mut gateway,
        &[
            &["who-can", "ledger"],
            &["explain", "--connection", "ledger", "--token", &token],
            &["who-can", "orders"],
        ],
    );
    assert!(shown[0].contains("tester") && shown[0].contains("only read"), "{}", shown[0]);
    assert!(shown[1].contains("only read") && shown[1].contains("to read"), "{}", shown[1]);
    assert!(!shown[2].contains("tester"), "its label is another: {}", shown[2]);
}

#[test]
fn a_revoked_token_is_said_to_be_so_with_who_did_it() {
    let (_postgres, mut gateway) = start();
    let administrator = gateway.token("ada", "administrator");
    let first = gateway.token("agent-7", "tester");
    let issued = gateway.json(&["token", "--subject", "agent-8", "--role", "tester"]);
    let (id, second) = (issued[0]["id"].as_str().unwrap(), issued[0]["token"].as_str().unwrap());
    assert!(gateway.cli_as(&administrator, &["tokens", "revoke", "--subject", "agent-7"]).ok);
    assert!(gateway.cli(&["tokens", "revoke", id]).ok);
    let explain = |token| ["explain", "--connection", "ledger", "--token", token];
    let shown = check(&mut gateway, &[&explain(&first), &explain(second)]);
    for (shown, by) in [(&shown[0], "by ada, with all tokens of agent-7"), (&shown[1], "operator")]
    {
        assert!(shown.contains("nothing: the token was revoked"), "{shown}");
        assert!(shown.contains(by), "{shown}");
    }
    assert!(shown[2].contains(r#""reaches": false"#), "{}", shown[2]);
}

#[test]
fn revocations_in_force_are_listed_with_who_made_them_and_until_when() {
    let (_postgres, mut gateway) = start();
    let none = gateway.cli(&["tokens", "revocations"]);
    assert!(none.stdout.contains("nothing is revoked"), "{none:?}");
    let administrator = gateway.token("ada", "administrator");
    assert!(gateway.cli_as(&administrator, &["tokens", "revoke", "--subject", "agent-7"]).ok);
    assert!(gateway.cli(&["tokens", "revoke", "some-id"]).ok);
    let agent = gateway.token("agent-8", "tester");
    let denied = gateway.cli_as(&agent, &["tokens", "revocations"]);
    assert!(denied.stderr.contains("administers = true"), "{denied:?}");
    for stopped in [false, true] {
        if stopped {
            gateway.kill();
        }
        let listed = gateway.json(&["tokens", "revocations"]);
        assert_eq!((&listed[0]["subject"], &listed[0]["by"]), (&"agent-7".into(), &"ada".into()));
        assert_eq!(listed[1]["token"], "some-id");
        assert!(listed[0]["until"].as_str() > listed[0]["at"].as_str(), "{listed:?}");
        let shown = gateway.cli(&["tokens", "list"]).stdout;
        assert!(shown.contains("all tokens of agent-7") && shown.contains("UNTIL"), "{shown}");
    }
}

#[test]
fn only_who_administers_asks_the_running_gateway_who_reaches_what() {
    let (_postgres, gateway) = start();
    let agent = gateway.token("agent-7", "tester");
    let denied = gateway.cli_as(&agent, &["who-can", "ledger"]);
    assert!(denied.stderr.contains("administers = true"), "{denied:?}");
    let administrator = gateway.token("ada", "administrator");
    assert!(gateway.cli_as(&administrator, &["who-can", "ledger"]).ok);
    let wrong = ["explain", "--connection", "ledger", "--token", "a.b.c"];
    let refused = gateway.cli(&wrong);
    assert!(refused.stderr.contains("worth nothing"), "{refused:?}");
    let near = gateway.cli(&["who-can", "ledgre"]);
    assert!(near.stderr.contains("did you mean `ledger`?"), "{near:?}");
}

#[test]
fn before_the_first_start_the_configuration_alone_answers() {
    let (_postgres, mut gateway) = start();
    gateway.kill();
    std::fs::remove_dir_all(gateway.folder.path().join("data")).unwrap();
    let told = gateway.cli(&["who-can", "orders"]);
    assert!(told.ok && told.stdout.contains("support-agent"), "{told:?}");
    assert!(told.stderr.contains("configuration file alone"), "{told:?}");
}
