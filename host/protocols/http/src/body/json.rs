//! JSON, read so that every reader reads the same: no name twice, nothing too deep, no number that readers round.

use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use palisade_policy::{TooMuch, Within};

use super::{Reading, check_name};
use crate::Refused;

/// Deeper texts are refused.
const DEEPEST: usize = 64;
/// Beyond this, readers that know floating-point numbers alone round (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Words that a reader's error is known by again.
const TWICE: &str = "a name is there twice";
const DEEP: &str = "it is nested too deeply";
const BIG: &str = "a number is too big to be read in one way";
const METHOD: &str = "_method";
const ZERO: &str = "a name holds a control character";
const FOLDS: &str = "a name holds a letter that some readers take for an s or a k";

pub(super) fn read(body: &[u8], reading: &mut Reading) -> Result<(), Refused> {
    if body.is_empty() {
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut top = Top::default();
    let seed = Node { reading, top: &mut top, within: Within::default(), depth: 0 };
    let read = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|error| refused(&error.to_string()))?;
    reading.documents.extend(top.documents());
    Ok(())
}

fn refused(error: &str) -> Refused {
    if error.starts_with(METHOD) {
        return Refused::Override(METHOD);
    }
    if error.starts_with(&TooMuch.to_string()) {
        return Refused::Names(TooMuch);
    }
    let known = [TWICE, DEEP, BIG, ZERO, FOLDS].into_iter().find(|known| error.starts_with(known));
    Refused::Body(known.unwrap_or("it is no JSON in UTF-8"))
}

/// What a GraphQL request has at its top; a list of them is a batch.
#[derive(Default)]
struct Top {
    /// Each object's queries, of which there is one but in odd requests, and its operation's name.
    requests: Vec<(Vec<String>, Option<String>)>,
    /// Whether other names are there as well, or a request without a query.
    other: bool,
}

impl Top {
    fn note(&mut self, name: &str, text: &str) {
        let Some((queries, operation)) = self.requests.last_mut() else { return };
        match name {
            "query" => queries.push(text.to_owned()),
            "operationName" => *operation = Some(text.to_owned()),
            _ => {}
        }
    }

    /// Names that GraphQL does not have make no other request of it for servers, which pass over them; but a text without
    /// braces beside such names is no document.
    fn documents(self) -> Vec<(String, Option<String>)> {
        let other = self.other || self.requests.iter().any(|(queries, _)| queries.len() != 1);
        let each = self.requests.into_iter().flat_map(|(queries, name)| {
            let name = name.filter(|_| !other);
            queries.into_iter().map(move |query| (query, name.clone()))
        });
        each.filter(|(query, _)| !other || query.contains('{')).collect()
    }
}

/// One value at a place.
struct Node<'a> {
    reading: &'a mut Reading,
    top: &'a mut Top,
    within: Within,
    depth: usize,
}

impl Node<'_> {
    fn leaf<E: Error>(self, value: &str) -> Result<(), E> {
        self.reading.value(self.within, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.leaf(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.leaf(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.leaf(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if value.abs() >= EXACT {
            return Err(E::custom(BIG));
        }
        self.leaf(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.depth <= 2 {
            self.top.note(self.reading.path(self.within), value);
        }
        self.leaf(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.leaf("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Node { reading, top, within, depth } = self;
        if depth >= DEEPEST {
            return Err(A::Error::custom(DEEP));
        }
        loop {
            let reading = &mut *reading;
            let node = Node { reading, top: &mut *top, within, depth: depth + 1 };
            if entries.next_element_seed(node)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Node { reading, top, within, depth } = self;
        if depth >= DEEPEST {
            return Err(A::Error::custom(DEEP));
        }
        let is_top = reading.path(within).is_empty();
        if is_top {
            top.requests.push((vec![], None));
        }
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            check::<A::Error>(&name)?;
            // Some readers do not tell upper from lower case.
            if !names.insert(name.to_lowercase()) {
                return Err(A::Error::custom(TWICE));
            }
            if is_top {
                top.other |= !is_graphql(&name);
            }
            let within = reading.field(within, name).map_err(A::Error::custom)?;
            let reading = &mut *reading;
            let node = Node { reading, top: &mut *top, within, depth: depth + 1 };
            entries.next_value_seed(node)?;
        }
        Ok(())
    }
}

fn check<E: Error>(name: &str) -> Result<(), E> {
    if check_name(name).is_err() {
        return Err(E::custom(METHOD));
    }
    if name.chars().any(char::is_control) {
        return Err(E::custom(ZERO));
    }
    // The long s and the sign of kelvin: readers that do not tell upper from lower case find `roles` by `role\u{17f}`.
    if name.contains(['\u{17f}', '\u{212a}']) {
        return Err(E::custom(FOLDS));
    }
    Ok(())
}

/// Names at the top of a GraphQL request.
fn is_graphql(name: &str) -> bool {
    matches!(name, "query" | "variables" | "operationName" | "extensions")
}
