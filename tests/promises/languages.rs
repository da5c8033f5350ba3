//! A plugin in each language, in force in a running gateway, and what an agent sees of it.

use std::path::Path;

use crate::authoring::example;
use crate::harness::{Gateway, Postgres, Settings};

/// A gateway with one plugin in force.
///
/// To compile an interpreter may take longer than a test waits for a gateway, so it is compiled before, by `check`, which
/// keeps what it compiled where a gateway has run.
fn gateway(postgres: &Postgres, plugin: &Path, more: &str) -> Gateway {
    let mut gateway = Gateway::start(postgres, Settings::policy(""));
    let policy = format!("[[use]]\nplugin = '{}'\n{more}\n", plugin.display());
    std::fs::write(gateway.folder.path().join("policy.toml"), policy).unwrap();
    let checked = gateway.cli(&["check"]);
    assert!(checked.ok, "{}{}", checked.stdout, checked.stderr);
    gateway.kill_and_restart();
    gateway
}

#[test]
fn the_guard_in_rust_denies_and_tells_the_operator() {
    let postgres = Postgres::start();
    postgres.direct("CREATE TABLE passwords_backup (id int)");
    let more = "grants = ['log']\n[use.config]\ntables = ['*.passwords_backup']";
    let gateway = gateway(&postgres, example("rust"), more);
    let denied = gateway.agent().error("SELECT * FROM passwords_backup");
    assert!(denied.contains("public.passwords_backup is not for you"), "{denied}");
    assert!(denied.contains("security team"), "{denied}");
    assert_eq!(gateway.agent().query("SELECT id FROM orders WHERE id = 1"), "1");
    let line = "agent-7 touched the canary public.passwords_backup on orders";
    assert!(gateway.log().contains(line), "{}", gateway.log());
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_guard_in_c_lets_one_role_change_data_in_production() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, example("c"), "[use.config]\nrole = 'approver'");
    let denied = gateway.agent().error("DELETE FROM orders WHERE id = 1");
    assert!(denied.contains("only a role that you do not have changes data here"), "{denied}");
    assert_eq!(gateway.agent().query("SELECT id FROM orders WHERE id = 1"), "1");
    let approver = crate::harness::Psql::new(gateway.port, &gateway.token("ada", "approver"));
    assert_eq!(approver.query("DELETE FROM orders WHERE id = 1"), "DELETE 1");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_guard_in_go_lets_a_role_touch_its_tables_alone() {
    let postgres = Postgres::start();
    let more =
        "limits = { time_ms = 1000 }\n[use.config]\ntables = { support-agent = ['public.orders'] }";
    let gateway = gateway(&postgres, example("go"), more);
    assert_eq!(gateway.agent().query("SELECT id FROM orders WHERE id = 1"), "1");
    let denied = gateway.agent().error("SELECT id FROM orders UNION SELECT id FROM secrets");
    assert!(denied.contains("you may not select public.secrets"), "{denied}");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn the_guard_in_javascript_wants_a_ticket_for_a_change() {
    let postgres = Postgres::start();
    let more = "limits = { time_ms = 1000 }\n[use.config]\npattern = 'OPS-[0-9]+'";
    let gateway = gateway(&postgres, example("js"), more);
    let denied = gateway.agent().error("UPDATE orders SET item = '/* OPS-1 */' WHERE id = 1");
    assert!(
        denied.contains("no ticket is named for this change: UPDATE public.orders"),
        "{denied}"
    );
    let changed = gateway.agent().query("/* OPS-123 */ UPDATE orders SET item = 'x' WHERE id = 1");
    assert_eq!(changed, "UPDATE 1");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_mask_in_python_shows_the_year_alone() {
    let postgres = Postgres::start();
    postgres.direct(
        "CREATE TABLE people (id int, birth_date date); INSERT INTO people VALUES (1, '1987-03-12'), (2, NULL)",
    );
    let more = "limits = { time_ms = 2000, memory_mib = 256 }";
    let gateway = gateway(&postgres, example("python"), more);
    let shown = gateway.agent().query("SELECT id, birth_date AS b FROM people ORDER BY id");
    assert_eq!(shown, "1|1987-01-01\n2|");
}
