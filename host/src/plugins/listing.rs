//! A policy in force, as it is shown.

use palisade_policy::PolicyCounts;
use serde_json::{Value, json};

use super::{InForce, Origin, word};

/// The policies in their order; one that is in force in several places has several ids.
pub(super) fn list(in_force: &[InForce]) -> Vec<Value> {
    let mut shown: Vec<Value> = vec![];
    for one in in_force {
        let same = |it: &&Value| it.get("name").is_some_and(|name| *name == one.name);
        let id = match shown.iter().filter(same).count() {
            0 => one.name.clone(),
            twins => format!("{}#{}", one.name, twins + 1),
        };
        shown.push(show(&id, one));
    }
    shown
}

/// One policy.
pub(super) fn show(id: &str, in_force: &InForce) -> Value {
    let InForce { name, used, plugin, policy: _, memory, origin, signed_by, since } = in_force;
    let manifest = plugin.manifest();
    let (origin, file, by) = match origin {
        Origin::Bundled => ("bundled", None, None),
        Origin::File(path) => ("file", Some(path.display().to_string()), None),
        Origin::Loaded { by } => ("loaded", None, Some(by)),
    };
    json!({
        "id": id,
        "name": name,
        "plugin": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "hooks": plugin.hooks().names(),
        "looks_at": manifest.looks_at.names(),
        "judges_by": manifest.judges_by.names(),
        "grants": used.grants.names().collect::<Vec<_>>(),
        "pure": plugin.is_pure(&used.grants),
        "mode": word(used.mode),
        "origin": origin,
        "file": file,
        "loaded_by": by,
        "signed_by": signed_by.map(|key| key.to_string()),
        "hash": plugin.hash(),
        "size": plugin.size(),
        "since": since,
        "policy_file": used.file.display().to_string(),
        "line": used.line,
        "counts": counts(memory.counts()),
        "schema": serde_json::from_str::<Value>(&manifest.config_schema).unwrap_or(Value::Null),
    })
}

fn counts(counts: PolicyCounts) -> Value {
    let PolicyCounts { asked, remembered, time, memory, trap, answer } = counts;
    json!({
        "asked": asked,
        "remembered": remembered,
        "over_time": time,
        "over_memory": memory,
        "trapped": trap,
        "unusable_answers": answer,
    })
}
