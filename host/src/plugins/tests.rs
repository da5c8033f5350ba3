use palisade_policy::{
    Approvals, Entry, HoldRequest, Journal, JournalFailure, Later, PolicySet, Ticket,
};

use super::*;

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
    let plugins = Plugins::start(host, &config, Arc::clone(&gate), prepared.in_force);
    Fixture { plugins, gate, dir }
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
    let after = start(fixture.dir);
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
