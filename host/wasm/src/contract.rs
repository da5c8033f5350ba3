//! The contract in itself: the names of its interfaces, and its text where a component has to be made by it.

use std::collections::BTreeSet;

use palisade_policy::Grant;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) const PLUGIN: &str = "palisade:policy/plugin@0.1.0";
pub(crate) const GUARD: &str = "palisade:policy/guard@0.1.0";
pub(crate) const ATTENTION: &str = "palisade:policy/attention@0.1.0";
pub(crate) const MASK: &str = "palisade:policy/mask@0.1.0";
pub(crate) const REVIEWER: &str = "palisade:policy/reviewer@0.1.0";

/// The interfaces of what a plugin may ask of the gateway.
const IMPORTS: [(Grant, &str); 4] = [
    (Grant::Log, "palisade:policy/log@0.1.0"),
    (Grant::Clock, "palisade:policy/clock@0.1.0"),
    (Grant::State, "palisade:policy/state@0.1.0"),
    (Grant::Http, "palisade:policy/http@0.1.0"),
];

/// What an imported interface asks of the gateway, if it is one of the contract's.
pub(crate) fn asks_for(interface: &str) -> Option<Grant> {
    IMPORTS.iter().find(|(_, known)| *known == interface).map(|(grant, _)| *grant)
}

/// The versions of the contract that were published; a plugin speaks one of them.
pub(crate) const VERSIONS: [&str; 1] = ["0.1.0"];

/// The version of the contract that an interface belongs to, if it is the contract's.
pub(crate) fn version(interface: &str) -> Option<&str> {
    interface.strip_prefix("palisade:policy/")?.split_once('@').map(|(_, version)| version)
}

pub(crate) const TEXT: &str = include_str!("../../../wit/policy.wit");

/// Adds to a core module the description of its types, by which `wit_component` makes a component of it.
///
/// The description says that the module has those interfaces of the contract that `has` says it has, and asks for those of
/// `wants`.
pub(crate) fn describe(
    module: &mut Vec<u8>,
    has: impl Fn(&str) -> bool,
    wants: &BTreeSet<Grant>,
) -> Result<(), String> {
    let imports = IMPORTS.iter().filter(|(grant, _)| wants.contains(grant));
    let imports: String = imports.map(|(_, interface)| format!("import {interface};")).collect();
    let exports: String = [PLUGIN, GUARD, ATTENTION, MASK, REVIEWER]
        .into_iter()
        .filter(|interface| has(interface))
        .map(|interface| format!("export {interface};"))
        .collect();
    let world = format!("package palisade:host; world module {{ {imports} {exports} }}");
    let mut resolve = Resolve::default();
    resolve
        .push_source("policy.wit", TEXT)
        .and_then(|_| resolve.push_source("module.wit", &world))
        .and_then(|package| resolve.select_world(&[package], None))
        .and_then(|world| embed_component_metadata(module, &resolve, world, StringEncoding::UTF8))
        .map_err(|error| error.to_string())
}
