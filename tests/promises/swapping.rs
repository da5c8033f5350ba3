//! The policies in force change as a whole, at a command's boundary, on record, and back again.

use std::path::{Path, PathBuf};

use crate::harness::{Gateway, Postgres, Settings, until};
use crate::plugins::build;

/// A plugin's file and a policy file that names it, in a folder of the test's own.
fn watched(plugin: &str) -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guard.wasm");
    exchange(&file, plugin);
    let policy = format!("[[use]]\nplugin = '{}'\nname = 'guarded'\n", file.display());
    (folder, file, policy)
}

/// Puts another plugin's file in the place of one, as a build does.
fn exchange(file: &Path, plugin: &str) {
    let draft = file.with_extension("draft");
    std::fs::copy(build(plugin), &draft).unwrap();
    std::fs::rename(&draft, file).unwrap();
}

/// Whether `no-ddl` runs: it denies what `sql-guard` lets pass where nothing is configured.
fn no_ddl_runs(gateway: &Gateway) -> bool {
    let outcome = gateway.agent().run(&["CREATE TABLE IF NOT EXISTS scratch (id int)"]);
    outcome.stderr.contains("42501")
}

#[test]
fn a_loaded_plugin_is_rolled_back_and_unloaded_and_the_record_names_who_did_it() {
    let postgres = Postgres::start();
    let (_folder, _file, policy) = watched("sql-guard");
    let gateway = Gateway::start(&postgres, Settings::policy(&policy));
    let administrator = gateway.token("ada", "administrator");
    let change = |arguments: &[&str]| {
        let changed = gateway.cli_as(&administrator, arguments);
        assert!(changed.ok, "{changed:?}");
        changed.stdout
    };
    assert!(!no_ddl_runs(&gateway));
    let other = build("no-ddl");
    change(&["plugins", "load", other.to_str().unwrap(), "--name", "guarded"]);
    assert!(no_ddl_runs(&gateway));
    change(&["plugins", "rollback", "guarded"]);
    assert!(!no_ddl_runs(&gateway));
    change(&["plugins", "load", other.to_str().unwrap(), "--name", "guarded"]);
    let said = change(&["plugins", "unload", "guarded"]);
    assert!(said.contains("guarded now runs sql-guard"), "{said}");
    assert!(!no_ddl_runs(&gateway));
    let agent = gateway.token("agent-7", "support-agent");
    let refused = gateway.cli_as(&agent, &["plugins", "unload", "guarded"]);
    assert!(!refused.ok && refused.stderr.contains("administers"), "{refused:?}");
    let history = gateway.json(&["plugins", "history"]);
    let history: Vec<_> = history
        .iter()
        .map(|change| (change["change"].as_str().unwrap(), change["by"].as_str().unwrap()))
        .collect();
    let by_ada = ["load", "rollback", "load", "unload"].map(|change| (change, "ada"));
    assert_eq!(history, [&[("start", "gateway")], &by_ada[..]].concat());
}

#[test]
fn a_plugin_file_that_changes_is_taken_up_where_it_is_watched() {
    let postgres = Postgres::start();
    let (_folder, file, policy) = watched("sql-guard");
    let gateway = Gateway::start(&postgres, Settings { watch: true, ..Settings::policy(&policy) });
    assert!(!no_ddl_runs(&gateway));
    exchange(&file, "no-ddl");
    until("the new plugin", || no_ddl_runs(&gateway).then_some(()));
    std::fs::write(&file, b"no plugin at all").unwrap();
    until("the refusal on record", || {
        let history = gateway.json(&["plugins", "history"]);
        history.iter().any(|change| change["problem"].is_string()).then_some(())
    });
    assert!(no_ddl_runs(&gateway), "what cannot be loaded changes nothing");
}

#[test]
fn a_policy_file_that_changes_is_taken_up_while_sessions_run() {
    let postgres = Postgres::start();
    let policy = "[[use]]\nplugin = 'sql-guard'\n[use.config]\ndeny = ['drop']\n";
    let gateway = Gateway::start(&postgres, Settings { watch: true, ..Settings::policy(policy) });
    let mut agent = gateway.agent().interactive();
    agent.say("CREATE TABLE one (id int); TRUNCATE one;");
    until("the first commands", || {
        gateway.events().iter().any(|event| event["kind"] == "result").then_some(())
    });
    let version = |gateway: &Gateway| gateway.json(&["status"])[0]["policies_version"].as_u64();
    let before = version(&gateway);
    let file = gateway.folder.path().join("policy.toml");
    std::fs::write(file, policy.replace("'drop'", "'drop', 'truncate'")).unwrap();
    until("the new policies", || (version(&gateway) > before).then_some(()));
    agent.say("TRUNCATE one;");
    let outcome = agent.end();
    assert_eq!(outcome.stderr.matches("sql-guard.truncate").count(), 1, "{outcome:?}");
}

#[test]
fn where_a_key_is_trusted_an_unsigned_plugin_is_refused_and_a_signed_one_runs() {
    let postgres = Postgres::start();
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key.pem");
    let made = crate::harness::run(crate::harness::cli(keys.path()).args([
        "plugins",
        "key",
        key.to_str().unwrap(),
    ]));
    assert!(made.ok, "{made:?}");
    let line = made.stdout.lines().find(|line| line.contains("trusted_keys")).unwrap().trim();
    let settings = Settings {
        policy_lines: line.to_owned(),
        ..Settings::policy("[[use]]\nplugin = 'sql-guard'\nname = 'guarded'\n")
    };
    let gateway = Gateway::start(&postgres, settings);
    let file = keys.path().join("no-ddl.wasm");
    std::fs::copy(build("no-ddl"), &file).unwrap();
    let file = file.to_str().unwrap();
    let unsigned = gateway.cli(&["plugins", "load", file, "--name", "guarded"]);
    assert!(!unsigned.ok && unsigned.stderr.contains("not signed"), "{unsigned:?}");
    assert!(!no_ddl_runs(&gateway));
    let signed = gateway.cli(&["plugins", "sign", file, "--key", key.to_str().unwrap()]);
    assert!(signed.ok, "{signed:?}");
    let loaded = gateway.cli(&["plugins", "load", file, "--name", "guarded"]);
    assert!(loaded.ok, "{loaded:?}");
    assert!(no_ddl_runs(&gateway));
}

#[test]
fn a_mask_that_observes_records_what_it_would_cover_and_covers_nothing() {
    let postgres = Postgres::start();
    let policy = "[[use]]\nplugin = 'mask-secrets'\nname = 'trial'\nmode = 'observe'\n\
                  [use.config]\nprotect = ['*.*.password']\n";
    let gateway = Gateway::start(&postgres, Settings::policy(policy));
    let shown = gateway.agent().query("SELECT password AS p FROM secrets WHERE id = 1");
    assert_eq!(shown, "hunter2-billing");
    let events = gateway.events();
    let result = events.iter().find(|event| event["kind"] == "result").unwrap();
    let observed = &result["observed"][0];
    assert_eq!(
        (observed["policy"].as_str(), observed["verdict"].as_str()),
        (Some("trial"), Some("mask"))
    );
    assert!(observed["reason"].as_str().unwrap().contains("public.secrets.password"), "{observed}");
}
