use super::*;
use crate::stream::fixtures::{self, all, fed, masks, stars};
use palisade_policy::Action;
use proptest::prelude::*;

fn machine() -> EventStream {
    EventStream::new(masks(&[("secret", stars())], all()))
}

fn check(input: &str, expected: &str) {
    fixtures::check(machine, input.as_bytes(), Ok(expected));
}

fn check_refused(input: &str, trouble: Trouble) {
    fixtures::check(machine, input.as_bytes(), Err(trouble));
}

#[test]
fn what_needs_no_change_leaves_byte_for_byte() {
    for text in [
        "",
        "data: {\"a\": 1}\n\n",
        "\u{feff}data:x\r\rdata\r\n\r\n: comment\nid:1\nevent: e\nretry: 5\ndata:  two\ndata: lines\n\n\n\n",
        "data: [DONE]\n\n",
        "data: cut off",
    ] {
        check(text, text);
    }
}

#[test]
fn data_is_masked_as_json_where_it_is_json() {
    check("data: {\"secret\": [1]}\n\n", "data: {\"secret\": \"***\"}\n\n");
    check("data:{\"a\":\"bob@example.org\"}\r\n\r\n", "data:{\"a\":\"[email]\"}\r\n\r\n");
    check("data: {\"secret\": 1}", "data: {\"secret\": \"***\"}");
}

#[test]
fn lines_of_data_are_joined() {
    check(
        "data: {\"secret\":\nid: 7\ndata: 1, \"b\":\ndata: 2}\n\n",
        "data: {\"secret\":\ndata: \"***\", \"b\":\ndata: 2}\nid: 7\n\n",
    );
    check("data: password:\ndata: hunter2\n\n", "data: password:\ndata: [password]\n\n");
}

#[test]
fn other_data_is_masked_as_text() {
    check("data: mail bob@example.org\n\n", "data: mail [email]\n\n");
    check("data: [bob@example.org]\n\n", "data: [[email]]\n\n");
    check("data: \"bob@example.org\" he said\n\n", "data: \"[email]\" he said\n\n");
}

#[test]
fn a_comment_is_no_value_of_a_name_in_the_one_before() {
    check(": renamed \"secret\"\n: done\n\n", ": renamed \"secret\"\n: done\n\n");
    check_refused(": \"secret\": 1\n\n", Trouble::Member);
    check_refused("\"secret\"\n: 1\n\n", Trouble::Member);
}

#[test]
fn other_fields_are_searched_too() {
    check(
        ": bob@example.org\nid: bob@example.org\nevent:bob@example.org\nbob@example.org\nx: bob@example.org\n\n",
        ": [email]\nid: [email]\nevent:[email]\n[email]\nx: [email]\n\n",
    );
}

#[test]
fn what_some_may_read_as_json_is_refused_where_it_is_none() {
    check_refused("data: {\"secret\":1} x\n\n", Trouble::Trailing);
    check_refused("data: {\"secret\":NaN}\n\n", Trouble::Syntax);
    check_refused("data: {\"secret\":1\n\n", Trouble::Unterminated);
    check_refused("data: {\"a\":1,\"a\":1}\n\n", Trouble::DuplicateKey);
    check_refused("data: \"\\ud800\"\n\n", Trouble::LoneSurrogate);
}

#[test]
fn a_covered_key_besides_data_is_refused() {
    for line in [
        "{\"secret\":\"1\"}",
        ": {'secret' : 1}",
        "id: {\"secret\":1}",
        "x\"secret\"",
        "event:\"secret\"",
    ] {
        check_refused(&format!("data: 1\n{line}\n: 1\n\n"), Trouble::Member);
    }
    check("{\"a\":\"1\"}\n: secret: 1\n\n", "{\"a\":\"1\"}\n: secret: 1\n\n");
}

#[test]
fn a_private_key_is_covered_over_events() {
    check(
        "data: -----BEGIN PRIVATE KEY-----\n\ndata: MIIE\n\ndata: x\ndata: -----END PRIVATE KEY----- y\n\n",
        "data: [private-key]\n\ndata: \n\ndata:  y\n\n",
    );
}

#[test]
fn a_cover_for_the_rest_is_for_data_and_comments() {
    let machine = || EventStream::new(masks(&[("a", Action::Keep)], stars()));
    fixtures::check(
        machine,
        b": x\nid: 1\ndata: text\n\ndata: {\"a\":1,\"b\":2}\n\n:\n\n",
        Ok(": ***\nid: 1\ndata: ***\n\ndata: {\"a\":1,\"b\":\"***\"}\n\n:\n\n"),
    );
}

#[test]
fn an_event_leaves_when_it_is_whole() {
    let (mut machine, mut out) = (machine(), Vec::new());
    machine.feed(b"data: bob@exam", &mut out).unwrap();
    assert!(out.is_empty());
    machine.feed(b"ple.org\r\n\r", &mut out).unwrap();
    assert_eq!(out, b"data: [email]\r\n\r");
    machine.feed(b"\n", &mut out).unwrap();
    assert_eq!(out, b"data: [email]\r\n\r\n");
}

#[test]
fn an_event_that_is_too_long_is_refused() {
    let mut machine = machine();
    machine.masks.limits.held = 20;
    let ended = fed(&mut machine, b"data: x\n\ndata: 123456789012345678\n\n", 4).1;
    assert_eq!(ended, Err(Unreadable { trouble: Trouble::TooLong, at: 9 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_comes_out_does_not_depend_on_how_it_is_cut(
        parts in prop::collection::vec(
            prop::sample::select(&[
                "data:", "data: ", "id:", ":", "\r", "\n", "\r\n", "{\"secret\":1}", "bob@example.org", "x", "\u{feff}",
            ][..]),
            0..14,
        ),
        size in 1_usize..9
    ) {
        let text = parts.concat();
        let cut = fed(&mut machine(), text.as_bytes(), size);
        prop_assert_eq!(&cut, &fed(&mut machine(), text.as_bytes(), text.len().max(1)));
        prop_assert!(!String::from_utf8_lossy(&cut.0).contains("bob@"));
    }
}
