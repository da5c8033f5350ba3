use super::*;

#[test]
fn a_text_is_cut_at_a_whole_character() {
    let check = |given: &str, bytes: usize| {
        let text = shortened(given.to_owned());
        assert_eq!(text.len(), bytes);
        assert!(given.starts_with(&text));
    };
    check("short", 5);
    check(&"x".repeat(TEXT_BYTES + 1), TEXT_BYTES);
    check(&format!("x{}", "ä".repeat(TEXT_BYTES)), TEXT_BYTES - 1);
}

#[test]
fn a_batch_that_does_not_hold_together_is_refused() {
    let check = |bytes: &[u8], ends: &[u32], count: usize, usable: bool| {
        let given = wit::BatchResult { bytes: bytes.to_vec(), ends: ends.to_vec() };
        assert_eq!(batch(given, count).is_ok(), usable, "{bytes:?} {ends:?}");
    };
    check(b"", &[], 2, true);
    check(b"ab", &[1, 2], 2, true);
    check(b"", &[0, 0], 2, true);
    check(b"ab", &[2], 2, false);
    check(b"ab", &[1, 1], 2, false);
    check(b"ab", &[1, 3], 2, false);
    check(b"ab", &[3, 2], 2, false);
    check(b"ab", &[], 2, false);
    check(b"ab", &[], 0, false);
    check(b"ab", &[1, 2, 2], 2, false);
}

#[test]
fn a_rule_cannot_pass_for_one_of_the_gateways_own() {
    assert!(rule("gateway.record".to_owned()).is_err());
    assert_eq!(rule("gatewayed".to_owned()), Ok("gatewayed".to_owned()));
}
