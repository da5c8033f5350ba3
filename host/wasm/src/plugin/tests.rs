use std::fs;

use palisade_policy::PolicyFailure;
use tempfile::TempDir;

use super::*;
use crate::testing::{HOST, KEY, TRICKSTER, compile_text, guest, patient};
use crate::{HostOptions, PluginHost};

fn refused(text: &str, reason: &str) {
    let error = compile_text(text).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

fn configuration(config: &str, limits: Limits) -> LoadError {
    TRICKSTER.configure("trickster", config, limits, &Grants::default()).unwrap_err()
}

#[test]
fn a_plugin_says_what_it_is() {
    let manifest = TRICKSTER.manifest();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("trickster", "1.2.3"));
    assert_eq!(manifest.description, "Misbehaves on demand.");
    assert_eq!(manifest.config_schema, r#"{"type":"string"}"#);
}

#[test]
fn a_plugin_is_known_by_the_hash_of_its_file() {
    let bytes = guest("trickster");
    assert_eq!(TRICKSTER.size(), bytes.len());
    assert_eq!(TRICKSTER.hash(), crate::cache::hex(&crate::cache::hash(&bytes)));
}

#[test]
fn a_guard_judges_by_all_of_a_command_unless_it_says_otherwise() {
    assert_eq!(TRICKSTER.manifest().judges_by, CommandParts::ALL);
    let lookout = HOST.compile(&guest("lookout")).unwrap();
    assert_eq!(lookout.manifest().judges_by, CommandParts { text: false, operations: true });
}

#[test]
fn the_hooks_are_those_that_are_exported() {
    let lookout = HOST.compile(&guest("lookout")).unwrap();
    assert_eq!(lookout.hooks(), Hooks { guard: true, mask: false, reviewer: false });
    assert_eq!(TRICKSTER.hooks(), Hooks { guard: true, mask: true, reviewer: true });
}

#[test]
fn a_component_is_accepted_as_well_as_a_core_module() {
    let module = guest("lookout");
    let component = crate::binary::component(&module).unwrap();
    assert_eq!(HOST.compile(&component).unwrap().manifest().name, "lookout");
}

#[test]
fn a_component_without_plugin_is_refused() {
    refused("(component)", "does not export `palisade:policy/plugin@0.1.0`");
}

#[test]
fn a_core_module_without_plugin_is_refused() {
    refused("(module)", "does not export `palisade:policy/plugin@0.1.0`");
}

#[test]
fn a_component_without_a_hook_is_refused() {
    refused(
        r#"(component (instance $i) (export "palisade:policy/plugin@0.1.0" (instance $i)))"#,
        "exports no hook: none of palisade:policy/guard@0.1.0, palisade:policy/mask@0.1.0",
    );
}

#[test]
fn a_component_whose_export_lacks_a_function_is_refused() {
    refused(
        r#"(component (instance $i)
            (export "palisade:policy/plugin@0.1.0" (instance $i))
            (export "palisade:policy/guard@0.1.0" (instance $i)))"#,
        "does not have the types of the contract",
    );
}

#[test]
fn a_component_whose_function_has_other_types_is_refused() {
    refused(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $c (instantiate $m))
            (func $f (canon lift (core func $c "f")))
            (instance $plugin (export "describe" (func $f)) (export "configure" (func $f)))
            (instance $guard (export "judge" (func $f)))
            (export "palisade:policy/plugin@0.1.0" (instance $plugin))
            (export "palisade:policy/guard@0.1.0" (instance $guard)))"#,
        "does not have the types of the contract",
    );
}

#[test]
fn a_component_that_wants_imports_is_refused_with_the_list_of_them() {
    refused(
        r#"(component
            (import "palisade:policy/types@0.1.0" (instance))
            (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func))))
            (import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))
            (import "log" (func (param "text" string))))"#,
        "imports what no policy file can grant: wasi:http/outgoing-handler@0.2.0, log; what can be granted are log, clock",
    );
}

#[test]
fn a_plugin_for_another_version_of_the_contract_is_told_which_there_are() {
    let reason = "made for palisade:policy@0.9.0, this gateway knows 0.1.0";
    refused(
        r#"(component
            (instance $plugin)
            (export "palisade:policy/plugin@0.9.0" (instance $plugin)))"#,
        reason,
    );
    refused(r#"(module (func (export "palisade:policy/guard@0.9.0#judge")))"#, reason);
}

#[test]
fn a_file_over_the_size_limit_is_refused_before_anything_else() {
    let folder = TempDir::new().unwrap();
    let options = HostOptions { max_file_size: 10, ..HostOptions::new(folder.path(), KEY) };
    let error = PluginHost::new(options).unwrap().compile(&[0; 11]).unwrap_err();
    assert_eq!(error.to_string(), "the file has 11 bytes, a plugin may have 10");
}

#[test]
fn an_invalid_component_is_refused() {
    let mut bytes = wat::parse_str("(component)").unwrap();
    bytes.extend([0xff; 8]);
    assert!(matches!(HOST.compile(&bytes), Err(LoadError::Compile(_))));
}

#[test]
fn memory_beyond_the_pool_is_refused_at_load() {
    refused(
        r#"(component (core module $m (memory 1025)) (core instance (instantiate $m)))"#,
        "does not compile: ",
    );
}

#[test]
fn features_that_no_plugin_needs_are_refused() {
    for module in ["(memory i64 1)", "(memory 1 2 shared)", "(memory 1) (memory 1)"] {
        refused(&format!("(component (core module {module}))"), "does not compile: ");
    }
}

#[test]
fn a_refused_configuration_is_found_at_load_with_the_plugins_reason() {
    let error = configuration("refuse:no such column", patient());
    assert_eq!(error.to_string(), "the plugin refuses its configuration: no such column");
}

#[test]
fn a_plugin_that_fails_on_its_configuration_is_refused() {
    let check = |config: &str, limits: Limits, failure: PolicyFailure| {
        let error = configuration(config, limits);
        assert!(matches!(error, LoadError::Start(ref found) if *found == failure), "{error}");
    };
    let unreachable = "wasm `unreachable` instruction executed".to_owned();
    check("configure:loop", Limits::default(), PolicyFailure::Time);
    check("configure:memory-bomb", patient(), PolicyFailure::Memory);
    check("configure:trap", patient(), PolicyFailure::Trap(unreachable));
}

#[test]
fn a_memory_limit_above_the_hosts_own_is_refused() {
    let limits = Limits { memory: (64 << 20) + 1, ..patient() };
    assert!(matches!(configuration("allow", limits), LoadError::Limit { .. }));
}

#[test]
fn a_memory_limit_below_what_the_plugin_starts_with_is_refused() {
    let error = configuration("allow", Limits { memory: 65_536, ..patient() });
    assert!(matches!(error, LoadError::Start(PolicyFailure::Memory)), "{error}");
}

#[test]
fn fewer_instances_or_tables_than_the_plugin_has_are_refused() {
    for limits in [Limits { instances: 0, ..patient() }, Limits { tables: 0, ..patient() }] {
        let error = configuration("allow", limits).to_string();
        assert!(error.contains("no instance: resource limit exceeded"), "{error}");
    }
}

#[test]
fn a_second_start_loads_what_the_first_compiled() {
    let folder = TempDir::new().unwrap();
    let load = || {
        let host = PluginHost::new(HostOptions::new(folder.path(), KEY)).unwrap();
        host.compile(&guest("lookout")).unwrap();
    };
    let written = || {
        let file = fs::read_dir(folder.path().join("compiled")).unwrap().next().unwrap().unwrap();
        (file.path(), file.metadata().unwrap().modified().unwrap())
    };
    load();
    let (path, first) = written();
    load();
    assert_eq!(written(), (path.clone(), first), "the compiled code was used as it is");
    fs::write(&path, b"not what the gateway wrote").unwrap();
    load();
    assert!(path.metadata().unwrap().len() > 1_000, "it was compiled again");
}

#[test]
fn a_refused_plugin_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let host = PluginHost::new(HostOptions::new(folder.path(), KEY)).unwrap();
    host.compile(&wat::parse_str("(component)").unwrap()).unwrap_err();
    assert_eq!(fs::read_dir(folder.path().join("compiled")).unwrap().count(), 0);
}

#[test]
fn the_key_does_not_show_in_debug_output() {
    let shown = format!("{:?}", HostOptions::new("data", [0xab; 32]));
    assert!(!shown.contains("171") && !shown.contains("key"), "{shown}");
}
