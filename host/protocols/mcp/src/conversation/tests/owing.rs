//! Servers that do not answer, or not in a way that can be read.

use super::*;

fn garbled(script: &mut Script, of: Option<Id>) -> Vec<String> {
    script.conversation.server(0, Incoming::Garbled(of, "an object has a name twice".to_owned()));
    script.effects()
}

fn newest(script: &Script) -> u64 {
    script.conversation.due.keys().next_back().unwrap().1
}

#[test]
fn an_answer_that_cannot_be_read_fails_what_its_server_works_on() {
    let mut script = Script::begun(settings(&["files", "git"]));
    script.ask(7, "tools/call", r#"{"name":"files__read"}"#);
    script.ask(8, "resources/read", r#"{"uri":"files+file:///a"}"#);
    script.ask(9, "tools/call", r#"{"name":"git__read"}"#);
    let effects = garbled(&mut script, None);
    for answer in ["answer 7", "answer 8"] {
        assert!(has(&effects, &[answer, "gateway.server-message", "a name twice"]), "{effects:?}");
    }
    assert!(has(&effects, &["server 0", "notifications/cancelled"]), "{effects:?}");
    assert!(!has(&effects, &["answer 9"]), "another server is another matter");
    assert!(has(&script.record(), &["error gateway.server-message"]));
}

#[test]
fn an_answer_that_cannot_be_read_fails_the_request_that_it_names() {
    let mut script = one();
    script.call(7, "{}");
    let first = newest(&script);
    script.call(8, "{}");
    let effects = garbled(&mut script, Some(Id::Number(first.to_string())));
    assert!(has(&effects, &["answer 7", "gateway.server-message"]), "{effects:?}");
    assert!(!has(&effects, &["answer 8"]));
    assert!(garbled(&mut script, Some(Id::Number("999".to_owned()))).is_empty());
}

#[test]
fn a_server_that_greets_with_what_cannot_be_read_is_left_out() {
    let mut script = Script::beginning(settings(&["files"]));
    let effects = garbled(&mut script, None);
    assert!(has(&effects, &["server/discover"]), "{effects:?}");
    assert!(has(&garbled(&mut script, None), &["answer 1", "error"]));
}

#[test]
fn a_server_that_never_answers_is_given_up_and_told() {
    let mut script = one();
    script.call(7, "{}");
    let id = newest(&script);
    for _ in 0..3 {
        script.conversation.tick();
    }
    assert!(script.effects().is_empty());
    script.conversation.tick();
    let effects = script.effects();
    assert!(
        has(&effects, &["answer 7", "gateway.server-timeout", "answer_seconds"]),
        "{effects:?}"
    );
    let cancelled = ["server 0", "notifications/cancelled", &format!("\"requestId\":{id}")];
    assert!(has(&effects, &cancelled), "{effects:?}");
    assert!(script.conversation.is_idle());
    assert!(has(&script.record(), &["error gateway.server-timeout"]));
}

#[test]
fn a_list_does_not_wait_for_a_server_that_never_answers() {
    let mut script = one();
    script.ask(7, "tools/list", "{}");
    for _ in 0..4 {
        script.conversation.tick();
    }
    assert!(has(&script.effects(), &["answer 7", r#""name":"read""#]), "what is known is listed");
}

#[test]
fn a_server_that_tells_of_progress_is_waited_for_also_where_its_client_asked_for_none() {
    let mut script = one();
    let effects = script.call(7, "{}");
    let id = newest(&script);
    assert!(has(&effects, &["server 0", &format!("\"progressToken\":{id}")]), "{effects:?}");
    for _ in 0..10 {
        script.conversation.tick();
        script.server(0, &format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{id},"progress":1}}}}"#
        ));
    }
    assert!(!script.conversation.is_idle());
    assert!(has(&script.answer_last(0, r#"{"content":[]}"#), &["answer 7", "result"]));
}

#[test]
fn a_server_that_waits_for_the_client_is_waited_for() {
    let allow = Reverse { elicitation: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    script.call(7, "{}");
    script.server(
        0,
        r#"{"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":{"message":"?"}}"#,
    );
    for _ in 0..10 {
        script.conversation.tick();
    }
    assert!(!script.conversation.is_idle());
}
