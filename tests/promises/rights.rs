//! What roles give besides reach: reading alone, how long, how often, and for how long a token is worth something.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Gateway, Postgres, Psql, Settings, cli, finish, until};

const ROLES: &str = r#"
[[role]]
name = "reader"
connections = ["orders", "payments"]
read_only = ["orders"]
[[role]]
name = "brief"
connections = ["orders"]
session_seconds = 2
max_sessions = 1
"#;

fn start() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let settings = Settings { more: ROLES.to_owned(), ..Settings::policy("") };
    let gateway = Gateway::start(&postgres, settings);
    (postgres, gateway)
}

fn agent(gateway: &Gateway, role: &str) -> Psql {
    Psql::new(gateway.port, &gateway.token("agent-7", role))
}

/// Gives a token for another, as the CLI does.
fn exchange(gateway: &Gateway, token: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = cli(gateway.folder.path());
    command.args(["token", "--exchange", "-"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let outcome = finish(process);
    if outcome.ok { Ok(outcome.stdout.trim().to_owned()) } else { Err(outcome.stderr) }
}

#[test]
fn who_only_reads_writes_nothing_and_cannot_switch_that_off() {
    let (postgres, gateway) = start();
    let reader = agent(&gateway, "reader");
    assert_eq!(reader.query("SELECT count(*) FROM orders"), "100");
    assert_eq!(reader.query("SHOW transaction_read_only"), "on");
    assert!(reader.query("\\d orders").contains("amount"), "psql's own questions are answered");
    let work = "SELECT now(), random(), count(*) FILTER (WHERE amount > 3), max(lower(item)), jsonb_build_object('a', 1), \
                array_agg(id), to_char(now(), 'YYYY'), pg_size_pretty(pg_total_relation_size('orders')) FROM orders";
    assert!(!reader.query(work).is_empty());
    for text in [
        "DELETE FROM orders",
        "CREATE TEMP TABLE t (a int)",
        "SET default_transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "BEGIN READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "DO 'begin execute ''delete from orders''; end'",
    ] {
        let error = reader.error(text);
        assert!(error.contains("this session only reads"), "{text}: {error}");
        assert!(error.contains("gateway.read-only"), "{text}: {error}");
    }
    for options in ["-c default_transaction_read_only=off", "-c default-transaction-read-only=off"]
    {
        let shown = reader.clone().option("PGOPTIONS", options).query("SHOW transaction_read_only");
        assert_eq!(shown, "on", "{options}");
    }
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
    let elsewhere = reader.user("payments");
    assert_eq!(elsewhere.query("DELETE FROM orders WHERE id = 1"), "DELETE 1");
    let both = gateway.cli(&[
        "token",
        "--subject",
        "agent-7",
        "--role",
        "reader",
        "--role",
        "support-agent",
    ]);
    let both = Psql::new(gateway.port, both.stdout.trim());
    assert_eq!(both.query("DELETE FROM orders WHERE id = 2"), "DELETE 1");
}

#[test]
fn a_function_that_would_switch_reading_off_is_not_run() {
    let (postgres, gateway) = start();
    postgres.direct(
        "CREATE FUNCTION sly() RETURNS int LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'SET default_transaction_read_only = off'; RETURN 1; END $$",
    );
    let outcome = agent(&gateway, "reader").run(&["SELECT sly()", "DELETE FROM orders"]);
    assert!(!outcome.ok && outcome.stderr.contains("gateway.read-only"), "{outcome:?}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn a_role_says_how_long_a_session_lasts_and_how_many_there_are_at_once() {
    let (_postgres, gateway) = start();
    let brief = agent(&gateway, "brief");
    let first = brief.start(&["SELECT 'before', pg_sleep(3)", "SELECT 'after'"]);
    until("the first session", || {
        let sessions = gateway.json(&["sessions", "list"]);
        sessions.iter().any(|session| session["state"] == "open").then_some(())
    });
    let error = brief.error("SELECT 1");
    assert!(error.contains("as you may have at once: 1"), "{error}");
    let other = Psql::new(gateway.port, &gateway.token("agent-8", "brief"));
    assert_eq!(other.query("SELECT 1"), "1", "the limit is each bearer's own");
    let outcome = finish(first);
    assert!(outcome.stderr.contains("session's time is over"), "{outcome:?}");
    assert!(!outcome.stdout.contains("after"), "{outcome:?}");
    assert_eq!(brief.query("SELECT 1"), "1", "there is room again");
}

#[test]
fn sessions_are_listed_by_subject_connection_and_time_also_without_a_gateway() {
    let (_postgres, mut gateway) = start();
    for subject in ["agent-7", "auth0|agent 8"] {
        Psql::new(gateway.port, &gateway.token(subject, "reader")).query("SELECT 1");
    }
    for runs in [true, false] {
        if !runs {
            gateway.kill();
        }
        let subjects = |more: &[&str]| {
            let listed = gateway.json(&[&["sessions", "list"], more].concat());
            listed.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(subjects(&[]), ["auth0|agent 8", "agent-7"]);
        assert_eq!(subjects(&["--subject", "auth0|agent 8"]), ["auth0|agent 8"]);
        assert_eq!(subjects(&["--connection", "ord*", "--limit", "1"]), ["auth0|agent 8"]);
        assert!(subjects(&["--connection", "billing"]).is_empty());
        assert!(subjects(&["--before", "1h"]).is_empty());
        let newest = gateway.json(&["sessions", "list"]).remove(0);
        assert_eq!(subjects(&["--before", newest["id"].as_str().unwrap()]), ["agent-7"]);
    }
}

#[test]
fn who_can_and_why_is_told_without_a_gateway() {
    let (_postgres, mut gateway) = start();
    let token = gateway.token("agent-7", "reader");
    gateway.kill();
    let roles = gateway.json(&["who-can", "orders"]);
    let reader = roles.iter().find(|role| role["id"] == "reader").unwrap();
    assert_eq!(reader["read_only"], true);
    let brief = roles.iter().find(|role| role["id"] == "brief").unwrap();
    assert_eq!((&brief["session_seconds"], &brief["max_sessions"]), (&json!(2), &json!(1)));
    assert!(gateway.cli(&["who-can", "orders"]).stdout.contains("only read"));
    let explained = gateway.json(&["explain", "--connection", "orders", "--token", &token]);
    assert_eq!(
        (&explained[0]["reaches"], &explained[0]["read_only"]),
        (&json!(true), &json!(true))
    );
    let shown = gateway.cli_as(&token, &["explain", "--connection", "orders"]).stdout;
    assert!(shown.contains("only read") && shown.contains("the token carries it"), "{shown}");
    assert!(shown.contains("the token does not carry it"), "what is missing: {shown}");
    let unknown = gateway.cli(&["who-can", "order"]);
    assert!(unknown.stderr.contains("did you mean `orders`?"), "{unknown:?}");
}

#[test]
fn a_token_is_exchanged_for_one_that_may_no_more() {
    let (_postgres, gateway) = start();
    let token = gateway.token("agent-7", "reader");
    let narrow = exchange(&gateway, &token, &["--connection", "orders"]).unwrap();
    let agent = Psql::new(gateway.port, &narrow);
    assert_eq!(agent.query("SELECT 1"), "1");
    let error = agent.user("payments").error("SELECT 1");
    assert!(error.contains("is refused"), "{error}");
    let error = exchange(&gateway, &narrow, &["--connection", "payments"]).unwrap_err();
    assert!(error.contains("`payments` is not within reach"), "{error}");
    let error = exchange(&gateway, &token, &["--role", "administrator"]).unwrap_err();
    assert!(error.contains("`administrator` is not among those"), "{error}");
    let error = exchange(&gateway, "nonsense", &[]).unwrap_err();
    assert!(error.contains("the subject_token is not valid"), "{error}");
    let log = gateway.log();
    assert!(!log.contains(&token) && !log.contains(&narrow), "tokens are not logged");
}

/// A gateway where contractors change nothing, and a token of one that was exchanged for less: twice, as an agent's.
fn contractor() -> (Postgres, Gateway, String) {
    let policy = "[[use]]\nplugin = \"sql-guard\"\non = { roles = [\"contractor\"] }\n[use.config]\nread_only = [\"*\"]\n";
    let more = "[[role]]\nname = \"contractor\"\nconnections = [\"payments\"]\n";
    let postgres = Postgres::start();
    let settings = Settings { more: more.to_owned(), ..Settings::policy(policy) };
    let gateway = Gateway::start(&postgres, settings);
    let roles = ["--role", "support-agent", "--role", "contractor"];
    let whole = gateway.cli(&[&["token", "--subject", "agent-7"][..], &roles].concat()).stdout;
    let narrow = exchange(&gateway, whole.trim(), &["--role", "support-agent"]).unwrap();
    let narrow = exchange(&gateway, &narrow, &["--connection", "orders"]).unwrap();
    (postgres, gateway, narrow)
}

#[test]
fn who_drops_a_role_is_not_freed_of_the_policies_that_act_by_it() {
    let (postgres, gateway, narrow) = contractor();
    let agent = Psql::new(gateway.port, &narrow);
    assert_eq!(agent.query("SELECT count(*) FROM orders"), "100");
    let error = agent.error("DELETE FROM orders");
    assert!(error.contains("42501"), "{error}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
    let error = agent.user("payments").error("SELECT 1");
    assert!(error.contains("is refused"), "the role gives nothing any more: {error}");
    let error = exchange(&gateway, &narrow, &["--role", "contractor"]).unwrap_err();
    assert!(error.contains("`contractor` is not among those"), "{error}");
    let explained = gateway.cli_as(&narrow, &["explain", "--connection", "payments"]).stdout;
    assert!(explained.contains("it was dropped when the token was exchanged"), "{explained}");
}

#[test]
fn a_role_that_was_dropped_gives_an_open_session_nothing_when_roles_change() {
    let (postgres, gateway, narrow) = contractor();
    let mut session = Psql::new(gateway.port, &narrow).interactive();
    let ran = |count: u64| {
        until("the command", || {
            let sessions = gateway.json(&["sessions", "list"]);
            let ran = |it: &Value| it["commands"].as_u64() >= Some(count);
            sessions.iter().any(|it| ran(it) && it["state"] == "open").then_some(())
        });
    };
    let change = |from: &str, to: &str| {
        let file = gateway.folder.path().join("palisade.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        assert!(gateway.cli(&["reload"]).ok);
    };
    session.say("SELECT 1;");
    ran(1);
    change("connections = [\"payments\"]", "connections = [\"payments\", \"orders\"]");
    session.say("DELETE FROM orders;");
    session.say("SELECT 'goes on';");
    ran(2);
    let agents = "name = \"support-agent\"\nconnections = [\"orders\"]";
    change(agents, "name = \"support-agent\"\nconnections = [\"payments\"]");
    session.say("SELECT 'not any more';");
    let outcome = session.end();
    assert!(outcome.stdout.contains("goes on") && outcome.stderr.contains("42501"), "{outcome:?}");
    assert!(outcome.stderr.contains("access to this connection was withdrawn"), "{outcome:?}");
    assert!(!outcome.stdout.contains("not any more"), "{outcome:?}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn what_a_token_was_exchanged_for_is_on_record_before_it_is_given() {
    let (_postgres, gateway) = start();
    let issued = gateway.json(&["token", "--subject", "agent-7", "--role", "reader"]);
    let parent = issued[0]["id"].as_str().unwrap();
    let token = issued[0]["token"].as_str().unwrap();
    let narrow = exchange(&gateway, token, &["--connection", "orders"]).unwrap();
    assert_eq!(Psql::new(gateway.port, &narrow).query("SELECT 1"), "1");
    let session = gateway.json(&["sessions", "list"]).remove(0);
    assert_eq!(session["parents"], json!([parent]));
    let shown = gateway.cli(&["sessions", "show", session["id"].as_str().unwrap()]).stdout;
    assert!(shown.contains(parent), "{shown}");
    let ada = gateway.token("ada", "administrator");
    let answer = gateway.ask("/v1/tokens/exchanges", &ada);
    let exchanges: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let exchanged = &exchanges[0];
    assert_eq!((&exchanged["token"], &exchanged["parents"]), (&session["token"], &json!([parent])));
    assert_eq!(
        (&exchanged["subject"], &exchanged["roles"]),
        (&json!("agent-7"), &json!(["reader"]))
    );
    assert_eq!(exchanged["connections"], json!(["orders"]));
    assert!(!answer.contains(&narrow) && !answer.contains(token), "a token is in no record");
    let listed = gateway.cli(&["tokens", "exchanges"]).stdout;
    assert!(listed.contains(parent) && listed.contains("agent-7"), "{listed}");
    let reader = gateway.cli_as(&narrow, &["tokens", "exchanges"]);
    assert!(reader.stderr.contains("administers = true"), "{reader:?}");
}

#[test]
fn a_revoked_token_ends_its_session_and_opens_none() {
    let (_postgres, gateway) = start();
    let token = gateway.token("agent-7", "reader");
    let child = exchange(&gateway, &token, &[]).unwrap();
    let other = gateway.token("agent-8", "reader");
    let running = Psql::new(gateway.port, &child).start(&["SELECT pg_sleep(15)"]);
    let session = until("the session", || {
        let sessions = gateway.json(&["sessions", "list"]);
        sessions.into_iter().find(|session| session["state"] == "open")
    });
    let claims = gateway.json(&["token", "--subject", "agent-9", "--role", "reader"]);
    let unused = claims[0]["id"].as_str().unwrap();
    assert!(gateway.cli(&["tokens", "revoke", unused]).stdout.contains("0 sessions"));
    let asked = std::time::Instant::now();
    let revoked = gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]);
    assert!(revoked.stdout.contains("1 session ends by it"), "{revoked:?}");
    let outcome = finish(running);
    assert!(asked.elapsed().as_millis() < 1500, "it ends at once: {:?}", asked.elapsed());
    assert!(
        outcome.stderr.contains("57P01") && outcome.stderr.contains("the token was revoked"),
        "{outcome:?}"
    );
    let shown = gateway.json(&["sessions", "show", session["id"].as_str().unwrap()]);
    assert_eq!(shown[0]["ended"], "the token was revoked");
    for token in [&token, &child] {
        let error = Psql::new(gateway.port, token).error("SELECT 1");
        assert!(error.contains("is refused"), "{error}");
    }
    let error = exchange(&gateway, &token, &[]).unwrap_err();
    assert!(error.contains("not valid"), "{error}");
    assert_eq!(Psql::new(gateway.port, &other).query("SELECT 1"), "1");
    let denied = gateway.cli_as(&other, &["tokens", "revoke", "--subject", "agent-9"]);
    assert!(denied.stderr.contains("administers = true"), "{denied:?}");
}

#[test]
fn what_a_session_runs_is_cancelled_at_the_server_when_its_token_is_revoked() {
    let (postgres, gateway) = start();
    let token = gateway.token("agent-7", "support-agent");
    let slow = "WITH slow AS (SELECT pg_sleep(300)) UPDATE orders SET amount = 0 FROM slow";
    let running = Psql::new(gateway.port, &token).start(&[slow]);
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'WITH slow%'";
    until("the statement", || (postgres.admin(active).trim() == "1").then_some(()));
    assert!(gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]).ok);
    assert!(finish(running).stderr.contains("the token was revoked"));
    until("the server to give it up", || (postgres.admin(active).trim() == "0").then_some(()));
}

#[test]
fn what_a_token_asked_for_is_not_done_when_it_is_revoked_before_the_request_is_whole() {
    let (_postgres, gateway) = start();
    let token = gateway.token("ada", "administrator");
    let mut stream = TcpStream::connect(gateway.address("admin")).unwrap();
    let (begun, rest) = (r#"{"subject": "#, r#""agent-9"}"#);
    let head = format!(
        "POST /v1/tokens/revoke HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{begun}",
        begun.len() + rest.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Both are answered after the request began.
    assert!(gateway.cli_as(&token, &["status"]).ok);
    assert!(gateway.cli(&["tokens", "revoke", "--subject", "ada"]).ok);
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let revoked = gateway.json(&["tokens", "revocations"]);
    assert!(revoked.iter().all(|one| one["subject"] != "agent-9"), "{revoked:?}");
}

#[test]
fn what_is_revoked_stays_so_when_the_gateway_starts_anew() {
    let (_postgres, mut gateway) = start();
    let issued = gateway.json(&["token", "--subject", "agent-7", "--role", "reader"]);
    let token = issued[0]["token"].as_str().unwrap();
    let child = exchange(&gateway, token, &[]).unwrap();
    assert!(gateway.cli(&["tokens", "revoke", issued[0]["id"].as_str().unwrap()]).ok);
    gateway.kill_and_restart();
    for token in [token, &child] {
        let error = Psql::new(gateway.port, token).error("SELECT 1");
        assert!(error.contains("is refused"), "{error}");
    }
    assert!(gateway.log().contains("the token was revoked"), "{}", gateway.log());
}

/// Asks for a token over HTTP, and gives the answer's head and its JSON.
fn ask(gateway: &Gateway, content_type: &str, form: &str) -> (String, Value) {
    let listening = gateway.folder.path().join("data/listening.json");
    let listening: Value = serde_json::from_slice(&std::fs::read(listening).unwrap()).unwrap();
    let mut stream = TcpStream::connect(listening["admin"].as_str().unwrap()).unwrap();
    let request = format!(
        "POST /v1/token HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: {content_type}\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

#[test]
fn an_exchange_speaks_as_oauth_does() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let (_postgres, gateway) = start();
    let token = gateway.token("agent-7", "reader");
    let good = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={token}\
         &subject_token_type=urn:ietf:params:oauth:token-type:jwt"
    );
    let (head, given) = ask(&gateway, FORM, &good);
    assert!(head.starts_with("http/1.1 200") && head.contains("cache-control: no-store"), "{head}");
    assert_eq!((&given["token_type"], &given["scope"]), (&json!("Bearer"), &json!("reader")));
    assert_eq!(given["issued_token_type"], "urn:ietf:params:oauth:token-type:jwt");
    assert!(given["expires_in"].as_u64().unwrap() <= 900, "{given}");
    let cases = [
        (good.replace("token-exchange", "other"), "unsupported_grant_type"),
        (good.replace(&token, "x.y.z"), "invalid_request"),
        (format!("{good}&scope=administrator"), "invalid_scope"),
        (format!("{good}&audience=nowhere"), "invalid_target"),
        (format!("{good}&actor_token=x"), "invalid_request"),
    ];
    for (form, code) in cases {
        let (head, refused) = ask(&gateway, FORM, &form);
        assert!(head.starts_with("http/1.1 400"), "{code}: {head}");
        assert_eq!(refused["error"], code, "{refused}");
        assert!(refused["error_description"].is_string(), "{refused}");
    }
    let (head, _) = ask(&gateway, "application/json", "{}");
    assert!(head.starts_with("http/1.1 415"), "{head}");
}
