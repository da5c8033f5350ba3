//! A plugin that misbehaves is stopped: its command is denied or its result withheld, the record says why, and neither the
//! session nor any other plugin feels it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Gateway, Postgres, Settings};
use crate::plugins::{build, moody};

/// A policy file with a plugin that misbehaves where it meets the word "poison", and two others after it.
fn beside_others(behaviour: &str, more: &str) -> String {
    others(&moody(), behaviour, more)
}

fn others(plugin: &Path, behaviour: &str, more: &str) -> String {
    format!(
        "[[use]]\nplugin = '{}'\nname = 'moody'\n{more}\n[use.config]\nbehaviour = {behaviour}\nonly = 'poison'\n\
         [[use]]\nplugin = 'sql-guard'\n[use.config]\ndeny = ['drop']\n\
         [[use]]\nplugin = 'mask-secrets'\n[use.config]\nprotect = ['*.*.password']\n",
        plugin.display()
    )
}

/// The same with a plugin that asks for all that can be granted.
fn asking(behaviour: &str, grants: &str) -> String {
    others(&build("asker"), behaviour, grants)
}

/// Whoever does not loop has time enough to fail otherwise.
fn patience(behaviour: &str) -> &'static str {
    if behaviour.contains("loop") { "" } else { "limits = { time_ms = 10000 }" }
}

/// What the gateway counted of the plugin that misbehaves.
fn counted(gateway: &Gateway, what: &str) -> u64 {
    let plugins = gateway.json(&["plugins", "list"]);
    let moody = plugins.iter().find(|plugin| plugin["name"] == "moody").unwrap();
    moody["counts"][what].as_u64().unwrap()
}

/// What the record says of failed policies.
fn reasons(events: &[Value]) -> String {
    let of = |event: &Value| format!("{} {}\n", event["reason"], event["message"]);
    events.iter().map(of).filter(|text| text.contains("moody")).collect()
}

#[test]
fn a_guard_that_misbehaves_denies_its_command_and_nothing_else() {
    let postgres = Postgres::start();
    for (behaviour, why, counter) in [
        ("'trap'", "trapped", "trapped"),
        ("'loop'", "ran over its time limit", "over_time"),
        ("'memory'", "ran over its memory limit", "over_memory"),
        ("'stack-overflow'", "trapped", "trapped"),
        ("'huge-answer'", "gave an unusable answer", "unusable_answers"),
        ("'no-text'", "gave an unusable answer", "unusable_answers"),
    ] {
        let policy = beside_others(behaviour, patience(behaviour));
        let gateway = Gateway::start(&postgres, Settings::policy(&policy));
        let outcome = gateway.agent().run(&[
            "SELECT 'poison'",
            "DROP TABLE orders",
            "SELECT 'fine', password FROM secrets WHERE id = 1",
        ]);
        assert!(outcome.stderr.contains(why), "{behaviour}: {outcome:?}");
        assert!(outcome.stderr.contains("gateway.policy-failed"), "{behaviour}: {outcome:?}");
        assert!(outcome.stderr.contains("sql-guard.drop"), "{behaviour}: {outcome:?}");
        assert!(outcome.stdout.contains("fine|"), "{behaviour}: {outcome:?}");
        for gone in ["poison\n", "hunter2"] {
            assert!(!outcome.stdout.contains(gone), "{behaviour}: {outcome:?}");
        }
        assert!(reasons(&gateway.events()).contains(why), "{behaviour}: {:?}", gateway.events());
        assert!(counted(&gateway, counter) >= 1, "{behaviour}");
    }
}

#[test]
fn the_limits_that_were_hit_are_counted_for_whoever_watches_the_gateway() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::policy(&beside_others("'loop'", "")));
    gateway.agent().run(&["SELECT 'poison'", "SELECT 'fine'", "SELECT 'fine'"]);
    gateway.agent().run(&["SELECT 'fine'"]);
    let metrics = gateway.metrics();
    let number = |line: &str| {
        let found = metrics.lines().find_map(|it| it.strip_prefix(line));
        found.unwrap_or_else(|| panic!("{line} is not in {metrics}")).trim().parse::<u64>().unwrap()
    };
    assert!(number("palisade_policy_failures_total{policy=\"moody\",reason=\"time\"}") >= 1);
    assert_eq!(number("palisade_policy_failures_total{policy=\"sql-guard\",reason=\"time\"}"), 0);
    assert!(number("palisade_verdicts_recalled_total") >= 1, "the same session again");
    assert!(
        number("palisade_policy_remembered_total{policy=\"sql-guard\"}") >= 1,
        "another session, whose context it does not look at"
    );
}

#[test]
fn a_mask_that_misbehaves_withholds_its_result_and_nothing_else() {
    let postgres = Postgres::start();
    for (behaviour, why) in [
        ("'trap-in-plan'", "trapped"),
        ("'loop-in-plan'", "ran over its time limit"),
        ("'short-plan'", "its plan has 0 fields where the result has 2"),
        ("'long-plan'", "its plan has 3 fields where the result has 2"),
        ("'huge-plan'", "gave an unusable answer"),
        ("'trap-in-inspect'", "trapped"),
        ("'lose-a-value'", "gave an unusable answer"),
    ] {
        let policy = beside_others(behaviour, patience(behaviour));
        let gateway = Gateway::start(&postgres, Settings::policy(&policy));
        let outcome = gateway.agent().run(&[
            "SELECT id, item AS poison FROM orders WHERE id < 3",
            "SELECT item, 'fine' FROM orders WHERE id = 3",
            "SELECT password FROM secrets WHERE id = 1",
        ]);
        assert!(outcome.stderr.contains("gateway.policy-failed"), "{behaviour}: {outcome:?}");
        assert!(outcome.stdout.contains("item 3|fine"), "{behaviour}: {outcome:?}");
        for gone in ["item 1", "item 2", "hunter2"] {
            assert!(!outcome.stdout.contains(gone), "{behaviour}: {outcome:?}");
        }
        assert!(reasons(&gateway.events()).contains(why), "{behaviour}: {:?}", gateway.events());
    }
}

#[test]
fn a_policy_file_narrows_what_a_plugin_may_use() {
    let postgres = Postgres::start();
    // Its memory alone is more than that: it cannot even start, and the gateway does not put it in force.
    let outcome = refused(&postgres, &beside_others("'allow'", "limits = { memory_mib = 1 }"));
    assert!(outcome.contains("memory"), "{outcome}");
    let outcome = refused(&postgres, &beside_others("'allow'", "limits = { memory_mib = 100000 }"));
    assert!(outcome.contains("memory limit"), "{outcome}");
    let policy = beside_others("'loop'", "limits = { time_ms = 1 }");
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    assert!(gateway.agent().error("SELECT 'poison'").contains("time limit"));
}

/// What `check` says of a policy file that it must refuse.
fn refused(postgres: &Postgres, policy: &str) -> String {
    let gateway = Gateway::start(postgres, Settings::policy(""));
    std::fs::write(gateway.folder.path().join("policy.toml"), policy).unwrap();
    let outcome = gateway.cli(&["check"]);
    assert!(!outcome.ok, "{outcome:?}");
    outcome.stderr
}

#[test]
fn a_plugin_that_changes_its_mind_is_asked_about_every_run() {
    let postgres = Postgres::start();
    let policy = asking("'moods'", EVERYTHING);
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    let outcome = gateway.agent().run(&[
        "PREPARE p AS SELECT 'poison'",
        "EXECUTE p",
        "EXECUTE p",
        "SELECT 'poison'",
        "SELECT 'poison'",
        "SELECT 'poison'",
    ]);
    let denials = outcome.stderr.matches("not this time").count();
    assert!((2..=4).contains(&denials), "{outcome:?}");
    assert_eq!(counted(&gateway, "remembered"), 0, "none of its answers is remembered");
}

#[test]
fn what_is_not_granted_is_refused_at_load_with_the_line_to_add() {
    let postgres = Postgres::start();
    let refusal = refused(&postgres, &asking("'log'", ""));
    assert!(refusal.contains("grants = [\"log\", \"state\""), "{refusal}");
    let misspelt = refused(&postgres, &asking("'log'", "grants = ['files']"));
    assert!(misspelt.contains("no such grant") && misspelt.contains("policy.toml:4"), "{misspelt}");
}

const EVERYTHING: &str = "grants = ['log', 'state', { http = ['http://127.0.0.1:1'] }]";

#[test]
fn a_plugin_writes_to_the_log_where_it_may() {
    let postgres = Postgres::start();
    let policy = asking("'log'", EVERYTHING);
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    gateway.agent().query("SELECT 'poison', 'canary-7'");
    let log = gateway.log();
    assert!(log.contains("a policy says") && log.contains("canary-7"), "{log}");
}

#[test]
fn a_plugin_asks_the_origin_that_it_is_granted_and_no_other() {
    let postgres = Postgres::start();
    let tickets = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", tickets.local_addr().unwrap());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}", other.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes",
            "HTTP/1.1 302 Found\r\nlocation: /yes\r\ncontent-length: 0\r\n\r\n",
        ] {
            let (mut stream, _) = tickets.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /poison "));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let grants = format!("grants = ['log', 'state', {{ http = ['{origin}'] }}]");
    let policy = |url: &str| asking(&format!("{{ ask = '{url}/poison' }}"), &grants);
    let gateway = Gateway::start(&postgres, Settings::policy(&policy(&origin)));
    assert_eq!(gateway.agent().query("SELECT 'poison'"), "poison");
    let moved = gateway.agent().error("SELECT 'poison'");
    assert!(moved.contains("it said 302"), "no redirect is followed: {moved}");
    answering.join().unwrap();
    let gateway = Gateway::start(&postgres, Settings::policy(&policy(&elsewhere)));
    let refusal = gateway.agent().error("SELECT 'poison'");
    assert!(refusal.contains("not granted") && refusal.contains(&elsewhere), "{refusal}");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "nothing was sent there");
}
