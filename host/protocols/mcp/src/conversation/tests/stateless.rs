//! Requests that have no session.

use super::script::{Script, settings};
use super::*;

const ASKS: &str = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"QUESTION"}}]}}"#;

fn samples() -> Script {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    Script::stateless(Settings { allow, ..settings(&["files"]) })
}

/// The state and the name of the one question in an answer.
fn asked(effects: &[String]) -> (String, String) {
    let answer = effects.iter().find(|line| line.contains("input_required")).unwrap();
    let answer = json(answer.splitn(3, ' ').nth(2).unwrap());
    let result = answer.get("result").unwrap();
    let name = result.get("inputRequests").unwrap().members()[0].0.clone();
    (result.str_at("requestState").unwrap().to_owned(), name)
}

fn back(arguments: &str, (state, name): &(String, String)) -> String {
    format!(
        r#"{{"name":"read","arguments":{arguments},"requestState":"{state}","inputResponses":{{"{name}":{{"role":"x"}}}}}}"#
    )
}

#[test]
fn a_client_is_asked_by_its_own_request_and_answers_by_it() {
    let mut script = samples();
    script.call(7, "{}");
    let effects = script.server(0, ASKS);
    assert!(has(&effects, &["answer 7", "input_required", "sampling/createMessage", "QUESTION"]));
    assert!(has(&script.record(), &["allow", "sampling/createMessage files"]));
    let asked = asked(&effects);
    let effects = script.ask(8, "tools/call", &back("{}", &asked));
    assert_eq!(effects, [r#"server 0 {"jsonrpc":"2.0","id":"s","result":{"role":"x"}}"#]);
    let effects = script.answer_last(0, r#"{"content":[{"type":"text","text":"well"}]}"#);
    assert!(has(&effects, &["answer 8", r#""id":8"#, "well", "complete"]), "{effects:?}");
    let calls = script.record().iter().filter(|line| line.contains("tools/call")).count();
    assert_eq!(calls, 1, "it is one call");
    let effects = script.ask(9, "tools/call", &back("{}", &asked));
    assert!(has(&effects, &["answer 9", "-32602"]), "an answer counts once: {effects:?}");
}

#[test]
fn another_call_does_not_go_on_with_what_was_judged() {
    let mut script = samples();
    script.call(7, "{}");
    let asked = asked(&script.server(0, ASKS));
    for (params, what) in [
        (back(r#"{"path":"forbidden"}"#, &asked), "other arguments"),
        (back("{}", &("palisade-1".to_owned(), asked.1.clone())), "another state"),
        (back("{}", &(asked.0.clone(), "palisade-999".to_owned())), "another question"),
        (back("{}", &asked).replace(r#"{"role":"x"}"#, "1"), "no answer"),
    ] {
        let effects = script.ask(8, "tools/call", &params);
        assert!(has(&effects, &["answer 8", "-32602"]), "{what}: {effects:?}");
        assert!(!has(&effects, &["server"]), "{what}: {effects:?}");
    }
    assert!(has(&script.ask(9, "tools/call", &back("{}", &asked)), &["server 0"]));
}

#[test]
fn what_comes_while_a_client_is_away_waits_for_it() {
    let mut script = samples();
    script.call(7, "{}");
    let asked = asked(&script.server(0, ASKS));
    assert!(script.answer_last(0, r#"{"content":[{"type":"text","text":"well"}]}"#).is_empty());
    let effects = script.ask(8, "tools/call", &back("{}", &asked));
    assert!(has(&effects, &["answer 8", "well"]), "{effects:?}");
    assert!(script.conversation.is_idle());
}

#[test]
fn a_client_that_does_not_come_back_has_given_up() {
    let mut script = samples();
    script.call(7, "{}");
    let asked = asked(&script.server(0, ASKS));
    for _ in 0..200 {
        script.conversation.tick();
    }
    assert!(has(&script.effects(), &["server 0", "notifications/cancelled"]));
    assert!(has(&script.record(), &["error cancelled"]));
    assert!(has(&script.ask(8, "tools/call", &back("{}", &asked)), &["-32602"]));
}

#[test]
fn a_server_that_works_on_several_requests_cannot_ask() {
    let mut script = samples();
    script.call(7, "{}");
    script.call(8, "{}");
    let effects = script.server(0, ASKS);
    assert!(has(&effects, &["server 0", r#""id":"s""#, "gateway.input"]), "{effects:?}");
    assert_eq!(effects.len(), 1, "{effects:?}");
}

#[test]
fn nothing_is_asked_that_is_not_allowed() {
    let mut script = Script::stateless(settings(&["files"]));
    script.call(7, "{}");
    let effects = script.server(0, ASKS);
    assert!(has(&effects, &["server 0", "gateway.sampling"]), "{effects:?}");
    assert_eq!(effects.len(), 1, "{effects:?}");
}
