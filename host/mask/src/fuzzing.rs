//! What the fuzzers of the repository's `fuzz` folder call, and what a simple reading of a plan makes of a document.

use crate::stream::{
    EventStream, FormStream, JsonStream, Limits, LinesStream, MaskStream, Masks, TextStream,
};
use crate::stream::{Trouble, Unreadable};
use crate::{DocumentMask, Masker, Scan, detectors};
use palisade_policy::{Action, Masking, Plan, Shape};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// Pieces of JSON, for texts that come further than any bytes.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "{", "}", "[", "]", ",", ":", " ", "\n", "\"", "\\", "\"a\"", "\"secret\"", "\"s\\u0065CRET_x\"", "\"user\"", "\"name\"",
    "\"tags\"", "\"password\"", "\"bob@example.org\"", "\"bob\\u0040example.org\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "0",
    "-1.5e+3", "4111111111111111", "true", "null", "NaN", "é", "{\"a\":1}", "[1,\"x\"]", "\"token\":", "\u{feff}", "data: ", "\r",
    "&", "=", ";", "%40", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "password: ", "id:", "+", "u",
];
/// Keys of documents that are made, those that the plan has a rule for among them.
const KEYS: &[&str] =
    &["a", "secret", "user", "name", "tags", "password", "my_secret", "bob@example.org"];
/// Strings of such documents.
const TEXTS: &[&str] =
    &["", "x", "bob@example.org", "é\n\"\\", "4111 1111 1111 1111", "[email]", "password=x"];

static PLAN: LazyLock<Option<(Masks, Scan)>> = LazyLock::new(|| {
    let every: Vec<_> = detectors().map(|detector| detector.name.to_owned()).collect();
    let scan = Scan::new(&every.iter().cloned().collect()).ok()?;
    let stars = Action::Replace("***".to_owned());
    let keys = [("*secret*", stars.clone()), ("user.name", Action::Nullify), ("tags[]", stars)];
    let keys = keys.into_iter().map(|(key, action)| (key.to_owned(), action)).collect();
    let plan = Plan { fields: Vec::new(), keys, rest: Action::Scan(every) };
    let mut masking = Masking::default();
    masking.add(0, &Shape::Document("application/json".to_owned()), &plan).ok()?;
    let plan = Arc::new(DocumentMask::new(&masking).ok()?);
    let limits = Limits { held: 4096, depth: 100, keys: 64 };
    Some((Masks { plan, masker: Masker::new([7; 32]), limits }, scan))
});

/// Masks something that the data makes, whole and in pieces: any bytes or words by every machine, or a JSON text of which
/// it is known what must come out.
pub fn mask_stream(data: &[u8]) {
    let (Some((masks, scan)), [kind, cut, rest @ ..]) = (&*PLAN, data) else { return };
    let size = usize::from(*cut % 31) + 1;
    match kind % 3 {
        0 => every_machine(masks, rest, size),
        1 => {
            let word = |byte: &u8| WORDS.get(usize::from(*byte) % WORDS.len()).copied();
            let words: Vec<_> = rest.iter().take(200).filter_map(word).collect();
            every_machine(masks, words.concat().as_bytes(), size);
        }
        _ => {
            let value = made(&mut rest.iter().copied(), 8);
            let text = if kind & 8 == 0 { value.to_string() } else { format!("{value:#}") };
            let text = if kind & 16 == 0 { text } else { text.replace('b', "\\u0062") };
            let out = alike(&|| Box::new(JsonStream::new(masks.clone())), text.as_bytes(), size);
            let out = out.map(|out| serde_json::from_slice::<Value>(&out).ok());
            // What is escaped within an escape is no JSON any more.
            if serde_json::from_str::<Value>(&text).is_ok_and(|read| read == value) {
                assert_eq!(out, Ok(Some(reference(scan, &value, "", ""))), "{text}");
            }
        }
    }
}

/// What a simple reading of the plan makes of a value under a key, within the value of another.
pub(crate) fn reference(scan: &Scan, value: &Value, key: &str, outer: &str) -> Value {
    let found = |text: &str| String::from_utf8_lossy(&scan.text(text.as_bytes())).into_owned();
    let known = |text: &str| scan.mask_by_name(key.as_bytes(), text.as_bytes()).map(Value::from);
    match value {
        _ if key.contains("secret") => "***".into(),
        _ if key == "name" && outer == "user" => Value::Null,
        Value::String(text) => known(text).unwrap_or_else(|| found(text).into()),
        Value::Number(number) => match known(&number.to_string()) {
            Some(known) => known,
            None if scan.finds(number.to_string().as_bytes()) => found(&number.to_string()).into(),
            None => value.clone(),
        },
        Value::Array(items) if key == "tags" => items.iter().map(|_| "***").collect(),
        Value::Array(items) => items.iter().map(|item| reference(scan, item, key, outer)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|(name, value)| (found(name), reference(scan, value, name, key)));
            Value::Object(fields.collect())
        }
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// Makes a value of what the bytes say.
fn made(bytes: &mut dyn Iterator<Item = u8>, depth: usize) -> Value {
    let Some(byte) = bytes.next() else { return Value::Null };
    let count = usize::from(byte >> 3) % 5;
    let of = |list: &[&'static str], byte: u8| {
        list.get(usize::from(byte) % list.len()).copied().unwrap_or_default()
    };
    match byte % 8 {
        0 | 1 if depth > 0 => (0..count).map(|_| made(bytes, depth - 1)).collect(),
        2..5 if depth > 0 => {
            let mut fields = serde_json::Map::new();
            for _ in 0..count {
                let key = of(KEYS, bytes.next().unwrap_or_default());
                fields.insert(key.to_owned(), made(bytes, depth - 1));
            }
            Value::Object(fields)
        }
        5 => i64::from(byte).into(),
        6 => (byte > 128).into(),
        _ => of(TEXTS, bytes.next().unwrap_or_default()).into(),
    }
}

fn every_machine(masks: &Masks, input: &[u8], size: usize) {
    let json = alike(&|| Box::new(JsonStream::new(masks.clone())), input, size);
    if let Ok(out) = json {
        let is_json = serde_json::from_slice::<Value>(&out).map_or_else(
            // Of numbers beyond its range, and of a byte order mark, this parser knows nothing.
            |error| error.to_string().contains("out of range") || out.starts_with(b"\xef"),
            |_| true,
        );
        assert!(is_json || out.trim_ascii().is_empty(), "{}", out.escape_ascii());
    }
    let lines = alike(&|| Box::new(LinesStream::new(masks.clone())), input, size);
    let events = alike(&|| Box::new(EventStream::new(masks.clone())), input, size);
    let form = alike(&|| Box::new(FormStream::new(masks.clone())), input, size);
    let text = alike(&|| Box::new(TextStream::new(masks.clone())), input, size);
    for out in [lines, events, form, text].into_iter().flatten() {
        assert!(out.len() <= input.len() * 24 + 64, "what came out is out of proportion");
    }
}

type New<'m> = &'m dyn Fn() -> Box<dyn MaskStream + 'm>;

/// What comes out, which must not depend on how the input is cut.
fn alike(new: New<'_>, input: &[u8], size: usize) -> Result<Vec<u8>, Trouble> {
    let whole = fed(new().as_mut(), input, input.len());
    let cut = fed(new().as_mut(), input, size);
    let at = |ended: &Result<Vec<u8>, Unreadable>| ended.as_ref().map_err(|it| it.at).cloned();
    assert_eq!(at(&whole), at(&cut), "{} in pieces of {size}", input.escape_ascii());
    whole.map_err(|it| it.trouble)
}

fn fed(machine: &mut dyn MaskStream, input: &[u8], size: usize) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::new();
    for chunk in input.chunks(size.max(1)) {
        machine.feed(chunk, &mut out)?;
    }
    machine.finish(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_made_is_masked_as_it_must_be(data in prop::collection::vec(any::<u8>(), 0..80)) {
            mask_stream(&data);
        }
    }
}
