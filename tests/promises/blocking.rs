//! What policy forbids does not reach the server.

use crate::harness::{Gateway, Postgres, Settings, baseline};
use crate::masking::connect;

#[test]
fn a_drop_is_denied_with_rule_and_hint() {
    let (postgres, gateway) = baseline();
    let error = gateway.agent().error("DROP TABLE orders");
    assert!(error.contains("ERROR:  42501"), "{error}");
    assert!(error.contains("DETAIL:  Rule: sql-guard.drop"), "{error}");
    assert!(error.contains("HINT:"), "{error}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
    assert!(!postgres.log().contains("DROP TABLE orders"), "the server must not see it");
}

#[test]
fn a_delete_or_update_without_where_is_denied() {
    let (postgres, gateway) = baseline();
    let agent = gateway.agent();
    for text in [
        "DELETE FROM orders",
        "DELETE FROM orders WHERE true",
        "UPDATE orders SET amount = 0",
        "TRUNCATE orders",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM gone",
        "EXPLAIN ANALYZE DELETE FROM orders",
    ] {
        let error = agent.error(text);
        assert!(error.contains("42501"), "{text}: {error}");
    }
    assert_eq!(postgres.direct("SELECT count(*), sum(amount) FROM orders"), "100|7575.0");
}

#[test]
fn a_delete_with_where_passes() {
    let (postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&["DELETE FROM orders WHERE id = 5"]);
    assert!(outcome.ok, "{}", outcome.stderr);
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "99");
}

#[test]
fn the_session_goes_on_after_a_denial() {
    let (_postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&["DROP TABLE orders", "SELECT 'still here'"]);
    assert!(outcome.stderr.contains("42501"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("still here"), "{}", outcome.stdout);
}

#[test]
fn a_denied_statement_denies_the_whole_text_that_it_is_in() {
    let (postgres, gateway) = baseline();
    let error =
        gateway.agent().error("INSERT INTO orders VALUES (1000, 'x', 1); DROP TABLE orders");
    assert!(error.contains("sql-guard.drop"), "{error}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn a_denial_fails_the_transaction_as_any_error_does() {
    let (postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&[
        "BEGIN",
        "INSERT INTO orders VALUES (1000, 'x', 1)",
        "DROP TABLE orders",
        "SELECT 1",
        "COMMIT",
    ]);
    assert!(outcome.stderr.contains("sql-guard.drop"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("25P02"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("ROLLBACK"), "{}", outcome.stdout);
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[tokio::test]
async fn a_denial_in_the_extended_protocol_leaves_the_session_usable() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let error = client.execute("DELETE FROM orders", &[]).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42501");
    assert_eq!(error.detail(), Some("Rule: sql-guard.delete-without-where"));
    assert!(error.hint().is_some());
    let row = client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 100);
}

#[tokio::test]
async fn a_denial_in_a_pipeline_hits_only_its_own_part() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let (before, denied, after) = tokio::join!(
        client.query_one("SELECT 1", &[]),
        client.execute("DROP TABLE orders", &[]),
        client.query_one("SELECT 2", &[]),
    );
    assert_eq!(before.unwrap().get::<_, i32>(0), 1);
    assert_eq!(denied.unwrap_err().code().unwrap().code(), "42501");
    assert_eq!(after.unwrap().get::<_, i32>(0), 2);
}

#[test]
fn what_nobody_may_write_is_read_only_by_whatever_name() {
    let (postgres, gateway) = baseline();
    let agent = gateway.agent();
    for text in [
        "INSERT INTO audit.log VALUES (2, 'x')",
        "SET search_path = audit; INSERT INTO log VALUES (2, 'x')",
        "ALTER TABLE audit.log RENAME TO log2",
        "COPY audit.log FROM STDIN",
    ] {
        let error = agent.error(text);
        assert!(error.contains("sql-guard.read-only"), "{text}: {error}");
    }
    assert_eq!(postgres.direct("SELECT count(*) FROM audit.log"), "1");
}

#[test]
fn what_cannot_be_read_is_denied() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for text in [
        "DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$",
        "SELEKT 1",
        "SELECT query_to_xml('SELECT * FROM secrets', true, true, '')",
    ] {
        let error = agent.error(text);
        assert!(error.contains("sql-guard.incomplete"), "{text}: {error}");
    }
}

#[test]
fn a_text_that_is_read_otherwise_under_other_settings_is_denied() {
    let (_postgres, gateway) = baseline();
    for text in [
        "SET standard_conforming_strings = off",
        "SET client_encoding = 'SJIS'",
        "SET ROLE postgres",
    ] {
        let error = gateway.agent().error(text);
        assert!(error.contains("sql-guard.incomplete"), "{text}: {error}");
    }
}

#[test]
fn a_plugin_that_traps_or_never_ends_or_hoards_memory_denies_the_command() {
    let postgres = Postgres::start();
    for behaviour in ["trap", "loop", "memory"] {
        let policy = crate::plugins::behaving(behaviour);
        let gateway = Gateway::start(&postgres, Settings::policy(&policy));
        let outcome = gateway.agent().run(&["SELECT 1", "SELECT 2"]);
        assert_eq!(
            outcome.stderr.matches("gateway.policy-failed").count(),
            2,
            "{behaviour}: {outcome:?}"
        );
        let denied = gateway.events();
        assert!(
            denied.iter().any(|event| event["rule"] == "gateway.policy-failed"),
            "{behaviour}: {denied:?}"
        );
    }
}
