//! Who gets in, and for how long.

use crate::harness::{Gateway, PASSWORD, Psql, Settings, baseline, until};

#[test]
fn a_token_opens_its_connection() {
    let (_postgres, gateway) = baseline();
    assert_eq!(gateway.agent().query("SELECT current_user"), "svc_orders");
}

#[test]
fn a_token_is_not_taken_without_tls() {
    let (_postgres, gateway) = baseline();
    let error = gateway.agent().sslmode("disable").error("SELECT 1");
    assert!(error.contains("takes tokens over TLS only"), "{error}");
    assert!(error.contains("sslmode=require"), "{error}");
}

#[test]
fn every_refusal_looks_the_same_to_the_client_and_its_cause_is_in_the_log() {
    let (postgres, gateway) = baseline();
    let good = gateway.token("agent-7", "support-agent");
    let stranger = Gateway::start(&postgres, Settings::default());
    let forged = stranger.token("agent-7", "support-agent");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    let cases = [
        ("forged by another gateway", forged, "orders"),
        ("a changed signature", format!("{head}.{flipped}"), "orders"),
        ("no token at all", "secret".to_owned(), "orders"),
        ("a role that does not reach", gateway.token("agent-7", "auditor"), "orders"),
        ("a connection out of reach", good.clone(), "payments"),
        ("an unknown connection", good, "nowhere"),
    ];
    for (case, token, connection) in cases {
        let error = Psql::new(gateway.port, &token).user(connection).error("SELECT 1");
        let expected = format!("FATAL:  access to connection \"{connection}\" is refused");
        assert!(error.contains(&expected), "{case}: {error}");
        assert_eq!(error.matches("FATAL").count(), 1, "{case}: {error}");
    }
    let refused = gateway.json(&["sessions", "list"]);
    let refused: Vec<_> = refused.iter().filter(|session| session["state"] == "refused").collect();
    assert_eq!(refused.len(), 6, "each is in the record: {refused:?}");
}

#[test]
fn an_expired_token_is_refused() {
    let (_postgres, gateway) = baseline();
    let token = gateway.token_for("agent-7", "support-agent", "1s");
    until("the token to expire", || {
        let outcome = Psql::new(gateway.port, &token).run(&["SELECT 1"]);
        outcome.stderr.contains("is refused").then_some(())
    });
}

#[test]
fn a_session_ends_with_its_token_once_its_command_is_done() {
    let (_postgres, gateway) = baseline();
    let token = gateway.token_for("agent-7", "support-agent", "3s");
    let outcome = Psql::new(gateway.port, &token)
        .run(&["SELECT 'before', count(*) FROM orders, pg_sleep(4)", "SELECT 'after'"]);
    assert!(outcome.stdout.contains("before|100"), "{outcome:?}");
    assert!(!outcome.stdout.contains("after"), "{outcome:?}");
    assert!(outcome.stderr.contains("token's time is over"), "{outcome:?}");
}

#[test]
fn the_servers_password_is_nowhere_to_be_seen() {
    let (postgres, gateway) = baseline();
    let agent = gateway.agent();
    agent.query("SELECT 1");
    agent.run(&["DROP TABLE orders", "SELECT nonsense", "SHOW ALL"]);
    let kept = gateway.everything_kept();
    assert!(!kept.contains(PASSWORD), "the gateway keeps the server's password");
    drop(postgres);
    let error = agent.error("SELECT 1");
    assert!(!error.contains(PASSWORD), "{error}");
    assert!(error.contains("no session at the server"), "{error}");
}

#[test]
fn parameters_that_would_change_who_acts_are_refused() {
    let (_postgres, gateway) = baseline();
    for options in ["-c role=admin", "-c session_authorization=admin", "-c backslash_quote=on"] {
        let error = gateway.agent().option("PGOPTIONS", options).error("SELECT 1");
        assert!(error.contains("is refused"), "{options}: {error}");
    }
    let shown =
        gateway.agent().option("PGOPTIONS", "-c search_path=audit").query("SHOW search_path");
    assert_eq!(shown, "audit");
}

#[test]
fn where_a_backslash_may_escape_no_text_with_one_is_read() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent().option("PGOPTIONS", "-c standard_conforming_strings=off");
    assert_eq!(agent.query("SELECT 'it is off'"), "it is off");
    let hidden = r"SELECT 'a\' AS item, ' FROM secrets --";
    assert!(agent.error(hidden).contains("it has a backslash"), "{}", agent.error(hidden));
}

#[test]
fn another_database_than_the_connections_own_is_refused() {
    let (_postgres, gateway) = baseline();
    let error = gateway
        .agent()
        .option("PGDATABASE", "ignored")
        .user("orders")
        .query("SELECT current_database()");
    assert_eq!(error, "orders");
}

#[test]
fn the_admin_api_describes_itself_to_whoever_asks() {
    let (_postgres, gateway) = baseline();
    let answer = gateway.ask("/openapi.json", "nobody");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/json"), "{head}");
    let description: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(description["paths"]["/v1/holds/{id}/approve"]["post"].is_object(), "{body}");
}
