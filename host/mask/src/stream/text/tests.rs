use super::*;
use crate::Scan;
use crate::stream::fixtures::{self, all, fed, masks, stars};
use palisade_policy::Action;
use proptest::prelude::*;

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA==\n-----END RSA PRIVATE KEY-----";

fn machine() -> TextStream {
    TextStream::new(masks(&[], all()))
}

fn check(input: &str, expected: &str) {
    fixtures::check(machine, input.as_bytes(), Ok(expected));
}

#[test]
fn secrets_are_found_however_the_text_is_cut() {
    check("mail bob@example.org\nnow", "mail [email]\nnow");
    check("AKIAIOSFODNN7EXAMPLE", "[aws-key]");
    check("", "");
    check("a\r\n\r\nb", "a\r\n\r\nb");
}

#[test]
fn a_line_leaves_as_soon_as_it_is_whole() {
    let (mut machine, mut out) = (machine(), Vec::new());
    machine.feed(b"one\ntwo bob@exam", &mut out).unwrap();
    assert_eq!(out, b"one\n");
    machine.feed(b"ple.org\n", &mut out).unwrap();
    assert_eq!(out, b"one\ntwo [email]\n");
    assert_eq!(machine.covered(), 1);
}

#[test]
fn a_secret_may_follow_its_name_in_the_next_line() {
    check("password:\n  hunter2\nx", "password:\n  [password]\nx");
    check("api_key =\n\n 4eC39HqLyjWDarjtT1zdp7dc\n", "api_key =\n\n [token]\n");
    check("Bearer\n4eC39HqLyjWDarjtT1zdp7dc\n", "Bearer\n[token]\n");
    check("\"password\" : \"two\nlines\" and\nmore", "\"password\" : \"[password]\" and\nmore");
}

#[test]
fn a_private_key_is_covered_over_its_lines() {
    check(&format!("a\n{KEY}\nb {KEY} c\n"), "a\n[private-key]\nb [private-key] c\n");
    check("x -----BEGIN PRIVATE KEY-----\nMIIE\nAAAA\n", "x [private-key]");
    check("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n", "[private-key]");
    let long = format!("a\n{} b\n", KEY.replace("AAAA==", &"A/b+\n".repeat(14_000)));
    check(&long, "a\n[private-key] b\n");
    let in_one_line =
        format!("a {} b\n", KEY.replace('\n', "").replace("AAAA==", &"A/b+".repeat(14_000)));
    check(&in_one_line, "a [private-key] b\n");
}

#[test]
fn a_long_line_is_cut_where_no_secret_is() {
    let mail = "bob@example.org ";
    let text = mail.repeat(6_000);
    check(&text, &"[email] ".repeat(6_000));
    let cards = "4111 1111 1111 1111,".repeat(6_000);
    check(&cards, &"[card],".repeat(6_000));
}

#[test]
fn a_line_without_a_break_is_refused_when_it_is_too_long() {
    let text = "x".repeat(WINDOW + 10);
    fixtures::check(machine, text.as_bytes(), Err(Trouble::TooLong));
    let short = "x".repeat(WINDOW - 10);
    check(&short, &short);
}

#[test]
fn a_quotation_that_is_never_closed_is_not_waited_for_without_end() {
    let text = format!("password: \"abcdef\n{}", "some line of it\n".repeat(6_000));
    let (out, ended) = fed(&mut machine(), text.as_bytes(), 1000);
    assert_eq!(ended, Ok(()));
    assert!(!String::from_utf8_lossy(&out).contains("abcdef"));
}

#[test]
fn a_text_may_be_covered_whole_or_left() {
    let machine = |rest: Action| move || TextStream::new(masks(&[], rest.clone()));
    fixtures::check(machine(stars()), b"some text", Ok("***"));
    fixtures::check(machine(stars()), b"", Ok(""));
    fixtures::check(machine(Action::Nullify), b"some text", Ok(""));
    fixtures::check(machine(Action::Keep), b"\xff bob@example.org", Ok("\u{fffd} bob@example.org"));
}

fn scan() -> Scan {
    Scan::new(&crate::detectors().map(|detector| detector.name.to_owned()).collect()).unwrap()
}

fn pieces() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    const PIECES: [&str; 29] = [
        "bob@example.org", "4111 1111 1111 1111", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY----- ", "\n", "\n\n",
        "password", "api_key", "token", "bearer", "aws x", "=", ": ", "=>", "\"", "'", "\\", " ", "-", ",", "://u:pw@h", "é",
        "4eC39HqLyjWDarjtT1zdp7dc", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "word", "x y", "\r\n", "+1 415 555 2671",
        "123-45-6789",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..14)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn it_finds_what_is_found_in_the_whole_text(text in pieces(), size in 1_usize..50) {
        let (out, ended) = fed(&mut machine(), text.as_bytes(), size);
        prop_assert_eq!(ended, Ok(()));
        let whole = scan().text(text.as_bytes()).into_owned();
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&whole));
    }

    #[test]
    fn any_bytes_come_out_alike_however_they_are_cut(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..50) {
        let cut = fed(&mut machine(), &bytes, size);
        prop_assert_eq!(cut, fed(&mut machine(), &bytes, bytes.len()));
    }
}
