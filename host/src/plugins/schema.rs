//! A plugin's configuration against its JSON Schema, with the line of each mistake.

use std::path::Path;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use palisade_policy::{Mistake, line_of};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::config::nearest;

/// One thing wrong with a configuration: where (a JSON Pointer), what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The place in the configuration.
    pub pointer: String,
    /// What is wrong there.
    pub problem: String,
    /// The same without the value, for what is logged and recorded.
    pub unquoted: String,
    /// What to do; empty where the problem says it.
    pub fix: String,
}

/// Everything in `config` that `schema` (a JSON Schema, as text) does not allow.
pub fn misfits(schema: &str, config: &Value) -> Vec<Misfit> {
    let unusable = |problem: String| {
        vec![Misfit {
            pointer: String::new(),
            unquoted: "the plugin's own schema cannot be used".into(),
            problem: format!("the plugin's own schema cannot be used: {problem}"),
            fix: "ask the plugin's author".into(),
        }]
    };
    let schema: Value = match serde_json::from_str(schema) {
        Ok(schema) => schema,
        Err(error) => return unusable(error.to_string()),
    };
    let validator = match jsonschema::validator_for(&schema) {
        Ok(validator) => validator,
        Err(error) => return unusable(error.to_string()),
    };
    validator.iter_errors(config).flat_map(|error| misfits_of(&error, &schema)).collect()
}

/// The mistake in its file, at its line.
pub fn mistake(misfit: &Misfit, file: &Path, text: &str, index: usize, line: usize) -> Mistake {
    let place = if misfit.pointer.is_empty() {
        "config".to_owned()
    } else {
        format!("config{}", misfit.pointer.replace('/', "."))
    };
    Mistake {
        file: file.to_owned(),
        line: Some(line_in(text, index, &misfit.pointer).unwrap_or(line)),
        problem: format!("{place}: {}", misfit.problem),
        fix: misfit.fix.clone(),
    }
}

fn misfits_of(error: &ValidationError<'_>, schema: &Value) -> Vec<Misfit> {
    let place = error.instance_path().as_str().to_owned();
    let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else {
        let (problem, unquoted) = (error.to_string(), error.masked().to_string());
        return vec![Misfit { pointer: place, problem, unquoted, fix: String::new() }];
    };
    let properties = error.schema_path().as_str().strip_suffix("/additionalProperties");
    let known: Vec<&str> = properties
        .and_then(|parent| schema.pointer(parent)?.get("properties")?.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let unknown = |key: &String| Misfit {
        pointer: format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")),
        problem: "unknown key".into(),
        unquoted: "unknown key".into(),
        fix: match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        },
    };
    unexpected.iter().map(unknown).collect()
}

/// The line of a place in the configuration of the `index`-th `[[use]]`.
fn line_in(text: &str, index: usize, pointer: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let uses = child(root.get_ref(), "use")?.0;
    let DeValue::Array(uses) = uses else { return None };
    let DeValue::Table(used) = uses.get(index)?.get_ref() else { return None };
    let (mut value, mut offset) = child(used, "config")?;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        let next = match value {
            DeValue::Table(table) => child(table, &key),
            DeValue::Array(items) => {
                let item = key.parse().ok().and_then(|place: usize| items.get(place));
                item.map(|item| (item.get_ref(), item.span().start))
            }
            _ => None,
        };
        // A place that is not written down is shown by what should hold it.
        let Some(found) = next else { break };
        (value, offset) = found;
    }
    Some(line_of(text, offset))
}

/// The value of a key, and where the key stands.
fn child<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(&'a DeValue<'i>, usize)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((value.get_ref(), key.span().start))
}

#[cfg(test)]
mod tests;
