//! Policies are tried on what was recorded before they are put in force.

use crate::harness::{Gateway, Outcome, PASSWORD, Postgres, Psql, Settings, run};
use crate::plugins::build;

/// A gateway with a record: an agent read secrets, dropped a table that it may not drop, and changed what needs approval.
fn recorded() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::default());
    gateway.agent().run(&[
        "SELECT name, password FROM secrets",
        "SELECT item FROM orders WHERE id = 1",
        "DROP TABLE orders",
        "CREATE TABLE scratch (id int)",
    ]);
    (postgres, gateway)
}

fn policy(gateway: &Gateway, text: &str) -> String {
    let file = gateway.folder.path().join("candidate.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn status(outcome: &Outcome) -> (bool, String) {
    (outcome.ok, format!("{}{}", outcome.stdout, outcome.stderr))
}

#[test]
fn the_policies_in_force_would_do_what_they_did() {
    let (_postgres, gateway) = recorded();
    let (ok, text) = status(&gateway.cli(&["backtest"]));
    assert!(ok && text.contains("nothing would differ"), "{text}");
    assert!(text.contains("tried 4 commands") && text.contains("of 1 session"), "{text}");
    assert!(text.contains("not tried: budget"), "{text}");
}

#[test]
fn a_plugin_that_judges_otherwise_is_told_with_its_rule_and_examples() {
    let (_postgres, gateway) = recorded();
    let candidate = build("no-ddl");
    let outcome = gateway.cli(&["backtest", "--plugin", candidate.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for part in ["1 allow → deny no-ddl", "CREATE TABLE scratch", "CALLS", "#4"] {
        assert!(outcome.stdout.contains(part), "{part} is not in {}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains("allow → allow"), "{}", outcome.stdout);
}

#[test]
fn fields_that_would_show_or_hide_are_named_by_their_source() {
    let (_postgres, gateway) = recorded();
    let file = policy(
        &gateway,
        "[[use]]\nplugin = 'mask-secrets'\n[use.config]\nprotect = ['*.orders.item']\n",
    );
    let outcome =
        run(crate::harness::cli(gateway.folder.path())
            .args(["backtest", "--json", "--policy", &file]));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let found: Vec<serde_json::Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let field = |source: &str| {
        let field = found.iter().find(|one| one["sources"] == source).expect(source);
        field["candidate"].as_str().unwrap().to_owned()
    };
    assert_eq!(field("public.secrets.password"), "unmasked");
    assert_eq!(field("public.orders.item"), "masked");
    let denied = found.iter().find(|one| one["recorded"] == "deny sql-guard.drop").unwrap();
    assert_eq!((denied["candidate"].as_str(), denied["count"].as_u64()), (Some("allow"), Some(1)));
}

#[test]
fn only_the_sessions_that_are_asked_for_are_tried() {
    let (_postgres, gateway) = recorded();
    let none = gateway.cli(&["backtest", "--connection", "pay*"]);
    assert!(none.ok && none.stdout.contains("tried 0 commands"), "{none:?}");
    let some = gateway.cli(&["backtest", "--connection", "ord*", "--since", "1h"]);
    assert!(some.ok && some.stdout.contains("tried 4 commands"), "{some:?}");
    let token = gateway.token("agent-7", "support-agent");
    let blind = gateway.cli_as(&token, &["backtest"]);
    assert!(!blind.ok && blind.stderr.contains("a role with `audits`"), "{blind:?}");
}

#[test]
fn a_record_is_tried_while_no_gateway_runs_too() {
    let (_postgres, mut gateway) = recorded();
    gateway.kill();
    let candidate = build("no-ddl");
    let outcome = gateway.cli(&["backtest", "--plugin", candidate.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stdout.contains("deny no-ddl"), "{outcome:?}");
}

#[test]
fn a_kept_connections_labels_say_where_a_policy_acts_whether_the_gateway_runs_or_not() {
    let postgres = Postgres::start();
    let more =
        "[[role]]\nname = \"everywhere\"\nconnections = [\"*\"]\naudits = [\"*\"]\n".to_owned();
    let mut gateway = Gateway::start(&postgres, Settings { more, ..Settings::policy("") });
    let file = gateway.folder.path().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let (address, place) =
        (format!("127.0.0.1:{}", postgres.port), format!("cat {}", file.display()));
    let add = ["connections", "add", "ledger", "--address", &address, "--database", "orders"];
    let more = ["--username", "svc_orders", "--password-exec", &place, "--label", "env=ledgers"];
    let added = gateway.cli(&[&add[..], &more].concat());
    assert!(added.ok, "{added:?}");
    let auditor = gateway.token("agent-7", "everywhere");
    let agent = Psql::new(gateway.port, &auditor).user("ledger");
    let outcome = agent.run(&["CREATE TABLE kept (id int)", "DROP TABLE kept"]);
    assert!(outcome.ok, "{outcome:?}");
    let acts = |label: &str| {
        let text = "[[use]]\nplugin = 'sql-guard'\non = { labels = { env = 'LABEL' } }\n\
                    [use.config]\ndeny = ['drop']\n";
        policy(&gateway, &text.replace("LABEL", label))
    };
    let here = acts("ledgers");
    let backtest = |gateway: &Gateway| {
        let outcome = gateway.cli_as(&auditor, &["backtest", "--policy", &here]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stdout.contains("1 allow → deny sql-guard.drop"), "{outcome:?}");
    };
    backtest(&gateway);
    let elsewhere = acts("others");
    let outcome = gateway.cli_as(&auditor, &["backtest", "--policy", &elsewhere]);
    assert!(outcome.ok && outcome.stdout.contains("nothing would differ"), "{outcome:?}");
    acts("ledgers");
    gateway.kill();
    backtest(&gateway);
}
