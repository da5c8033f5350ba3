//! Framing and messages of gRPC: read the same however they are cut, and as another reader reads them.

use std::sync::Arc;

use bytes::Bytes;
use palisade_mask::{DocumentMask, Masker};
use palisade_policy::{Action, Masking, Plan, Shape};
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::Descriptors;
use crate::grpc::{Cover, Frames, MESSAGES, Message, Part, Withheld, put_message};

/// A service's descriptors, made of `tests/grpc/shop.proto`.
const SHOP: &[u8] = include_bytes!("../grpc/testdata/shop.pb");

/// A message as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) compressed: bool,
    pub(crate) length: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) whole: bool,
}

/// Reads framed messages, and one of the shop's orders.
///
/// # Panics
/// When what was taken has two readings.
pub fn grpc(data: &[u8]) {
    let whole = parts(&[data]);
    for at in [1, 4, 5, 6, data.len() / 2] {
        let (head, tail) = data.split_at(at.min(data.len()));
        assert_eq!(parts(&[head, tail]), whole, "cut at {at}");
    }
    let shop = Descriptors::read(SHOP).unwrap_or_default();
    let order = shop.method("shop.v1.Orders", "Get").map(|method| method.response());
    assert!(order.is_some(), "the shop has orders");
    order.iter().for_each(|order| message(order, data));
}

/// What bytes in pieces are: messages as far as they came, and what is wrong with them.
pub(crate) fn parts(pieces: &[&[u8]]) -> (Vec<Came>, Option<String>) {
    let (mut frames, mut found) = (Frames::default(), Vec::<Came>::new());
    for piece in pieces {
        let mut came = Bytes::copy_from_slice(piece);
        loop {
            match (frames.next(&mut came), found.last_mut()) {
                (Ok(Some(Part::Begins { compressed, length })), _) => {
                    found.push(Came { compressed, length, ..Came::default() });
                }
                (Ok(Some(Part::Piece(piece))), Some(last)) => last.payload.extend(piece),
                (Ok(Some(Part::Ends)), Some(last)) => last.whole = true,
                (Ok(_), _) => break,
                (Err(why), _) => return (found, Some(why.to_string())),
            }
        }
    }
    (found, frames.finish().err().map(|why| why.to_string()))
}

/// A message that is taken is what another reader takes it for, and covered it is one again.
fn message(descriptor: &MessageDescriptor, bytes: &[u8]) {
    let Ok(read) = Message::read(descriptor, bytes) else { return };
    let decode = |bytes: &[u8]| DynamicMessage::decode(descriptor.clone(), bytes).ok();
    let shows = |bytes: &[u8]| Message::read(descriptor, bytes).ok().map(|read| read.json());
    let other = decode(bytes);
    assert!(other.is_some(), "another does not read it");
    let mut written = Vec::new();
    put_message(&read, &mut written);
    let shown = read.json();
    assert_eq!(shows(&written).as_ref(), Some(&shown), "it is written otherwise");
    // What an `Any` holds is bytes to the other, which may be written in another order.
    if read.is_known() && !shown.to_string().contains("@type") {
        assert_eq!(other, decode(&written), "{shown}");
    }
    let mut withheld = Withheld::new();
    let covered = cover().and_then(|cover| cover.message(descriptor, bytes, &mut withheld).ok());
    if let Some(covered) = covered {
        let read = Message::read(descriptor, &covered).ok();
        assert!(read.is_some_and(|read| read.is_known()), "covered it is no message");
    }
}

/// Passwords by their keys, and a secret by what it looks like.
pub(crate) fn cover() -> Option<Cover> {
    let stars = |pattern: &str| (pattern.to_owned(), Action::Replace("****".to_owned()));
    let plan = Plan {
        fields: vec![],
        keys: vec![stars("*password*"), stars("*token*")],
        rest: Action::Scan(vec!["aws-key".to_owned()]),
    };
    let mut masking = Masking::default();
    masking.add(0, &Shape::Document(MESSAGES.to_owned()), &plan).ok()?;
    let plan = Arc::new(DocumentMask::new(&masking).ok()?);
    Some(Cover { plan, masking: Arc::new(masking), masker: Masker::new([7; 32]), held: 1 << 20 })
}
