//! Results and requests of kinds that the gateway does not carry.

use super::script::{Script, settings};
use super::*;

#[test]
fn tasks_are_refused_wherever_they_come_from() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    let effects = script.ask(7, "tools/call", r#"{"name":"read","task":{"ttl":1}}"#);
    assert!(has(&effects, &["answer 7", "-32602", "does not carry tasks"]), "{effects:?}");
    for method in ["tasks/get", "tasks/result", "tasks/cancel", "tasks/list"] {
        let effects = script.ask(8, method, r#"{"taskId":"t"}"#);
        assert!(has(&effects, &["answer 8", "-32601", "does not carry tasks"]), "{effects:?}");
        let asks = format!(r#"{{"jsonrpc":"2.0","id":"s","method":"{method}","params":{{}}}}"#);
        assert!(has(&script.server(0, &asks), &["server 0", "-32601"]));
    }
    script.call(9, "{}");
    let effects = script.answer_last(0, r#"{"task":{"taskId":"t","status":"working"}}"#);
    assert!(has(&effects, &["answer 9", "gateway.result-type"]), "{effects:?}");
    let asks = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"task":{},"messages":[]}}"#;
    let effects = script.server(0, asks);
    assert!(has(&effects, &["server 0", "does not carry tasks"]), "{effects:?}");
    let tools = r#"{"tools":[{"name":"long","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}}]}"#;
    script.ask(10, "tools/list", "{}");
    assert!(has(&script.answer_last(0, tools), &[r#""tools":[]"#]));
}

#[test]
fn a_result_of_an_unknown_kind_is_withheld() {
    for kind in [r#""input_required""#, r#""task""#, r#""Complete""#, "1", "null"] {
        let mut script = one();
        script.call(7, "{}");
        let result =
            format!(r#"{{"content":[{{"type":"text","text":"words"}}],"resultType":{kind}}}"#);
        let effects = script.answer_last(0, &result);
        assert!(has(&effects, &["answer 7", "gateway.result-type"]), "{effects:?}");
        assert!(!has(&effects, &["words"]), "{effects:?}");
    }
}
