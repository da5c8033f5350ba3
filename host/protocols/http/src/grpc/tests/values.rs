//! Values within messages: how many there can be, and what those of well-known types are shown as.

use prost_reflect::{DescriptorPool, MessageDescriptor, prost_types};
use serde_json::json;

use super::super::cover::put_message;
use super::super::message::{Ambiguous, Item, Message};
use super::{covered, order, read, text, varint};

#[test]
fn a_map_has_no_more_entries_than_a_message_has_values() {
    let bytes = [6 << 3 | 2, 0].repeat((1 << 18) + 1);
    assert_eq!(read(&bytes), Err(Ambiguous::Many));
}

/// A field of any length.
fn long(number: u8, value: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(value.len()), value.to_vec()].concat()
}

#[test]
fn a_long_key_counts_with_each_that_lies_within_it() {
    // A `Value` that is a `Struct` with many keys, under a long one.
    let entry = |key: &str| long(1, &[long(1, key.as_bytes()), text(2, &text(3, b"x"))].concat());
    let inner: Vec<u8> = (0..10_000).flat_map(|number| entry(&number.to_string())).collect();
    for (length, is_told) in [(100, true), (2500, false), (400_000, false)] {
        let key = long(1, "x".repeat(length).as_bytes());
        let outer = long(1, &[key, long(2, &long(5, &inner))].concat());
        let message = Message::read(&order(), &long(10, &outer)).unwrap();
        assert_eq!(message.contents().is_ok(), is_told, "{length}");
    }
}

/// An `Any` of a type.
fn any(url: &[u8], held: &[u8]) -> Vec<u8> {
    [text(1, url), vec![2 << 3 | 2], varint(held.len()), held.to_vec()].concat()
}

/// A `Struct` with one key.
fn one_key(name: &[u8], value: &[u8]) -> Vec<u8> {
    text(1, &[text(1, name), text(2, &text(3, value))].concat())
}

#[test]
fn what_is_no_plain_message_is_told_under_value_in_an_any() {
    let held = [one_key(b"@type", b"forged"), one_key(b"key", b"kept")].concat();
    let lies_in = any(b"t/google.protobuf.Any", &any(b"t/google.protobuf.Struct", &held));
    let shown = json!({ "@type": "t/google.protobuf.Struct", "value": { "@type": "forged", "key": "kept" } });
    let message = Message::read(&order(), &text(12, &lies_in)).unwrap();
    let outer = json!({ "detail": { "@type": "t/google.protobuf.Any", "value": shown } });
    assert_eq!(message.json(), outer);
    let contents = message.contents().unwrap();
    let fact = ("body:detail.value.value.key".to_owned(), "kept".to_owned());
    assert!(contents.facts.contains(&fact), "{:?}", contents.facts);
    assert!(contents.fields.iter().any(|field| field == "detail.value.value.key"));
    let url = ("body:detail.@type".to_owned(), "t/google.protobuf.Any".to_owned());
    assert!(contents.facts.contains(&url), "{:?}", contents.facts);
}

#[test]
fn secrets_are_covered_within_a_struct_in_an_any_and_what_is_none_stays() {
    let held = [one_key(b"password", b"hunter2"), one_key(b"value", b"kept")].concat();
    for bytes in [
        any(b"t/google.protobuf.Struct", &held),
        any(b"t/google.protobuf.Any", &any(b"t/google.protobuf.Struct", &held)),
    ] {
        let bytes = [vec![12 << 3 | 2], varint(bytes.len()), bytes].concat();
        let (shown, withheld) = covered(&bytes);
        let mut value = &shown["detail"]["value"];
        if value.get("@type").is_some() {
            value = &value["value"];
        }
        assert_eq!(value, &json!({ "password": "****", "value": "kept" }), "{shown}");
        assert!(withheld.is_empty(), "{withheld:?}");
    }
}

/// A message with an enumerated value, by itself, in a list and in a map, in a file of this syntax.
fn enumerated(syntax: &str) -> MessageDescriptor {
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::*;
    let field = |name: &str, number, label: Label, kind: Type, of: &str| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: (!of.is_empty()).then(|| of.to_owned()),
        ..Default::default()
    };
    let entry = DescriptorProto {
        name: Some("NamedEntry".to_owned()),
        field: vec![
            field("key", 1, Label::Optional, Type::Int32, ""),
            field("value", 2, Label::Optional, Type::Enum, ".old.State"),
        ],
        options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
        ..Default::default()
    };
    let message = DescriptorProto {
        name: Some("Order".to_owned()),
        field: vec![
            field("state", 1, Label::Optional, Type::Enum, ".old.State"),
            field("states", 2, Label::Repeated, Type::Enum, ".old.State"),
            field("named", 3, Label::Repeated, Type::Message, ".old.Order.NamedEntry"),
        ],
        nested_type: vec![entry],
        ..Default::default()
    };
    let value = EnumValueDescriptorProto {
        name: Some("NEW".to_owned()),
        number: Some(0),
        ..Default::default()
    };
    let states = EnumDescriptorProto {
        name: Some("State".to_owned()),
        value: vec![value],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("old.proto".to_owned()),
        package: Some("old".to_owned()),
        syntax: Some(syntax.to_owned()),
        message_type: vec![message],
        enum_type: vec![states],
        ..Default::default()
    };
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file).unwrap();
    pool.get_message_by_name("old.Order").unwrap()
}

#[test]
fn a_number_without_a_name_is_no_value_of_an_enum_that_is_closed() {
    for (bytes, is_named) in [
        (vec![1 << 3, 0], true),
        (vec![1 << 3, 7], false),
        (text(2, &[0, 0]), true),
        (text(2, &[0, 7]), false),
        (text(3, &[2 << 3, 0]), true),
        (text(3, &[2 << 3, 7]), false),
    ] {
        let is_known = |syntax| Message::read(&enumerated(syntax), &bytes).unwrap().is_known();
        assert_eq!(is_known("proto2"), is_named, "{bytes:?}");
        assert!(is_known("proto3"), "{bytes:?}");
    }
}

/// A change of a user with a mask, whose role has two names, in a file of its own.
fn change() -> MessageDescriptor {
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::*;
    let field = |name: &str, number, kind: Type, of: &str| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        type_name: (!of.is_empty()).then(|| of.to_owned()),
        ..Default::default()
    };
    let message = |name: &str, field| DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..Default::default()
    };
    let paths = FieldDescriptorProto {
        label: Some(Label::Repeated.into()),
        ..field("paths", 1, Type::String, "")
    };
    let value = |name: &str, number| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..Default::default()
    };
    let roles = EnumDescriptorProto {
        name: Some("Role".to_owned()),
        value: vec![value("USER", 0), value("ADMIN", 1), value("SUPERUSER", 1)],
        options: Some(EnumOptions { allow_alias: Some(true), ..Default::default() }),
        ..Default::default()
    };
    let file = |name: &str, package: &str, message_type, enum_type| FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type,
        enum_type,
        ..Default::default()
    };
    let masks = vec![message("FieldMask", vec![paths])];
    let user = vec![
        field("id", 1, Type::Int32, ""),
        field("require_mfa", 2, Type::Bool, ""),
        field("role", 3, Type::Enum, ".users.Role"),
    ];
    let change = vec![
        field("user", 1, Type::Message, ".users.User"),
        field("update_mask", 2, Type::Message, ".google.protobuf.FieldMask"),
    ];
    let read = vec![
        field("name", 1, Type::String, ""),
        field("read_mask", 2, Type::Message, ".google.protobuf.FieldMask"),
    ];
    let users = vec![message("User", user), message("Change", change), message("Get", read)];
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file("mask.proto", "google.protobuf", masks, vec![])).unwrap();
    let mut users = file("users.proto", "users", users, vec![roles]);
    users.dependency = vec!["mask.proto".to_owned()];
    pool.add_file_descriptor_proto(users).unwrap();
    pool.get_message_by_name("users.Change").unwrap()
}

#[test]
fn what_a_mask_names_is_told_as_a_field_of_the_messages_beside_it() {
    let bytes = |path: &[u8]| [text(1, &[1 << 3, 7]), text(2, &text(1, path))].concat();
    let message = Message::read(&change(), &bytes(b"require_mfa")).unwrap();
    let fields = message.contents().unwrap().fields;
    for field in ["user.id", "user.require_mfa", "require_mfa", "update_mask.paths"] {
        assert!(fields.iter().any(|it| it == field), "{field}: {fields:?}");
    }
    assert!(message.is_known());
    assert!(!Message::read(&change(), &bytes(b"*")).unwrap().is_known(), "it sets any field");
}

#[test]
fn a_mask_that_says_what_is_to_be_read_hides_nothing() {
    let read = change().parent_pool().get_message_by_name("users.Get").unwrap();
    let bytes = [text(1, b"users/1"), text(2, &text(1, b"*"))].concat();
    assert!(Message::read(&read, &bytes).unwrap().is_known());
}

#[test]
fn a_value_is_told_by_each_of_its_names() {
    let message = Message::read(&change(), &text(1, &[3 << 3, 1])).unwrap();
    let facts = message.contents().unwrap().facts;
    let told = |name: &str| facts.contains(&("body:user.role".to_owned(), name.to_owned()));
    assert!(told("ADMIN") && told("SUPERUSER"), "{facts:?}");
}

#[test]
fn a_wrapper_without_a_value_holds_its_types_default() {
    let message = Message::read(&order(), &text(11, b"")).unwrap();
    assert_eq!(message.json(), json!({ "secret": "" }));
    let facts = message.contents().unwrap().facts;
    assert!(facts.contains(&("body:secret".to_owned(), String::new())), "{facts:?}");
}

#[test]
fn what_any_messages_hold_is_kept_once() {
    let mut bytes = any(b"t/shop.v1.Customer", &text(1, b"Ada"));
    for _ in 0..30 {
        bytes = any(b"t/google.protobuf.Any", &bytes);
    }
    let detail = [vec![12 << 3 | 2], varint(bytes.len()), bytes].concat();
    let message = Message::read(&order(), &detail).unwrap();
    let Some(Item::Message(any)) = message.get(12) else { panic!("{message:?}") };
    let mut any = any.clone();
    while let Some(inner) = any.inner.take() {
        assert!(any.get(2).is_none());
        any = *inner;
    }
    assert!(matches!(any.get(1), Some(Item::Text(name)) if name == "Ada"));
    let mut again = Vec::new();
    put_message(&message, &mut again);
    assert_eq!(again, detail);
}
