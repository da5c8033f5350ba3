//! Lists, however much servers say.

use super::*;

/// What takes so many bytes in memory, though it is short.
fn large(bytes: usize) -> String {
    let nulls = vec!["null"; bytes / size_of::<Json>()];
    format!("[{}]", nulls.join(","))
}

#[test]
fn a_list_ends_where_its_server_says_too_much() {
    let mut script = Script::begun(settings(&["files", "git"]));
    script.ask(7, "resources/list", "{}");
    let item = |server: &str| format!(r#"{{"uri":"{server}:a","x":{}}}"#, large(5 << 20));
    for page in 1.. {
        let items = [item("huge"), item("huge")].join(",");
        let effects =
            script.answer_last(0, &format!(r#"{{"resources":[{items}],"nextCursor":"n"}}"#));
        if effects.is_empty() {
            assert_eq!(page, 2);
            break;
        }
    }
    // What another says has its place all the same.
    let effects = script.answer_last(1, r#"{"resources":[{"uri":"small:a","name":"b"}]}"#);
    assert!(has(&effects, &["answer 7", "git+small:a"]), "{:?}", effects.len());
}

#[test]
fn the_lists_of_a_session_take_no_more_than_a_session_may() {
    let mut script = one();
    let item = format!(r#"{{"uri":"a:b","x":{}}}"#, large(15 << 20));
    for id in 10..16 {
        script.ask(id, "resources/list", "{}");
        script.answer_last(0, &format!(r#"{{"resources":[{item}],"nextCursor":"n"}}"#));
    }
    let size: usize =
        script.conversation.gathers.values().map(super::super::lists::Gather::size).sum();
    assert!(size > 15 << 20 && size <= 64 << 20, "{size}");
    // The gateway lists tools as before.
    script.server(0, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    let more = TOOLS.replace("forbidden_tool", "other");
    script.answer_last(0, &more);
    assert!(has(&script.ask(30, "tools/call", r#"{"name":"other"}"#), &["server 0"]));
}
