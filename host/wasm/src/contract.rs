//! The contract in itself: the names of its interfaces, and its text where a component has to be made by it.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) const PLUGIN: &str = "palisade:policy/plugin@0.1.0";
pub(crate) const GUARD: &str = "palisade:policy/guard@0.1.0";
pub(crate) const MASK: &str = "palisade:policy/mask@0.1.0";
pub(crate) const REVIEWER: &str = "palisade:policy/reviewer@0.1.0";

const TEXT: &str = include_str!("../../../wit/policy.wit");

/// Adds to a core module the description of its types, by which `wit_component` makes a component of it.
///
/// The description says that the module has those interfaces of the contract that `has` says it has.
pub(crate) fn describe(module: &mut Vec<u8>, has: impl Fn(&str) -> bool) -> Result<(), String> {
    let exports: String = [PLUGIN, GUARD, MASK, REVIEWER]
        .into_iter()
        .filter(|interface| has(interface))
        .map(|interface| format!("export {interface};"))
        .collect();
    let world = format!("package palisade:host; world module {{ {exports} }}");
    let mut resolve = Resolve::default();
    resolve
        .push_source("policy.wit", TEXT)
        .and_then(|_| resolve.push_source("module.wit", &world))
        .and_then(|package| resolve.select_world(&[package], None))
        .and_then(|world| embed_component_metadata(module, &resolve, world, StringEncoding::UTF8))
        .map_err(|error| error.to_string())
}
