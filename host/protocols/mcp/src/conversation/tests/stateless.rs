//! Requests that have no session.

use super::script::{Script, TOOLS, settings};
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
fn what_came_for_a_client_that_was_away_is_withheld_where_other_policies_count_by_then() {
    let mut script = samples();
    script.call(7, "{}");
    let asked = asked(&script.server(0, ASKS));
    assert!(script.answer_last(0, r#"{"content":[{"type":"text","text":"well"}]}"#).is_empty());
    script.swap();
    let effects = script.ask(8, "tools/call", &back("{}", &asked));
    assert!(has(&effects, &["answer 8", "the policies changed"]), "{effects:?}");
    assert!(!has(&effects, &["well"]), "{effects:?}");
    assert!(has(&script.record(), &["gateway.mask", "the policies changed"]));
}

#[test]
fn what_a_client_is_asked_when_it_comes_back_is_masked_by_the_policies_of_then() {
    let mut script = samples();
    script.call(7, "{}");
    let first = asked(&script.server(0, ASKS));
    let second = ASKS.replace(r#""id":"s""#, r#""id":"t""#);
    let second = second.replace(r#""messages""#, r#""note":"swordfish-1","messages""#);
    assert!(script.server(0, &second).is_empty(), "its client is away");
    script.cover("note");
    let effects = script.ask(8, "tools/call", &back("{}", &first));
    assert!(has(&effects, &["answer 8", "input_required", "********"]), "{effects:?}");
    assert!(!has(&effects, &["swordfish"]), "{effects:?}");
}

#[test]
fn no_client_can_guess_what_another_is_asked_under() {
    let mut states = BTreeSet::new();
    for _ in 0..8 {
        let mut script = samples();
        script.call(7, "{}");
        let (state, _) = asked(&script.server(0, ASKS));
        assert!(state.len() >= 22 && states.insert(state));
    }
}

#[test]
fn a_session_that_is_to_end_waits_for_clients_that_are_away_and_records_what_they_lose() {
    let mut script = samples();
    script.call(7, "{}");
    script.server(0, ASKS);
    assert!(!script.conversation.is_idle());
    script.conversation.finish("the session is over", "");
    assert!(has(&script.record(), &["gateway.ended", "the session is over"]));
    assert!(script.conversation.is_idle());
}

#[test]
fn a_call_that_a_policy_rewrote_goes_on_as_it_was_asked() {
    let mut script = samples();
    script.call(7, r#"{"draft":false}"#);
    let asked = asked(&script.server(0, ASKS));
    let effects = script.ask(8, "tools/call", &back(r#"{"draft":false}"#, &asked));
    assert!(has(&effects, &["server 0", r#""role":"x""#]), "{effects:?}");
}

#[test]
fn a_client_hears_what_it_subscribed_to_by_its_stream_until_it_leaves() {
    let mut script = samples();
    let wanted = r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["a:b"]}}"#;
    let effects = script.ask(7, "subscriptions/listen", wanted);
    assert!(has(&effects, &["server 0", "resources/subscribe", r#""uri":"a:b""#]), "{effects:?}");
    let heard = r#""io.modelcontextprotocol/subscriptionId":7"#;
    let told = ["tell 7", "acknowledged", r#""toolsListChanged":true"#, "a:b", heard];
    assert!(has(&effects, &told) && !has(&effects, &["prompts"]), "{effects:?}");
    assert!(has(&script.record(), &["allow", "resources/subscribe files.a:b"]));
    let says = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{params}}}"#)
    };
    let updated = says("resources/updated", r#"{"uri":"a:b"}"#);
    assert!(has(&script.server(0, &updated), &["tell 7", "updated", heard]));
    assert!(has(&script.server(0, &says("resources/updated", r#"{"uri":"a:b/c"}"#)), &["tell 7"]));
    for other in [
        says("resources/updated", r#"{"uri":"a:bc"}"#),
        says("prompts/list_changed", "{}"),
        says("message", r#"{"level":"info","data":"x"}"#),
    ] {
        assert!(script.server(0, &other).is_empty(), "{other}");
    }
    assert!(script.conversation.is_idle(), "a session that is to end does not wait for it");
    script.conversation.abandoned(7);
    assert!(has(&script.effects(), &["server 0", "resources/unsubscribe"]));
    assert!(script.server(0, &updated).is_empty());
}

#[test]
fn a_subscription_ends_with_the_session_in_so_many_words() {
    let mut script = samples();
    script.ask(7, "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    script.conversation.finish("the session is over", "");
    let effects = script.effects();
    assert!(has(&effects, &["answer 7", "complete", "subscriptionId"]), "{effects:?}");
}

#[test]
fn nobody_subscribes_to_what_is_denied_or_not_known() {
    let mut script = samples();
    let denied = r#"{"notifications":{"resourceSubscriptions":["a:b","a:forbidden"]}}"#;
    let effects = script.ask(7, "subscriptions/listen", denied);
    assert!(has(&effects, &["answer 7", "by-word"]) && !has(&effects, &["server"]), "{effects:?}");
    for params in [
        "{}",
        r#"{"notifications":{"taskIds":["a"]}}"#,
        r#"{"notifications":{"toolsListChanged":1}}"#,
        r#"{"notifications":{},"other":1}"#,
        r#"{"notifications":{"resourceSubscriptions":["file:///a/../b"]}}"#,
    ] {
        let effects = script.ask(8, "subscriptions/listen", params);
        assert!(has(&effects, &["answer 8", "-32602"]), "{params}: {effects:?}");
    }
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
fn what_headers_repeat_of_arguments_must_be_what_is_judged() {
    let mut script = samples();
    let marked = TOOLS.replace(
        r#""path":{"type":"string"}"#,
        r#""path":{"type":"string","x-mcp-header":"Path"}"#,
    );
    script.server(0, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    script.answer_last(0, &marked);
    let mut call = |id: u64, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, said)| ((*name).into(), (*said).into()));
        script.conversation.mirror(headers.collect());
        script.call(id, r#"{"path":"a"}"#)
    };
    // Whose words nobody approved, of that nothing is known to be repeated.
    assert!(has(&call(7, &[("path", "a")]), &["answer 7", "-32020"]));
    assert!(call(8, &[]).is_empty(), "it is held");
    script.decide(granted());
    let mut call = |id: u64, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, said)| ((*name).into(), (*said).into()));
        script.conversation.mirror(headers.collect());
        script.call(id, r#"{"path":"a"}"#)
    };
    for headers in [&[("path", "b")][..], &[], &[("path", "a"), ("other", "x")]] {
        let effects = call(9, headers);
        assert!(has(&effects, &["answer 9", "-32020"]), "{headers:?}: {effects:?}");
        assert!(!has(&effects, &["server"]), "{headers:?}: {effects:?}");
    }
    assert!(has(&call(10, &[("path", "a")]), &["server 0", "tools/call"]));
}

#[test]
fn nothing_is_asked_that_is_not_allowed() {
    let mut script = Script::stateless(settings(&["files"]));
    script.call(7, "{}");
    let effects = script.server(0, ASKS);
    assert!(has(&effects, &["server 0", "gateway.sampling"]), "{effects:?}");
    assert_eq!(effects.len(), 1, "{effects:?}");
}
