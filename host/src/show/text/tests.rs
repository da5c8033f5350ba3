use super::*;

#[test]
fn what_a_terminal_would_obey_is_shown_instead() {
    assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    assert_eq!(visible("a\r\nb\tc\u{7}"), "a\\r\\nb\\tc\\u{7}");
    assert_eq!(visible("\u{9b}31m"), "\\u{9b}31m");
}

#[test]
fn what_would_hide_or_reorder_text_is_shown_instead() {
    assert_eq!(visible("ab\u{202e}cd"), "ab\\u{202e}cd");
    assert_eq!(visible("a\u{200b}b\u{2066}"), "a\\u{200b}b\\u{2066}");
}

#[test]
fn ordinary_text_of_any_language_stays_as_it_is() {
    for text in ["naïve 名前 ✓", "SELECT 'ß'", "e\u{301}"] {
        assert_eq!(visible(text), text);
    }
}

#[test]
fn lines_divide_a_text_and_nothing_else_does() {
    assert_eq!(visible_lines("a\r\n\tb\u{2028}c\n"), ["a", "    b\\u{2028}c"]);
}

#[test]
fn a_long_line_is_folded_between_words() {
    assert_eq!(fold("one two three", 7), ["one two", "three"]);
    assert_eq!(fold("abcdefgh", 3), ["abc", "def", "gh"]);
    assert_eq!(fold("", 3), [""]);
    assert_eq!(fold("名前名前", 4), ["名前", "名前"]);
}

#[test]
fn a_cut_text_says_so() {
    assert_eq!(cut("abcdef", 4), "abc…");
    assert_eq!(cut("abcd", 4), "abcd");
    assert_eq!(cut("名前名", 4), "名…");
}

#[test]
fn json_stays_the_same_json_and_hides_nothing() {
    let value = serde_json::json!({"a": "x\u{9b}1m\u{202e}\u{e0041}\n"});
    let shown = visible_json(&serde_json::to_string_pretty(&value).unwrap());
    assert!(shown.contains("x\\u009b1m\\u202e\\udb40\\udc41\\n"), "{shown}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
}
