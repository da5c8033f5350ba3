//! What servers say, as clients see it and as the record keeps it.

use super::*;

#[test]
fn what_a_result_holds_is_masked_wherever_it_lies() {
    let mut script = one();
    script.call(7, "{}");
    let result = r#"{"content":[
        {"type":"text","text":"{\"user\":\"a\",\"db_password\":\"hunter2hunter2\"}"},
        {"type":"text","text":"it is {\n\"my_password\":\"between-words\"} or hunter2hunter2, with AKIAIOSFODNN7EXAMPLE"},
        {"type":"image","data":"aHVudGVyMg==","mimeType":"image/png"},
        {"type":"resource","resource":{"uri":"file:///x","blob":"aHVudGVyMg=="}},
        {"type":"resource","resource":{"uri":"file:///y","text":"Password\n{\"PASSWORD\":12345}"}},
        {"type":"video","data":"aHVudGVyMg=="}],
        "structuredContent":{"password":"hunter2hunter2","n":[{"my_password":{"a":"inner-secret"}}]},
        "other":"hunter2hunter2","_meta":{"x":"hunter2hunter2"}}"#;
    let effects = script.answer_last(0, result);
    let told = effects.join("\n") + &script.record().join("\n");
    for secret in ["hunter2", "AKIAIOSF", "aHVudGVyMg", "12345", "inner-secret", "between-words"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    assert!(has(&effects, &[r#"\"user\":\"a\""#, "image withheld"]), "{effects:?}");
}

#[test]
fn json_in_a_string_of_a_structured_result_is_covered_by_its_keys() {
    let mut script = one();
    script.call(7, "{}");
    let result = r#"{"content":[],"structuredContent":{"result":"{\"n\":7,\"password\":\"abcd\"}","note":"a: b"}}"#;
    let effects = script.answer_last(0, result);
    let told = effects.join("\n") + &script.record().join("\n");
    assert!(!told.contains("abcd"), "{told}");
    assert!(has(&effects, &[r#"\"n\":7"#, "a: b"]), "{effects:?}");
}

#[test]
fn json_in_strings_within_json_is_covered_by_its_keys() {
    let within = |count| {
        let inner = Json::object([("password", Json::text("pw-1")), ("n", Json::number(7))]);
        (0..count).fold(inner, |inner, _| Json::object([("Body", Json::text(inner.to_text()))]))
    };
    let broken = |json: &Json| format!("oo\", {}", json.to_text().trim_start_matches('{'));
    for count in 1..=3 {
        let json = within(count);
        let text = Json::text(json.to_text()).to_text();
        let cut = Json::text(broken(&json)).to_text();
        let open = Json::text(json.to_text().trim_end_matches(['}', '"', '\\'])).to_text();
        for result in [
            format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#),
            format!(r#"{{"content":[{{"type":"text","text":{cut}}}]}}"#),
            format!(r#"{{"content":[{{"type":"text","text":{open}}}]}}"#),
            format!(r#"{{"content":[],"structuredContent":{}}}"#, json.to_text()),
        ] {
            let mut script = one();
            script.call(7, "{}");
            let effects = script.answer_last(0, &result);
            assert!(has(&effects, &["answer 7", "********", "Body", "n"]), "{effects:?}");
            assert!(!has(&effects, &["pw-1"]), "{effects:?}");
        }
    }
}

#[test]
fn json_in_more_strings_than_are_looked_into_is_withheld() {
    let mut json = Json::object([("password", Json::text("pw-1"))]);
    for _ in 0..6 {
        json = Json::object([("Body", Json::text(json.to_text()))]);
    }
    let mut script = one();
    script.call(7, "{}");
    let result = format!(r#"{{"content":[],"structuredContent":{}}}"#, json.to_text());
    let effects = script.answer_last(0, &result);
    assert!(has(&effects, &["answer 7", "withheld", "gateway.mask"]), "{effects:?}");
    assert!(!has(&effects, &["pw-1"]), "{effects:?}");
}

#[test]
fn literals_and_escaped_json_in_a_text_are_covered_by_their_keys() {
    for (text, shown) in [
        (
            "[{'id': 1, 'password': 'pw-1', 'n': 7}]",
            r#"[{'id': 1, 'password': \"********\", 'n': 7}]"#,
        ),
        ("{'password': [b'pw-1', 2], 'n': 7}", r#"{'password': \"********\", 'n': 7}"#),
        (r#"f("{\"password\": \"pw-1\", \"n\": 7}")"#, r#"\\\": \\\"********\\\", \\\"n"#),
        (r#""password": pw-1, "my_password": 123-pw-1"#, "ask"),
    ] {
        let mut script = one();
        script.call(7, "{}");
        let text = Json::text(text.replace(": pw-1", ": ask")).to_text();
        let result = format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#);
        let effects = script.answer_last(0, &result);
        assert!(has(&effects, &["answer 7", shown]), "{effects:?}");
        assert!(!has(&effects, &["pw-1"]), "{effects:?}");
    }
}

#[test]
fn a_text_that_is_called_a_picture_is_masked_as_a_text() {
    let mut script = one();
    script.ask(7, "resources/read", r#"{"uri":"a:b"}"#);
    let result = r#"{"contents":[{"uri":"a:b","mimeType":"image/plain-sight","text":"AKIAIOSFODNN7EXAMPLE"}]}"#;
    assert!(!has(&script.answer_last(0, result), &["AKIA"]));
    script.call(8, "{}");
    let result = r#"{"content":[{"type":"image","mimeType":"image/plain-sight","data":"aGk="}]}"#;
    assert!(has(&script.answer_last(0, result), &["aGk="]), "what no policy masks passes");
}

#[test]
fn what_was_covered_once_is_covered_wherever_it_comes_again() {
    let mut script = one();
    script.call(7, "{}");
    script.answer_last(0, r#"{"content":[],"structuredContent":{"password":"with \"quotes\" 1","my_password":123456}}"#);
    script.call(8, "{}");
    let again = r#"{"content":[{"type":"text","text":"{\"n\": 123456, \"t\": \"with \\\"quotes\\\" 1\"}"}]}"#;
    let effects = script.answer_last(0, again);
    assert!(!has(&effects, &["123456"]) && !has(&effects, &["quotes"]), "{effects:?}");
    assert!(has(&effects, &["********"]), "{effects:?}");
}

#[test]
fn json_that_begins_or_ends_outside_a_text_is_covered_by_its_keys() {
    // The first lines of a file, its last, one that breaks off in a value, and an object in a list that breaks off.
    for text in [
        r#"[{"password":"hunter-2","n":"#,
        r#"oo","my_password" : 40001}]"#,
        r#"{"n":1,"passwords":["hunter-2", {"a":"hunter-2"#,
        r#"{"password":"hunter-2"#,
        r#"[{"password":{"a":"hunter-2"},"n":"#,
    ] {
        let mut script = one();
        script.call(7, "{}");
        let text = Json::text(text).to_text();
        let result = format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#);
        let effects = script.answer_last(0, &result);
        assert!(has(&effects, &["answer 7", "********"]), "{effects:?}");
        assert!(!has(&effects, &["hunter-2"]) && !has(&effects, &["40001"]), "{effects:?}");
    }
}

#[test]
fn words_in_quotation_marks_are_left_as_they_are() {
    let mut script = one();
    script.call(7, "{}");
    let text = r#"{"content":[{"type":"text","text":"\"password\": ask; \"a\": 1, {\"b\": 2} \"c\": {"}]}"#;
    let effects = script.answer_last(0, text);
    assert!(has(&effects, &["answer 7", "ask"]), "{effects:?}");
    assert!(!has(&effects, &["****"]), "{effects:?}");
}

#[test]
fn an_error_of_a_server_is_masked_and_told() {
    let mut script = one();
    script.call(7, "{}");
    let (_, id) = *script.conversation.due.keys().next_back().unwrap();
    let effects = script.server(0, &format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-5,"message":"AKIAIOSFODNN7EXAMPLE failed: {{\"password\":\"pw-1\"}}","data":{{"password":"pw"}}}}}}"#
    ));
    assert!(has(&effects, &["answer 7", r#""code":-5"#, "failed"]), "{effects:?}");
    assert!(!has(&effects, &["AKIA"]) && !has(&effects, &["\"pw\""]));
    assert!(!has(&effects, &["pw-1"]), "{effects:?}");
}

#[test]
fn what_completes_an_argument_is_covered_as_a_value_of_its_name() {
    for (name, is_shown) in [("my_password", false), ("owner", true)] {
        let mut script = one();
        let params = format!(
            r#"{{"ref":{{"type":"ref/prompt","name":"a"}},"argument":{{"name":"{name}","value":"p"}}}}"#
        );
        script.ask(7, "completion/complete", &params);
        let result = r#"{"completion":{"values":["pw-1"]}}"#;
        let effects = script.answer_last(0, result);
        assert!(has(&effects, &["answer 7", "values"]), "{effects:?}");
        assert_eq!(has(&effects, &["pw-1"]), is_shown, "{effects:?}");
    }
}

#[test]
fn what_a_server_asks_with_is_masked_pictures_and_bytes_included() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    let asks = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[
        {"role":"user","content":[{"type":"image","data":"aHVudGVyMg==","mimeType":"image/png"},
        {"type":"text","text":"AKIAIOSFODNN7EXAMPLE"},{"type":"resource","resource":{"uri":"a:b","blob":"aHVudGVyMg=="}}]}]}}"#;
    let effects = script.server(0, asks);
    assert!(has(&effects, &["tell -", "sampling/createMessage", "withheld"]), "{effects:?}");
    assert!(!has(&effects, &["aHVudGVy"]) && !has(&effects, &["AKIA"]), "{effects:?}");
}

#[test]
fn what_a_server_asks_with_and_what_it_is_answered_is_recorded_masked() {
    for allowed in [true, false] {
        let allow = Reverse { sampling: allowed, ..Reverse::default() };
        let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
        let asks = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[
            {"role":"user","content":{"type":"text","text":"say AKIAIOSFODNN7EXAMPLE"}}],"password":"hunter2hunter2"}}"#;
        script.server(0, asks);
        if let Some(key) = script.conversation.owed.keys().next() {
            let answer = r#"{"role":"x","my_password":"swordfish-1"}"#;
            let answer = format!(r#"{{"jsonrpc":"2.0","id":"palisade-{key}","result":{answer}}}"#);
            let effects = script.client(5, &answer);
            assert!(has(&effects, &["server 0", "swordfish-1"]), "{effects:?}");
        }
        let record = script.record().join("\n");
        assert!(record.contains("sampling/createMessage"), "{record}");
        for secret in ["AKIA", "hunter2", "swordfish"] {
            assert!(!record.contains(secret), "{secret} in {record}");
        }
    }
}

#[test]
fn what_tools_say_of_themselves_is_masked_in_lists_and_approved_as_it_is() {
    let mut script = one();
    let says = TOOLS
        .replace("Reads.", "Reads with AKIAIOSFODNN7EXAMPLE.")
        .replace(r#"{"type":"string"}"#, r#"{"type":"string","default":"AKIAIOSFODNN7EXAMPLE"}"#);
    script.server(0, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    script.answer_last(0, &says);
    script.call(7, "{}");
    script.decide(granted());
    script.answer_last(0, r#"{"content":[]}"#);
    script.ask(8, "tools/list", "{}");
    let effects = script.answer_last(0, &says);
    assert!(has(&effects, &["answer 8", r#""name":"read""#, "Reads with "]), "{effects:?}");
    assert!(!has(&effects, &["AKIA"]), "{effects:?}");
}

#[test]
fn what_comes_is_masked_by_the_policies_of_when_it_comes() {
    let secret = r#"{"note":"swordfish-1"}"#;
    let mut script = one();
    script.call(7, "{}");
    script.cover("note");
    let effects = script.answer_last(0, &format!(r#"{{"structuredContent":{secret}}}"#));
    assert!(has(&effects, &["answer 7", "********"]), "{effects:?}");
    // A client that only listens asks for nothing meanwhile.
    let logs = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":{secret}}}}}"#
    );
    let mut script = one();
    assert!(has(&script.server(0, &logs), &["tell -", "swordfish"]));
    script.cover("note");
    let effects = script.server(0, &logs);
    assert!(has(&effects, &["tell -", "********"]), "{effects:?}");
    assert!(!has(&effects, &["swordfish"]), "{effects:?}");
}

#[test]
fn what_was_held_is_masked_by_the_policies_of_when_it_is_decided() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    let asks = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[],"systemPrompt":"risky","note":"swordfish-1"}}"#;
    assert!(script.server(0, asks).is_empty());
    script.cover("note");
    let effects = script.decide(granted());
    assert!(has(&effects, &["sampling/createMessage", "********"]), "{effects:?}");
    assert!(!has(&effects, &["swordfish"]), "{effects:?}");
}

#[test]
fn what_is_to_be_done_is_known_by_the_oldest_policies_that_masked_it() {
    let mut script = one();
    let before = script.conversation.take_effects().0;
    let ping = r#"{"jsonrpc":"2.0","id":"s","method":"ping"}"#;
    let ping = || Incoming::Message(Message::read(ping.as_bytes(), false).unwrap().remove(0));
    script.conversation.server(0, ping());
    script.swap();
    script.conversation.server(0, ping());
    let (edition, effects) = script.conversation.take_effects();
    assert_eq!((edition, effects.len()), (before, 2));
    script.conversation.server(0, ping());
    assert_eq!(script.conversation.take_effects().0, script.conversation.teller().newest());
}

#[test]
fn members_that_are_not_masked_are_of_their_type_alone() {
    let mut script = one();
    let complete =
        r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"b"}}"#;
    script.ask(7, "completion/complete", complete);
    let result =
        r#"{"completion":{"values":["a"],"total":"swordfish","hasMore":{"password":"x"}}}"#;
    let effects = script.answer_last(0, result);
    assert!(has(&effects, &["answer 7", r#"{"completion":{"values":["a"]}}"#]), "{effects:?}");
    script.ask(8, "completion/complete", complete);
    let result = r#"{"completion":{"values":["a"],"total":5,"hasMore":true}}"#;
    assert!(has(&script.answer_last(0, result), &[r#""total":5,"hasMore":true"#]));
}

#[test]
fn pictures_sounds_and_bytes_are_base64_or_withheld() {
    let media = "image/plain-sight";
    for (data, passes) in [
        (r#""aGk=""#, true),
        (r#""_-8""#, true),
        (r#""my swordfish""#, false),
        (r#"{"note":"swordfish"}"#, false),
        (r#"["swordfish"]"#, false),
    ] {
        let mut script = one();
        script.call(7, "{}");
        let result = format!(
            r#"{{"content":[{{"type":"image","mimeType":"{media}","data":{data}}},
            {{"type":"audio","mimeType":"{media}","data":{data}}},
            {{"type":"resource","resource":{{"uri":"a:b","mimeType":"{media}","blob":{data}}}}}]}}"#
        );
        let effects = script.answer_last(0, &result);
        assert!(has(&effects, &["answer 7"]) && !has(&effects, &["swordfish"]), "{effects:?}");
        assert_eq!(has(&effects, &["withheld"]), !passes, "{effects:?}");
        let parts = ["audio", "image", "blob", data];
        assert_eq!(has(&effects, &parts), passes, "{effects:?}");
    }
}

#[test]
fn an_address_that_was_updated_is_masked_and_told_to_who_subscribed_to_it() {
    let updated = |uri: &str| {
        let method = "notifications/resources/updated";
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"uri":"{uri}"}}}}"#)
    };
    let mut script = one();
    assert!(script.server(0, &updated("a:b")).is_empty(), "nobody subscribed");
    let denied = script.ask(7, "resources/subscribe", r#"{"uri":"a:forbidden"}"#);
    assert!(has(&denied, &["answer 7", "by-word"]), "{denied:?}");
    assert!(script.server(0, &updated("a:forbidden")).is_empty());
    script.ask(8, "resources/subscribe", r#"{"uri":"a:b"}"#);
    script.answer_last(0, "{}");
    assert!(has(&script.server(0, &updated("a:b")), &["tell -", "updated", r#""a:b""#]));
    assert!(script.server(0, &updated("a:bc")).is_empty());
    let effects = script.server(0, &updated("a:b/AKIAIOSFODNN7EXAMPLE"));
    assert!(has(&effects, &["tell -", "a:b/"]) && !has(&effects, &["AKIA"]), "{effects:?}");
    script.ask(9, "resources/unsubscribe", r#"{"uri":"a:b"}"#);
    assert!(script.server(0, &updated("a:b")).is_empty());
    let listen = r#"{"notifications":{"resourceSubscriptions":["a:b"]}}"#;
    let mut script = Script::stateless(settings(&["files"]));
    script.ask(7, "subscriptions/listen", listen);
    let effects = script.server(0, &updated("a:b/AKIAIOSFODNN7EXAMPLE"));
    assert!(has(&effects, &["tell 7", "a:b/"]) && !has(&effects, &["AKIA"]), "{effects:?}");
}

#[test]
fn an_error_by_which_a_client_answers_is_recorded_masked() {
    let allow = Reverse { sampling: true, ..Reverse::default() };
    let mut script = Script::begun(Settings { allow, ..settings(&["files"]) });
    let asks = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{}}"#;
    script.server(0, asks);
    let key = *script.conversation.owed.keys().next().unwrap();
    let error = r#"{"code":-1,"message":"no AKIAIOSFODNN7EXAMPLE for you"}"#;
    let answer = format!(r#"{{"jsonrpc":"2.0","id":"palisade-{key}","error":{error}}}"#);
    assert!(has(&script.client(5, &answer), &["server 0", "for you"]));
    assert!(has(&script.record(), &["error -1", "for you"]), "{:?}", script.record());
    assert!(!has(&script.record(), &["AKIA"]), "{:?}", script.record());
}
