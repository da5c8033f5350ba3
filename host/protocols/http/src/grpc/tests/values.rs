//! Values within messages: how many there can be, and what those of well-known types are shown as.

use super::super::cover::put_message;
use super::super::message::{Ambiguous, Item, Message};
use super::{order, read, text, varint};

#[test]
fn a_map_has_no_more_entries_than_a_message_has_values() {
    let bytes = [6 << 3 | 2, 0].repeat((1 << 18) + 1);
    assert_eq!(read(&bytes), Err(Ambiguous::Many));
}

#[test]
fn what_any_messages_hold_is_kept_once() {
    let any = |url: &[u8], held: &[u8]| {
        let length = varint(held.len());
        [text(1, url), vec![2 << 3 | 2], length, held.to_vec()].concat()
    };
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
