//! JSON, read so that every reader reads the same: no name twice, nothing too deep, no number that readers round.

use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use palisade_policy::{DEEPEST_JSON, MOST_WITHIN, TooMuch, Within, inner_json};

use super::names::{FOLDS, holds_folding};
use super::requests::{Asked, Part};
use super::{Reading, check_name, patch};
use crate::Refused;

/// Beyond this, readers that know floating-point numbers alone round (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Words that a reader's error is known by again.
const TWICE: &str = "a name is there twice";
const DEEP: &str = "it is nested too deeply";
const BIG: &str = "a number is too big to be read in one way";
const METHOD: &str = "_method";
const ZERO: &str = "a name holds a control character";

pub(super) fn read(body: &[u8], reading: &mut Reading) -> Result<(), Refused> {
    read_within(body, reading, Within::default())?;
    reading.graphql.body(body);
    Ok(())
}

/// Reads a text whose names lie within a field.
pub(super) fn read_within(
    body: &[u8],
    reading: &mut Reading,
    within: Within,
) -> Result<(), Refused> {
    if body.is_empty() {
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = Node { reading: &mut *reading, within, depth: 0, says: None };
    let read = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|error| refused(&error.to_string()))?;
    patch::read(body, reading, within)?;
    Ok(())
}

/// Reads what a text says that is the value of a field, where servers may read it as JSON: what they could read in more than one
/// way, or names more than is told, is not accounted for.
pub(super) fn read_inner(text: &str, reading: &mut Reading, within: Within) {
    let Some(text) = inner_json(text) else { return };
    if reading.around == MOST_WITHIN {
        reading.unread = true;
        return;
    }
    reading.around += 1;
    let read = read_within(text.as_bytes(), reading, within);
    reading.around -= 1;
    reading.unread |= read.is_err();
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

/// One value at a place.
struct Node<'a> {
    reading: &'a mut Reading,
    within: Within,
    depth: usize,
    /// What it says of the request that the object around it may be.
    says: Option<(&'a mut Asked, Part)>,
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
        if value.abs() >= EXACT && self.reading.around > 0 {
            // Within a text it is told as the text alone.
            self.reading.cut = true;
            return Ok(());
        }
        if value.abs() >= EXACT {
            return Err(E::custom(BIG));
        }
        self.leaf(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let Node { reading, within, says, .. } = self;
        if let Some((asked, part)) = says {
            asked.say(part, value);
        }
        reading.value(within, value).map_err(E::custom)?;
        read_inner(value, reading, within);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.leaf("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Node { reading, within, depth, .. } = self;
        if depth >= DEEPEST_JSON {
            return Err(A::Error::custom(DEEP));
        }
        loop {
            let reading = &mut *reading;
            let node = Node { reading, within, depth: depth + 1, says: None };
            if entries.next_element_seed(node)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Node { reading, within, depth, .. } = self;
        if depth >= DEEPEST_JSON {
            return Err(A::Error::custom(DEEP));
        }
        // The one object that is the whole body is what the request itself is about.
        let is_whole = depth == 0 && reading.path(within).is_empty();
        let (mut names, mut asked) = (HashSet::new(), Asked::default());
        while let Some(name) = entries.next_key::<String>()? {
            check::<A::Error>(&name)?;
            // Some readers do not tell upper from lower case.
            if !names.insert(name.to_lowercase()) {
                return Err(A::Error::custom(TWICE));
            }
            reading.member(within, &name).map_err(A::Error::custom)?;
            let says = Part::of(&name).map(|part| (&mut asked, part));
            let within = reading.field(within, name).map_err(A::Error::custom)?;
            let reading = &mut *reading;
            let node = Node { reading, within, depth: depth + 1, says };
            entries.next_value_seed(node)?;
        }
        if !is_whole {
            asked.end(&mut reading.requests);
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
    if holds_folding(name) {
        return Err(E::custom(FOLDS));
    }
    Ok(())
}
