//! A message, read by its descriptor into a tree, so that every reader of its bytes reads the same.
//!
//! What parsers resolve each in its way is refused: a field twice where it can be there once (the last one counts, and
//! messages are merged), two members of a `oneof`, a value that is put on the wire in another way than its type says (which
//! most take for an unknown field), numbers that would be cut. Fields that the descriptor does not have are told, and kept.

use std::collections::{BTreeMap, HashSet};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::wire::{Reader, Wire};

/// Deeper messages are refused.
const DEEPEST: usize = 64;
/// So many values are read of one message: each takes more memory than its bytes do.
const MOST_VALUES: usize = 1 << 18;
/// So many numbers of unknown fields are told.
const MOST_UNKNOWN: usize = 16;

/// Why a message has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ambiguous {
    /// It ends within a value.
    #[error("it ends in the middle of a value")]
    Cut,
    /// A number that is written longer than it need be, or does not fit.
    #[error("a number is written in a way that readers take differently")]
    Number,
    /// No tag.
    #[error("a tag is none")]
    Tag,
    /// A group.
    #[error("it holds a group")]
    Group,
    /// A field twice.
    #[error("a field that can be there once is there twice")]
    Twice,
    /// Two members of a `oneof`.
    #[error("two fields are there of which one can be")]
    Both,
    /// A value of another kind than its field.
    #[error("a field holds a value of another kind than it has")]
    Kind,
    /// No UTF-8.
    #[error("a string is no UTF-8")]
    Text,
    /// Too deep.
    #[error("it is nested too deeply")]
    Deep,
    /// Too many values.
    #[error("it has too many values")]
    Many,
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) descriptor: MessageDescriptor,
    pub(crate) fields: BTreeMap<u32, Field>,
    /// Numbers of fields that the descriptor does not have; the first of them.
    pub(crate) unknown: Vec<u32>,
    /// What a `google.protobuf.Any` holds, where its type is known: it stands in place of the field of its bytes.
    pub(crate) inner: Option<Box<Self>>,
}

/// A field that is there.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) descriptor: FieldDescriptor,
    pub(crate) value: Value,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    One(Item),
    List(Vec<Item>),
    Map(Vec<(Item, Item)>),
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f32),
    Double(f64),
    Enum(i32),
    Text(String),
    Bytes(Vec<u8>),
    Message(Message),
}

/// The type of a message that holds another of any type.
pub(crate) const ANY: &str = "google.protobuf.Any";

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// Why it has no single reading.
    pub(crate) fn read(descriptor: &MessageDescriptor, bytes: &[u8]) -> Result<Self, Ambiguous> {
        Reading { left: MOST_VALUES }.message(descriptor, bytes, 0)
    }

    /// A message without fields.
    pub(crate) fn empty(descriptor: MessageDescriptor) -> Self {
        Self { descriptor, fields: BTreeMap::new(), unknown: vec![], inner: None }
    }

    /// The field of this number.
    pub(crate) fn get(&self, number: u32) -> Option<&Item> {
        match &self.fields.get(&number)?.value {
            Value::One(item) => Some(item),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// What a reading may still take.
struct Reading {
    left: usize,
}

impl Reading {
    fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        bytes: &[u8],
        depth: usize,
    ) -> Result<Message, Ambiguous> {
        if depth > DEEPEST {
            return Err(Ambiguous::Deep);
        }
        let mut message = Message::empty(descriptor.clone());
        let mut reader = Reader(bytes);
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            match descriptor.get_field(number) {
                Some(field) => self.field(&mut message, field, wire, &mut reader, depth)?,
                None => {
                    reader.skip(wire)?;
                    self.spend()?;
                    if message.unknown.len() < MOST_UNKNOWN && !message.unknown.contains(&number) {
                        message.unknown.push(number);
                    }
                }
            }
        }
        for field in message.fields.values() {
            if let Value::Map(entries) = &field.value {
                let mut keys = HashSet::new();
                if !entries.iter().all(|(key, _)| keys.insert(key.text())) {
                    return Err(Ambiguous::Twice);
                }
            }
        }
        if descriptor.full_name() == ANY {
            self.any(&mut message, bytes, depth)?;
        }
        Ok(message)
    }

    fn field(
        &mut self,
        message: &mut Message,
        descriptor: FieldDescriptor,
        wire: Wire,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<(), Ambiguous> {
        let number = descriptor.number();
        let kind = descriptor.kind();
        if descriptor.is_group() {
            return Err(Ambiguous::Group);
        }
        if descriptor.is_map() {
            return self.entry(message, descriptor, wire, reader, depth);
        }
        if descriptor.is_list() {
            let mut items = Vec::new();
            if wire == Wire::Length && is_packable(&kind) {
                let mut packed = Reader(reader.counted()?);
                while !packed.is_empty() {
                    items.push(self.item(&kind, wire_of(&kind), &mut packed, depth)?);
                }
            } else {
                items.push(self.item(&kind, wire, reader, depth)?);
            }
            let field = message.fields.entry(number);
            let empty = || Field { descriptor, value: Value::List(vec![]) };
            if let Value::List(known) = &mut field.or_insert_with(empty).value {
                known.append(&mut items);
            }
            return Ok(());
        }
        if message.fields.contains_key(&number) {
            return Err(Ambiguous::Twice);
        }
        let rivals = descriptor.containing_oneof();
        let mut rivals = rivals.iter().flat_map(|oneof| oneof.fields());
        if rivals.any(|rival| message.fields.contains_key(&rival.number())) {
            return Err(Ambiguous::Both);
        }
        let value = Value::One(self.item(&kind, wire, reader, depth)?);
        message.fields.insert(number, Field { descriptor, value });
        Ok(())
    }

    /// An entry of a map: a message of its own, whose fields have defaults.
    fn entry(
        &mut self,
        message: &mut Message,
        descriptor: FieldDescriptor,
        wire: Wire,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<(), Ambiguous> {
        // Two bytes are an entry, whose key and value are defaults.
        self.spend()?;
        let Kind::Message(entry) = descriptor.kind() else { return Err(Ambiguous::Kind) };
        if wire != Wire::Length {
            return Err(Ambiguous::Kind);
        }
        let mut read = self.message(&entry, reader.counted()?, depth + 1)?;
        let mut take = |field: &FieldDescriptor| match read.fields.remove(&field.number()) {
            Some(Field { value: Value::One(item), .. }) => item,
            _ => Item::default_of(&field.kind()),
        };
        let key = take(&entry.map_entry_key_field());
        let value = take(&entry.map_entry_value_field());
        for number in read.unknown {
            // Told as the map's owner's.
            message.unknown.push(number);
        }
        message.unknown.truncate(MOST_UNKNOWN);
        let field = message.fields.entry(descriptor.number());
        let empty = || Field { descriptor, value: Value::Map(vec![]) };
        if let Value::Map(known) = &mut field.or_insert_with(empty).value {
            known.push((key, value));
        }
        Ok(())
    }

    fn item(
        &mut self,
        kind: &Kind,
        wire: Wire,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Item, Ambiguous> {
        self.spend()?;
        if wire != wire_of(kind) {
            return Err(Ambiguous::Kind);
        }
        Ok(match kind {
            Kind::Bool => match reader.varint()? {
                0 => Item::Bool(false),
                1 => Item::Bool(true),
                _ => return Err(Ambiguous::Number),
            },
            Kind::Int32 => Item::Int(narrow(reader.varint()?.cast_signed())?.into()),
            Kind::Int64 => Item::Int(reader.varint()?.cast_signed()),
            Kind::Enum(_) => Item::Enum(narrow(reader.varint()?.cast_signed())?),
            Kind::Sint32 => Item::Int(narrow(zigzag(reader.varint()?))?.into()),
            Kind::Sint64 => Item::Int(zigzag(reader.varint()?)),
            Kind::Uint32 => {
                let number = reader.varint()?;
                let number = u32::try_from(number).map_err(|_| Ambiguous::Number)?;
                Item::Uint(number.into())
            }
            Kind::Uint64 => Item::Uint(reader.varint()?),
            Kind::Fixed32 => Item::Uint(u32::from_le_bytes(reader.four()?).into()),
            Kind::Sfixed32 => Item::Int(i32::from_le_bytes(reader.four()?).into()),
            Kind::Float => Item::Float(f32::from_le_bytes(reader.four()?)),
            Kind::Fixed64 => Item::Uint(u64::from_le_bytes(reader.eight()?)),
            Kind::Sfixed64 => Item::Int(i64::from_le_bytes(reader.eight()?)),
            Kind::Double => Item::Double(f64::from_le_bytes(reader.eight()?)),
            Kind::Bytes => Item::Bytes(reader.counted()?.to_vec()),
            Kind::String => {
                let text = std::str::from_utf8(reader.counted()?).map_err(|_| Ambiguous::Text)?;
                Item::Text(text.to_owned())
            }
            Kind::Message(descriptor) => {
                Item::Message(self.message(descriptor, reader.counted()?, depth + 1)?)
            }
        })
    }

    /// Reads what an `Any` holds, where its type is among the known ones. Its bytes are not kept beside what they say: each
    /// of many that lie in each other would have those of all within.
    fn any(&mut self, message: &mut Message, bytes: &[u8], depth: usize) -> Result<(), Ambiguous> {
        let Some(Item::Text(url)) = message.get(1) else { return Ok(()) };
        let name = url.rsplit('/').next().unwrap_or_default();
        let pool = message.descriptor.parent_pool();
        let Some(descriptor) = pool.get_message_by_name(name) else { return Ok(()) };
        message.fields.remove(&2);
        let inner = self.message(&descriptor, held_by(bytes)?, depth + 1)?;
        message.inner = Some(Box::new(inner));
        Ok(())
    }

    fn spend(&mut self) -> Result<(), Ambiguous> {
        self.left = self.left.checked_sub(1).ok_or(Ambiguous::Many)?;
        Ok(())
    }
}

impl Item {
    /// What stands for a value that is not there.
    pub(crate) fn default_of(kind: &Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(false),
            Kind::Int32
            | Kind::Int64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Sfixed32
            | Kind::Sfixed64 => Self::Int(0),
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => Self::Uint(0),
            Kind::Float => Self::Float(0.0),
            Kind::Double => Self::Double(0.0),
            Kind::String => Self::Text(String::new()),
            Kind::Bytes => Self::Bytes(vec![]),
            Kind::Enum(descriptor) => Self::Enum(descriptor.default_value().number()),
            Kind::Message(descriptor) => Self::Message(Message::empty(descriptor.clone())),
        }
    }
}

/// How a value of a kind is put on the wire.
pub(crate) fn wire_of(kind: &Kind) -> Wire {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Wire::Eight,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Wire::Four,
        Kind::String | Kind::Bytes | Kind::Message(_) => Wire::Length,
        _ => Wire::Varint,
    }
}

/// Whether many of a kind can be put on the wire as one value.
pub(crate) fn is_packable(kind: &Kind) -> bool {
    wire_of(kind) != Wire::Length
}

/// The bytes that an `Any` holds.
fn held_by(any: &[u8]) -> Result<&[u8], Ambiguous> {
    let mut reader = Reader(any);
    while !reader.is_empty() {
        match reader.tag()? {
            (2, Wire::Length) => return reader.counted(),
            (_, wire) => reader.skip(wire)?,
        }
    }
    Ok(&[])
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn narrow(number: i64) -> Result<i32, Ambiguous> {
    i32::try_from(number).map_err(|_| Ambiguous::Number)
}
