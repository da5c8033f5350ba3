//! Entries as the JSON of a [`Record`](super::Record), written straight from what the gate has: two are written for each command.

use palisade_policy::{
    Command, Entry, Moment, Observation, Operation, RecordedField, RecordedResult,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Record;

/// An entry on its way to the store.
#[derive(Debug)]
pub struct Encoded<'a>(pub &'a Entry<'a>);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Entry::Command { .. } => command(self.0, serializer),
            Entry::Result { number, result } => self::result(*number, result, serializer),
            rare => Record::from(rare).serialize(serializer),
        }
    }
}

fn command<S: Serializer>(entry: &Entry<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let Entry::Command {
        number,
        command: Command { text, operations, complete },
        moment,
        ruling,
        rule,
        reason,
        by,
        policies,
        observed,
    } = *entry
    else {
        return Record::from(entry).serialize(serializer);
    };
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("kind", "command")?;
    map.serialize_entry("number", &number)?;
    let moment = match moment {
        Moment::Prepare => "prepare",
        Moment::Run => "run",
    };
    map.serialize_entry("moment", moment)?;
    map.serialize_entry("text", text)?;
    map.serialize_entry("operations", &List(operations, Part::Operation))?;
    map.serialize_entry("complete", complete)?;
    map.serialize_entry("verdict", ruling)?;
    for (name, value) in [("rule", rule), ("reason", reason), ("policy", by)] {
        if !value.is_empty() {
            map.serialize_entry(name, value)?;
        }
    }
    map.serialize_entry("policies", &policies)?;
    with_observed(&mut map, observed)?;
    map.end()
}

fn result<S: Serializer>(
    number: u64,
    result: &RecordedResult,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let RecordedResult { fields, rows, row_count, bytes, truncated, tag, observed } = result;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("kind", "result")?;
    map.serialize_entry("number", &number)?;
    map.serialize_entry("fields", &List(fields, Part::Field))?;
    map.serialize_entry("rows", rows)?;
    map.serialize_entry("row_count", row_count)?;
    map.serialize_entry("bytes", bytes)?;
    map.serialize_entry("truncated", truncated)?;
    map.serialize_entry("tag", tag)?;
    with_observed(&mut map, observed)?;
    map.end()
}

fn with_observed<M: SerializeMap>(map: &mut M, observed: &[Observation]) -> Result<(), M::Error> {
    if observed.is_empty() {
        return Ok(());
    }
    let observed: Vec<_> = observed.iter().map(super::observation).collect();
    map.serialize_entry("observed", &observed)
}

/// A list, with what each of its elements is.
struct List<'a, T>(&'a [T], fn(&'a T) -> Part<'a>);

impl<T> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// What there are several of.
enum Part<'a> {
    Operation(&'a Operation),
    Field(&'a RecordedField),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Operation(Operation { action, object, fields, facts }) => {
                map.serialize_entry("action", action)?;
                map.serialize_entry("object", object)?;
                if !fields.is_empty() {
                    map.serialize_entry("fields", fields)?;
                }
                if !facts.is_empty() {
                    map.serialize_entry("facts", facts)?;
                }
            }
            Self::Field(RecordedField { name, type_name, masked, sources }) => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("type", type_name)?;
                map.serialize_entry("masked", masked)?;
                if let Some(sources) = sources {
                    map.serialize_entry("sources", sources)?;
                }
            }
        }
        map.end()
    }
}
