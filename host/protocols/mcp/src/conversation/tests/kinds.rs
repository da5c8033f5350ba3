//! Results and requests of kinds that the gateway does not carry.

use super::script::{Script, json, settings};
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

#[test]
fn what_names_more_than_is_told_goes_nowhere_and_whoever_sent_it_hears_why() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    let inner: Vec<String> = (0..2000).map(|number| format!("\"{number}\":0")).collect();
    let much = format!("{{\"{}\":{{{}}}}}", "x".repeat(10_000), inner.join(","));
    let effects = script.call(7, &much);
    let parts = ["answer 7", r#""isError":true"#, "gateway.params", "name more than is told"];
    assert!(effects.len() == 1 && has(&effects, &parts), "{effects:.300?}");
    let asks = format!(
        r#"{{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{much}}}"#
    );
    let effects = script.server(0, &asks);
    assert!(
        effects.len() == 1 && has(&effects, &["server 0", "gateway.params"]),
        "{effects:.300?}"
    );
    let record = script.record();
    assert!(has(&record, &["deny", "gateway.params", "tools/call"]), "{record:.300?}");
    assert!(has(&record, &["deny", "gateway.params", "sampling/createMessage"]), "{record:.300?}");
    assert!(record.iter().all(|line| line.len() < 1000), "{record:.300?}");
}

#[test]
fn large_requests_are_as_many_as_take_so_much_and_one_at_least() {
    // A list of nothing takes more than its text.
    let call = |entries: usize| format!("{{\"path\":[{}]}}", vec!["[]"; entries].join(","));
    let (large, one_alone) = (call(1 << 16), call(MOST_UNDER_WAY / size_of::<Json>()));
    let most = (MOST_UNDER_WAY / json(&large).size()) as u64;
    let mut script = one();
    for id in 0..most {
        let effects = script.call(id, &large);
        assert!(has(&effects, &["server 0", "tools/call"]), "{id}");
    }
    for id in [100, 101] {
        let effects = script.call(id, &large);
        assert!(has(&effects, &["answer 10", "too many large requests"]), "{effects:.300?}");
    }
    // Small ones go on, and large ones once there is an answer.
    assert!(has(&script.call(102, "{}"), &["server 0"]));
    script.answer_last(0, r#"{"content":[]}"#);
    assert!(!has(&script.call(103, &large), &["server 0"]));
    script.answer_last(0, r#"{"content":[]}"#);
    assert!(has(&script.call(104, &large), &["server 0"]));
    assert!(has(&one().call(1, &one_alone), &["server 0"]));
}
