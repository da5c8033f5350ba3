//! What a case expects, and how that differs from what came.

use palisade_policy::nearest;
use serde_json::Value;

use super::words::{Words, all, is_action};

/// What is asked of a plugin decides what can be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Command,
    Result,
    Inspect,
    Review,
    /// Only whether it takes its configuration.
    Configuration,
}

impl Asked {
    /// The keys that `[case.expect]` may have, the deciding one first.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Command => &[
                "verdict",
                "rule",
                "reason",
                "hint",
                "approvers",
                "quorum",
                "expires_in",
                "text",
                "failure",
            ],
            Self::Result => &["fields", "keys", "rest", "failure"],
            Self::Inspect => &["values", "failure"],
            Self::Review => &["decision", "reason", "failure"],
            Self::Configuration => &["configuration", "reason"],
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Command => "a command",
            Self::Result => "a result",
            Self::Inspect => "values to inspect",
            Self::Review => "a held command",
            Self::Configuration => "a configuration",
        }
    }
}

/// The keys that say what an answer is.
const DECIDING: [&str; 4] = ["verdict", "decision", "configuration", "failure"];

/// What a case expects: keys and values, in the order of [`Asked::keys`].
#[derive(Clone, Debug)]
pub(super) struct Expected {
    asked: Asked,
    pairs: Words,
}

/// One key whose value is not the expected one.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The key in `[case.expect]`.
    pub key: &'static str,
    /// What the case expects; nothing where it does not expect the key.
    pub expected: Option<Value>,
    /// What came; nothing where there was no such key.
    pub got: Option<Value>,
}

impl Expected {
    /// Reads `[case.expect]`.
    ///
    /// # Errors
    /// The key that is wrong (none where there is no key), what is wrong with it, and how to mend it.
    pub(super) fn read<'k>(
        asked: Asked,
        written: impl IntoIterator<Item = (&'k str, Value)>,
    ) -> Result<Self, Wrong<'k>> {
        let mut pairs = Words::new();
        for (key, value) in written {
            let known = asked.keys();
            let Some(known) = known.iter().find(|known| **known == key) else {
                let problem = format!("unknown key `{}` for {}", key.escape_debug(), asked.what());
                let fix = match nearest(key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                return Err(Wrong { key: Some(key), problem, fix });
            };
            if let Some(form) = misfit(known, &value) {
                let problem = format!("`{key}` is not {form}");
                return Err(Wrong { key: Some(key), problem, fix: String::new() });
            }
            pairs.push((known, value));
        }
        if pairs.is_empty() {
            let problem = format!("the case expects nothing of {}", asked.what());
            let fix = format!("give it at least one of {}", asked.keys().join(", "));
            return Err(Wrong { key: None, problem, fix });
        }
        pairs.sort_by_key(|(key, _)| asked.keys().iter().position(|known| known == key));
        Ok(Self { asked, pairs })
    }

    /// Every key whose value is not the expected one. Where another thing came than was expected, all that it says.
    pub(super) fn differences(&self, got: &Words) -> Vec<Difference> {
        let of = |words: &Words, key: &str| {
            words.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
        };
        let mut differences = vec![];
        for (key, expected) in &self.pairs {
            let got = of(got, key);
            if got.as_ref().is_none_or(|got| !self.is_met(key, expected, got)) {
                differences.push(Difference { key, expected: Some(expected.clone()), got });
            }
        }
        let deciding = got.first().map(|(key, _)| *key);
        let is_other = differences.iter().any(|it| Some(it.key) == deciding || it.got.is_none());
        let unexpected = got.iter().filter(|(key, _)| of(&self.pairs, key).is_none());
        let unexpected = unexpected.map(|(key, value)| Difference {
            key,
            expected: None,
            got: Some(value.clone()),
        });
        // A plan has no word that decides: what was not asked of it does not explain anything.
        if is_other && self.asked != Asked::Result || deciding == Some("failure") {
            differences.extend(unexpected);
            // What it is comes before what it says.
            differences.sort_by_key(|difference| !DECIDING.contains(&difference.key));
        }
        differences
    }

    /// Why something failed is worded by others, and may change: a part of it will do.
    fn is_met(&self, key: &str, expected: &Value, got: &Value) -> bool {
        let by_part = key == "failure" || (key == "reason" && self.asked == Asked::Configuration);
        match (expected.as_str(), got.as_str()) {
            (Some(expected), Some(got)) if by_part => got.contains(expected),
            _ => expected == got,
        }
    }
}

/// What is wrong with `[case.expect]`.
#[derive(Debug)]
pub(super) struct Wrong<'k> {
    pub(super) key: Option<&'k str>,
    pub(super) problem: String,
    pub(super) fix: String,
}

/// What the value of a key should be, where it is something else.
fn misfit(key: &str, value: &Value) -> Option<String> {
    let words = |known: &[&str]| {
        let fits = value.as_str().is_some_and(|word| known.contains(&word));
        let quoted: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
        (!fits).then(|| format!("one of {}", quoted.join(", ")))
    };
    let list = |of: &str, is: &dyn Fn(&Value) -> bool| {
        let fits = value.as_array().is_some_and(|values| all(values, is));
        (!fits).then(|| format!("a list of {of}"))
    };
    match key {
        "verdict" => words(&["allow", "deny", "hold", "rewrite"]),
        "decision" => words(&["undecided", "approve", "deny"]),
        "configuration" => words(&["refused"]),
        "approvers" | "values" => list("texts", &Value::is_string),
        "quorum" | "expires_in" => (!value.is_u64()).then(|| "a number".to_owned()),
        "fields" => list(ACTIONS, &is_action),
        "keys" => list(&format!("[\"pattern\", action], with {ACTIONS}"), &|pair| {
            let pair = pair.as_array().map(Vec::as_slice);
            matches!(pair, Some([Value::String(_), action]) if is_action(action))
        }),
        "rest" => (!is_action(value)).then(|| format!("one of the {ACTIONS}")),
        _ => (!value.is_string()).then(|| "a text".to_owned()),
    }
}

const ACTIONS: &str = "actions (\"keep\", \"nullify\", \"pseudonym\", \"inspect\", { replace = \"…\" }, \
                       { partial = [first, last] }, { scan = [\"email\"] })";

#[cfg(test)]
mod tests;
