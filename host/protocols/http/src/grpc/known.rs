//! Whether a message is all of what its descriptor says, and so has nothing in it that policies are not told.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, Syntax};

use super::message::{ANY, Field, Item, Message, Value};
use super::show::value_kind;

impl Message {
    /// Whether it is all of known fields and values, and so is all that is in it.
    pub(crate) fn is_known(&self) -> bool {
        let unread = self.descriptor.full_name() == ANY && self.inner.is_none();
        let is_unread = unread && self.fields.contains_key(&2);
        self.unknown.is_empty()
            && !is_unread
            && !self.masks_all()
            && self.inner.as_ref().is_none_or(|inner| inner.is_known())
            && self.fields.values().all(Field::is_known)
    }
}

impl Field {
    fn is_known(&self) -> bool {
        let kind = value_kind(&self.descriptor);
        let known = |item: &Item| match (item, &kind) {
            (Item::Message(message), _) => message.is_known(),
            (Item::Enum(number), Kind::Enum(names)) => {
                names.get_value(*number).is_some() || !is_closed(names, &self.descriptor)
            }
            _ => true,
        };
        match &self.value {
            Value::One(item) => known(item),
            Value::List(items) => items.iter().all(known),
            Value::Map(entries) => entries.iter().all(|(_, value)| known(value)),
        }
    }
}

/// Whether readers take a number without a name for a field that is not described, as proto2's do. Some go by the file of
/// the enum, others by that of the field.
fn is_closed(names: &EnumDescriptor, field: &FieldDescriptor) -> bool {
    let files = [names.parent_file(), field.parent_message().parent_file()];
    files.iter().any(|file| file.syntax() == Syntax::Proto2)
}
