//! What needs a person waits for one.

use crate::harness::{Gateway, Postgres, Settings, baseline, finish, until};
use crate::masking::connect;

const UPDATE: &str = "UPDATE secrets SET name = 'renamed' WHERE id = 1";

#[test]
fn a_held_update_runs_once_somebody_else_approves_it() {
    let (postgres, gateway) = baseline();
    let waiting = gateway.agent().start(&[UPDATE]);
    let hold = gateway.hold();
    let id = hold["id"].as_str().unwrap();
    assert_eq!(hold["text"], UPDATE);
    assert_eq!(hold["subject"], "agent-7");
    assert_eq!(
        postgres.direct("SELECT name FROM secrets WHERE id = 1"),
        "billing",
        "it must not run yet"
    );
    let approver = gateway.token("alice", "approver");
    let decided = gateway.cli_as(&approver, &["approvals", "approve", id]);
    assert!(decided.ok, "{}{}", decided.stdout, decided.stderr);
    let outcome = finish(waiting);
    assert!(outcome.ok && outcome.stdout.contains("UPDATE 1"), "{outcome:?}");
    assert!(outcome.stderr.contains(id), "the notice names the hold: {}", outcome.stderr);
    assert!(outcome.stderr.contains("palisade approvals approve"), "{}", outcome.stderr);
    assert_eq!(postgres.direct("SELECT name FROM secrets WHERE id = 1"), "renamed");
}

#[test]
fn a_refused_command_does_not_run_and_the_client_is_told_why() {
    let (postgres, gateway) = baseline();
    let waiting = gateway.agent().start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    let approver = gateway.token("alice", "approver");
    let refused = gateway.cli_as(&approver, &["approvals", "deny", &id, "--reason", "not today"]);
    assert!(refused.ok, "{}", refused.stderr);
    let outcome = finish(waiting);
    assert!(!outcome.ok);
    assert!(outcome.stderr.contains("refused by alice: not today"), "{}", outcome.stderr);
    assert_eq!(postgres.direct("SELECT name FROM secrets WHERE id = 1"), "billing");
}

#[test]
fn nobody_decides_on_their_own_command() {
    let (_postgres, gateway) = baseline();
    let token = gateway.cli(&[
        "token",
        "--subject",
        "bob",
        "--role",
        "support-agent",
        "--role",
        "approver",
    ]);
    let token = token.stdout.trim().to_owned();
    let waiting = crate::harness::Psql::new(gateway.port, &token).start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    let decided = gateway.cli_as(&token, &["approvals", "approve", &id]);
    assert!(!decided.ok, "{}", decided.stdout);
    let deputy =
        gateway.cli(&["token", "--subject", "helper", "--role", "approver", "--acting-for", "bob"]);
    let decided = gateway.cli_as(deputy.stdout.trim(), &["approvals", "approve", &id]);
    assert!(!decided.ok, "an agent of the same person decided: {}", decided.stdout);
    let refused = gateway.cli(&["approvals", "deny", &id]);
    assert!(refused.ok, "{}", refused.stderr);
    assert!(!finish(waiting).ok);
}

#[test]
fn a_role_that_may_not_approve_cannot() {
    let (_postgres, gateway) = baseline();
    let waiting = gateway.agent().start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    let outsider = gateway.token("mallory", "support-agent");
    assert!(!gateway.cli_as(&outsider, &["approvals", "approve", &id]).ok);
    assert!(gateway.cli(&["approvals", "deny", &id]).ok);
    assert!(!finish(waiting).ok);
}

#[test]
fn a_grant_is_for_one_run() {
    let (postgres, gateway) = baseline();
    let waiting = gateway.agent().start(&[
        "UPDATE secrets SET name = name || '!' WHERE id = 1",
        "UPDATE secrets SET name = name || '!' WHERE id = 1",
    ]);
    let first = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert!(gateway.cli(&["approvals", "approve", &first]).ok);
    let second = until("the second hold", || {
        let id = gateway.hold()["id"].as_str().unwrap().to_owned();
        (id != first).then_some(id)
    });
    assert!(gateway.cli(&["approvals", "deny", &second]).ok);
    assert!(!finish(waiting).ok);
    assert_eq!(postgres.direct("SELECT name FROM secrets WHERE id = 1"), "billing!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_for_a_prepared_statement_is_spent_by_its_first_run() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = std::sync::Arc::new(connect(&gateway).await);
    let preparing = tokio::spawn({
        let client = client.clone();
        async move { client.prepare("UPDATE secrets SET name = name || '!' WHERE id = 1").await }
    });
    let first = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert!(gateway.cli(&["approvals", "approve", &first]).ok);
    let statement = preparing.await.unwrap().unwrap();
    assert_eq!(client.execute(&statement, &[]).await.unwrap(), 1);
    let again = tokio::spawn({
        let (client, statement) = (client.clone(), statement.clone());
        async move { client.execute(&statement, &[]).await }
    });
    let second = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert!(gateway.cli(&["approvals", "deny", &second]).ok);
    assert!(again.await.unwrap().is_err());
    assert_eq!(postgres.direct("SELECT name FROM secrets WHERE id = 1"), "billing!");
}

#[test]
fn a_grant_for_a_sql_prepared_statement_does_not_cover_its_executions() {
    let (postgres, gateway) = baseline();
    let waiting = gateway
        .agent()
        .start(&["PREPARE p AS UPDATE secrets SET name = name || '!' WHERE id = 1", "EXECUTE p"]);
    let first = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert!(gateway.cli(&["approvals", "approve", &first]).ok);
    let second = until("a hold for the execution", || {
        let id = gateway.hold()["id"].as_str().unwrap().to_owned();
        (id != first).then_some(id)
    });
    assert!(gateway.cli(&["approvals", "deny", &second]).ok);
    assert!(!finish(waiting).ok);
    assert_eq!(postgres.direct("SELECT name FROM secrets WHERE id = 1"), "billing");
}

#[test]
fn an_undecided_hold_is_denied_when_its_time_is_over() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(
        &postgres,
        Settings::policy(
            "[[use]]\nplugin = 'approve-risky'\n[use.config]\nhold = [{ actions = ['update'], objects = ['*.secrets'], approvers = ['approver'], expires_in = 1 }]\n",
        ),
    );
    let error = gateway.agent().error(UPDATE);
    assert!(error.contains("nobody decided within 1 seconds"), "{error}");
    let holds = gateway.json(&["approvals", "list"]);
    assert!(holds.iter().all(|hold| hold["state"] != "open"), "{holds:?}");
}

#[test]
fn a_client_that_hangs_up_withdraws_its_hold() {
    let (_postgres, gateway) = baseline();
    let mut waiting = gateway.agent().start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    until("the hold to be withdrawn", || {
        let hold = gateway.json(&["approvals", "show", &id]);
        (hold[0]["state"] == "withdrawn").then_some(())
    });
    assert!(!gateway.cli(&["approvals", "approve", &id]).ok, "a withdrawn hold cannot be approved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_command_can_be_cancelled() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let cancel = client.cancel_token();
    let running = tokio::spawn(async move {
        let cancelled = client.simple_query(UPDATE).await;
        (cancelled, client.simple_query("SELECT 1").await)
    });
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    cancel.cancel_query(tokio_postgres::NoTls).await.unwrap();
    let (cancelled, after) = running.await.unwrap();
    assert_eq!(cancelled.unwrap_err().code().unwrap().code(), "57014");
    assert!(after.is_ok(), "the session goes on");
    let hold = gateway.json(&["approvals", "show", &id]);
    assert_eq!(hold[0]["state"], "withdrawn");
}

#[test]
fn a_decision_is_taken_once() {
    let (_postgres, gateway) = baseline();
    let waiting = gateway.agent().start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert!(gateway.cli(&["approvals", "approve", &id]).ok);
    assert!(!gateway.cli(&["approvals", "deny", &id]).ok);
    assert!(finish(waiting).ok);
}

#[test]
fn two_people_must_agree_where_the_rule_says_so() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(
        &postgres,
        Settings::policy(
            "[[use]]\nplugin = 'approve-risky'\n[use.config]\nhold = [{ actions = ['update'], objects = ['*.secrets'], approvers = ['approver'], quorum = 2, expires_in = 300 }]\n",
        ),
    );
    let waiting = gateway.agent().start(&[UPDATE]);
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    let alice = gateway.token("alice", "approver");
    assert!(gateway.cli_as(&alice, &["approvals", "approve", &id]).ok);
    gateway.cli_as(&alice, &["approvals", "approve", &id]);
    assert_eq!(
        gateway.json(&["approvals", "show", &id])[0]["state"],
        "open",
        "one person is not two"
    );
    let carol = gateway.token("carol", "approver");
    assert!(gateway.cli_as(&carol, &["approvals", "approve", &id]).ok);
    assert!(finish(waiting).ok);
}
