//! A message as JSON, and as what policies are told: the names that its fields have in the descriptor, outer before inner.
//!
//! The well-known types that stand for a value are shown as that value: wrappers (`google.protobuf.StringValue`), `Struct`,
//! `Value` and `ListValue`; an `Any` as what it holds, beside its `@type`, and under `value` where that is no plain message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_policy::{TooMuch, Within};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind};
use serde_json::{Map, Value as Json};

use super::message::{ANY, Field, Item, Message, Value};
use crate::Contents;
use crate::body::Reading;

/// What an `Any` is of, in JSON.
pub(super) const TYPE: &str = "@type";
/// A message that names fields of another.
const FIELD_MASK: &str = "google.protobuf.FieldMask";
/// What it holds that is no plain message: it may have keys of any name.
pub(super) const HELD: &str = "value";

impl Message {
    /// The message as JSON.
    pub(crate) fn json(&self) -> Json {
        if let Some(field) = self.stands_for() {
            return field.map_or_else(|| self.held_by_default(), Field::json);
        }
        let mut object = Map::new();
        if self.descriptor.full_name() == ANY {
            let url = self.get(1).map_or(String::new(), |url| url.text());
            object.insert(TYPE.to_owned(), url.into());
            match (&self.inner, self.get(2)) {
                (Some(inner), _) => match inner.json() {
                    Json::Object(fields) if inner.is_plain() => object.extend(fields),
                    held => drop(object.insert(HELD.to_owned(), held)),
                },
                (None, Some(bytes)) => drop(object.insert(HELD.to_owned(), bytes.json())),
                (None, None) => {}
            }
            return Json::Object(object);
        }
        for field in self.fields.values() {
            object.insert(field.descriptor.name().to_owned(), field.json());
        }
        Json::Object(object)
    }

    /// A message's fields, told as those of a JSON body are.
    ///
    /// # Errors
    /// When it names too much: a map's keys may be of any length.
    pub(crate) fn contents(&self) -> Result<Contents, TooMuch> {
        let mut reading = Reading::default();
        self.tell(Within::default(), &mut reading)?;
        let mut contents = reading.contents();
        if !self.is_known() {
            contents.facts.push(("unknown".to_owned(), unknown(self)));
        }
        Ok(contents)
    }

    fn tell(&self, within: Within, reading: &mut Reading) -> Result<(), TooMuch> {
        if let Some(field) = self.stands_for() {
            return match field {
                Some(field) => field.tell(within, reading),
                None => reading.value(within, &plain(self.held_by_default())),
            };
        }
        if let (Some(inner), Some(url)) = (&self.inner, self.get(1)) {
            let named = reading.field(within, TYPE)?;
            reading.value(named, &url.text())?;
            if inner.is_plain() {
                return inner.tell(within, reading);
            }
            let held = reading.field(within, HELD)?;
            return inner.tell(held, reading);
        }
        let masked = self.masked();
        for path in &masked {
            reading.path_within(within, path)?;
        }
        for field in self.fields.values() {
            let named = reading.field(within, field.descriptor.name())?;
            field.tell(named, reading)?;
            // A mask's paths begin in whichever of the messages beside it the service has in mind.
            if matches!(field.value, Value::One(Item::Message(_))) {
                masked.iter().try_for_each(|path| reading.path_within(named, path))?;
            }
        }
        Ok(())
    }

    /// The paths of the masks (`google.protobuf.FieldMask`) among its fields: a service sets what they name and the message has not to
    /// its default (AIP-134).
    fn masked(&self) -> Vec<String> {
        let masks = self.fields.values().filter_map(|field| match &field.value {
            Value::One(Item::Message(mask)) if mask.descriptor.full_name() == FIELD_MASK => {
                mask.fields.get(&1)
            }
            _ => None,
        });
        let paths = masks.flat_map(|paths| match &paths.value {
            Value::List(paths) => paths.as_slice(),
            _ => &[],
        });
        paths.map(Item::text).collect()
    }

    /// What a message of a well-known type holds that has nothing on the wire: a wrapper its type's default.
    fn held_by_default(&self) -> Json {
        match self.descriptor.name() {
            "Value" => Json::Null,
            "Struct" => Json::Object(Map::new()),
            "ListValue" => Json::Array(vec![]),
            _ => self
                .descriptor
                .get_field(1)
                .map_or(Json::Null, |value| Item::default_of(&value.kind()).json_of(&value.kind())),
        }
    }

    /// Whether a mask among its fields names every field of what it has beside it: a service sets them all (AIP-134). Where there
    /// is nothing beside it, it says what is to be read (AIP-157).
    pub(super) fn masks_all(&self) -> bool {
        let names_all = |item: &Item| matches!(item, Item::Message(mask) if mask.names_all());
        let masked = self.fields.values().any(|field| match &field.value {
            Value::One(item) => names_all(item),
            Value::List(items) => items.iter().any(names_all),
            Value::Map(entries) => entries.iter().any(|(_, item)| names_all(item)),
        });
        masked && self.descriptor.fields().any(|field| may_be_set(&field))
    }

    /// Whether it is a mask that names every field.
    fn names_all(&self) -> bool {
        let every = |field: &Field| match &field.value {
            Value::List(paths) => paths.iter().any(|path| path.text().contains('*')),
            _ => false,
        };
        self.descriptor.full_name() == FIELD_MASK && self.fields.values().any(every)
    }

    /// Whether its keys are its fields' names, none of which an `Any` has.
    pub(super) fn is_plain(&self) -> bool {
        self.stands_for().is_none() && self.descriptor.full_name() != ANY
    }

    /// The field that a message of a well-known type stands for; `None` for other messages.
    pub(crate) fn stands_for(&self) -> Option<Option<&Field>> {
        is_value(self.descriptor.full_name()).then(|| self.fields.values().next())
    }
}

/// Whether a field is a message whose fields a mask may name.
fn may_be_set(field: &FieldDescriptor) -> bool {
    let Kind::Message(message) = field.kind() else { return false };
    let known = message.full_name().strip_prefix("google.protobuf.");
    let is_one_value = known.is_some_and(|name| {
        let is_wrapper = name.ends_with("Value") && !matches!(name, "Value" | "ListValue");
        is_wrapper || matches!(name, "FieldMask" | "Timestamp" | "Duration" | "Empty")
    });
    !field.is_list() && !field.is_map() && !is_one_value
}

/// Whether a message of this type stands for its one field.
pub(super) fn is_value(name: &str) -> bool {
    let Some(name) = name.strip_prefix("google.protobuf.") else { return false };
    matches!(
        name,
        "Struct"
            | "Value"
            | "ListValue"
            | "DoubleValue"
            | "FloatValue"
            | "Int64Value"
            | "UInt64Value"
            | "Int32Value"
            | "UInt32Value"
            | "BoolValue"
            | "StringValue"
            | "BytesValue"
    )
}

impl Field {
    fn json(&self) -> Json {
        let kind = self.descriptor.kind();
        match &self.value {
            Value::One(item) => item.json_of(&kind),
            Value::List(items) => items.iter().map(|item| item.json_of(&kind)).collect(),
            Value::Map(entries) => {
                let kind = value_kind(&self.descriptor);
                let entry = |(key, value): &(Item, Item)| (key.text(), value.json_of(&kind));
                Json::Object(entries.iter().map(entry).collect())
            }
        }
    }

    fn tell(&self, within: Within, reading: &mut Reading) -> Result<(), TooMuch> {
        let kind = self.descriptor.kind();
        match &self.value {
            Value::One(item) => item.tell(&kind, within, reading),
            Value::List(items) => {
                items.iter().try_for_each(|item| item.tell(&kind, within, reading))
            }
            Value::Map(entries) => {
                let kind = value_kind(&self.descriptor);
                entries.iter().try_for_each(|(key, value)| {
                    let named = reading.field(within, key.text())?;
                    value.tell(&kind, named, reading)
                })
            }
        }
    }
}

/// The kind of a field's values, which of a map are those of its entries.
pub(super) fn value_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
        other => other,
    }
}

impl Item {
    fn tell(&self, kind: &Kind, within: Within, reading: &mut Reading) -> Result<(), TooMuch> {
        match self {
            Self::Message(message) => message.tell(within, reading),
            Self::Enum(number) => {
                self.names_of(*number, kind).try_for_each(|name| reading.value(within, &name))
            }
            other => reading.value(within, &other.text_of(kind)),
        }
    }

    fn json_of(&self, kind: &Kind) -> Json {
        match (self, kind) {
            (Self::Enum(number), Kind::Enum(names)) if is_null(names) => {
                if *number == 0 {
                    Json::Null
                } else {
                    (*number).into()
                }
            }
            (Self::Enum(number), Kind::Enum(names)) => match names.get_value(*number) {
                Some(value) => value.name().into(),
                None => (*number).into(),
            },
            _ => self.json(),
        }
    }

    fn json(&self) -> Json {
        let number = |number: f64| {
            let whole = serde_json::Number::from_f64(number);
            whole.map_or_else(|| number.to_string().into(), Json::Number)
        };
        match self {
            Self::Bool(is) => (*is).into(),
            Self::Int(number) => (*number).into(),
            Self::Uint(number) => (*number).into(),
            Self::Float(it) => number(f64::from(*it)),
            Self::Double(it) => number(*it),
            Self::Enum(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(_) => self.text().into(),
            Self::Message(message) => message.json(),
        }
    }

    fn text_of(&self, kind: &Kind) -> String {
        plain(self.json_of(kind))
    }

    /// All names of an enumerated value, which may have more than one (`allow_alias`); its number where it has none.
    fn names_of(&self, number: i32, kind: &Kind) -> impl Iterator<Item = String> {
        let names: Vec<String> = match kind {
            Kind::Enum(names) if !is_null(names) => {
                let named = names.values().filter(|value| value.number() == number);
                named.map(|value| value.name().to_owned()).collect()
            }
            _ => vec![],
        };
        let unnamed = names.is_empty().then(|| self.text_of(kind));
        names.into_iter().chain(unnamed)
    }

    /// A value as text; bytes are told as text where they are text, and in Base64 where not.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => match as_text(bytes) {
                Some(text) => text.to_owned(),
                None => STANDARD.encode(bytes),
            },
            other => other.json().to_string(),
        }
    }
}

/// A value as a policy is told it.
fn plain(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// Bytes as text, where they are text in UTF-8.
pub(super) fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn is_null(names: &EnumDescriptor) -> bool {
    names.full_name() == "google.protobuf.NullValue"
}

/// The numbers of what is not known in a message, as far as they are told.
fn unknown(message: &Message) -> String {
    let numbers: Vec<String> = message.unknown.iter().map(|number| format!("#{number}")).collect();
    match numbers.is_empty() {
        true => "within".to_owned(),
        false => numbers.join(" "),
    }
}
