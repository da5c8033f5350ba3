use proptest::prelude::*;

use super::*;

/// What a body asks for, whether it is expected there, and which operation is to run.
fn found(json: &str) -> Vec<(String, bool, Option<String>)> {
    let mut graphql = GraphQl::default();
    graphql.body(json.as_bytes());
    graphql.documents.into_iter().map(|it| (it.text, it.expected, it.operation)).collect()
}

fn missing(json: &str) -> Option<Missing> {
    let mut graphql = GraphQl::default();
    graphql.body(json.as_bytes());
    graphql.missing
}

const DROP: &str = "mutation{drop}";

#[test]
fn a_message_has_its_request_as_its_payload() {
    for text in [
        r#"{"id":"1","type":"subscribe","payload":{"query":"mutation{drop}","operationName":"A"}}"#,
        r#"{"id":"1","type":"start","payload":{"operationName":"A","query":"mutation{drop}"}}"#,
        r#"[{"Payload":{"query":"mutation{drop}","variables":{},"operationName":"A"}}]"#,
        r#"["1","2","__absinthe__:control","doc",{"query":"mutation{drop}","operationName":"A"}]"#,
        // Action Cable, AppSync: JSON in a text.
        r#"{"command":"message","data":"{\"query\":\"mutation{drop}\",\"operationName\":\"A\"}"}"#,
        r#"{"payload":{"data":"{\"\\u0071uery\":\"mutation{drop}\",\"operationName\":\"A\"}"}}"#,
    ] {
        assert_eq!(found(text), [(DROP.to_owned(), true, Some("A".to_owned()))], "{text}");
    }
}

#[test]
fn elsewhere_a_query_may_be_a_document_and_no_operation_is_picked() {
    for text in [
        r#"[{"x":{"query":"mutation{drop}","operationName":"A"}}]"#,
        r#"{"a":{"b":[[{"QUERY":"mutation{drop}"}]]}}"#,
        r#"{"\u0071uery":["mutation{drop}"],"x":{"query":"shoes"},"query2":"{ a }"}"#,
    ] {
        let all = found(text);
        assert!(
            all.iter().any(|(text, _, name)| text == DROP && name.is_none()),
            "{text}: {all:?}"
        );
        assert_eq!(all.len(), 1, "{text}");
    }
}

#[test]
fn an_operation_is_picked_by_the_one_name_that_all_servers_know() {
    for text in [
        r#"{"query":"mutation{drop}","operationname":"A"}"#,
        r#"{"query":"mutation{drop}","operationName":"A","x":1}"#,
        r#"{"type":"start","payload":{"query":"mutation{drop}","operationName":"A","x":1}}"#,
    ] {
        assert_eq!(found(text), [(DROP.to_owned(), true, None)], "{text}");
    }
}

#[test]
fn what_is_asked_and_is_not_written_is_missing() {
    for (text, expected) in [
        (r#"{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}"#, Some(Missing::Stored)),
        (r#"{"payload":{"query":"","extensions":{"persistedQuery":{}}}}"#, Some(Missing::Stored)),
        (r#"[{"query":"{a}"},{"extensions":{"PersistedQuery":{}}}]"#, Some(Missing::Stored)),
        (r#"{"query":"{a}","extensions":{"persistedQuery":{}}}"#, None),
        (r#"{"type":"subscribe","payload":{"documentId":"x"}}"#, Some(Missing::Operation)),
        (r#"{"type":"subscribe","payload":{"query":"{a}"}}"#, Some(Missing::Object)),
        (r#"[{"query":"{a}"},{"id":"x"}]"#, Some(Missing::Object)),
        (r#"{"type":"ping"}"#, None),
    ] {
        assert_eq!(missing(text), expected, "{text}");
    }
}

#[test]
fn what_lies_too_deep_to_be_read_is_not_taken_for_absent() {
    let mut text = r#"{"query":"mutation{drop}"}"#.to_owned();
    for _ in 0..MOST_WITHIN {
        text = serde_json::json!({ "data": text }).to_string();
        assert_eq!((found(&text).len(), missing(&text) == Some(Missing::Stored)), (1, false));
    }
    let text = serde_json::json!({ "data": text }).to_string();
    assert_eq!(missing(&text), Some(Missing::Stored));
    let deep = format!("{}\\\"query\\\"{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(missing(&format!("{{\"data\":\"{deep}\"}}")), Some(Missing::Stored));
}

#[test]
fn what_variables_are_filled_with_is_known_by_name() {
    let of = |text: &str| {
        let mut graphql = GraphQl::default();
        graphql.body(text.as_bytes());
        graphql.documents.remove(0).variables
    };
    let expected = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    for text in [
        r#"{"query":"{a}","variables":{"in":{"a":[{"role":1}]},"x":1}}"#,
        r#"{"payload":{"variables":{"x":{},"in":{"a":{"role":1}}},"query":"{a}"}}"#,
        r#"{"query":"{a}","variables":"{\"x\":1,\"in\":{\"a\":{\"role\":1}}}"}"#,
    ] {
        let variables = of(text);
        assert_eq!(variables["in"], expected(&["a", "a.role"]), "{text}");
        assert_eq!((variables["x"].len(), variables.len()), (0, 2), "{text}");
    }
    let mut form = GraphQl::default();
    form.pair("variables", r#"{"in":{"role":1}}"#);
    assert_eq!(form.shared["in"], expected(&["role"]));
    let mut apart = GraphQl::default();
    apart.body(br#"{"Variables":{"in":{"role":1}}}"#);
    assert_eq!(apart.shared["in"], expected(&["role"]));
}

#[test]
fn variables_fill_documents_that_stand_anywhere() {
    for text in [
        r#"{"params":{"query":"{a}","variables":{"i":{"role":1,"list":[{"x":{"y":1}}]}}}}"#,
        r#"{"params":{"Variables":[{"i":{"role":1,"list":{"x":{"y":1}}}}],"query":"{a}"}}"#,
        r#"{"params":{"variables":"{\"i\":{\"role\":1,\"list\":{\"x\":{\"y\":1}}}}","query":"{a}"}}"#,
        r#"{"extensions":{"variables":{"i":{"role":1,"list":{"x":{"y":1}}}}},"query":"{a}"}"#,
    ] {
        let mut graphql = GraphQl::default();
        graphql.body(text.as_bytes());
        assert_eq!(graphql.shared["i"], ["role", "list", "list.x", "list.x.y"], "{text}");
        assert_eq!(graphql.documents.len(), 1, "{text}");
    }
}

#[test]
fn variables_that_may_be_something_else_are_looked_through_as_well() {
    let text = r#"{"x":{"variables":{"i":{"query":"mutation{drop}","variables":{"j":{"k":1}}}}}}"#;
    assert_eq!(found(text), [(DROP.to_owned(), false, None)]);
    let mut graphql = GraphQl::default();
    graphql.body(text.as_bytes());
    assert_eq!(graphql.shared["i"], ["query", "variables", "variables.j", "variables.j.k"]);
    assert_eq!(graphql.shared["j"], ["k"]);
    let text = r#"{"x":{"variables":"{\"query\":\"mutation{drop}\"}"}}"#;
    assert_eq!(found(text), [(DROP.to_owned(), true, None)]);
}

#[test]
fn variables_within_variables_count_with_each_that_they_lie_within() {
    let inner: Vec<String> = (0..3000).map(|number| format!("\"{number:x}\":0")).collect();
    let mut text = format!("{{{}}}", inner.join(","));
    for _ in 0..40 {
        text = format!("{{\"variables\":{text}}}");
    }
    assert_eq!(missing(&format!("{{\"x\":{text}}}")), Some(Missing::Stored));
}

#[test]
fn names_in_variables_are_kept_up_to_a_limit() {
    let inner: Vec<String> = (0..77_500).map(|number| format!("\"{number:x}\":0")).collect();
    let long = "x".repeat(2500);
    let text =
        format!(r#"{{"query":"{{a}}","variables":{{"v":{{"{long}":{{{}}}}}}}}}"#, inner.join(","));
    assert_eq!(missing(&text), Some(Missing::Stored));
}

#[test]
fn documents_are_kept_up_to_a_limit() {
    let text = |many: usize| format!(r#"{{"a":[{}]}}"#, vec![r#"{"query":"{"}"#; many].join(","));
    assert_eq!((found(&text(2000)).len(), missing(&text(2000))), (2000, Some(Missing::Object)));
    assert_eq!((found(&text(2001)).len(), missing(&text(2001))), (2000, Some(Missing::Stored)));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"[{}\[\]":,\\ 1a]{0,40}"#, name in "query|variables|x") {
        let mut graphql = GraphQl::default();
        graphql.body(text.as_bytes());
        graphql.pair(&name, &text);
    }
}

#[test]
fn long_names_within_variables_are_not_put_together_again_and_again() {
    let inner: Vec<String> = (0..50_000).map(|number| format!("\"{number:x}\":0")).collect();
    let variables = format!("{{\"v\":{{\"{}\":{{{}}}}}}}", "x".repeat(400_000), inner.join(","));
    let mut graphql = GraphQl::default();
    graphql.pair("query", "{a(b:$v)}");
    graphql.pair("variables", &variables);
    assert_eq!(graphql.missing, Some(Missing::Stored));
    let kept = graphql.shared["v"].iter().map(String::len).sum::<usize>();
    assert!(kept <= MOST_NAMES, "{kept}");
}

#[test]
fn what_several_keep_of_names_is_no_more_than_one_may() {
    let body = |number| {
        let long = "x".repeat(MOST_NAMES / 10);
        format!("{{\"query\":\"{{a}}\",\"variables\":{{\"v\":{{\"{long}{number}\":0}}}}}}")
    };
    let mut all = GraphQl::default();
    for number in 0..20 {
        let mut one = GraphQl::default();
        one.body(body(number).as_bytes());
        assert_eq!((one.documents.len(), one.missing), (1, None));
        all.extend(one);
    }
    assert_eq!((all.documents.len(), all.missing), (9, Some(Missing::Stored)));
}

#[test]
fn variables_that_many_documents_have_are_shared_once() {
    let queries = vec![r#""{a}""#; 1000].join(",");
    let names: Vec<String> = (0..1000).map(|number| format!("\"{number}\":0")).collect();
    let text = format!(r#"{{"query":[{queries}],"variables":{{"v":{{{}}}}}}}"#, names.join(","));
    let mut graphql = GraphQl::default();
    graphql.body(text.as_bytes());
    graphql.query([("query", "{a(b:$v)}")].into_iter(), true);
    assert_eq!((graphql.documents.len(), graphql.shared["v"].len()), (1001, 1000));
    assert!(graphql.documents.iter().all(|document| document.variables.is_empty()));
}

#[test]
fn names_of_pairs_within_variables_are_kept_up_to_a_limit() {
    let long = "x".repeat(100_000);
    let mut graphql = GraphQl::default();
    for number in 0..20 {
        graphql.pair(&format!("variables[v][{long}{number}]"), "1");
    }
    assert_eq!((graphql.shared["v"].len(), graphql.missing), (10, Some(Missing::Stored)));
}
