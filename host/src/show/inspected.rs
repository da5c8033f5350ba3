//! What a plugin's file is, before it is put in force.

use std::io;
use std::path::Path;

use palisade_policy::{Grant, Grants};
use palisade_wasm::CompiledPlugin;
use serde_json::{Value, json};

use super::plugin::keys;
use super::{Screen, pairs};
use crate::plugins::signature::{Signature, signature};

/// Everything that is known of a plugin, as JSON.
pub fn inspected(file: &Path, plugin: &CompiledPlugin, bytes: &[u8]) -> Value {
    let manifest = plugin.manifest();
    let names = |grants: &[Grant]| each(grants).map(Grant::name).collect::<Vec<_>>();
    let (signed_by, is_signed_rightly) = match signature(bytes) {
        Signature::None => (None, None),
        Signature::By(key) => (Some(key.to_string()), Some(true)),
        Signature::Wrong(key) => (Some(key.to_string()), Some(false)),
    };
    json!({
        "id": manifest.name,
        "file": file,
        "name": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "hooks": plugin.hooks().names(),
        "looks_at": manifest.looks_at.names(),
        "judges_by": manifest.judges_by.names(),
        "imports": plugin.imports(),
        "asks": names(plugin.asks()),
        "uses": names(plugin.uses()),
        "grants": line(plugin.asks()),
        "may_be_granted": line(plugin.uses()),
        "pure": plugin.is_pure(&Grants::of(plugin.asks())),
        "signed_by": signed_by,
        "signature_holds": is_signed_rightly,
        "size": plugin.size(),
        "hash": plugin.hash(),
        "schema": serde_json::from_str::<Value>(&manifest.config_schema).unwrap_or(Value::Null),
    })
}

/// The same for a person.
///
/// # Errors
/// When nobody reads any more.
pub fn inspection(screen: &mut Screen, facts: &Value) -> io::Result<()> {
    let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default();
    let list = |key: &str, none: &str| {
        let items = facts.get(key).and_then(Value::as_array).into_iter().flatten();
        let items: Vec<&str> = items.filter_map(Value::as_str).collect();
        if items.is_empty() { none.to_owned() } else { items.join(", ") }
    };
    let pure = facts.get("pure").and_then(Value::as_bool).unwrap_or(false);
    let pure = match (pure, text("may_be_granted")) {
        (false, _) => "no: it is asked about every run of a command".to_owned(),
        (true, "") => "yes: its answers are remembered".to_owned(),
        (true, _) => format!("yes, unless it is granted {}", list("uses", "")),
    };
    let signed = match (text("signed_by"), facts.get("signature_holds").and_then(Value::as_bool)) {
        ("", _) => "none".to_owned(),
        (key, Some(true)) => format!("by {key}"),
        (key, _) => format!("WRONG: {key} is named, but did not sign this file"),
    };
    pairs(
        screen,
        &[
            ("name", text("name")),
            ("version", text("version")),
            ("description", text("description")),
            ("hooks", &list("hooks", "")),
            ("looks at", &list("looks_at", "commands and results alone")),
            ("imports", &list("imports", "nothing")),
            ("needs", text("grants")),
            ("can use", text("may_be_granted")),
            ("pure", &pure),
            ("signature", &signed),
            ("size", &format!("{} bytes", facts.get("size").unwrap_or(&Value::Null))),
            ("SHA-256", text("hash")),
        ],
    )?;
    screen.line("")?;
    keys(screen, facts.get("schema").unwrap_or(&Value::Null))
}

/// The line of a policy file that grants these; none where there is nothing to grant.
fn line(grants: &[Grant]) -> Option<String> {
    let lines: Vec<String> = each(grants).map(Grant::line).collect();
    (!lines.is_empty()).then(|| format!("grants = [{}]", lines.join(", ")))
}

/// Each grant once: several interfaces may come by the same.
fn each(grants: &[Grant]) -> impl Iterator<Item = Grant> {
    Grant::ALL.into_iter().filter(|grant| grants.contains(grant))
}
