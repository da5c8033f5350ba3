//! What of a result a client may see: plans, and how several become one [`Masking`].

use std::collections::BTreeSet;

/// One column of a result, or one key of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    /// The name that the client will see.
    pub name: String,
    /// Where the value truly comes from (`public.users.password`); empty where unknown.
    pub sources: Vec<String>,
    /// The protocol's name for the type (`text`, `int4`, `json`).
    pub type_name: String,
}

/// The form of a result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// Rows with these fields.
    Table(Vec<Field>),
    /// A structured body, by media type.
    Document(String),
    /// A byte stream shown to a person or read by a program.
    ByteStream,
}

/// What to do with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave it.
    Keep,
    /// Put this text in its place.
    Replace(String),
    /// Keep the first and the last so many characters, cover the rest.
    Partial(u32, u32),
    /// A keyed hash, equal for equal values within one session.
    Pseudonym,
    /// The format's nothing.
    Nullify,
    /// Cover what these detectors find.
    Scan(Vec<String>),
    /// Send the values to the plugin's `inspect`.
    Inspect,
}

/// What one policy wants done with a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One action for each field of a table, in order; empty for other shapes.
    pub fields: Vec<Action>,
    /// For documents: key patterns, first match wins.
    pub keys: Vec<(String, Action)>,
    /// For every text that no field or key rule covers.
    pub rest: Action,
}

/// An action that covers a value whole, whatever it contains.
///
/// The order is that of strictness: later variants reveal less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// Keep the first and the last so many characters.
    Partial(u32, u32),
    /// A keyed hash, equal for equal values within one session.
    Pseudonym,
    /// This text instead.
    Replace(String),
    /// The format's nothing.
    Nullify,
}

/// What all policies together want done with one field: covered whole, or looked into by plugins and then by detectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// The strictest cover that any policy asked for.
    pub cover: Option<Cover>,
    /// The policies, by their place in the chain, whose `inspect` sees the values, in order.
    pub inspect: Vec<usize>,
    /// The detectors that any policy asked for.
    pub scan: BTreeSet<String>,
}

impl Treatment {
    /// Whether the value passes as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        self.cover.is_none() && self.inspect.is_empty() && self.scan.is_empty()
    }

    /// Adds what the policy at place `index` in the chain asks for.
    pub fn add(&mut self, index: usize, action: &Action) {
        let cover = match action {
            Action::Keep => return,
            Action::Scan(detectors) => {
                self.scan.extend(detectors.iter().cloned());
                return;
            }
            Action::Inspect => {
                self.inspect.push(index);
                return;
            }
            Action::Replace(text) => Cover::Replace(text.clone()),
            Action::Partial(first, last) => Cover::Partial(*first, *last),
            Action::Pseudonym => Cover::Pseudonym,
            Action::Nullify => Cover::Nullify,
        };
        self.cover = Some(match self.cover.take() {
            None => cover,
            Some(Cover::Partial(a, b)) => match cover {
                Cover::Partial(c, d) => Cover::Partial(a.min(c), b.min(d)),
                stricter => stricter,
            },
            // Of two replacements the first in the chain's order stays: neither reveals more.
            Some(old @ Cover::Replace(_)) if matches!(cover, Cover::Replace(_)) => old,
            Some(old) => old.max(cover),
        });
    }
}

/// What one policy wants done with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// The policy's place in the chain.
    pub policy: usize,
    /// Key patterns, first match wins.
    pub keys: Vec<(String, Action)>,
    /// For every text that no key rule covers.
    pub rest: Action,
}

/// The combined plan of a chain of policies for one result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masking {
    /// One treatment for each field of a table, in order; empty for other shapes.
    pub fields: Vec<Treatment>,
    /// For documents: the rules of each policy, in the chain's order.
    /// They stay apart: what one policy keeps, another may still cover.
    pub documents: Vec<KeyRules>,
    /// For every text that no field or key rule covers.
    pub rest: Treatment,
}

impl Masking {
    /// Whether every field of a table passes as it is.
    #[must_use]
    pub fn keeps_fields(&self) -> bool {
        self.fields.iter().all(Treatment::is_keep)
    }

    /// Adds the plan of the policy at place `index` in the chain.
    ///
    /// # Errors
    /// When the plan has a number of fields other than the shape has.
    pub fn add(&mut self, index: usize, shape: &Shape, plan: &Plan) -> Result<(), String> {
        let expected = match shape {
            Shape::Table(fields) => fields.len(),
            Shape::Document(_) | Shape::ByteStream => 0,
        };
        if plan.fields.len() != expected {
            return Err(format!(
                "its plan has {} fields where the result has {expected}",
                plan.fields.len()
            ));
        }
        self.fields.resize_with(expected, Treatment::default);
        for (treatment, action) in self.fields.iter_mut().zip(&plan.fields) {
            treatment.add(index, action);
        }
        let (keys, rest) = (plan.keys.clone(), plan.rest.clone());
        self.documents.push(KeyRules { policy: index, keys, rest });
        self.rest.add(index, &plan.rest);
        Ok(())
    }
}

/// Many values in one piece: value `i` is `bytes[ends[i - 1] .. ends[i]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The values, one after another.
    pub bytes: Vec<u8>,
    /// Where each value ends.
    pub ends: Vec<u32>,
}

impl Batch {
    /// Whether there are as many ends as `count`, in order, the last at the end of the bytes.
    #[must_use]
    pub fn is_well_formed(&self, count: usize) -> bool {
        self.ends.len() == count
            && self.ends.is_sorted()
            && self.ends.last().copied().unwrap_or(0) as usize == self.bytes.len()
    }

    /// Appends one value.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(self.ends.iter())
            .map(|(start, end)| self.bytes.get(start as usize..*end as usize).unwrap_or(&[]))
    }
}

#[cfg(test)]
mod tests;
