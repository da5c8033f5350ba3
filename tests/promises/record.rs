//! What happened can be read afterwards, and nothing that reached the server is missing.

use crate::harness::{Gateway, Postgres, Settings, baseline};

#[test]
fn a_session_is_recorded_with_its_commands_verdicts_and_masked_results() {
    let (_postgres, gateway) = baseline();
    gateway.agent().run(&["SELECT name, password FROM secrets WHERE id = 1", "DROP TABLE orders"]);
    let sessions = gateway.json(&["sessions", "list"]);
    let session = &sessions[0];
    assert_eq!(session["subject"], "agent-7");
    assert_eq!(session["connection"], "orders");
    let events = gateway.events();
    let of =
        |kind: &str| -> Vec<_> { events.iter().filter(|event| event["kind"] == kind).collect() };
    let commands = of("command");
    assert_eq!(commands[0]["text"], "SELECT name, password FROM secrets WHERE id = 1");
    assert_eq!(commands[0]["verdict"], "allow");
    assert_eq!(commands[1]["verdict"], "deny");
    assert_eq!(commands[1]["rule"], "sql-guard.drop");
    let result = &of("result")[0];
    assert_eq!(result["rows"][0][0], "billing");
    assert_eq!(result["rows"][0][1], "********");
    assert_eq!(result["fields"][1]["masked"], true);
    assert_eq!(result["row_count"], 1);
}

#[test]
fn rows_that_came_before_an_error_are_recorded() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    agent.error("SELECT name, 1 / (id - 3), password FROM secrets");
    let events = gateway.events();
    let kinds: Vec<_> = events.iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["command", "result", "error"]);
    let result = &events[1];
    assert_eq!((&result["row_count"], &result["tag"]), (&2.into(), &"(broken off)".into()));
    assert_eq!(
        (&result["rows"][0][0], &result["rows"][0][2]),
        (&"billing".into(), &"********".into())
    );
}

#[test]
fn no_recording_holds_a_value_that_was_masked() {
    let (_postgres, gateway) = baseline();
    gateway.agent().query("SELECT * FROM secrets");
    gateway.agent().query("COPY secrets TO STDOUT");
    assert!(!gateway.everything_kept().contains("hunter2-billing"));
}

#[test]
fn a_session_can_be_replayed_as_a_person_would_see_it() {
    let (_postgres, gateway) = baseline();
    gateway.agent().run(&["SELECT name, password FROM secrets WHERE id = 1", "DROP TABLE orders"]);
    let sessions = gateway.json(&["sessions", "list"]);
    let replay =
        gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str().unwrap(), "--speed", "0"]);
    assert!(replay.ok, "{}", replay.stderr);
    for expected in
        ["SELECT name, password", "billing", "********", "DROP TABLE orders", "sql-guard.drop"]
    {
        assert!(replay.stdout.contains(expected), "{expected} is missing:\n{}", replay.stdout);
    }
}

#[test]
fn a_kill_loses_no_command_that_reached_the_server() {
    let postgres = Postgres::start();
    let mut gateway = Gateway::start(&postgres, Settings::default());
    let texts: Vec<String> = (0..50)
        .map(|number| format!("INSERT INTO orders VALUES ({}, 'k', 1)", 1000 + number))
        .collect();
    let mut agent = gateway.agent().interactive();
    for text in &texts {
        agent.say(&format!("{text};"));
    }
    crate::harness::until("some commands to reach the server", || {
        (postgres.direct("SELECT count(*) FROM orders WHERE item = 'k'") != "0").then_some(())
    });
    gateway.kill_and_restart();
    agent.end();
    let reached = postgres.direct("SELECT id FROM orders WHERE item = 'k' ORDER BY id");
    let session = gateway.json(&["sessions", "list"]).pop().unwrap();
    assert_eq!(session["state"], "interrupted");
    let events = gateway.events_of(session["id"].as_str().unwrap());
    let recorded: Vec<_> = events.iter().filter_map(|event| event["text"].as_str()).collect();
    for id in reached.lines() {
        let text = format!("INSERT INTO orders VALUES ({id}, 'k', 1);");
        assert!(recorded.contains(&text.as_str()), "{text} ran and is not in the record");
    }
}

#[test]
fn disk_durability_records_as_well() {
    let postgres = Postgres::start();
    let settings =
        Settings { more: "[record]\ndurability = \"disk\"".into(), ..Settings::default() };
    let gateway = Gateway::start(&postgres, settings);
    assert_eq!(gateway.agent().query("SELECT count(*) FROM orders"), "100");
    assert!(gateway.events().iter().any(|event| event["kind"] == "result"));
}

#[test]
fn only_those_who_may_audit_see_sessions() {
    let (_postgres, gateway) = baseline();
    gateway.agent().query("SELECT 1");
    let auditor = gateway.token("dora", "auditor");
    assert!(gateway.cli_as(&auditor, &["sessions", "list"]).stdout.contains("agent-7"));
    let agent = gateway.token("agent-7", "support-agent");
    let listed = gateway.cli_as(&agent, &["sessions", "list"]);
    assert!(!listed.ok || !listed.stdout.contains("orders"), "{}", listed.stdout);
}

#[test]
fn control_characters_of_an_agent_do_not_reach_the_auditors_terminal() {
    let (_postgres, gateway) = baseline();
    gateway.agent().query("SELECT 'x\u{1b}[2Jy' AS \"a\u{1b}[31mb\"");
    let listed = gateway.cli(&["sessions", "list"]);
    assert!(!listed.stdout.contains('\u{1b}'), "{:?}", listed.stdout);
    let sessions = gateway.json(&["sessions", "list"]);
    let replay =
        gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str().unwrap(), "--speed", "0"]);
    assert!(!replay.stdout.contains('\u{1b}'), "{:?}", replay.stdout);
}
