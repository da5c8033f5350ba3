use super::plugin::Guest as _;
use super::{guard, mask};
use crate::Batch;
use crate::prelude::*;
use crate::testing::{command, configure, context, operation, schema};

/// Denies one action.
#[config]
struct Deny {
    /// The action.
    action: String,
}

impl Plugin for Deny {
    fn validate(&self) -> Result<(), String> {
        if self.action.is_empty() { Err("action must not be empty".to_owned()) } else { Ok(()) }
    }
}

impl Guard for Deny {
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        match command.operations.iter().find(|operation| operation.action == self.action) {
            Some(_) => Verdict::deny("deny", "no").hint("ask"),
            None => Verdict::Allow,
        }
    }
}

impl Mask for Deny {
    fn plan(&self, _context: &Context, shape: &Shape) -> Plan {
        Plan::new(shape, Action::Inspect, |_| Action::Inspect)
    }

    fn inspect(&self, _context: &Context, value: &[u8]) -> Option<Vec<u8>> {
        (value == b"x").then(|| b"yy".to_vec())
    }
}

plugin!(Deny: guard, mask);

#[test]
fn a_plugin_describes_itself_by_its_crate_and_its_schema() {
    let manifest = Deny::describe();
    assert_eq!(manifest.name, "palisade-plugin-sdk");
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.description, env!("CARGO_PKG_DESCRIPTION"));
    let schema: serde_json::Value = serde_json::from_str(&manifest.config_schema).unwrap();
    assert_eq!(schema["description"], "Denies one action.");
    assert_eq!(schema["properties"]["action"]["description"], "The action.");
}

#[test]
fn the_schema_refuses_a_key_that_the_plugin_does_not_have() {
    assert_eq!(schema::<Deny>()["additionalProperties"], false);
}

#[test]
fn a_misspelt_key_is_refused() {
    let error = configure::<Deny>(r#"{"actoin": "drop"}"#).unwrap_err();
    assert!(error.contains("unknown field `actoin`"), "{error}");
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_with_the_plugins_own_words() {
    assert_eq!(configure::<Deny>(r#"{"action": ""}"#).unwrap_err(), "action must not be empty");
}

#[test]
fn the_hooks_act_on_what_was_configured() {
    Deny::configure(r#"{"action": "drop"}"#.to_owned()).unwrap();
    let drop = command("DROP TABLE t", [operation("drop", "public.t")]);
    let verdict = <Deny as guard::Guest>::judge(context(), drop);
    assert_eq!(verdict, Verdict::deny("deny", "no").hint("ask"));

    let values = Batch { bytes: b"axb".to_vec(), ends: vec![1, 2, 3] };
    let inspected = <Deny as mask::Guest>::inspect(context(), values);
    assert_eq!(inspected, Batch { bytes: b"ayyb".to_vec(), ends: vec![1, 3, 4] });
}

#[test]
fn a_second_configuration_is_refused() {
    Deny::configure(r#"{"action": "drop"}"#.to_owned()).unwrap();
    assert!(Deny::configure(r#"{"action": "alter"}"#.to_owned()).is_err());
}
