//! Entries as the JSON of a [`Record`](super::Record), written straight from what the gate has: two are written for each command.
//!
//! What repeats from one command to the next, the operations and a result's columns, is formed once ([`Written`](palisade_policy::Written)).

use palisade_policy::{
    Command, Entry, Moment, Observation, Operation, RecordedField, RecordedResult,
};
use serde::Serialize;
use serde_json::{Result, to_writer};

use super::Record;

/// Appends an entry as JSON to `out`.
///
/// # Errors
/// None that is known: what was appended is no whole entry then.
pub fn encode(entry: &Entry<'_>, out: &mut Vec<u8>) -> Result<()> {
    match entry {
        Entry::Command { .. } => command(entry, out),
        Entry::Result { number, result } => self::result(*number, result, out),
        rare => to_writer(out, &Record::from(rare)),
    }
}

fn command(entry: &Entry<'_>, out: &mut Vec<u8>) -> Result<()> {
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
    } = entry
    else {
        return to_writer(out, &Record::from(entry));
    };
    member(out, r#"{"kind":"command","number":"#, number)?;
    out.extend_from_slice(match moment {
        Moment::Prepare => br#","moment":"prepare""#,
        Moment::Run => br#","moment":"run""#,
    });
    member(out, r#","text":"#, text)?;
    out.extend_from_slice(br#","operations":"#);
    operations.write_to(out, |operations, out| list(out, operations, operation))?;
    member(out, r#","complete":"#, complete)?;
    member(out, r#","verdict":"#, ruling)?;
    for (name, value) in [(r#","rule":"#, rule), (r#","reason":"#, reason), (r#","policy":"#, by)] {
        if !value.is_empty() {
            member(out, name, value)?;
        }
    }
    member(out, r#","policies":"#, policies)?;
    end_with_observed(out, observed)
}

fn result(number: u64, result: &RecordedResult, out: &mut Vec<u8>) -> Result<()> {
    let RecordedResult { fields, rows, row_count, bytes, truncated, tag, observed } = result;
    member(out, r#"{"kind":"result","number":"#, &number)?;
    out.extend_from_slice(br#","fields":"#);
    fields.write_to(out, |fields, out| list(out, fields, field))?;
    member(out, r#","rows":"#, rows)?;
    member(out, r#","row_count":"#, row_count)?;
    member(out, r#","bytes":"#, bytes)?;
    member(out, r#","truncated":"#, truncated)?;
    member(out, r#","tag":"#, tag)?;
    end_with_observed(out, observed)
}

fn operation(out: &mut Vec<u8>, operation: &Operation) -> Result<()> {
    let Operation { action, object, fields, facts } = operation;
    member(out, r#"{"action":"#, action)?;
    member(out, r#","object":"#, object)?;
    if !fields.is_empty() {
        member(out, r#","fields":"#, fields)?;
    }
    if !facts.is_empty() {
        member(out, r#","facts":"#, facts)?;
    }
    out.push(b'}');
    Ok(())
}

fn field(out: &mut Vec<u8>, field: &RecordedField) -> Result<()> {
    let RecordedField { name, type_name, masked, sources } = field;
    member(out, r#"{"name":"#, name)?;
    member(out, r#","type":"#, type_name)?;
    member(out, r#","masked":"#, masked)?;
    if let Some(sources) = sources {
        member(out, r#","sources":"#, sources)?;
    }
    out.push(b'}');
    Ok(())
}

fn end_with_observed(out: &mut Vec<u8>, observed: &[Observation]) -> Result<()> {
    if !observed.is_empty() {
        let observed: Vec<_> = observed.iter().map(super::observation).collect();
        member(out, r#","observed":"#, &observed)?;
    }
    out.push(b'}');
    Ok(())
}

/// Appends `name`, which is what goes before a value, and the value.
fn member(out: &mut Vec<u8>, name: &str, value: &(impl Serialize + ?Sized)) -> Result<()> {
    out.extend_from_slice(name.as_bytes());
    to_writer(out, value)
}

fn list<T>(
    out: &mut Vec<u8>,
    elements: &[T],
    element: impl Fn(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    out.push(b'[');
    for (at, each) in elements.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        element(out, each)?;
    }
    out.push(b']');
    Ok(())
}
