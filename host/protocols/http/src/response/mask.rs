//! Masks a response's body as a whole, up to a limit.

use palisade_mask::{CellForm, CellMask, Masker, Treated};
use palisade_policy::{Batch, Denial, Planned, Treatment};
use serde_json::Value;
use wildmatch::WildMatch;

/// How a body of some media type can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// As JSON.
    Json,
    /// As text.
    Text,
    /// Not at all.
    No,
}

impl Readable {
    pub(crate) fn of(essence: &str) -> Self {
        match essence {
            "application/json" | "text/json" => Self::Json,
            other if other.ends_with("+json") => Self::Json,
            // Their values stand under keys that are not looked for here.
            "application/xml" | "text/xml" | "text/event-stream" => Self::No,
            other if other.ends_with("+xml") => Self::No,
            "application/javascript" | "application/graphql" => Self::Text,
            other if other.starts_with("text/") => Self::Text,
            _ => Self::No,
        }
    }
}

/// Whether a plan leaves every body as it is.
pub(crate) fn keeps(planned: &Planned) -> bool {
    let masking = &planned.masking;
    masking.rest.is_keep() && masking.keys.iter().all(|(_, treatment)| treatment.is_keep())
}

/// A body as the client may see it.
///
/// # Errors
/// Why it is withheld.
pub(crate) fn body(
    masker: &Masker,
    planned: &Planned,
    readable: Readable,
    body: &[u8],
) -> Result<Vec<u8>, Denial> {
    match readable {
        Readable::Json => json(masker, planned, body),
        Readable::Text => text(masker, planned, body),
        Readable::No => Err(unreadable("it is of a type that cannot be read")),
    }
}

/// The denial of what cannot be masked.
pub(crate) fn unreadable(why: &str) -> Denial {
    Denial {
        reason: format!("the response must be masked, and cannot be: {why}"),
        rule: "gateway.unmaskable".to_owned(),
        hint: "Ask for it as JSON, or for less of it.".to_owned(),
    }
}

fn text(masker: &Masker, planned: &Planned, body: &[u8]) -> Result<Vec<u8>, Denial> {
    std::str::from_utf8(body).map_err(|_| unreadable("it is no UTF-8"))?;
    let rest = &planned.masking.rest;
    let mut body = body.to_vec();
    for &policy in &rest.inspect {
        let mut batch = Batch::default();
        batch.push(&body);
        if let Some(shown) = inspected(planned, policy, batch, 1)?.into_iter().next() {
            body = shown;
        }
    }
    let mask = cell_mask(rest)?;
    let mut out = Vec::new();
    Ok(match masker.treat(&mask, CellForm::Text, &body, &mut out) {
        Treated::Unchanged => body,
        Treated::Changed => out,
        Treated::Null => vec![],
    })
}

fn json(masker: &Masker, planned: &Planned, body: &[u8]) -> Result<Vec<u8>, Denial> {
    let mut document: Value =
        serde_json::from_slice(body).map_err(|_| unreadable("it is no JSON"))?;
    let mut rules = Vec::new();
    for (pattern, treatment) in &planned.masking.keys {
        let pattern = WildMatch::new(&pattern.to_lowercase());
        rules.push((pattern, treatment.clone(), cell_mask(treatment)?));
    }
    let before = document.clone();
    let mut walk = Walk { masker, rules: &rules, rest: &planned.masking.rest };
    walk.inspect(planned, &mut document)?;
    walk.cover(&mut document)?;
    let unchanged = before == document;
    let text = if unchanged {
        body.to_vec()
    } else {
        serde_json::to_vec(&document).map_err(|_| unreadable("it is no JSON"))?
    };
    // What detectors find lies in strings, and some go by the names that stand before them.
    let rest = cell_mask(&Treatment { cover: None, ..planned.masking.rest.clone() })?;
    let mut out = Vec::new();
    Ok(match masker.treat(&rest, CellForm::JsonText, &text, &mut out) {
        Treated::Changed => out,
        Treated::Unchanged => text,
        Treated::Null => b"null".to_vec(),
    })
}

fn cell_mask(treatment: &Treatment) -> Result<CellMask, Denial> {
    CellMask::new(treatment).map_err(|error| unreadable(&error.to_string()))
}

/// Sends values to a policy; as many come back.
fn inspected(
    planned: &Planned,
    policy: usize,
    batch: Batch,
    count: usize,
) -> Result<Vec<Vec<u8>>, Denial> {
    let shown = planned.inspect(policy, batch)?;
    if shown.ends.is_empty() {
        return Ok(vec![]);
    }
    if !shown.is_well_formed(count) {
        return Err(unreadable("a policy gave other values than it was asked about"));
    }
    Ok(shown.values().map(<[u8]>::to_vec).collect())
}

/// A pattern in lower case, and what becomes of the values under the keys that fit it.
type Rule = (WildMatch, Treatment, CellMask);

struct Walk<'a> {
    masker: &'a Masker,
    rules: &'a [Rule],
    rest: &'a Treatment,
}

impl Walk<'_> {
    /// The rules for a key, all of them: which policy each is of is not known any more, and together they are the strictest.
    fn rules_of(&self, key: &str) -> impl Iterator<Item = &Rule> {
        let key = key.to_lowercase();
        self.rules.iter().filter(move |(pattern, ..)| pattern.matches(&key))
    }

    fn cover(&mut self, value: &mut Value) -> Result<(), Denial> {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    let strictest = self
                        .rules_of(key)
                        .filter(|(_, treatment, _)| !treatment.is_keep())
                        .max_by(|(_, a, _), (_, b, _)| a.cover.cmp(&b.cover));
                    match strictest {
                        Some((.., mask)) if !value.is_null() => {
                            *value = self.covered(mask, value)?;
                            if !mask.covers() {
                                self.cover(value)?;
                            }
                        }
                        _ => self.cover(value)?,
                    }
                }
                Ok(())
            }
            Value::Array(entries) => entries.iter_mut().try_for_each(|entry| self.cover(entry)),
            Value::String(_) if self.rest.cover.is_some() => {
                let rest = cell_mask(self.rest)?;
                *value = self.covered(&rest, value)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn covered(&self, mask: &CellMask, value: &Value) -> Result<Value, Denial> {
        let text = value.to_string();
        let mut out = Vec::new();
        match self.masker.treat(mask, CellForm::JsonText, text.as_bytes(), &mut out) {
            Treated::Unchanged => Ok(value.clone()),
            Treated::Null => Ok(Value::Null),
            Treated::Changed => {
                serde_json::from_slice(&out).map_err(|_| unreadable("its cover is no JSON"))
            }
        }
    }

    /// Sends the strings that policies want to look at, one batch for each policy.
    fn inspect(&self, planned: &Planned, document: &mut Value) -> Result<(), Denial> {
        let asked = self.rules.iter().flat_map(|(_, treatment, _)| &treatment.inspect);
        let mut policies: Vec<usize> = asked.chain(&self.rest.inspect).copied().collect();
        policies.sort_unstable();
        policies.dedup();
        for policy in policies {
            let mut batch = Batch::default();
            self.each(document, policy, false, &mut |text| batch.push(text.as_bytes()));
            let count = batch.ends.len();
            if count == 0 {
                continue;
            }
            let mut shown = inspected(planned, policy, batch, count)?.into_iter();
            self.each(document, policy, false, &mut |text| {
                if let Some(shown) = shown.next() {
                    *text = String::from_utf8_lossy(&shown).into_owned();
                }
            });
        }
        Ok(())
    }

    fn each(
        &self,
        value: &mut Value,
        policy: usize,
        asked: bool,
        with: &mut impl FnMut(&mut String),
    ) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    let by_key = self.rules_of(key).any(|(_, it, _)| it.inspect.contains(&policy));
                    self.each(value, policy, asked || by_key, with);
                }
            }
            Value::Array(entries) => {
                entries.iter_mut().for_each(|entry| self.each(entry, policy, asked, with));
            }
            Value::String(text) if asked || self.rest.inspect.contains(&policy) => with(text),
            _ => {}
        }
    }
}
