use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use palisade_policy::{Command, Context, Denial, Grant, Grants, Policy, PolicyFailure, Verdict};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::testing::{HOST, guest, patient};
use crate::{CompiledPlugin, contract};

/// A module for WASI's first version, which the gateway adapts itself.
static MODULE: LazyLock<Arc<CompiledPlugin>> =
    LazyLock::new(|| HOST.compile(&guest("traveller")).unwrap());

/// The same as a component of its author's, which imports WASI 0.2.
static COMPONENT: LazyLock<Arc<CompiledPlugin>> =
    LazyLock::new(|| HOST.compile(&adapted()).unwrap());

fn adapted() -> Vec<u8> {
    let mut module = guest("traveller");
    let exports = |name: &str| [contract::PLUGIN, contract::GUARD].contains(&name);
    contract::describe(&mut module, exports, &BTreeSet::new()).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    let mut encoder = encoder
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        .unwrap();
    encoder.encode().unwrap()
}

fn found(what: &str, grants: &[Grant]) -> Result<String, PolicyFailure> {
    found_by(&COMPONENT, what, grants)
}

fn found_by(
    plugin: &Arc<CompiledPlugin>,
    what: &str,
    grants: &[Grant],
) -> Result<String, PolicyFailure> {
    let policy = plugin.configure("traveller", what, patient(), &Grants::of(grants)).unwrap();
    match policy.judge(&Context::default(), &Command::default())? {
        Verdict::Deny(Denial { reason, .. }) => Ok(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn there_are_no_files_no_environment_and_no_arguments() {
    assert_eq!(found("files", &[]), Ok("0".into()));
    assert_eq!(found("environment", &[]), Ok("0 0".into()));
}

#[test]
fn what_is_written_is_dropped() {
    assert_eq!(found("write", &[]), Ok("0 5".into()));
}

#[test]
fn the_wall_clock_ends_the_call_where_it_is_not_granted_and_the_failure_names_the_line() {
    let failure = found("clock", &[]).unwrap_err();
    assert!(failure.to_string().contains("grants = [\"clock\"]"), "{failure}");
    assert_eq!(found("clock", &[Grant::Clock]), Ok("0 true".into()));
}

#[test]
fn time_passes_by_looking_at_it_where_the_clock_is_not_granted() {
    assert_eq!(found("time", &[]), Ok("1001 2001".into()));
    assert_ne!(found("time", &[Grant::Clock]), Ok("1001 2001".into()));
}

#[test]
fn random_bytes_are_zeros_where_they_are_not_granted() {
    let zeros = "0 [0, 0, 0, 0, 0, 0, 0, 0]";
    assert_eq!(found("random", &[]), Ok(zeros.into()));
    assert_ne!(found("random", &[Grant::Random]), Ok(zeros.into()));
}

#[test]
fn a_plugin_that_leaves_fails() {
    let failure = found("exit", &[]).unwrap_err();
    assert!(failure.to_string().contains("exited"), "{failure}");
}

#[test]
fn a_plugin_is_pure_until_it_is_granted_what_changes() {
    assert!(COMPONENT.is_pure(&Grants::default()));
    assert!(!COMPONENT.is_pure(&Grants::of(&[Grant::Clock])));
    assert!(!COMPONENT.is_pure(&Grants::of(&[Grant::Random])));
    assert!(COMPONENT.asks().is_empty());
}

#[test]
fn a_module_of_before_components_meets_a_wasi_that_always_answers_the_same() {
    assert!(MODULE.imports().is_empty(), "{:?}", MODULE.imports());
    for (what, answer) in [
        ("files", "0"),
        ("environment", "0 0"),
        ("write", "0 5"),
        ("clock", "0 false"),
        ("time", "1000000 2000000"),
        ("random", "0 [0, 0, 0, 0, 0, 0, 0, 0]"),
    ] {
        let everything = Grants::of(&Grant::ALL);
        assert!(MODULE.is_pure(&everything));
        assert_eq!(found_by(&MODULE, what, &Grant::ALL), Ok(answer.into()), "{what}");
        assert_eq!(found_by(&MODULE, what, &[]), Ok(answer.into()), "{what}");
    }
    assert!(found_by(&MODULE, "exit", &[]).is_err());
}
