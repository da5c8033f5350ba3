//! gRPC services: calls are judged by service and method and by what their messages say, and the agent never holds what lets it in.

use serde_json::{Value, json};

use crate::harness::{
    Authority, Caller, SECRET, Shop, before_shops, descriptor_file, descriptors, run, shop, until,
};

const BEARER: &str = "login = \"bearer\"\npassword = { env = \"API_SECRET\" }";

/// Denies one method, what customers of a name order and what they say, and holds placing.
const POLICY: &str = r#"
[[use]]
plugin = "http-guard"
on = { protocols = ["grpc"] }
[use.config]
incomplete = "allow"
[[use.config.rules]]
name = "no-failing"
paths = ["/shop.v1.Orders/Fail"]
then = "deny"
hint = "Succeed instead."
[[use.config.rules]]
name = "no-mallory"
values = { "body:customer.name" = ["mallory"] }
then = "deny"
[[use.config.rules]]
name = "no-rudeness"
values = { "body:text" = ["rude"] }
then = "deny"
[[use.config.rules]]
name = "big"
paths = ["/shop.v1.Orders/Place"]
fields = ["voucher"]
then = { hold = { approvers = ["approver"] } }
"#;

/// Covers passwords and tokens by their names, and keys by what they look like.
const MASKS: &str = r#"
[[use]]
plugin = "mask-secrets"
on = { protocols = ["grpc"] }
[use.config]
names = ["*password*", "*token*", "secret"]
detect = ["aws-key"]
"#;

fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap()
}

fn details(answer: &Value) -> &str {
    answer["details"].as_str().unwrap()
}

#[test]
fn all_kinds_of_calls_pass_in_both_directions_at_once_by_tls_and_in_clear_known_and_unknown() {
    for lines in [BEARER.to_owned(), format!("{BEARER}\n{}", descriptors())] {
        let service = Shop::start();
        let gateway = shop(&service, &lines, "");
        let token = gateway.token("agent-7", "shop-agent");
        for variables in [
            vec![],
            vec![("CONNECTION", "shop"), ("HEADER", "palisade-token")],
            vec![("CA", ""), ("HEADER", "palisade-token")],
            vec![("CA", "")],
        ] {
            let mut caller = Caller::with(&gateway, &token, &variables);
            let got = caller.call("Get", json!({ "id": "7" }));
            assert_eq!(got["answers"][0]["customer"]["name"], "Ada", "{got}");
            let listed = caller.call("List", json!({ "id": "7", "count": 3 }));
            assert_eq!(listed["count"], 3, "{listed}");
            let lines = json!([{ "text": "a" }, { "text": "b" }]);
            let counted = caller.call("Upload", lines.clone());
            assert_eq!(counted["answers"][0]["lines"], 2, "{counted}");
            // Each line is sent when the one before was answered.
            let what = json!({ "call": "Talk", "send": lines, "turns": true });
            assert_eq!(caller.ask(what)["answers"], lines);
        }
    }
}

#[test]
fn the_service_gets_the_gateways_credential_and_not_the_token_and_what_it_repeats_is_covered() {
    let service = Shop::start();
    let gateway = shop(&service, BEARER, "");
    let token = gateway.token("agent-7", "shop-agent");
    let mut caller = Caller::with(&gateway, &token, &[]);
    let answer = caller.ask(json!({
        "call": "Get", "send": { "id": "echo" }, "metadata": { "x-own": "kept" },
    }));
    let note = answer["answers"][0]["note"].as_str().unwrap();
    assert!(note.contains("x-own") && note.contains("Bearer ****"), "{note}");
    assert!(!note.contains(&token) && !note.contains(SECRET), "{note}");
    assert_eq!(answer["before"]["x-before"], "1");
    assert_eq!(answer["before"]["x-bytes-bin"], "0001");
    assert_eq!(answer["after"]["x-after"], "2");
    assert_eq!(answer["after"]["x-after-bin"], "fffe");
    // What it repeats in its trailers, and in their bytes.
    let failed = caller.call("Fail", json!({ "id": format!("sad: 100% né {SECRET}") }));
    assert_eq!(code(&failed), "FAILED_PRECONDITION");
    assert!(details(&failed).starts_with("sad: 100% né ****"), "{failed}");
    assert!(failed["after"]["x-told"].as_str().unwrap().starts_with("Bearer ****"), "{failed}");
    assert!(failed["after"].get("grpc-status-details-bin").is_none(), "{failed}");
    let kept = gateway.everything_kept();
    assert!(!kept.contains(&token), "the token is kept");
}

#[test]
fn a_denied_call_reaches_nobody_and_says_the_rule_and_the_session() {
    let service = Shop::start();
    let gateway = shop(&service, BEARER, POLICY);
    let mut caller = Caller::new(&gateway, "shop-agent");
    let denied = caller.call("Fail", json!({ "id": "7" }));
    assert_eq!(code(&denied), "PERMISSION_DENIED");
    let session = gateway.json(&["sessions", "list"])[0]["id"].as_str().unwrap().to_owned();
    for part in ["http-guard.no-failing", &session, "Succeed instead."] {
        assert!(details(&denied).contains(part), "{part}: {denied}");
    }
    assert_eq!(denied["after"]["palisade-rule"], "http-guard.no-failing");
    // Methods that are spelt otherwise are others, or none.
    let odd = json!({ "call": "Fail", "as": "../Orders/Fail", "send": { "id": "7" } });
    assert_eq!(code(&caller.ask(odd)), "INVALID_ARGUMENT");
    let odd = json!({ "call": "Fail", "as": "%46ail", "send": { "id": "7" } });
    assert_eq!(code(&caller.ask(odd)), "PERMISSION_DENIED");
}

#[test]
fn who_is_nobody_is_unauthenticated_whatever_the_cause() {
    let service = Shop::start();
    let gateway = shop(&service, BEARER, "");
    let token = gateway.token("agent-7", "shop-agent");
    let other = gateway.token("agent-8", "support-agent");
    let mut told = Vec::new();
    for (token, connection) in [("nonsense", "shop"), (&token, "elsewhere"), (&other, "shop")] {
        let variables = [("CONNECTION", connection)];
        let mut caller = Caller::with(&gateway, token, &variables);
        let answer = caller.call("Get", json!({ "id": "7" }));
        assert_eq!(code(&answer), "UNAUTHENTICATED", "{answer}");
        told.push(details(&answer).to_owned());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn what_messages_say_is_judged_before_they_are_sent_and_in_streams_one_by_one() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), POLICY);
    let mut caller = Caller::new(&gateway, "shop-agent");
    let order = |name: &str| json!({ "id": "7", "customer": { "name": name } });
    assert_eq!(code(&caller.call("Place", order("Ada"))), "OK");
    let denied = caller.call("Place", order("Mallory"));
    assert_eq!(code(&denied), "PERMISSION_DENIED");
    assert!(details(&denied).contains("http-guard.no-mallory"), "{denied}");
    let lines = json!([{ "text": "fine" }, { "text": "rude" }, { "text": "unsaid" }]);
    let talked = caller.ask(json!({ "call": "Talk", "send": lines, "turns": true }));
    assert_eq!(code(&talked), "PERMISSION_DENIED", "{talked}");
    assert_eq!(talked["answers"], json!([{ "text": "fine" }]));
    // Compressed it is read as well.
    let packed = json!({ "call": "Place", "send": order("mallory"), "gzip": true });
    assert_eq!(code(&caller.ask(packed)), "PERMISSION_DENIED");
    let send = json!({ "id": "7", "tags": vec!["the same again"; 50] });
    let packed = json!({ "call": "Place", "send": send, "gzip": true });
    assert_eq!(code(&caller.ask(packed)), "OK");
}

#[test]
fn messages_that_servers_read_each_in_its_way_are_refused() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), POLICY);
    let mut caller = Caller::new(&gateway, "shop-agent");
    // The customer twice, of which the second is Mallory; a name as a group; a voucher and a card.
    for raw in ["1205 0a03416461 1209 0a074d616c6c6f7279", "13 0a03416461 14", "420161 4a0162"] {
        let raw = raw.replace(' ', "");
        let answer = caller.ask(json!({ "call": "Place", "raw": [raw] }));
        assert_eq!(code(&answer), "INVALID_ARGUMENT", "{answer}");
        assert!(details(&answer).contains("gateway.body"), "{answer}");
    }
    // A field that nobody described: the rule about values must take it for any.
    let answer = caller.ask(json!({ "call": "Place", "raw": ["9a0601 61".replace(' ', "")] }));
    assert_eq!(code(&answer), "PERMISSION_DENIED", "{answer}");
}

#[test]
fn a_held_call_waits_with_its_client_and_is_withdrawn_when_it_cancels_or_its_time_is_over() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), POLICY);
    let mut caller = Caller::new(&gateway, "shop-agent");
    let place = |seconds: u32| {
        let send = json!({ "id": "7", "voucher": "v" });
        json!({ "call": "Place", "send": send, "seconds": seconds })
    };
    caller.send(&place(60));
    let hold = gateway.hold();
    gateway.approve(&hold);
    assert_eq!(code(&caller.next()), "OK");
    assert_eq!(code(&caller.ask(place(1))), "DEADLINE_EXCEEDED");
    until("the withdrawal", || gateway.json(&["approvals", "list"]).is_empty().then_some(()));
    let mut cancelled = place(60);
    cancelled["cancel"] = true.into();
    caller.send(&cancelled);
    assert_eq!(caller.next()["began"], true);
    gateway.hold();
    caller.send(&json!("now"));
    assert_eq!(code(&caller.next()), "CANCELLED");
    until("the withdrawal", || gateway.json(&["approvals", "list"]).is_empty().then_some(()));
}

#[test]
fn what_a_client_cancels_or_does_not_wait_for_is_cancelled_at_its_service() {
    let mut service = Shop::start();
    let gateway = shop(&service, BEARER, "");
    let mut caller = Caller::new(&gateway, "shop-agent");
    caller.send(&json!({ "call": "Sleep", "send": {}, "cancel": true }));
    assert_eq!(caller.next()["began"], true);
    assert_eq!(service.line(), "sleeps True");
    caller.send(&json!("now"));
    assert_eq!(code(&caller.next()), "CANCELLED");
    assert_eq!(service.line(), "cancelled");
    let late = caller.ask(json!({ "call": "Sleep", "send": {}, "seconds": 1 }));
    assert_eq!(code(&late), "DEADLINE_EXCEEDED");
    assert_eq!(service.line(), "sleeps True");
    assert_eq!(service.line(), "cancelled");
    // A session that ends at once ends its calls.
    caller.send(&json!({ "call": "Sleep", "send": {} }));
    assert_eq!(service.line(), "sleeps True");
    assert!(gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]).ok);
    let over = caller.next();
    assert_eq!(code(&over), "UNAUTHENTICATED", "{over}");
    assert!(details(&over).contains("revoked"), "{over}");
    assert_eq!(service.line(), "cancelled");
}

#[test]
fn who_only_reads_calls_what_says_of_itself_that_it_changes_nothing() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), "");
    let mut reader = Caller::new(&gateway, "shop-reader");
    assert_eq!(code(&reader.call("Get", json!({ "id": "7" }))), "OK");
    let denied = reader.call("Place", json!({ "id": "7" }));
    assert_eq!(code(&denied), "PERMISSION_DENIED");
    assert!(details(&denied).contains("gateway.read-only"), "{denied}");
    let unknown = shop(&service, "", "");
    let denied = Caller::new(&unknown, "shop-reader").call("Get", json!({ "id": "7" }));
    assert_eq!(code(&denied), "PERMISSION_DENIED", "{denied}");
}

#[test]
fn answers_are_covered_field_by_field_and_what_could_not_hold_its_cover_is_named() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), MASKS);
    let mut caller = Caller::new(&gateway, "shop-agent");
    let got = caller.call("Get", json!({ "id": "7" }));
    let order = &got["answers"][0];
    assert_eq!(order["customer"]["name"], "Ada", "{got}");
    assert_eq!(order["labels"]["colour"], "red");
    assert_eq!(order["extra"]["kept"], "kept");
    assert_eq!(order["total"], "1250");
    assert_eq!(order["detail"]["name"], "Ada");
    assert_eq!(order["numbers"], json!([1, 2, 300]));
    let text = got.to_string();
    assert!(!text.contains("hunter") && !text.contains("QUtJQUlPU0ZPRE5ON0VYQU1QTEU"), "{text}");
    assert!(order.get("api_token").is_none(), "{order}");
    assert_eq!(got["after"]["palisade-withheld"], "api_token");
    // Bytes beside the messages are in no form that anybody looks into.
    assert!(got["after"].get("x-after-bin").is_none(), "{got}");
    assert_eq!(got["after"]["x-after"], "2");
    let listed = caller.call("List", json!({ "id": "7", "count": 3 }));
    assert_eq!(listed["count"], 3);
    assert!(!listed.to_string().contains("hunter"), "{listed}");
    let failed = caller.call("Fail", json!({ "id": "AKIAIOSFODNN7EXAMPLE is no key" }));
    assert!(!failed.to_string().contains("AKIAIOSFODNN7"), "{failed}");
    assert!(details(&failed).ends_with(" is no key"), "{failed}");
    assert!(!gateway.everything_kept().contains("hunter2"));
}

#[test]
fn a_call_whose_answer_must_be_covered_and_cannot_be_is_not_sent() {
    let service = Shop::start();
    let gateway = shop(&service, "", MASKS);
    let mut caller = Caller::new(&gateway, "shop-agent");
    let withheld = caller.call("Get", json!({ "id": "7" }));
    assert_eq!(code(&withheld), "PERMISSION_DENIED", "{withheld}");
    assert!(details(&withheld).contains("gateway.unmaskable"), "{withheld}");
}

#[test]
fn the_record_has_each_message_by_its_size_and_how_the_call_ended() {
    let service = Shop::start();
    let gateway = shop(&service, &descriptors(), "");
    let mut caller = Caller::new(&gateway, "shop-agent");
    caller.call("List", json!({ "id": "7", "count": 200 }));
    caller.call("Talk", json!([{ "text": "hello" }]));
    caller.call("Fail", json!({ "id": "7" }));
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!(sessions[0]["protocol"], "grpc");
    let session = sessions[0]["id"].as_str().unwrap();
    let replayed = gateway.cli(&["sessions", "replay", session]).stdout;
    for part in [
        "call /shop.v1.Orders/List",
        "(201 rows), 100 of them recorded",
        "0 OK; 1 messages of 6 bytes from the client, 200 of",
        "{\"text\":\"hello\"}",
        "9 FAILED_PRECONDITION; 1 messages of 3 bytes from the client, 0 of 0 from the service",
    ] {
        assert!(replayed.contains(part), "{part}: {replayed}");
    }
}

#[test]
fn many_calls_at_once_and_long_messages_pass_on_one_connection() {
    let service = Shop::start();
    for lines in [String::new(), descriptors()] {
        let gateway = shop(&service, &lines, "");
        let mut caller = Caller::new(&gateway, "shop-agent");
        let what = json!({ "call": "List", "send": { "id": "7", "count": 300 }, "count": true, "at_once": 40 });
        caller.send(&what);
        for _ in 0..40 {
            let answer = caller.next();
            assert_eq!((code(&answer), &answer["count"]), ("OK", &300.into()), "{answer}");
        }
        let long = json!({ "id": "long", "count": 3_000_000 });
        let answer = caller.call("Get", long);
        assert_eq!(answer["answers"][0]["note"].as_str().map(str::len), Some(3_000_000));
        let note = "x".repeat(3_000_000);
        let sent = caller.call("Place", json!({ "id": "7", "note": note }));
        // What is judged is held to the limit of bodies.
        let expected = if lines.is_empty() { "OK" } else { "RESOURCE_EXHAUSTED" };
        assert_eq!(code(&sent), expected, "{sent}");
    }
}

#[test]
fn a_service_by_tls_is_believed_by_its_authority_alone_and_shown_the_gateways_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let own = authority.vouch("gateway");
    let files = tempfile::TempDir::new().unwrap();
    std::fs::write(files.path().join("cert.pem"), &own.certificate).unwrap();
    std::fs::write(files.path().join("key.pem"), &own.key).unwrap();
    let lines = |authority: &Authority| {
        let (ca, files) = (authority.file(), files.path().display());
        let own = format!("{{ certificate = \"{files}/cert.pem\", key = \"{files}/key.pem\" }}");
        format!("{BEARER}\ntls_ca = \"{}\"\ncertificate = {own}", ca.display())
    };
    let service = Shop::start_with_tls(&authority.vouch("127.0.0.1"), Some(&authority));
    let gateway = shop(&service, &lines(&authority), "");
    let answer = Caller::new(&gateway, "shop-agent").call("Get", json!({ "id": "echo" }));
    assert_eq!(code(&answer), "OK", "{answer}");
    let gateway = shop(&service, &lines(&other), "");
    let answer = Caller::new(&gateway, "shop-agent").call("Get", json!({ "id": "7" }));
    assert_eq!(code(&answer), "UNAVAILABLE", "{answer}");
}

#[test]
fn a_service_that_is_not_there_is_unavailable() {
    let service = Shop::start();
    let gateway = shop(&service, "", "");
    drop(service);
    let answer = Caller::new(&gateway, "shop-agent").call("Get", json!({ "id": "7" }));
    assert_eq!(code(&answer), "UNAVAILABLE", "{answer}");
    assert!(details(&answer).contains("cannot be reached"), "{answer}");
}

#[test]
fn nothing_but_calls_passes_where_grpc_is_spoken() {
    let service = Shop::start();
    let gateway = shop(&service, "", "");
    let token = gateway.token("agent-7", "shop-agent");
    let url = format!("https://{}/c/shop/shop.v1.Orders/Get", gateway.address("http"));
    for (version, kind, status) in [
        ("--http2", "application/grpc-web", "HTTP/2 415"),
        ("--http2", "application/json", "HTTP/2 415"),
        ("--http1.1", "application/grpc", "HTTP/1.1 505"),
    ] {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--insecure", "--include", version, &url, "--data", "x"]);
        curl.args(["--header", &format!("Authorization: Bearer {token}")]);
        let outcome = run(curl.args(["--header", &format!("Content-Type: {kind}")]));
        assert!(outcome.stdout.starts_with(status), "{kind}: {outcome:?}");
    }
}

#[test]
fn a_kept_service_has_its_descriptors_in_the_store_and_is_judged_by_them() {
    let service = Shop::start();
    let mut gateway = before_shops("", POLICY);
    let copy = gateway.folder.path().join("copy.pb");
    std::fs::copy(descriptor_file(), &copy).unwrap();
    let url = service.url();
    let mut arguments = vec!["connections", "add", "shop", "--protocol", "grpc", "--address", &url];
    arguments.extend(["--descriptors", copy.to_str().unwrap()]);
    let added = gateway.cli(&arguments);
    assert!(added.ok && added.stdout.contains("shop.v1.Orders"), "{added:?}");
    std::fs::remove_file(&copy).unwrap();
    gateway.kill_and_restart();
    let mut caller = Caller::new(&gateway, "shop-agent");
    let got = caller.call("Get", json!({ "id": "7" }));
    assert_eq!(got["answers"][0]["customer"]["name"], "Ada", "{got}");
    let denied = caller.call("Place", json!({ "id": "8", "customer": { "name": "mallory" } }));
    assert_eq!(code(&denied), "PERMISSION_DENIED", "{denied}");
    let long = gateway.folder.path().join("long.pb");
    std::fs::write(&long, vec![0; 600 * 1024]).unwrap();
    let last = arguments.len() - 1;
    let long = long.to_str().unwrap().to_owned();
    arguments[last] = &long;
    arguments.push("--replace");
    let refused = gateway.cli(&arguments);
    assert!(!refused.ok && refused.stderr.contains("more than 524288 bytes"), "{refused:?}");
}
