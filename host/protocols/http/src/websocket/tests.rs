use proptest::prelude::*;

use super::*;

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

fn frame(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = vec![];
    write(opcode, payload, mask, &mut out);
    out
}

/// A message in parts is one whose first frame is not its last.
fn part(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame(opcode, payload, None);
    frame[0] &= 0x7f;
    frame
}

fn all(from_client: bool, pieces: &[&[u8]]) -> Result<Vec<Message>, Malformed> {
    let mut messages = Messages::new(from_client, 100_000);
    let mut found = vec![];
    for piece in pieces {
        messages.feed(piece);
        while let Some(message) = messages.next()? {
            found.push(message);
        }
    }
    Ok(found)
}

#[test]
fn frames_of_the_standards_examples_are_read() {
    // RFC 6455 section 5.7.
    let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(all(false, &[&hello]), Ok(vec![Message::Text("Hello".into())]));
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(all(true, &[&masked]), Ok(vec![Message::Text("Hello".into())]));
    let parts: [&[u8]; 2] = [&[0x01, 0x03, 0x48, 0x65, 0x6c], &[0x80, 0x02, 0x6c, 0x6f]];
    assert_eq!(all(false, &parts), Ok(vec![Message::Text("Hello".into())]));
}

#[test]
fn what_controls_the_connection_comes_between_the_parts_of_a_message() {
    let parts = [
        part(Opcode::Text, "hal\u{e9}".as_bytes().get(..4).unwrap()),
        frame(Opcode::Ping, b"p", None),
        frame(Opcode::More, &"\u{e9}".as_bytes()[1..], None),
        frame(Opcode::Close, &[0x03, 0xe8, b'b'], None),
    ];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let close = Message::Close(Some((1000, "b".into())));
    let text = Message::Text("hal\u{e9}".into());
    assert_eq!(all(false, &parts), Ok(vec![Message::Ping(b"p".to_vec()), text, close]));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let protocol: [(&str, bool, Vec<u8>); 12] = [
        ("an extension's bit", false, vec![0xc1, 0]),
        ("an unknown kind", false, vec![0x83, 0]),
        ("a control frame of an unknown kind", false, vec![0x8b, 0]),
        ("a client without a mask", true, vec![0x81, 0]),
        ("a server with one", false, frame(Opcode::Text, b"", MASK)),
        ("a long way to say a short length", false, vec![0x82, 126, 0, 125]),
        ("a longer way", false, vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
        ("a control frame in parts", false, part(Opcode::Ping, b"")),
        ("a long control frame", false, frame(Opcode::Ping, &[0; 126], None)),
        ("a part of nothing", false, frame(Opcode::More, b"", None)),
        (
            "a message within another",
            false,
            [part(Opcode::Text, b""), frame(Opcode::Text, b"", None)].concat(),
        ),
        ("a code that nobody sends", false, frame(Opcode::Close, &[0x03, 0xed], None)),
    ];
    for (what, from_client, bytes) in protocol {
        let read = all(from_client, &[&bytes]);
        assert!(matches!(read, Err(Malformed::Protocol(_))), "{what}: {read:?}");
    }
    assert_eq!(all(false, &[&frame(Opcode::Text, b"\xff", None)]), Err(Malformed::NoText));
}

#[test]
fn a_message_beyond_the_limit_is_refused_before_it_is_there() {
    let mut long = vec![0x82, 127];
    long.extend(u64::MAX.to_be_bytes());
    assert_eq!(all(false, &[&long]), Err(Malformed::TooLong(100_000)));
    let half = part(Opcode::Binary, &[0; 60_000]);
    let more = frame(Opcode::More, &[0; 60_000], None);
    assert_eq!(all(false, &[&half, &more]), Err(Malformed::TooLong(100_000)));
}

proptest! {
    #[test]
    fn what_is_written_is_read_whatever_its_length_and_wherever_it_is_cut(
        payload in proptest::collection::vec(any::<u8>(), 0..70_000),
        cut in any::<prop::sample::Index>(),
        from_client in any::<bool>(),
    ) {
        let bytes = frame(Opcode::Binary, &payload, MASK.filter(|_| from_client));
        let (one, other) = bytes.split_at(cut.index(bytes.len()));
        prop_assert_eq!(all(from_client, &[one, other]), Ok(vec![Message::Binary(payload)]));
    }

    #[test]
    fn no_bytes_panic_and_no_cut_makes_a_difference(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x81_u8), Just(0x01)], 0..64),
        cut in any::<prop::sample::Index>(),
    ) {
        let (one, other) = bytes.split_at(cut.index(bytes.len() + 1));
        prop_assert_eq!(all(false, &[one, other]), all(false, &[&bytes]));
    }
}
