//! The plugins in use, and what can be written into their configurations.

use std::io;

use serde_json::Value;

use super::session::short;
use super::text::{cut, visible};
use super::{Screen, Table, Tone};

/// The list of plugins, as the gateway gives it.
///
/// # Errors
/// When nobody reads any more.
pub fn plugins(screen: &mut Screen, plugins: &[Value]) -> io::Result<()> {
    if plugins.is_empty() {
        return screen.line("no policy is in force: everything is allowed, nothing is masked");
    }
    let mut table = Table::new(&[
        "NAME",
        "PLUGIN",
        "VERSION",
        "HOOKS",
        "MODE",
        "ORIGIN",
        "HASH",
        "SINCE",
        "CALLS",
        "REMEMBERED",
        "FAILED",
        "PUT IN FORCE BY",
    ]);
    for plugin in plugins {
        let hooks: Vec<&str> =
            plugin["hooks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let origin = match (text(plugin, "file"), text(plugin, "loaded_by")) {
            ("", "") => text(plugin, "origin").to_owned(),
            (file, "") => file.to_owned(),
            (_, by) => format!("loaded by {by}"),
        };
        table.row([
            text(plugin, "id"),
            text(plugin, "plugin"),
            text(plugin, "version"),
            &hooks.join(", "),
            text(plugin, "mode"),
            &origin,
            &cut(text(plugin, "hash"), 13),
            &short(text(plugin, "since")),
            &count(plugin, "asked").to_string(),
            &count(plugin, "remembered").to_string(),
            &failed(plugin),
            &format!("{}:{}", text(plugin, "policy_file"), plugin["line"]),
        ]);
    }
    table.show(screen)?;
    let mut seen = vec![];
    for plugin in plugins {
        let hash = text(plugin, "hash");
        if !seen.contains(&hash) {
            seen.push(hash);
            configuration(screen, plugin)?;
        }
    }
    Ok(())
}

fn count(plugin: &Value, key: &str) -> u64 {
    plugin.get("counts").and_then(|counts| counts.get(key)?.as_u64()).unwrap_or(0)
}

/// How often a plugin failed, and of what.
fn failed(plugin: &Value) -> String {
    let kinds = [
        ("over_time", "time"),
        ("over_memory", "memory"),
        ("trapped", "trap"),
        ("unusable_answers", "answer"),
    ];
    let failures = kinds.iter().filter_map(|(key, word)| {
        let count = count(plugin, key);
        (count > 0).then(|| format!("{count} {word}"))
    });
    let failures: Vec<String> = failures.collect();
    if failures.is_empty() { "0".to_owned() } else { failures.join(", ") }
}

/// Who changed the policies in force, as the gateway gives it.
///
/// # Errors
/// When nobody reads any more.
pub fn changes(screen: &mut Screen, changes: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["WHEN", "CHANGE", "POLICY", "BY", "SET", "PLUGINS"]);
    for change in changes {
        let members = change["set"].as_array().into_iter().flatten();
        let members: Vec<String> = members
            .map(|member| format!("{}={}", text(member, "name"), cut(text(member, "hash"), 9)))
            .collect();
        let what = match text(change, "problem") {
            "" => members.join(" "),
            problem => format!("refused: {problem}"),
        };
        table.row([
            &short(text(change, "at")),
            text(change, "change"),
            text(change, "policy"),
            text(change, "by"),
            &change["policies"].to_string(),
            &what,
        ]);
    }
    table.show(screen)
}

fn configuration(screen: &mut Screen, plugin: &Value) -> io::Result<()> {
    let name = screen.tone(Tone::Bold, &visible(text(plugin, "plugin")));
    screen.line("")?;
    screen.line(&format!("{name}: {}", visible(text(plugin, "description"))))?;
    keys(screen, plugin.get("schema").unwrap_or(&Value::Null))
}

/// What can be written into a configuration, by its JSON Schema.
///
/// # Errors
/// When nobody reads any more.
pub(super) fn keys(screen: &mut Screen, schema: &Value) -> io::Result<()> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut table = Table::new(&["  KEY", "MEANING"]);
    for (key, property) in properties.into_iter().flatten() {
        table.row([format!("  {key}").as_str(), &text(property, "description").replace('\n', " ")]);
    }
    if properties.is_some_and(|properties| !properties.is_empty()) {
        table.show(screen)?;
    }
    Ok(())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
