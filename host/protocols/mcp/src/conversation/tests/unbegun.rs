//! Servers that have no sessions.

use super::script::{Script, TOOLS, settings};
use super::*;

const CAPABILITIES: &str =
    r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}}"#;
const SAYS: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;

/// A session whose server refused to be initialized, and was asked what it has.
fn begun(said: &str) -> Script {
    let mut script = Script::beginning(settings(&["files"]));
    let refused = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no"}}"#;
    let effects = script.server(0, refused);
    assert!(has(&effects, &["server 0", "server/discover", SAYS]), "{effects:?}");
    script.answer_last(0, said);
    script
}

fn discovered() -> Script {
    let said = format!(
        r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{CAPABILITIES}}}"#
    );
    let mut script = begun(&said);
    let lists = |due: &Due| matches!(due, Due::Page { .. });
    let due = script.conversation.due.iter().find(|(_, due)| lists(due));
    let id = due.unwrap().0.1;
    let tools = json(TOOLS).to_text();
    let effects = script.server(0, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{tools}}}"#));
    assert!(has(&effects, &["answer 1", r#""protocolVersion":"2025-06-18""#]), "{effects:?}");
    assert!(!has(&effects, &["logging"]), "{effects:?}");
    script
}

#[test]
fn every_request_says_what_there_is_to_know() {
    let mut script = discovered();
    let params = r#"{"name":"read","arguments":{},"_meta":{"progressToken":"p","other":1}}"#;
    let effects = script.ask(7, "tools/call", params);
    let parts =
        ["server 0", "tools/call", SAYS, "clientCapabilities", "clientInfo", "progressToken"];
    assert!(has(&effects, &parts) && !has(&effects, &["other"]), "{effects:?}");
    let effects = script.answer_last(0, r#"{"resultType":"complete","content":[]}"#);
    assert_eq!(effects, [r#"answer 7 {"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#]);
}

#[test]
fn what_it_asks_for_by_a_result_is_refused() {
    let mut script = discovered();
    script.call(7, "{}");
    let asks = r#"{"resultType":"input_required","requestState":"s","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"Your key?"}}}}"#;
    let effects = script.answer_last(0, asks);
    assert!(has(&effects, &["answer 7", "gateway.result-type"]), "{effects:?}");
    assert!(!has(&effects, &["Your key"]), "{effects:?}");
}

#[test]
fn a_subscription_is_answered_once_it_is_heard_and_ends_with_it() {
    let mut script = discovered();
    let effects = script.ask(7, "resources/subscribe", r#"{"uri":"a:b"}"#);
    assert!(has(&effects, &["server 0", "subscriptions/listen", "a:b", SAYS]), "{effects:?}");
    let (_, id) = *script.conversation.due.keys().next_back().unwrap();
    let heard = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    );
    assert!(has(&script.server(0, &heard), &["answer 7", r#""result":{}"#]));
    assert!(script.server(0, &heard).is_empty(), "it is answered once");
    let effects = script.ask(8, "resources/unsubscribe", r#"{"uri":"a:b"}"#);
    let cancelled = format!(r#""requestId":{id}"#);
    assert!(has(&effects, &["server 0", "notifications/cancelled", &cancelled]), "{effects:?}");
    assert!(has(&effects, &["answer 8", r#""result":{}"#]), "{effects:?}");
}

#[test]
fn a_subscription_that_ends_before_it_is_heard_is_answered() {
    let mut script = discovered();
    script.ask(7, "resources/subscribe", r#"{"uri":"a:b"}"#);
    let effects = script.answer_last(0, r#"{"resultType":"complete"}"#);
    assert!(has(&effects, &["answer 7", "before it began"]), "{effects:?}");
    assert!(script.conversation.is_idle(), "it is no longer under way");
}

#[test]
fn a_resource_is_subscribed_to_once_and_only_so_many_are() {
    use super::super::unbegun::MOST_WATCHES;
    let mut script = discovered();
    let subscribe = |uri: usize| format!(r#"{{"uri":"a:{uri}"}}"#);
    for uri in 0..MOST_WATCHES {
        script.ask(100, "resources/subscribe", &subscribe(uri));
        let (_, number) = *script.conversation.due.keys().next_back().unwrap();
        let heard = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{number}}}}}}}"#
        );
        assert!(has(&script.server(0, &heard), &["answer 100", r#""result""#]), "{uri}");
    }
    let effects = script.ask(101, "resources/subscribe", &subscribe(0));
    assert!(has(&effects, &["answer 101", r#""result":{}"#]), "{effects:?}");
    assert!(!has(&effects, &["server"]), "{effects:?}");
    let effects = script.ask(102, "resources/subscribe", &subscribe(MOST_WATCHES));
    assert!(has(&effects, &["answer 102", "too many resources"]), "{effects:?}");
    assert!(!has(&effects, &["server"]), "{effects:?}");
}

#[test]
fn a_server_that_speaks_no_known_revision_is_left_out() {
    for said in [
        r#"{"resultType":"complete","supportedVersions":["2027-01-01"],"capabilities":{}}"#,
        r#"{"resultType":"other","supportedVersions":["2026-07-28"],"capabilities":{}}"#,
        "{}",
    ] {
        assert!(begun(said).conversation.is_lost(), "{said}");
    }
}
