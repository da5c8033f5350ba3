//! What messages are read as, and what is refused.

mod values;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Version};
use proptest::prelude::*;
use prost_reflect::MessageDescriptor;
use serde_json::json;

use super::message::Ambiguous;
use super::wire::put_varint;
use super::*;
use crate::fuzzing::cover;
use crate::{Descriptors, Head, Parsed, Refused, Reply, Route, fuzzing};

const SHOP: &[u8] = include_bytes!("../testdata/shop.pb");

fn shop() -> Descriptors {
    Descriptors::read(SHOP).unwrap()
}

fn order() -> MessageDescriptor {
    shop().method("shop.v1.Orders", "Get").unwrap().response()
}

fn read(bytes: &[u8]) -> Result<serde_json::Value, Ambiguous> {
    Message::read(&order(), bytes).map(|message| message.json())
}

/// A field whose value has a length.
fn text(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, value.len() as u8], value].concat()
}

#[test]
fn a_messages_fields_are_told_as_those_of_json_are() {
    let customer = [text(1, b"Ada"), text(2, b"a@b")].concat();
    let label = [text(1, b"colour"), text(2, b"red")].concat();
    let value = text(3, b"kept");
    let entry = [text(1, b"key"), text(2, &value)].concat();
    let bytes = [
        text(2, &customer),
        vec![3 << 3, 0xe2, 0x09],
        vec![4 << 3, 1],
        text(5, b"a"),
        text(5, b"b"),
        text(6, &label),
        text(8, b"a card"),
        text(10, &text(1, &entry)),
        text(11, &text(1, b"wrapped")),
        text(13, &[1, 0xac, 0x02]),
    ]
    .concat();
    let message = Message::read(&order(), &bytes).unwrap();
    assert!(message.is_known());
    let contents = message.contents().unwrap();
    for (name, value) in [
        ("customer.name", "Ada"),
        ("customer.email", "a@b"),
        ("total", "1250"),
        ("state", "PAID"),
        ("tags", "a"),
        ("tags", "b"),
        ("labels.colour", "red"),
        ("card", "a card"),
        ("extra.key", "kept"),
        ("secret", "wrapped"),
        ("numbers", "1"),
        ("numbers", "300"),
    ] {
        assert!(contents.fields.iter().any(|field| field == name), "{name}");
        let fact = (format!("body:{name}"), value.to_owned());
        assert!(contents.facts.contains(&fact), "{fact:?} in {:?}", contents.facts);
    }
    assert!(contents.fields.iter().any(|field| field == "customer"));
}

#[test]
fn what_parsers_read_each_in_its_way_is_refused() {
    let long = |byte: u8| [vec![byte], vec![0x80; 9], vec![2]].concat();
    for (bytes, why) in [
        ([text(1, b"a"), text(1, b"b")].concat(), Ambiguous::Twice),
        ([text(2, b""), text(2, b"")].concat(), Ambiguous::Twice),
        ([text(8, b"a"), text(9, b"b")].concat(), Ambiguous::Both),
        ([text(6, &text(1, b"k")), text(6, &text(1, b"k"))].concat(), Ambiguous::Twice),
        ([text(6, &[text(1, b"k"), text(1, b"l")].concat())].concat(), Ambiguous::Twice),
        // A string as a number is an unknown field to most.
        (vec![1 << 3, 1], Ambiguous::Kind),
        (text(3, b"1"), Ambiguous::Kind),
        (vec![3 << 3 | 5, 0, 0, 0, 0], Ambiguous::Kind),
        // Groups, of a field and of none.
        (vec![2 << 3 | 3, 2 << 3 | 4], Ambiguous::Group),
        (vec![100 << 3 | 3], Ambiguous::Group),
        (vec![0x80 | (3 << 3), 0, 1], Ambiguous::Number),
        (vec![3 << 3, 0x81, 0], Ambiguous::Number),
        (long(3 << 3), Ambiguous::Number),
        // An enumerated value is of 32 bits.
        (vec![4 << 3, 0x80, 0x80, 0x80, 0x80, 0x10], Ambiguous::Number),
        (vec![0, 1], Ambiguous::Tag),
        (vec![1 << 3 | 6], Ambiguous::Tag),
        (text(1, &[0xff]), Ambiguous::Text),
        (vec![1 << 3 | 2, 5, b'a'], Ambiguous::Cut),
        (vec![1 << 3 | 2], Ambiguous::Cut),
    ] {
        assert_eq!(read(&bytes), Err(why), "{bytes:?}");
    }
}

#[test]
fn packed_numbers_and_single_ones_are_the_same_list() {
    let mixed = [text(13, &[1, 2]), vec![13 << 3, 3]].concat();
    assert_eq!(read(&mixed), Ok(json!({ "numbers": [1, 2, 3] })));
}

#[test]
fn a_message_that_lies_in_itself_too_often_is_refused() {
    // Values of `Struct` lie in each other through three messages.
    let mut value = text(3, b"x");
    for _ in 0..40 {
        let length = value.len() + 2;
        let entry = [b"\x0a\x01k\x12".to_vec(), varint(value.len())].concat();
        let entry = [entry, value].concat();
        let inner = [vec![0x0a], varint(entry.len()), entry].concat();
        value = [vec![0x2a], varint(inner.len()), inner].concat();
        assert!(value.len() > length);
    }
    let entry = [b"\x0a\x01k\x12".to_vec(), varint(value.len()), value].concat();
    let inner = [vec![0x0a], varint(entry.len()), entry].concat();
    let bytes = [vec![0x52], varint(inner.len()), inner].concat();
    assert_eq!(read(&bytes), Err(Ambiguous::Deep));
}

fn varint(number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(number as u64, &mut out);
    out
}

#[test]
fn a_field_that_is_not_described_makes_a_message_one_that_is_not_known() {
    for bytes in [vec![0x98, 0x06, 1], text(2, &text(9, b"x")), text(6, &text(3, b"x"))] {
        let message = Message::read(&order(), &bytes).unwrap();
        assert!(!message.is_known(), "{bytes:?}");
    }
    // Of an `Any` the type must be known.
    let any = |url: &[u8]| text(12, &[text(1, url), text(2, &text(1, b"Ada"))].concat());
    let known = Message::read(&order(), &any(b"t/shop.v1.Customer")).unwrap();
    assert!(known.is_known());
    let shown = json!({ "detail": { "@type": "t/shop.v1.Customer", "name": "Ada" } });
    assert_eq!(known.json(), shown);
    assert!(!Message::read(&order(), &any(b"t/shop.v1.Other")).unwrap().is_known());
}

fn covered(bytes: &[u8]) -> (serde_json::Value, Vec<String>) {
    let mut withheld = Withheld::new();
    let covered = cover().unwrap().message(&order(), bytes, &mut withheld).unwrap();
    (read(&covered).unwrap(), withheld.into_iter().collect())
}

#[test]
fn strings_hold_their_cover_and_numbers_are_left_out_and_named() {
    let customer = [text(1, b"Ada"), text(3, b"hunter2")].concat();
    let label = [text(1, b"password"), text(2, b"hunter3")].concat();
    let bytes = [
        text(2, &customer),
        vec![3 << 3, 5],
        text(6, &label),
        text(7, b"AKIAIOSFODNN7EXAMPLE"),
        vec![15 << 3, 77],
    ];
    let (shown, withheld) = covered(&bytes.concat());
    assert_eq!(shown["customer"], json!({ "name": "Ada", "password": "****" }));
    assert_eq!(shown["labels"], json!({ "password": "****" }));
    assert_eq!(shown["total"], 5);
    assert!(shown.get("api_token").is_none(), "{shown}");
    assert!(!shown["blob"].to_string().contains("AKIA"), "{shown}");
    assert_eq!(withheld, ["api_token"]);
}

#[test]
fn what_nobody_can_look_into_is_left_out_and_named() {
    let any = text(12, &[text(1, b"t/shop.v1.Other"), text(2, b"hunter2")].concat());
    let bytes = [text(7, &[0xff, 0xfe]), any, vec![0x98, 0x06, 1]].concat();
    let (shown, withheld) = covered(&bytes);
    assert_eq!(shown, json!({ "detail": { "@type": "t/shop.v1.Other" } }));
    assert_eq!(withheld, ["#99", "blob", "detail.value"]);
}

#[test]
fn secrets_are_covered_within_messages_of_any_type_and_of_any_shape() {
    let customer = [text(1, b"Ada"), text(3, b"hunter2")].concat();
    let any = text(12, &[text(1, b"t/shop.v1.Customer"), text(2, &customer)].concat());
    let entry = [text(1, b"password"), text(2, &text(3, b"hunter4"))].concat();
    let (shown, withheld) = covered(&[any, text(10, &text(1, &entry))].concat());
    assert_eq!(shown["detail"]["password"], "****");
    assert_eq!(shown["extra"], json!({ "password": "****" }));
    assert!(withheld.is_empty(), "{withheld:?}");
}

#[test]
fn a_message_in_which_nothing_is_covered_leaves_as_it_came() {
    // Its fields are in an order that the gateway would not write.
    let bytes = [vec![3 << 3, 5], text(1, b"a")].concat();
    let mut withheld = Withheld::new();
    assert_eq!(cover().unwrap().message(&order(), &bytes, &mut withheld).unwrap(), bytes);
}

fn head(path: &str, headers: &[(&'static str, &'static str)]) -> Head {
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("orders.gateway.example"));
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let parsed = Parsed {
        version: Version::HTTP_2,
        method: &Method::POST,
        target: path.as_bytes(),
        authority: None,
        ends: false,
        headers: &map,
    };
    Head::read(&parsed).unwrap()
}

#[test]
fn a_call_is_of_a_path_and_a_type_to_the_letter() {
    let call = |path, kind| Call::read(&head(path, &[("content-type", kind)]), true);
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc+json"] {
        assert_eq!(call("/a.B/C", kind).unwrap().path(), "/a.B/C");
    }
    for kind in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "Application/grpc",
        "application/grpc; charset=utf-8",
        "application/grpc+",
        "application/grpc ",
        "application/json",
    ] {
        assert!(matches!(call("/a.B/C", kind), Err(Refused::Form(_))), "{kind}");
    }
    for path in ["/a.B", "/a.B/", "/a.B/C/D", "/a.B/C?x", "/a.B/C%41!", "/a..B/C", "/a.B/C-", "/"] {
        assert!(matches!(call(path, "application/grpc"), Err(Refused::Target(_))), "{path}");
    }
    let http1 = Call::read(&head("/a.B/C", &[("content-type", "application/grpc")]), false);
    assert!(matches!(http1, Err(Refused::Version)));
}

#[test]
fn a_call_without_a_type_or_with_a_time_that_is_none_is_refused() {
    assert!(Call::read(&head("/a.B/C", &[]), true).is_err());
    for time in ["", "5", "S", "-1S", "123456789S", "1s", "1.5S"] {
        let headers = [("content-type", "application/grpc"), ("grpc-timeout", time)];
        assert!(Call::read(&head("/a.B/C", &headers), true).is_err(), "{time}");
    }
    let headers = [("content-type", "application/grpc"), ("grpc-timeout", "1500m")];
    let call = Call::read(&head("/a.B/C", &headers), true).unwrap();
    assert_eq!(time_left(call.timeout.unwrap()), "1500m");
}

#[test]
fn metadata_picks_a_connection_unless_the_host_picks_another() {
    let grpc = ("content-type", "application/grpc");
    let picked = |domain, names: &[&'static str]| {
        let named = names.iter().map(|name| ("palisade-connection", *name));
        let headers: Vec<_> = named.chain([grpc]).collect();
        let mut head = head("/a.B/C", &headers);
        let route = Route::of_call(&mut head, domain);
        assert!(!head.headers.contains_key("palisade-connection"));
        route.map(|route| (route.connection, route.target.path))
    };
    let stock = Some(("stock".to_owned(), "/a.B/C".to_owned()));
    assert_eq!(picked(None, &["stock"]), stock);
    assert_eq!(picked(Some("gateway.example"), &["orders"]).unwrap().0, "orders");
    assert_eq!(picked(Some("gateway.example"), &["stock"]), None);
    assert_eq!(picked(None, &["stock", "stock"]), None);
    assert_eq!(picked(None, &[]), None);
}

#[test]
fn the_gateways_answers_are_statuses_with_the_rule_and_the_session() {
    let denial = palisade_policy::Denial {
        reason: "not that: 100% né".to_owned(),
        rule: "test.word".to_owned(),
        hint: "Ask.".to_owned(),
    };
    let headers = Told::of(&Reply::denied(&denial, "s1")).alone();
    assert_eq!(headers[STATUS], "7");
    assert_eq!(headers["palisade-rule"], "test.word");
    assert_eq!(headers["palisade-session"], "s1");
    let message = headers[MESSAGE].to_str().unwrap();
    assert!(message.is_ascii() && message.contains("100%25 n%C3%A9"), "{message}");
    let said = "not that: 100% né (rule test.word, session s1). Ask.";
    assert_eq!(unescape(message.as_bytes()), said);
    assert_eq!(unescape(b"100%"), "100%");
    for (status, code) in [
        (401, Code::Unauthenticated),
        (413, Code::ResourceExhausted),
        (415, Code::Unimplemented),
        (429, Code::ResourceExhausted),
        (502, Code::Unavailable),
    ] {
        assert_eq!(Code::of(status), code, "{status}");
    }
}

#[test]
fn methods_tell_what_kind_they_are_and_whether_they_only_read() {
    let shop = shop();
    let method = |name| shop.method("shop.v1.Orders", name).unwrap();
    assert!(method("Get").only_reads() && !method("Place").only_reads());
    let kinds = ["Get", "List", "Upload", "Talk"].map(|name| method(name).kind());
    assert_eq!(kinds, ["unary", "server", "client", "both"]);
    assert!(shop.method("shop.v1.Orders", "get").is_none());
    assert!(Descriptors::read(b"nonsense").is_err());
}

#[test]
fn a_message_too_long_or_with_another_flag_is_refused_before_it_comes() {
    let mut gather = Gather::new(4);
    let next = |gather: &mut Gather, bytes: &[u8]| gather.next(&mut Bytes::copy_from_slice(bytes));
    assert_eq!(next(&mut gather, &[0, 0xff, 0xff, 0xff, 0xff]), Err(Broken::Long(u32::MAX)));
    assert_eq!(next(&mut Gather::new(4), &[2]), Err(Broken::Flag));
    let mut gather = Gather::new(4);
    assert_eq!(next(&mut gather, &[0, 0, 0, 0]), Ok(None));
    assert_eq!(gather.finish(), Err(Broken::Cut));
    let whole = next(&mut gather, &[1, b'x']).unwrap().unwrap();
    assert_eq!(whole, Whole { compressed: false, payload: Bytes::from_static(b"x") });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_cut_of_any_messages_gives_the_same(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
        cuts in prop::collection::vec(0_usize..120, 0..6),
    ) {
        let all: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
        cuts.extend([0, all.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &all[two[0]..two[1]]).collect();
        let (found, wrong) = fuzzing::parts(&pieces);
        prop_assert_eq!(wrong, None);
        prop_assert_eq!(found.len(), messages.len());
        for (came, message) in found.into_iter().zip(messages) {
            prop_assert!(came.whole && came.payload == message);
        }
    }

    #[test]
    fn messages_of_fields_in_any_order_have_one_reading(
        fields in prop::collection::vec((1_u8..17, prop::sample::select(vec![
            vec![], vec![1], vec![0x0a, 0x01, b'k'], b"\x0a\x01k\x12\x01v".to_vec(), b"password".to_vec(),
            b"\x1a\x07hunter2".to_vec(), vec![0xac, 0x02], vec![0xff], b"\x08\x01".to_vec(),
            b"\x0a\x12t/shop.v1.Customer\x12\x05\x0a\x03Ada".to_vec(),
        ]), any::<bool>()), 0..8),
    ) {
        let field = |(number, value, is_number): (u8, Vec<u8>, bool)| match is_number {
            true => vec![number << 3, 1],
            false => text(number & 15, &value),
        };
        let bytes: Vec<u8> = fields.into_iter().flat_map(field).collect();
        fuzzing::grpc(&bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..80)) {
        fuzzing::grpc(&data);
    }
}
