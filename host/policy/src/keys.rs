//! The keys that a file may have: all misspelt ones are named at once, each with what was probably meant.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::{Mistake, line_of};

/// What may stand in a place of a TOML file.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// A value, or a table whose keys are the writer's own.
    Any,
    /// A table with these keys, or a list of such tables.
    Table(&'static [(&'static str, Keys)]),
}

/// The keys of a file that have no meaning, as mistakes; or that it is no TOML.
#[must_use]
pub fn unknown_keys(file: &Path, text: &str, keys: &Keys) -> Vec<Mistake> {
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
    let Keys::Table(known) = keys else { return };
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

/// What was probably meant by a word that is not known: a known one that differs in few letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// How many characters to insert, remove or replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, old) in from.chars().enumerate() {
        let mut next = vec![done + 1];
        let (mut left, mut diagonal) = (done + 1, done);
        for (new, above) in to.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(old != *new)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys =
        Keys::Table(&[("name", Keys::Any), ("item", Keys::Table(&[("size", Keys::Any)]))]);

    #[test]
    fn every_unknown_key_is_named_with_its_line_and_what_was_meant() {
        let text = "nam = 1\nname = { any = 1 }\n[[item]]\nsize = 1\n[[item]]\nweight = 2\n";
        let found = unknown_keys(Path::new("f"), text, &KEYS);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "f:1: unknown key `nam`\n  fix: did you mean `name`?",
                "f:6: unknown key `weight`\n  fix: known here: size",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_named_as_that() {
        assert_eq!(unknown_keys(Path::new("f"), "name = \n", &KEYS).len(), 1);
    }

    #[test]
    fn a_word_is_near_to_what_differs_in_few_letters() {
        assert_eq!(nearest("verdikt", ["verdict", "rule"]), Some("verdict"));
        assert_eq!(nearest("x", ["verdict", "rule"]), None);
    }
}
