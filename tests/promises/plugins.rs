//! Plugins are swapped while sessions run, and bad ones are turned away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::harness::{Gateway, Postgres, Settings, baseline, repository, run, until};

/// A guest that behaves as its configuration says, built from source once.
pub(crate) fn moody() -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| build("moody"));
    BUILT.clone()
}

/// A policy file with that guest.
pub(crate) fn behaving(behaviour: &str) -> String {
    policy_with(&moody(), &format!("behaviour = '{behaviour}'"))
}

/// Builds a package for Wasm as plugins are built, and gives its module.
pub(crate) fn build(package: &str) -> PathBuf {
    build_with(package, &[])
}

/// The same, with variables that the package is built by.
fn build_with(package: &str, variables: &[(&str, &str)]) -> PathBuf {
    let target = repository().join("target/plugins");
    // Where rustup has no standard library for WebAssembly, the set-up makes this.
    let wrapper = repository().join("target/wasm-toolchain/cargo");
    let usual = || std::env::var_os("CARGO").unwrap_or("cargo".into());
    let program = if wrapper.exists() { wrapper.into_os_string() } else { usual() };
    let mut cargo = Command::new(program);
    cargo.current_dir(repository()).args(["build", "--profile", "plugin", "-p", package]);
    cargo.args(["--target", "wasm32-unknown-unknown", "--target-dir"]).arg(&target);
    cargo.envs(variables.iter().copied());
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(name);
    }
    let outcome = run(&mut cargo);
    assert!(outcome.ok, "{package} does not build for Wasm: {}", outcome.stderr);
    let module = format!("{}.wasm", package.replace('-', "_"));
    target.join("wasm32-unknown-unknown/plugin").join(module)
}

/// Two versions of one plugin, of which each denies another table.
pub(crate) fn two_versions(folder: &Path) -> [PathBuf; 2] {
    ["orders", "secrets"].map(|table| {
        let version = folder.join(format!("{table}.wasm"));
        std::fs::copy(build_with("picket", &[("PICKET_TABLE", table)]), &version).unwrap();
        version
    })
}

fn policy_with(plugin: &Path, config: &str) -> String {
    format!("[[use]]\nplugin = '{}'\nname = 'guarded'\n[use.config]\n{config}\n", plugin.display())
}

#[test]
fn a_plugin_is_swapped_while_a_session_is_open() {
    let postgres = Postgres::start();
    let policy = "[[use]]\nplugin = 'sql-guard'\nname = 'guarded'\n[use.config]\ndeny = ['drop']\n";
    let gateway = Gateway::start(&postgres, Settings::policy(policy));
    let mut agent = gateway.agent().interactive();
    agent.say("DROP TABLE orders;");
    until("the denial", || {
        let events = gateway.events();
        events.iter().any(|event| event["rule"] == "sql-guard.drop").then_some(())
    });
    // approve-risky has other configuration keys, so it is turned away and sql-guard stays in force.
    let other = build("approve-risky");
    let refused = gateway.cli(&["plugins", "load", other.to_str().unwrap(), "--name", "guarded"]);
    assert!(!refused.ok, "{}", refused.stdout);
    let again = build("sql-guard");
    let before = version(&gateway);
    let loaded = gateway.cli(&["plugins", "load", again.to_str().unwrap(), "--name", "guarded"]);
    assert!(loaded.ok, "{}{}", loaded.stdout, loaded.stderr);
    agent.say("DROP TABLE orders;");
    agent.say("SELECT 'same session';");
    let outcome = agent.end();
    assert_eq!(outcome.stderr.matches("sql-guard.drop").count(), 2, "{outcome:?}");
    assert!(outcome.stdout.contains("same session"), "{outcome:?}");
    let judged: Vec<_> =
        gateway.events().iter().filter_map(|event| event["policies"].as_u64()).collect();
    assert!(
        judged[0] == before && judged[1] > before,
        "the second command met the new set: {judged:?}"
    );
}

fn version(gateway: &Gateway) -> u64 {
    let events = gateway.events();
    events.iter().find_map(|event| event["policies"].as_u64()).unwrap()
}

#[test]
fn a_swap_changes_what_happens_at_the_next_command() {
    let postgres = Postgres::start();
    let policy = behaving("allow");
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    let mut agent = gateway.agent().interactive();
    agent.say("SELECT 'one';");
    until("the first command", || {
        gateway.events().iter().any(|event| event["kind"] == "result").then_some(())
    });
    let loaded =
        gateway.cli(&["plugins", "load", build("denier").to_str().unwrap(), "--name", "guarded"]);
    assert!(loaded.ok, "{}{}", loaded.stdout, loaded.stderr);
    agent.say("SELECT 'two';");
    let outcome = agent.end();
    assert!(outcome.stdout.contains("one") && !outcome.stdout.contains("two"), "{outcome:?}");
    assert!(outcome.stderr.contains("42501"), "{outcome:?}");
}

#[test]
fn what_is_no_plugin_is_turned_away_with_the_reason() {
    let (_postgres, gateway) = baseline();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.wasm");
    let check = |bytes: &[u8], reason: &str| {
        std::fs::write(&file, bytes).unwrap();
        let refused =
            gateway.cli(&["plugins", "load", file.to_str().unwrap(), "--name", "sql-guard"]);
        assert!(!refused.ok, "{reason}: {}", refused.stdout);
        assert!(refused.stderr.contains(reason), "{reason}: {}", refused.stderr);
    };
    check(b"not wasm at all", "WebAssembly");
    check(b"\0asm\x0d\0\x01\0", "plugin");
    check(b"\0asm\x01\0\0\0", "");
    assert!(
        gateway.agent().error("DROP TABLE orders").contains("sql-guard.drop"),
        "the old one stays"
    );
}

#[test]
fn plugins_are_listed_with_their_hooks_and_where_they_come_from() {
    let (_postgres, gateway) = baseline();
    let plugins = gateway.json(&["plugins", "list"]);
    let names: Vec<_> = plugins.iter().filter_map(|plugin| plugin["name"].as_str()).collect();
    for name in ["mask-secrets", "sql-guard", "approve-risky"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn a_restart_compiles_nothing() {
    let postgres = Postgres::start();
    let mut gateway = Gateway::start(&postgres, Settings::default());
    let stamps = |gateway: &Gateway| -> Vec<_> {
        let folder = gateway.folder.path().join("data/compiled");
        let mut stamps: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        stamps.sort();
        stamps
    };
    let before = stamps(&gateway);
    assert_eq!(before.len(), 4, "one file of compiled code for each plugin");
    gateway.kill_and_restart();
    assert_eq!(stamps(&gateway), before);
    assert!(gateway.agent().error("DROP TABLE orders").contains("sql-guard.drop"));
}

#[test]
fn a_rewritten_command_is_what_runs() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::policy(&behaving("rewrite")));
    assert_eq!(gateway.agent().query("SELECT id FROM orders ORDER BY id"), "1");
}

#[test]
fn values_that_a_plan_inspects_go_through_the_plugin() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::policy(&behaving("inspect")));
    let shown = gateway.agent().query("SELECT id, item FROM orders ORDER BY id LIMIT 2");
    assert_eq!(shown, "1|1 meti\n2|2 meti");
}

#[test]
fn a_result_is_withheld_where_its_mask_fails_and_the_session_goes_on() {
    let postgres = Postgres::start();
    for behaviour in ["trap-in-plan", "short-plan", "trap-in-inspect"] {
        let gateway = Gateway::start(&postgres, Settings::policy(&behaving(behaviour)));
        let outcome =
            gateway.agent().run(&["SELECT item FROM orders LIMIT 1", "SET work_mem = '4MB'"]);
        assert!(outcome.stderr.contains("gateway.policy-failed"), "{behaviour}: {outcome:?}");
        assert!(!outcome.stdout.contains("item"), "{behaviour}: {outcome:?}");
        assert!(outcome.stdout.contains("SET"), "{behaviour}: {outcome:?}");
    }
}
