//! What a request asks of GraphQL.

use super::*;

#[test]
fn a_graphql_body_becomes_operations_by_field() {
    let body = r#"{"query":"mutation { dropUser(id: 1) { id } }"}"#;
    let command = request("POST", "/graphql", &[JSON], Some(body)).command(&Templates::default());
    let actions: Vec<_> =
        command.operations.iter().map(|o| (o.action.as_str(), o.object.as_str())).collect();
    assert_eq!(actions, [("POST", "/graphql"), ("mutation", "dropUser")]);
    assert!(command.complete);
    let persisted = r#"{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}"#;
    let command =
        request("POST", "/graphql", &[JSON], Some(persisted)).command(&Templates::default());
    assert!(!command.complete, "nobody knows what a stored document says");
    let asked = request("GET", "/graphql?query=%7B%20me%20%7D", &[], None);
    assert_eq!(asked.command(&Templates::default()).operations[1].object, "me");
    let search = request("POST", "/search", &[JSON], Some(r#"{"query":"shoes"}"#));
    assert!(search.command(&Templates::default()).complete);
}

#[test]
fn graphql_is_found_wherever_servers_look_for_it() {
    let deletes = |request: &Request| {
        let command = request.command(&Templates::default());
        !command.complete || command.operations.iter().any(|it| it.object == "dropUser")
    };
    let drop = "query=mutation%7BdropUser%7D";
    for target in ["/graphql/", "/GraphQL", "/v1/graphql.php", "/api", "/graphql?query=%7Bme%7D"] {
        let separator = if target.contains('?') { '&' } else { '?' };
        let request = request("GET", &format!("{target}{separator}{drop}"), &[], None);
        assert!(deletes(&request), "{target}");
        assert!(request.may_mutate(), "{target}");
    }
    // The name in the query is taken before the one in the body.
    let body = r#"{"query":"query A { me } mutation B { dropUser }","operationName":"A"}"#;
    assert!(!deletes(&request("POST", "/graphql", &[JSON], Some(body))));
    assert!(deletes(&request("POST", "/graphql?operationName=B", &[JSON], Some(body))));
    // Other languages' queries are no documents.
    let other = request("GET", "/api/v1/query?query=up%7Bjob%3D%22x%22%7D", &[], None);
    assert!(other.command(&Templates::default()).complete && !other.may_mutate());
}

/// What a message that a client sends by a WebSocket would do.
fn said(path: &str, text: &str) -> Command {
    let opening = request("GET", path, &[], None).head;
    let message = Request::message(&opening, Bytes::copy_from_slice(text.as_bytes()));
    message.command(&Templates::default())
}

#[test]
fn graphql_is_found_in_whatever_servers_wrap_it() {
    for text in [
        r#"{"id":"1","type":"subscribe","payload":{"query":"mutation{dropUser}"}}"#,
        r#"{"id":"1","type":"start","payload":{"query":"mutation{dropUser}"}}"#,
        r#"[{"x":{"query":"mutation{dropUser}"}}]"#,
        r#"{"payload":{"Query":"query A{me} mutation B{dropUser}","operationname":"B"}}"#,
        r#"{"command":"message","data":"{\"query\":\"mutation{dropUser}\"}"}"#,
    ] {
        for command in [
            said("/live", text),
            request("POST", "/api", &[JSON], Some(text)).command(&Templates::default()),
        ] {
            let mut operations = command.operations.iter();
            let drops = operations.any(|it| it.action == "mutation" && it.object == "dropUser");
            assert!(drops && command.complete, "{text}: {command:?}");
        }
        assert!(request("POST", "/api", &[JSON], Some(text)).may_mutate(), "{text}");
    }
    // What one reader takes for a document and this one does not is not accounted for.
    let odd = r#"{"x":{"query":"\"\"\"why\"\"\" mutation{dropUser}"}}"#;
    assert!(!said("/live", odd).complete);
    let stored =
        r#"{"type":"subscribe","payload":{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}}"#;
    assert!(!said("/live", stored).complete);
    assert!(!said("/graphql", r#"{"type":"subscribe","payload":{"documentId":"x"}}"#).complete);
    let batch = r#"[{"query":"{ me }"},{"documentId":"x"}]"#;
    let batch = request("POST", "/graphql", &[JSON], Some(batch));
    assert!(!batch.command(&Templates::default()).complete);
}

#[test]
fn a_message_whose_payload_is_a_text_begins_what_the_text_asks_for() {
    let text = r#"{"id":"1","type":"start","payload":{"data":"{\"query\":\"subscription{onX{id}}\",\"variables\":{}}","extensions":{}}}"#;
    let opening = request("GET", "/graphql", &[], None).head;
    let message = Request::message(&opening, Bytes::copy_from_slice(text.as_bytes()));
    let command = message.command(&Templates::default());
    assert!(command.complete && !message.may_mutate(), "{command:?}");
    let asked = &command.operations[1];
    assert_eq!((asked.action.as_str(), asked.object.as_str()), ("subscription", "onX"));
    // A document elsewhere is not what a server runs that keeps documents by another name.
    for payload in [
        r#"{"documentId":"x","data":"{\"query\":\"{me}\"}"}"#,
        r#"{"documentId":"x","note":{"query":"{me}"}}"#,
        r#"{"extensions":{"note":"{\"query\":\"{me}\"}"}}"#,
        r#"{"data":{"query":"{me}"}}"#,
        r#"{"data":"{\"id\":1}"}"#,
    ] {
        let text = format!(r#"{{"type":"start","payload":{payload}}}"#);
        assert!(!said("/graphql", &text).complete, "{text}");
    }
}

#[test]
fn a_stored_document_that_pairs_name_is_not_accounted_for() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let stored = "extensions=%7B%22persistedQuery%22%3A%7B%22sha256Hash%22%3A%22x%22%7D%7D";
    for (pairs, complete) in [
        (stored.to_owned(), false),
        (format!("query=&{stored}"), false),
        (format!("{stored}&query=+"), false),
        ("extensions=%7B%22\\u0070ersistedQuery%22%3A%7B%7D%7D".to_owned(), false),
        ("extensions[persistedQuery][sha256Hash]=x".to_owned(), false),
        (format!("{stored}&query=%7Bme%7D"), true),
        ("extensions=pdf&note=persistedQuery".to_owned(), true),
    ] {
        let sent = request("POST", "/api", &[form], Some(&pairs));
        assert_eq!(sent.command(&Templates::default()).complete, complete, "{pairs}");
        assert_eq!(sent.may_mutate(), !complete, "{pairs}");
        if !pairs.contains('\\') {
            let asked = request("GET", &format!("/api?{pairs}"), &[], None);
            assert_eq!(asked.command(&Templates::default()).complete, complete, "{pairs}");
        }
    }
    let kind = ("content-type", "multipart/form-data; boundary=b");
    let part = "Content-Disposition: form-data; name=\"extensions\"";
    let body = format!("--b\r\n{part}\r\n\r\n{{\"persistedQuery\":{{}}}}\r\n--b--");
    let sent = request("POST", "/api", &[kind], Some(&body));
    assert!(!sent.command(&Templates::default()).complete);
}

#[test]
fn a_document_that_is_named_by_its_id_is_not_accounted_for_whatever_query_stands_beside_it() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let decoy = r#"{"query":"{me}"}"#;
    for request in [
        request("POST", "/graphql", &[JSON], Some(r#"{"query":"{me}","documentId":"x"}"#)),
        request("POST", "/graphql?documentId=x", &[JSON], Some(decoy)),
        request("POST", "/graphql", &[form], Some("query=%7Bme%7D&documentId=x")),
        request("GET", "/graphql?query=%7Bme%7D&documentId=x", &[], None),
        request("GET", "/graphql?documentId=x", &[], None),
        request("GET", "/graphql?id=x&variables=%7B%7D", &[], None),
    ] {
        let line = request.head.target.text();
        assert!(!request.command(&Templates::default()).complete && request.may_mutate(), "{line}");
    }
    let message = r#"{"type":"subscribe","payload":{"query":"{me}","documentId":"x"}}"#;
    assert!(!said("/graphql", message).complete);
    // Elsewhere it is a name as any other, and who asks for nothing gets a page.
    for request in [
        request("POST", "/files", &[JSON], Some(r#"{"documentId":"x","query":"shoes"}"#)),
        request("GET", "/files?documentId=x", &[], None),
        request("GET", "/graphql", &[], None),
        request(
            "GET",
            "/graphql?token=x",
            &[("upgrade", "websocket"), ("connection", "upgrade")],
            None,
        ),
    ] {
        let line = request.head.target.text();
        assert!(request.command(&Templates::default()).complete, "{line}");
    }
}

#[test]
fn what_has_a_query_of_another_language_or_none_stays_what_it_is() {
    for text in [
        r#"{"query":"hello"}"#,
        r#"{"query":{"match":{"query":"a{b}"}},"size":10}"#,
        r#"{"queries":[{"query":"{app=\"x\"} |= \"error\"","refId":"A"}]}"#,
        r#"{"type":"subscribe","payload":{"channel":"news","query":"hello"}}"#,
        r#"{"type":"subscribe","channel":"orders"}"#,
        r#"{"note":"{a broken text with a query"}"#,
    ] {
        for command in [
            said("/live", text),
            request("POST", "/search", &[JSON], Some(text)).command(&Templates::default()),
        ] {
            assert!(command.complete && command.operations.len() == 1, "{text}: {command:?}");
        }
    }
    for text in [r#"{"type":"connection_init","payload":{}}"#, r#"{"id":"1","type":"complete"}"#] {
        assert!(said("/graphql", text).complete, "{text}");
    }
}

#[test]
fn a_query_of_another_language_may_have_braces_where_graphql_is_not_spoken() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (target, kind, text) in [
        ("/jobs", JSON, r#"{"payload":{"query":"sum(rate(x{job=\"api\"}[5m]))"}}"#),
        ("/api/v1/query", form, "query=up%7Bjob%3D%22x%22%7D"),
        ("/monitors", JSON, r#"{"type":"metric alert","query":"avg:system.cpu{*}"}"#),
    ] {
        let other = request("POST", target, &[kind], Some(text));
        let command = other.command(&Templates::default());
        assert!(command.complete && !other.may_mutate(), "{text}: {command:?}");
        let spoken = request("POST", "/graphql", &[kind], Some(text));
        assert!(!spoken.command(&Templates::default()).complete, "{text}");
    }
}

#[test]
fn a_text_that_a_lenient_server_may_take_for_a_document_is_one_wherever_it_is_sent() {
    let begins = ["", "\u{feff}", " \n\t", ",,", "#x\n", "\u{feff} ,#x\r\n,", "\0\u{200b}\u{a0}"];
    for begin in begins.into_iter().chain(["\"why\" ", "\"\"\"why\"\"\" "]) {
        for document in ["mutation{drop}", "subscription{onX}", "query A{secret}", "{secret}"] {
            // What a shorthand would do is never described.
            if begin.contains('"') && document.starts_with('{') {
                continue;
            }
            // Whatever stands behind it.
            for end in ["", " @", " }"] {
                let text = serde_json::json!({ "query": format!("{begin}{document}{end}") });
                let text = text.to_string();
                let command = request("POST", "/jobs", &[JSON], Some(&text));
                let command = command.command(&Templates::default());
                let is_told = command.operations.len() > 1;
                assert!(is_told || !command.complete, "{text}: {command:?}");
            }
        }
    }
}

#[test]
fn what_arguments_name_is_among_the_fields_however_they_are_filled() {
    let fields = |request: &Request| {
        let command = request.command(&Templates::default());
        assert!(command.complete, "{command:?}");
        let mut operations = command.operations.iter().filter(|it| it.action == "mutation");
        operations.next().unwrap().fields.clone()
    };
    for text in [
        r#"{"query":"mutation{set(input:{list:[{role:\"admin\"}]}){id}}"}"#,
        r#"{"query":"mutation($i:In){set(input:$i){id}}","variables":{"i":{"list":[{"role":1}]}}}"#,
        r#"{"query":"mutation($r:R){set(input:{list:$r}){id}}","variables":{"r":{"role":1}}}"#,
        r#"{"query":"mutation($i:In={list:{role:\"admin\"}}){set(input:$i){id}}"}"#,
    ] {
        let request = request("POST", "/graphql", &[JSON], Some(text));
        let told = ["arguments.input", "arguments.input.list", "arguments.input.list.role", "id"];
        assert_eq!(fields(&request), told, "{text}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let query = "query=mutation%28%24i%3AIn%29%7Bset%28input%3A%24i%29%7D";
    let variables = "variables=%7B%22i%22%3A%7B%22role%22%3A1%7D%7D";
    let sent = request("POST", "/graphql", &form, Some(&format!("{query}&{variables}")));
    assert_eq!(fields(&sent), ["arguments.input", "arguments.input.role"]);
    let asked = request("GET", &format!("/graphql?{variables}&{query}"), &[], None);
    assert_eq!(fields(&asked), ["arguments.input", "arguments.input.role"]);
    let text = r#"{"method":"graphql","params":{"query":"mutation($i:In){set(input:$i)}","variables":{"i":{"role":1}}}}"#;
    let called = request("POST", "/rpc", &[JSON], Some(text));
    assert_eq!(fields(&called), ["arguments.input", "arguments.input.role"]);
    // What stands in two places is put together by servers.
    let text = r#"{"query":"mutation($i:In){set(input:$i)}"}"#;
    let apart = request("POST", &format!("/graphql?{variables}"), &[JSON], Some(text));
    assert_eq!(fields(&apart), ["arguments.input", "arguments.input.role"]);
}

#[test]
fn variables_fill_a_document_of_another_place_whatever_document_stands_beside_them() {
    let query = "query=mutation%28%24i%3AIn%29%7Bset%28input%3A%24i%29%7D";
    let variables = "variables=%7B%22i%22%3A%7B%22role%22%3A1%7D%7D";
    let form = ("content-type", "application/x-www-form-urlencoded");
    let operations = "operations=%7B%22query%22%3A%22%7Bme%7D%22%2C%22variables%22%3A%7B%22i%22%3A%7B%22role%22%3A1%7D%7D%7D";
    let decoy = r#"{"query":"{me}","variables":{"i":{"role":1}}}"#;
    let text = r#"{"query":"{me}","variables":"{\"i\":{\"role\":1}}"}"#;
    let own = r#"{"query":"mutation($i:In){set(input:$i)}","variables":{}}"#;
    let other = r#"{"query":"shoes","x":1,"variables":{"i":{"role":1}}}"#;
    for (target, kind, body) in [
        (format!("/graphql?{query}"), JSON, decoy),
        (format!("/graphql?{query}"), JSON, text),
        (format!("/api?{query}"), JSON, decoy),
        (format!("/api?{query}"), JSON, other),
        (format!("/graphql?{variables}"), JSON, own),
        (format!("/graphql?{query}"), form, operations),
        ("/graphql".to_owned(), form, &format!("{query}&{operations}")),
        ("/graphql".to_owned(), form, &format!("{operations}&{query}")),
        (format!("/graphql?{variables}"), form, query),
        (format!("/graphql?{query}"), form, variables),
    ] {
        let command = request("POST", &target, &[kind], Some(body)).command(&Templates::default());
        let mut operations = command.operations.iter().filter(|it| it.action == "mutation");
        let set = operations.next().unwrap();
        assert_eq!(set.fields, ["arguments.input", "arguments.input.role"], "{target} {body}");
        assert!(command.complete, "{target} {body}");
    }
    // Requests of a list keep theirs.
    let list = r#"[{"query":"{me(a:$i)}"},{"query":"{b}","variables":{"i":{"role":1}}}]"#;
    let command = request("POST", "/graphql", &[JSON], Some(list)).command(&Templates::default());
    assert_eq!(command.operations[1].fields, ["arguments.a"]);
}

#[test]
fn graphql_in_pairs_is_found_by_every_name_that_servers_read() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let drop = "mutation%7BdropUser%7D";
    for pairs in [
        // PHP cuts blanks off in front, Rack and qs take brackets away.
        format!("+query={drop}"),
        format!("[query]={drop}"),
        format!("query]={drop}"),
        format!("payload[query]={drop}"),
        format!("data=%7B%22query%22:%22{drop}%22%7D"),
    ] {
        for request in [
            request("GET", &format!("/graphql?{pairs}"), &[], None),
            request("POST", "/graphql", &[form], Some(&format!("a=1&{pairs}"))),
        ] {
            assert!(request.may_mutate(), "{pairs}");
            let command = request.command(&Templates::default());
            let mut operations = command.operations.iter();
            assert!(operations.any(|it| it.object == "dropUser"), "{pairs}: {command:?}");
        }
    }
}

#[test]
fn variables_that_names_of_pairs_spell_out_fill_a_document() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let query = "query=mutation%28%24i%3AIn%29%7Bset%28input%3A%24i%29%7D";
    for variables in [
        "variables[i][role]=admin",
        "variables[i][0][role]=admin",
        "variables.i.role=admin",
        "+variables[i][role]=admin",
        "variables[i]=%7B%22role%22:1%7D",
        "[variables]=%7B%22i%22:%7B%22role%22:1%7D%7D",
    ] {
        let own = r#"{"query":"mutation($i:In){set(input:$i)}"}"#;
        for request in [
            request("GET", &format!("/graphql?{query}&{variables}"), &[], None),
            request("POST", "/graphql", &[form], Some(&format!("{query}&{variables}"))),
            request("POST", &format!("/graphql?{variables}"), &[JSON], Some(own)),
        ] {
            let command = request.command(&Templates::default());
            let mut operations = command.operations.iter().filter(|it| it.action == "mutation");
            let fields = &operations.next().unwrap().fields;
            assert_eq!(*fields, ["arguments.input", "arguments.input.role"], "{variables}");
        }
    }
}

#[test]
fn a_pair_that_picks_an_operation_has_all_of_them_judged() {
    let body = r#"{"query":"query A { me } mutation B { dropUser }","operationName":"A"}"#;
    for pair in ["operationName=B", "+operationName=B", "[operationName]=B"] {
        let request = request("POST", &format!("/graphql?{pair}"), &[JSON], Some(body));
        assert!(request.may_mutate(), "{pair}");
    }
    let form = ("content-type", "application/x-www-form-urlencoded");
    let operations = "operations=%7B%22query%22:%22query+A%7Bme%7Dmutation+B%7Bdrop%7D%22,%22operationName%22:%22A%22%7D";
    assert!(!request("POST", "/graphql", &[form], Some(operations)).may_mutate());
    let picked = format!("{operations}&operationName=B");
    assert!(request("POST", "/graphql", &[form], Some(&picked)).may_mutate());
}
