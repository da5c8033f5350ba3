//! Mistakes in the configuration are named with file, line and fix.

use crate::harness::{Outcome, cli, repository, run};

/// `palisade check` on a good configuration with one thing changed.
fn check(change: impl FnOnce(String) -> String, policy: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"data_dir = "data"
[listen]
postgres = "127.0.0.1:6432"
admin = "127.0.0.1:6480"
[[connection]]
name = "orders"
protocol = "postgres"
address = "127.0.0.1:5432"
database = "orders"
username = "svc_orders"
password = { env = "ORDERS_PASSWORD" }
[[role]]
name = "support-agent"
connections = ["orders"]
[policies]
files = ["policy.toml"]
"#;
    std::fs::write(folder.path().join("palisade.toml"), change(good.to_owned())).unwrap();
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
    run(cli(folder.path()).arg("check"))
}

const GUARD: &str = "[[use]]\nplugin = 'sql-guard'\n[use.config]\ndeny = ['drop']\n";

fn refused(outcome: &Outcome, expected: &[&str]) {
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.code, Some(1), "{said}");
    for part in expected {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[test]
fn a_good_configuration_passes() {
    let outcome = check(|good| good, GUARD);
    assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn the_shipped_policies_pass() {
    for name in ["baseline.toml", "http.toml", "grpc.toml", "mcp.toml", "allow-all.toml"] {
        let policy = std::fs::read_to_string(repository().join("policies").join(name)).unwrap();
        let outcome = check(|good| good, &policy);
        assert!(outcome.ok, "{name}: {}{}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let outcome = check(|good| good.replace("username", "user_name"), GUARD);
    refused(&outcome, &["palisade.toml:10", "user_name"]);
}

#[test]
fn a_bad_address_is_named_with_its_line() {
    let outcome = check(|good| good.replace("127.0.0.1:6432", "here"), GUARD);
    refused(&outcome, &["palisade.toml:3", "here"]);
}

#[test]
fn a_role_that_reaches_a_connection_that_is_not_there_is_named_with_the_likely_one() {
    let outcome = check(|good| good.replace("[\"orders\"]", "[\"ordres\"]"), GUARD);
    refused(&outcome, &["palisade.toml:14", "ordres", "did you mean `orders`"]);
}

#[test]
fn a_configuration_that_breaks_the_plugins_schema_is_named_with_its_line() {
    let policy = "[[use]]\nplugin = 'sql-guard'\n[use.config]\ndeny = ['dropp']\n";
    let outcome = check(|good| good, policy);
    refused(&outcome, &["policy.toml:", "dropp"]);
}

#[test]
fn an_unknown_plugin_is_named_with_what_there_is() {
    let outcome = check(|good| good, "[[use]]\nplugin = 'sql-gard'\n");
    refused(&outcome, &["policy.toml:2", "sql-gard", "sql-guard"]);
}

#[test]
fn a_missing_policy_file_is_named() {
    let outcome = check(|good| good.replace("policy.toml", "nowhere.toml"), GUARD);
    refused(&outcome, &["palisade.toml:16", "nowhere.toml"]);
}

#[test]
fn a_plugin_gets_nothing_that_the_policy_file_does_not_grant() {
    let budget = "[[use]]\nplugin = 'budget'\n[use.config]\n\
                  budgets = [{ name = 'b', actions = ['*'], most = 1, within = 1 }]\n";
    let outcome = check(|good| good, budget);
    refused(&outcome, &["policy.toml", "add the line `grants = [\"state\"]`"]);
    let granted = budget.replace("[use.config]", "grants = ['state']\n[use.config]");
    let outcome = check(|good| good, &granted);
    assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
}
