//! The policies in force change as a whole, at a command's boundary, on record, and back again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::harness::{Gateway, Postgres, Settings, until};
use crate::plugins::{build, two_versions};

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

/// How many clients run commands while the policies change, and how often they change.
const CLIENTS: usize = 16;
const SWAPS: usize = 40;

#[test]
fn under_swaps_no_connection_is_lost_and_no_command_is_judged_by_neither_or_by_a_mixture() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let versions = two_versions(folder.path());
    // The same plugin twice under one name: what observes must always have said what enforces said.
    let used = format!("[[use]]\nplugin = '{}'\nname = 'picket'\n", versions[0].display());
    let policy = format!("{used}{used}mode = 'observe'\n");
    let gateway =
        Gateway::start(&postgres, Settings { insecure: true, ..Settings::policy(&policy) });
    let stop = AtomicBool::new(false);
    let denied = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| ask(&gateway, &stop))).collect();
        for swap in 1..=SWAPS {
            let version = versions[swap % 2].to_str().unwrap();
            let loaded = gateway.cli(&["plugins", "load", version, "--name", "picket"]);
            assert!(loaded.ok, "{loaded:?}");
        }
        stop.store(true, Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum::<usize>()
    });
    let judged = judged_by_version(&gateway);
    assert_eq!(
        judged.values().map(|rules| rules.iter().map(|it| it.1).sum::<usize>()).sum::<usize>(),
        denied
    );
    assert!(judged.len() > SWAPS / 2, "most versions judged something: {judged:?}");
    for (version, rules) in judged {
        // The first version is number 1, and each swap brings the other.
        let expected = if version % 2 == 1 { "picket.orders" } else { "picket.secrets" };
        assert_eq!(rules.keys().collect::<Vec<_>>(), [expected], "version {version}");
    }
}

/// Sends commands that every version denies, until it is told to stop. Gives how many were denied.
fn ask(gateway: &Gateway, stop: &AtomicBool) -> usize {
    let token = gateway.token("agent-7", "support-agent");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(gateway.port).user("orders").dbname("orders").password(token);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut denied = 0;
        while !stop.load(Relaxed) {
            let text = "SELECT count(*) FROM orders, secrets";
            let error = client.simple_query(text).await.expect_err("every version denies it");
            let error = error.as_db_error().expect("the connection lives");
            assert_eq!(error.code().code(), "42501", "{error:?}");
            denied += 1;
        }
        assert!(!connection.is_finished(), "the connection lives");
        denied
    })
}

/// How often each rule denied, by the version that judged; where what observed said anything else, that counts as a rule.
fn judged_by_version(gateway: &Gateway) -> BTreeMap<u64, BTreeMap<String, usize>> {
    let mut judged: BTreeMap<u64, BTreeMap<String, usize>> = BTreeMap::new();
    for session in gateway.json(&["sessions", "list", "--limit", "100"]) {
        for event in gateway.events_of(session["id"].as_str().unwrap()) {
            let Some(version) = event["policies"].as_u64() else { continue };
            let rule = event["rule"].as_str().unwrap();
            let observed = event["observed"][0]["rule"].as_str().unwrap();
            let rule =
                if rule == observed { rule.to_owned() } else { format!("{rule}+{observed}") };
            *judged.entry(version).or_default().entry(rule).or_default() += 1;
        }
    }
    judged
}
