//! A message as a client may see it: what the policies' plan makes of it as JSON, put back into the kinds that its fields have.
//!
//! A string or bytes that are text hold their cover. A number, a truth, an enumerated value cannot: they are left out, or
//! zero where something must stand, and so is a message that is covered whole. What was left out is named, so that nobody
//! takes it for what the service said. Fields that the descriptor does not have are left out, for nobody can look into them.

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_mask::{DocumentMask, Masker};
use palisade_policy::{Action, Denial, Masking};
use prost_reflect::{Cardinality, Kind, MessageDescriptor};
use serde_json::Value as Json;

use super::message::{ANY, Field, Item, Message, Value, is_packable, wire_of};
use super::show::{HELD, TYPE, as_text, value_kind};
use super::wire::{Wire, put_counted, put_tag, put_varint};
use crate::response::{machine, unreadable};

/// So many names of fields are told that were left out.
const MOST_NAMES: usize = 32;
/// Longer ones are not.
const LONGEST_NAME: usize = 128;

/// How messages of one type are covered.
#[derive(Debug)]
pub(crate) struct Cover {
    pub(crate) plan: Arc<DocumentMask>,
    pub(crate) masking: Arc<Masking>,
    pub(crate) masker: Masker,
    /// The longest value, in bytes.
    pub(crate) held: usize,
}

/// The names of fields whose values were left out.
pub(crate) type Withheld = BTreeSet<String>;

impl Cover {
    /// The message as the client may see it, and into `withheld` the names of what was left out.
    ///
    /// # Errors
    /// When it cannot be read or covered.
    pub(crate) fn message(
        &self,
        descriptor: &MessageDescriptor,
        bytes: &[u8],
        withheld: &mut Withheld,
    ) -> Result<Vec<u8>, Denial> {
        let message = Message::read(descriptor, bytes);
        let message = message.map_err(|why| unreadable(&why.to_string()))?;
        let text = message.json().to_string();
        let mut mask =
            machine(Arc::clone(&self.plan), &self.masking, &self.masker, JSON, self.held)?;
        let mut shown = mask.feed(text.as_bytes())?;
        mask.finish(&mut shown)?;
        let read = |text: &[u8]| {
            serde_json::from_slice::<Json>(text).map_err(|_| unreadable("it is nested too deeply"))
        };
        let (before, shown) = (read(text.as_bytes())?, read(&shown)?);
        let mut covering = Covering { looks_inside: looks_inside(&self.masking), withheld };
        if before == shown && message.is_known() && !covering.hides(&message) {
            return Ok(bytes.to_vec());
        }
        let covered = covering.message(message, (&before, &shown), "");
        let covered = covered.ok_or_else(|| unreadable("it is covered as a whole"))?;
        let mut out = Vec::with_capacity(bytes.len());
        put_message(&covered, &mut out);
        Ok(out)
    }
}

/// The media type of what a message is shown as.
const JSON: &str = "application/json";

/// Whether a policy looks for secrets in values, and not by keys alone.
fn looks_inside(masking: &Masking) -> bool {
    let mut actions = masking
        .documents
        .iter()
        .flat_map(|rules| rules.keys.iter().map(|(_, action)| action).chain([&rules.rest]));
    actions.any(|action| matches!(action, Action::Scan(_)))
        || !masking.documents.iter().all(|rules| rules.rest == Action::Keep)
        || masking.documents.is_empty()
}

struct Covering<'a> {
    looks_inside: bool,
    withheld: &'a mut Withheld,
}

/// What was shown to the policies, and what they made of it.
type Two<'a> = (&'a Json, &'a Json);

impl Covering<'_> {
    /// Whether there are bytes in it that nobody could look into.
    fn hides(&self, message: &Message) -> bool {
        let hides = |item: &Item| match item {
            Item::Bytes(bytes) => self.looks_inside && as_text(bytes).is_none(),
            Item::Message(message) => self.hides(message),
            _ => false,
        };
        if let Some(inner) = &message.inner {
            return self.hides(inner);
        }
        message.fields.values().any(|field| match &field.value {
            Value::One(item) => hides(item),
            Value::List(items) => items.iter().any(hides),
            Value::Map(entries) => entries.iter().any(|(_, value)| hides(value)),
        })
    }

    fn leave_out(&mut self, path: &str) {
        let fits = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        let name = if fits && path.len() <= LONGEST_NAME { path } else { "*" };
        if self.withheld.len() < MOST_NAMES && !name.is_empty() {
            self.withheld.insert(name.to_owned());
        }
    }

    fn message(&mut self, mut message: Message, two: Two<'_>, path: &str) -> Option<Message> {
        for number in std::mem::take(&mut message.unknown) {
            self.leave_out(&within(path, &format!("#{number}")));
        }
        if message.stands_for().is_some() {
            let Some((number, field)) = message.fields.pop_first() else {
                if two.0 == two.1 {
                    return Some(message);
                }
                // That it is not there tells what it is.
                self.leave_out(path);
                return None;
            };
            let field = self.field(field, two, path)?;
            message.fields.insert(number, field);
            return Some(message);
        }
        if !two.1.is_object() {
            self.leave_out(path);
            return None;
        }
        if message.descriptor.full_name() == ANY {
            return self.any(message, two, path);
        }
        let fields = std::mem::take(&mut message.fields);
        for (number, field) in fields {
            let descriptor = field.descriptor.clone();
            let named = within(path, descriptor.name());
            let covered = match (two.0.get(descriptor.name()), two.1.get(descriptor.name())) {
                (Some(before), Some(shown)) => self.field(field, (before, shown), &named),
                _ => {
                    self.leave_out(&named);
                    None
                }
            };
            // Proto2's parsers take no message without its required fields.
            let required = descriptor.cardinality() == Cardinality::Required;
            let zero = || Field {
                value: Value::One(Item::default_of(&descriptor.kind())),
                descriptor: descriptor.clone(),
            };
            if let Some(field) = covered.or_else(|| required.then(zero)) {
                message.fields.insert(number, field);
            }
        }
        Some(message)
    }

    fn any(&mut self, mut message: Message, two: Two<'_>, path: &str) -> Option<Message> {
        let Some(inner) = message.inner.take() else {
            self.leave_out(&within(path, HELD));
            message.fields.remove(&2);
            return Some(message);
        };
        let (of, held) = (message.get(1).map(Item::text), within(path, HELD));
        let is_as_said = two.1.get(TYPE).and_then(Json::as_str) == of.as_deref();
        let two = match inner.is_plain() {
            true => Some(two),
            false => two.0.get(HELD).zip(two.1.get(HELD)),
        };
        let covered = two.filter(|_| is_as_said);
        let named = if inner.is_plain() { path } else { held.as_str() };
        let covered = covered.and_then(|two| self.message(*inner, two, named));
        let Some(inner) = covered else {
            self.leave_out(&held);
            message.fields.remove(&2);
            return Some(message);
        };
        message.inner = Some(Box::new(inner));
        Some(message)
    }

    fn field(&mut self, mut field: Field, two: Two<'_>, path: &str) -> Option<Field> {
        let kind = field.descriptor.kind();
        field.value = match field.value {
            Value::One(item) => Value::One(self.item(item, two, path)?),
            Value::List(items) => {
                let (Json::Array(before), Json::Array(shown)) = two else {
                    self.leave_out(path);
                    return None;
                };
                if before.len() != items.len() || shown.len() != items.len() {
                    self.leave_out(path);
                    return None;
                }
                let each = items.into_iter().zip(before.iter().zip(shown));
                let item = |(item, two)| {
                    let covered = self.item(item, two, path);
                    covered.unwrap_or_else(|| Item::default_of(&kind))
                };
                Value::List(each.map(item).collect())
            }
            Value::Map(entries) => {
                let kind = value_kind(&field.descriptor);
                let mut left = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let name = key.text();
                    let named = within(path, &name);
                    let (Some(before), Some(shown)) = (two.0.get(&name), two.1.get(&name)) else {
                        self.leave_out(path);
                        continue;
                    };
                    let covered = self.item(value, (before, shown), &named);
                    left.push((key, covered.unwrap_or_else(|| Item::default_of(&kind))));
                }
                Value::Map(left)
            }
        };
        Some(field)
    }

    fn item(&mut self, item: Item, two: Two<'_>, path: &str) -> Option<Item> {
        let covered = match (item, two.1) {
            (Item::Message(message), _) => {
                return self.message(message, two, path).map(Item::Message);
            }
            (Item::Text(_), Json::String(shown)) => return Some(Item::Text(shown.clone())),
            (Item::Bytes(bytes), Json::String(shown)) => match as_text(&bytes) {
                Some(_) => return Some(Item::Bytes(shown.clone().into_bytes())),
                None => (!self.looks_inside && two.0 == two.1).then_some(Item::Bytes(bytes)),
            },
            (Item::Text(_) | Item::Bytes(_), _) => None,
            (other, shown) => (two.0 == shown).then_some(other),
        };
        if covered.is_none() {
            self.leave_out(path);
        }
        covered
    }
}

fn within(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Puts a message on the wire.
pub(crate) fn put_message(message: &Message, out: &mut Vec<u8>) {
    for (number, field) in &message.fields {
        if *number == 2 && message.inner.is_some() {
            continue;
        }
        put_field(*number, field, out);
    }
    if let Some(inner) = &message.inner {
        let mut held = Vec::new();
        put_message(inner, &mut held);
        put_tag(2, Wire::Length, out);
        put_counted(&held, out);
    }
}

fn put_field(number: u32, field: &Field, out: &mut Vec<u8>) {
    let kind = field.descriptor.kind();
    let one = |number: u32, item: &Item, kind: &Kind, out: &mut Vec<u8>| {
        put_tag(number, wire_of(kind), out);
        put_item(item, kind, out);
    };
    match &field.value {
        Value::One(item) => one(number, item, &kind, out),
        Value::List(items) if field.descriptor.is_packed() && is_packable(&kind) => {
            let mut packed = Vec::new();
            items.iter().for_each(|item| put_item(item, &kind, &mut packed));
            put_tag(number, Wire::Length, out);
            put_counted(&packed, out);
        }
        Value::List(items) => items.iter().for_each(|item| one(number, item, &kind, out)),
        Value::Map(entries) => {
            let Kind::Message(entry) = &kind else { return };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            for (name, held) in entries {
                let mut bytes = Vec::new();
                one(key.number(), name, &key.kind(), &mut bytes);
                one(value.number(), held, &value.kind(), &mut bytes);
                put_tag(number, Wire::Length, out);
                put_counted(&bytes, out);
            }
        }
    }
}

fn put_item(item: &Item, kind: &Kind, out: &mut Vec<u8>) {
    let four = |number: i64| (number as i32).to_le_bytes();
    match (item, kind) {
        (Item::Bool(is), _) => put_varint(u64::from(*is), out),
        (Item::Int(number), Kind::Sint32 | Kind::Sint64) => {
            put_varint((number << 1 ^ number >> 63).cast_unsigned(), out);
        }
        (Item::Int(number), Kind::Sfixed32) => out.extend(four(*number)),
        (Item::Int(number), Kind::Sfixed64) => out.extend(number.to_le_bytes()),
        (Item::Int(number), _) => put_varint(number.cast_unsigned(), out),
        (Item::Uint(number), Kind::Fixed32) => out.extend(four(number.cast_signed())),
        (Item::Uint(number), Kind::Fixed64) => out.extend(number.to_le_bytes()),
        (Item::Uint(number), _) => put_varint(*number, out),
        (Item::Float(number), _) => out.extend(number.to_le_bytes()),
        (Item::Double(number), _) => out.extend(number.to_le_bytes()),
        (Item::Enum(number), _) => put_varint(i64::from(*number).cast_unsigned(), out),
        (Item::Text(text), _) => put_counted(text.as_bytes(), out),
        (Item::Bytes(bytes), _) => put_counted(bytes, out),
        (Item::Message(message), _) => {
            let mut bytes = Vec::new();
            put_message(message, &mut bytes);
            put_counted(&bytes, out);
        }
    }
}
