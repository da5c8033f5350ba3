use super::*;
use proptest::prelude::*;

fn masker() -> Masker {
    Masker::new([7; 32])
}

fn cover(masker: &Masker, cover: &Cover, value: &[u8]) -> String {
    let mut out = Vec::new();
    assert_eq!(masker.apply_cover(cover, value, &mut out), Covered::Value);
    String::from_utf8(out).unwrap()
}

fn check_partial(first: u32, last: u32, value: &str, expected: &str) {
    assert_eq!(cover(&masker(), &Cover::Partial(first, last), value.as_bytes()), expected);
}

fn pseudonym(masker: &Masker, value: &[u8]) -> String {
    cover(masker, &Cover::Pseudonym, value)
}

#[test]
fn a_replacement_takes_the_values_place() {
    assert_eq!(cover(&masker(), &Cover::Replace("gone".into()), b"hunter2"), "gone");
}

#[test]
fn nullify_writes_nothing() {
    let mut out = b"row: ".to_vec();
    assert_eq!(masker().apply_cover(&Cover::Nullify, b"hunter2", &mut out), Covered::Null);
    assert_eq!(out, b"row: ");
}

#[test]
fn a_cover_is_appended() {
    let mut out = b"row: ".to_vec();
    masker().apply_cover(&Cover::Replace("gone".into()), b"hunter2", &mut out);
    assert_eq!(out, b"row: gone");
}

#[test]
fn a_partial_cover_shows_both_ends() {
    check_partial(2, 4, "4111111111111234", "41****1234");
    check_partial(0, 4, "4111111111111234", "****1234");
    check_partial(4, 0, "4111111111111234", "4111****");
}

#[test]
fn a_partial_cover_counts_characters_not_bytes() {
    check_partial(1, 1, "äöüßäö", "ä****ö");
    check_partial(2, 1, "🔑🔒🔓🔏🔐🗝x", "🔑🔒****x");
}

#[test]
fn a_value_no_longer_than_what_would_show_is_covered_whole() {
    check_partial(4, 4, "hunter22", "****");
    check_partial(4, 4, "hun", "****");
    check_partial(4, 4, "", "****");
    check_partial(u32::MAX, u32::MAX, "hunter22", "****");
}

#[test]
fn a_value_of_which_less_than_four_characters_would_hide_is_covered_whole() {
    check_partial(1, 1, "abcde", "****");
    check_partial(1, 1, "abcdef", "a****f");
}

#[test]
fn a_value_of_which_less_than_half_would_hide_is_covered_whole() {
    check_partial(4, 4, "0123456789abcde", "****");
    check_partial(4, 4, "0123456789abcdef", "0123****cdef");
}

#[test]
fn bytes_that_are_no_text_are_covered_whole() {
    assert_eq!(cover(&masker(), &Cover::Partial(1, 1), b"abcdefgh\xff"), "****");
}

#[test]
fn equal_values_have_equal_pseudonyms_within_a_session() {
    assert_eq!(pseudonym(&masker(), b"alice"), pseudonym(&masker(), b"alice"));
    assert_ne!(pseudonym(&masker(), b"alice"), pseudonym(&masker(), b"bob"));
}

#[test]
fn another_session_has_other_pseudonyms() {
    assert_ne!(pseudonym(&masker(), b"alice"), pseudonym(&Masker::new([8; 32]), b"alice"));
}

#[test]
fn a_pseudonym_is_the_start_of_the_values_hmac() {
    // printf alice | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
    assert_eq!(pseudonym(&masker(), b"alice"), "p_6a8851c590ddeb5a");
}

#[test]
fn debug_does_not_show_the_key() {
    assert_eq!(format!("{:?}", masker()), format!("{:?}", Masker::new([8; 32])));
}

proptest! {
    #[test]
    fn a_partial_cover_never_shows_more_than_it_may(value in "\\PC{0,40}", first in 0_u32..30, last in 0_u32..30) {
        let covered = cover(&masker(), &Cover::Partial(first, last), value.as_bytes());
        let length = value.chars().count();
        let shown = covered.chars().count() - STARS.len();
        prop_assert!(shown <= (first + last) as usize);
        prop_assert!(shown == 0 || (length - shown >= 4 && (length - shown) * 2 >= length));
    }

    #[test]
    fn any_bytes_can_be_covered(value in prop::collection::vec(any::<u8>(), 0..40), first: u32, last: u32) {
        cover(&masker(), &Cover::Partial(first, last), &value);
        prop_assert_eq!(pseudonym(&masker(), &value).len(), 18);
    }
}
