use crate::changes::ITSELF;
use palisade_policy::{
    Approvals, Entry, Gate, HoldRequest, Journal, JournalFailure, Later, PolicySet, Ticket,
};

use palisade_store::{Options, Store};
use serde_json::Value;

use super::*;
use crate::changes::Changes;
use crate::config::Config;

/// Neither holds nor keeps anything.
struct Nothing;

impl Approvals for Nothing {
    fn open(&self, _request: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Err("nothing is held here".into())
    }
}

impl Journal for Nothing {
    fn put(
        &self,
        _session: &str,
        _entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        Ok(None)
    }
}

struct Fixture {
    plugins: Plugins,
    gate: Arc<Gate>,
    changes: Changes,
    config: Config,
    dir: tempfile::TempDir,
}

const POLICIES: &str =
    "[[use]]\nplugin = 'sql-guard'\nname = 'guard'\n[use.config]\ndeny = ['drop']\n";

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.toml"), POLICIES).unwrap();
    let config = "[policies]\nfiles = ['p.toml']";
    std::fs::write(dir.path().join("palisade.toml"), config).unwrap();
    start(dir)
}

fn start(dir: tempfile::TempDir) -> Fixture {
    let config = Config::read(&dir.path().join("palisade.toml")).unwrap();
    let host = start_host(&config.data_dir, [7; 32], &config.limits).unwrap();
    let prepared = prepare(&config, &host).unwrap();
    let gate = Arc::new(Gate::new(Arc::new(Nothing), Arc::new(Nothing)));
    let store = Store::open(&config.data_dir.join("store"), Options::default()).unwrap();
    let changes = Changes::new(store);
    let in_force = prepared.in_force;
    let plugins =
        Plugins::start(host, &config, Arc::clone(&gate), changes.clone(), in_force).unwrap();
    Fixture { plugins, gate, changes, config, dir }
}

fn set(fixture: &Fixture) -> (u64, Vec<String>) {
    let set: Arc<PolicySet> = fixture.gate.policies();
    (set.version, set.policies.iter().map(|one| one.policy.name().to_owned()).collect())
}

fn file(name: &str) -> &'static [u8] {
    bundled::find(name).unwrap()
}

#[test]
fn a_loaded_plugin_takes_the_place_of_the_one_of_its_name_and_survives_a_restart() {
    let fixture = fixture();
    assert_eq!(set(&fixture), (1, vec!["guard".to_owned()]));
    let loaded = fixture.plugins.load(Some("guard"), file("sql-guard"), "ada").unwrap();
    assert_eq!(loaded[0]["origin"], "loaded");
    assert_eq!(set(&fixture), (2, vec!["guard".to_owned()]));
    let Fixture { dir, plugins, gate, changes, .. } = fixture;
    drop((plugins, gate, changes));
    let after = start(dir);
    assert_eq!(after.plugins.list()[0]["loaded_by"], "ada");
}

#[test]
fn a_plugin_that_refuses_the_configuration_is_rejected_and_the_old_one_stays() {
    let fixture = fixture();
    let reason = fixture.plugins.load(Some("guard"), file("mask-secrets"), "ada").unwrap_err();
    assert!(reason.contains("/deny"), "{reason}");
    assert_eq!(set(&fixture).0, 1);
    assert_eq!(fixture.plugins.list()[0]["origin"], "bundled");
    assert!(!fixture.dir.path().join("data/plugins").exists());
}

#[test]
fn a_file_that_nothing_uses_or_that_is_no_plugin_is_rejected_with_the_reason() {
    let fixture = fixture();
    let unused = fixture.plugins.load(None, file("sql-guard"), "ada").unwrap_err();
    assert!(unused.contains("`sql-guard`") && unused.contains("guard"), "{unused}");
    let broken = fixture.plugins.load(Some("guard"), b"\x7fELF", "ada").unwrap_err();
    assert!(broken.contains("no WebAssembly component"), "{broken}");
}

fn origins(fixture: &Fixture) -> String {
    fixture.plugins.list()[0]["origin"].as_str().unwrap().to_owned()
}

/// The changes on record: what, by whom, and whether it was refused.
fn changes(fixture: &Fixture) -> Vec<(String, String, bool)> {
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let changes = fixture.changes.newest("policies", 100).unwrap();
    let short = |it: &Value| (text(it, "change"), text(it, "by"), it.get("problem").is_some());
    changes.iter().map(short).collect()
}

/// The same plugin in another file.
fn other_build() -> Vec<u8> {
    [file("sql-guard"), b"\0\x02\x01x"].concat()
}

#[test]
fn what_was_loaded_is_unloaded_and_every_change_can_be_undone() {
    let fixture = fixture();
    let plugins = &fixture.plugins;
    assert!(plugins.unload("guard", "ada").unwrap_err().contains("nothing is loaded"));
    assert!(plugins.rollback("guard", "ada").unwrap_err().contains("nothing to go back to"));
    plugins.load(Some("guard"), file("sql-guard"), "ada").unwrap();
    let second = plugins.load(Some("guard"), &other_build(), "ada").unwrap();
    plugins.unload("guard", "bob").unwrap();
    assert_eq!(origins(&fixture), "bundled");
    assert_eq!(plugins.rollback("guard", "bob").unwrap()[0]["hash"], second[0]["hash"]);
    let first = plugins.rollback("guard", "bob").unwrap();
    assert_ne!(first[0]["hash"], second[0]["hash"]);
    assert_eq!(origins(&fixture), "loaded");
    plugins.rollback("guard", "bob").unwrap();
    assert_eq!(origins(&fixture), "bundled");
    assert_eq!(set(&fixture).0, 7, "each change was one swap");
}

#[test]
fn every_change_is_on_record_with_its_author_and_so_is_every_refusal() {
    let fixture = fixture();
    fixture.plugins.load(Some("guard"), file("sql-guard"), "ada").unwrap();
    fixture.plugins.load(Some("guard"), file("mask-secrets"), "mallory").unwrap_err();
    fixture.plugins.rollback("guard", "bob").unwrap();
    let expected = [
        ("start", "gateway", false),
        ("load", "ada", false),
        ("load", "mallory", true),
        ("rollback", "bob", false),
    ];
    let expected = expected.map(|(what, who, refused)| (what.to_owned(), who.to_owned(), refused));
    assert_eq!(changes(&fixture), expected);
    let versions: Vec<_> = fixture.changes.newest("policies", 100).unwrap();
    let versions: Vec<_> = versions.iter().filter_map(|it| it["policies"].as_u64()).collect();
    assert_eq!(versions, [1, 2, 2, 3], "the versions that were in force from then on");
}

/// Whether anything changed by it.
fn reload(fixture: &Fixture) -> Result<bool, String> {
    let mut pending = fixture.plugins.prepare_reload(&fixture.config, &[], ITSELF)?;
    let changes = pending.changes();
    pending.record()?;
    pending.swap();
    Ok(changes)
}

#[test]
fn files_that_changed_are_taken_up_whole_or_not_at_all() {
    let fixture = fixture();
    let reload = || reload(&fixture);
    let write = |text: &str| std::fs::write(fixture.dir.path().join("p.toml"), text).unwrap();
    assert_eq!(reload(), Ok(false), "nothing changed");
    let two = format!("{POLICIES}[[use]]\nplugin = 'sql-guard'\nname = 'second'\n");
    write(&two);
    assert_eq!(reload(), Ok(true));
    assert_eq!(set(&fixture), (2, vec!["guard".to_owned(), "second".to_owned()]));
    write(&two.replace("'second'", "'second'\n[use.config]\nnonsense = 1"));
    assert!(reload().unwrap_err().contains("unknown key"));
    write(&format!("harmless_functions = ['a.b']\n{two}"));
    assert!(reload().unwrap_err().contains("restart"));
    assert_eq!(set(&fixture).0, 2, "what cannot be put in force changes nothing");
}

#[test]
fn a_set_that_is_only_prepared_is_neither_in_force_nor_on_record() {
    let fixture = fixture();
    let two = format!("{POLICIES}[[use]]\nplugin = 'sql-guard'\nname = 'second'\n");
    std::fs::write(fixture.dir.path().join("p.toml"), two).unwrap();
    let pending = fixture.plugins.prepare_reload(&fixture.config, &[], ITSELF).unwrap();
    assert!(pending.changes());
    drop(pending);
    assert_eq!(set(&fixture), (1, vec!["guard".to_owned()]));
    assert_eq!(changes(&fixture).len(), 1);
}

#[test]
fn a_policy_that_a_reload_does_not_touch_keeps_what_it_remembers() {
    let fixture = fixture();
    let memory = || Arc::clone(&fixture.gate.policies().policies[0].memory);
    let before = memory();
    let more = format!("{POLICIES}[[use]]\nplugin = 'sql-guard'\nname = 'second'\n");
    std::fs::write(fixture.dir.path().join("p.toml"), more).unwrap();
    reload(&fixture).unwrap();
    assert!(Arc::ptr_eq(&before, &memory()));
    let other = POLICIES.replace("drop", "truncate");
    std::fs::write(fixture.dir.path().join("p.toml"), other).unwrap();
    reload(&fixture).unwrap();
    assert!(!Arc::ptr_eq(&before, &memory()), "another configuration gives other answers");
}

#[test]
fn where_a_key_is_trusted_nothing_else_is_loaded() {
    let document =
        ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
    let pair = ring::signature::Ed25519KeyPair::from_pkcs8(document.unwrap().as_ref()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.toml"), POLICIES).unwrap();
    let key = PublicKey::of(&pair).unwrap();
    let config = format!("[policies]\nfiles = ['p.toml']\ntrusted_keys = ['{key}']");
    std::fs::write(dir.path().join("palisade.toml"), config).unwrap();
    let fixture = start(dir);
    let unsigned = fixture.plugins.load(Some("guard"), file("sql-guard"), "ada").unwrap_err();
    assert!(unsigned.contains("not signed"), "{unsigned}");
    let signed = signature::sign(file("sql-guard"), &pair).unwrap();
    let loaded = fixture.plugins.load(Some("guard"), &signed, "ada").unwrap();
    assert_eq!(loaded[0]["signed_by"], key.to_string());
}
