use proptest::prelude::*;

use super::*;

const HEADER: Header =
    Header { session: SessionId(0x0190_a5c8_7d2e_7b5c), sequence: 7, at_micros: 1_700_000 };

fn encoded(payload: &[u8]) -> Vec<u8> {
    [&Payload::new(payload).unwrap().head(HEADER), payload].concat()
}

#[test]
fn a_frame_reads_back_as_it_was_written() {
    assert_eq!(look(&encoded(b"select 1")), Look::Whole(HEADER, b"select 1"));
}

#[test]
fn an_empty_event_is_an_event() {
    assert_eq!(look(&encoded(b"")), Look::Whole(HEADER, b""));
}

#[test]
fn the_size_announced_is_the_size_written() {
    assert_eq!(Payload::new(b"abc").unwrap().frame_bytes(), encoded(b"abc").len() as u64);
}

#[test]
fn what_follows_a_frame_is_not_part_of_it() {
    let mut bytes = encoded(b"one");
    bytes.extend_from_slice(b"two");
    assert_eq!(look(&bytes), Look::Whole(HEADER, b"one"));
}

#[test]
fn a_frame_cut_anywhere_asks_for_more() {
    let bytes = encoded(b"select 1");
    for cut in 0..bytes.len() {
        assert_eq!(look(&bytes[..cut]), Look::Partial, "cut at {cut}");
    }
}

#[test]
fn a_stretch_of_zeros_is_no_frame() {
    assert!(matches!(look(&[0; 100]), Look::Bad(_)));
}

#[test]
fn a_length_beyond_the_limit_is_no_frame() {
    assert!(matches!(look(&[0xff; 100]), Look::Bad(_)));
}

proptest! {
    #[test]
    fn a_flipped_bit_never_passes(payload: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = encoded(&payload);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(!matches!(look(&bytes), Look::Whole(..)));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        look(&bytes);
    }
}
