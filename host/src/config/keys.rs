//! The keys that the files may have: all misspelt ones are named at once, each with what was probably meant.

use std::path::Path;

use palisade_policy::{Mistake, line_of};
use toml::de::{DeTable, DeValue};

use super::nearest;

/// What may stand in a place.
enum Keys {
    /// A value, or a table whose keys are the operator's own.
    Any,
    /// A table with these keys, or a list of such tables.
    Table(&'static [(&'static str, Keys)]),
}

use Keys::{Any, Table};

const CONFIG: Keys = Table(&[
    ("data_dir", Any),
    ("listen", Table(&[("postgres", Any), ("admin", Any), ("insecure", Any)])),
    ("tls", Table(&[("certificate", Any), ("key", Any)])),
    ("connection", CONNECTION),
    (
        "role",
        Table(&[
            ("name", Any),
            ("connections", Any),
            ("approves", Any),
            ("audits", Any),
            ("administers", Any),
        ]),
    ),
    ("policies", Table(&[("files", Any), ("trusted_keys", Any)])),
    ("record", Table(&[("durability", Any), ("result_limit", Any)])),
    (
        "limits",
        Table(&[
            ("frame_bytes", Any),
            ("login_seconds", Any),
            ("dial_seconds", Any),
            ("stalled_seconds", Any),
            ("max_sessions", Any),
            ("max_connections", Any),
            ("plugin_time_ms", Any),
            ("plugin_memory_mib", Any),
        ]),
    ),
]);

const CONNECTION: Keys = Table(&[
    ("name", Any),
    ("protocol", Any),
    ("address", Any),
    ("database", Any),
    ("username", Any),
    ("password", Table(&[("env", Any), ("file", Any)])),
    ("tls", Any),
    ("tls_ca", Any),
    ("labels", Any),
]);

const POLICY: Keys = Table(&[
    ("harmless_functions", Any),
    (
        "use",
        Table(&[
            ("plugin", Any),
            ("name", Any),
            ("mode", Any),
            (
                "on",
                Table(&[
                    ("protocols", Any),
                    ("connections", Any),
                    ("labels", Any),
                    ("roles", Any),
                    ("actions", Any),
                    ("facts", Any),
                ]),
            ),
            ("grants", Any),
            (
                "limits",
                Table(&[
                    ("time_ms", Any),
                    ("memory_mib", Any),
                    ("tables", Any),
                    ("instances", Any),
                ]),
            ),
            ("config", Any),
        ]),
    ),
]);

/// The keys of a configuration that have no meaning, as mistakes; or that it is no TOML.
pub(super) fn unknown_config_keys(file: &Path, text: &str) -> Vec<Mistake> {
    unknown(file, text, &CONFIG)
}

/// The keys of a policy file that have no meaning, as mistakes; or that it is no TOML.
pub fn unknown_policy_keys(file: &Path, text: &str) -> Vec<Mistake> {
    unknown(file, text, &POLICY)
}

fn unknown(file: &Path, text: &str, keys: &Keys) -> Vec<Mistake> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return errors.iter().map(|error| Mistake::from_toml(file, text, error)).collect();
    }
    let mut found = vec![];
    look(root.get_ref(), keys, &mut |key: &str, offset, known: &[(&'static str, Keys)]| {
        let names = || known.iter().map(|(name, _)| *name);
        let fix = match nearest(key, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", names().collect::<Vec<_>>().join(", ")),
        };
        found.push(Mistake {
            file: file.to_owned(),
            line: Some(line_of(text, offset)),
            problem: format!("unknown key `{}`", key.escape_debug()),
            fix,
        });
    });
    found.sort_by_key(|mistake| mistake.line);
    found
}

type Tell<'t> = dyn FnMut(&str, usize, &[(&'static str, Keys)]) + 't;

fn look(table: &DeTable<'_>, keys: &Keys, tell: &mut Tell<'_>) {
    let Table(known) = keys else { return };
    for (key, value) in table {
        match known.iter().find(|(name, _)| *name == key.get_ref()) {
            None => tell(key.get_ref(), key.span().start, known),
            Some((_, inner)) => look_at_value(value.get_ref(), inner, tell),
        }
    }
}

fn look_at_value(value: &DeValue<'_>, keys: &Keys, tell: &mut Tell<'_>) {
    match value {
        DeValue::Table(table) => look(table, keys, tell),
        DeValue::Array(items) => {
            for item in items {
                look_at_value(item.get_ref(), keys, tell);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
