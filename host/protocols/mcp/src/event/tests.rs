//! What is told of requests.

use super::*;

fn call(arguments: &str) -> Ask {
    let arguments = Json::read(arguments.as_bytes()).unwrap();
    Ask::Call { name: "create_issue".to_owned(), arguments }
}

const NONE: Schema<'_> = Schema(None);
const ABOUT: About<'_> = About { server: "github", name: "create_issue", facts: &[], schema: NONE };

#[test]
fn a_call_tells_its_tool_its_arguments_and_their_values() {
    let command =
        command(&call(r#"{"title":"x","labels":[{"name":"a"},{"name":7}]}"#), ABOUT).unwrap();
    let operation = command.operations.first().unwrap();
    assert_eq!(operation.action, "call");
    assert_eq!(operation.object, "github.create_issue");
    assert_eq!(operation.fields, ["title", "labels", "labels.name"]);
    let fact = |name: &str, value: &str| (format!("argument:{name}"), value.to_owned());
    let facts = [fact("title", "x"), fact("labels.name", "a"), fact("labels.name", "7")];
    assert_eq!(operation.facts, facts);
    let text = "tools/call github.create_issue\n{\"title\":\"x\",\"labels\":[{\"name\":\"a\"},{\"name\":7}]}";
    assert_eq!(command.text, text);
    assert!(command.complete);
}

#[test]
fn a_number_is_told_however_it_is_spelled() {
    for spelled in ["1e2", "100.0", "1E+2", "1000e-1"] {
        let command = command(&call(&format!("{{\"amount\":{spelled}}}")), ABOUT).unwrap();
        let fact = ("argument:amount".to_owned(), "100".to_owned());
        assert!(command.operations[0].facts.contains(&fact), "{spelled}");
    }
    let command = command(&call(r#"{"amount":100}"#), ABOUT).unwrap();
    assert_eq!(command.operations[0].facts.len(), 1);
}

#[test]
fn a_text_that_is_json_is_told_as_what_it_says_as_well() {
    let arguments = r#"{"paths":" [\"/etc/shadow\",{\"to\":\"\u002essh\"}]"}"#;
    let command = command(&call(arguments), ABOUT).unwrap();
    let operation = command.operations.first().unwrap();
    assert_eq!(operation.fields, ["paths", "paths.to"]);
    let fact = |name: &str, value: &str| (format!("argument:{name}"), value.to_owned());
    for told in [
        fact("paths", " [\"/etc/shadow\",{\"to\":\".ssh\"}]"),
        fact("paths", "/etc/shadow"),
        fact("paths.to", ".ssh"),
    ] {
        assert!(operation.facts.contains(&told), "{told:?}");
    }
    assert!(command.complete);
}

#[test]
fn a_text_that_servers_could_read_differently_leaves_the_command_incomplete() {
    let twice = Json::object([("a", Json::text(r#"{"b":1,"b":2}"#))]);
    let mut within = Json::object([("a", Json::text("x"))]);
    for _ in 0..=MOST_WITHIN {
        within = Json::object([("a", Json::text(within.to_text()))]);
    }
    let words = Json::object([("a", Json::text("[WIP] {mend} \"b\""))]);
    for (arguments, complete) in [(twice, false), (within, false), (words, true)] {
        let ask = Ask::Call { name: "create_issue".to_owned(), arguments };
        assert_eq!(command(&ask, ABOUT).unwrap().complete, complete);
    }
}

#[test]
fn a_text_is_not_taken_apart_where_the_tool_takes_nothing_else_than_texts() {
    let document = r#"{"paths":["/etc/shadow"],"../a":1,"a":{"b":1,"b":2}}"#;
    let arguments = Json::object([("path", Json::text("a")), ("content", Json::text(document))]);
    let told = |schema: Option<&str>| {
        let schema = schema.map(|schema| {
            let schema = format!(r#"{{"type":"object","properties":{{"content":{schema}}}}}"#);
            Json::read(schema.as_bytes()).unwrap()
        });
        let ask = Ask::Call { name: "write_file".to_owned(), arguments: arguments.clone() };
        let about = About { schema: Schema(schema.as_ref()), ..ABOUT };
        let command = command(&ask, about).unwrap();
        (command.complete, command.operations[0].facts.len())
    };
    assert_eq!(told(Some(r#"{"type":"string"}"#)), (true, 2));
    for schema in [None, Some(r#"{"type":["string","object"]}"#), Some("{}")] {
        assert_eq!(told(schema), (false, 2), "a name is there twice");
    }
}

#[test]
fn of_a_long_document_in_a_text_as_much_is_told_as_may_be_and_the_command_is_incomplete() {
    let packages: Vec<_> = (0..70_000).map(|it| format!("\"a{it}\":{{\"v\":[1]}}")).collect();
    let lists = format!("[{}]", vec!["[1]"; 70_000].join(","));
    for document in [format!("{{{}}}", packages.join(",")), lists] {
        let arguments =
            Json::object([("content", Json::text(document)), ("path", Json::text("a"))]);
        let ask = Ask::Call { name: "write_file".to_owned(), arguments };
        let command = command(&ask, ABOUT).unwrap();
        let operation = command.operations.first().unwrap();
        assert!(!command.complete && operation.facts.len() <= MOST_INNER + 2);
        assert!(operation.facts.contains(&("argument:path".to_owned(), "a".to_owned())));
    }
}

#[test]
fn what_tells_more_than_there_may_be_is_no_command() {
    let inner: Vec<String> = (0..50_000).map(|number| format!("\"{number:x}\":0")).collect();
    let (long, inner) = ("x".repeat(2500), inner.join(","));
    let numbers = |number: &str, count| vec![number; count].join(",");
    for (arguments, is_told) in [
        // A long name before each that lies within it.
        (format!("{{\"{long}\":{{{inner}}}}}"), false),
        (format!("{{\"order\":{{{inner}}}}}"), true),
        // A name before each value, as often as it is there.
        (format!("{{\"{long}\":[{}]}}", numbers("0", 50_000)), false),
        (format!("{{\"vector\":[{}]}}", numbers("0.25", 50_000)), true),
        (format!("{{\"a\":[{}]}}", numbers("0", 100_000)), false),
        // Short numbers whose plain spelling is long.
        (format!("{{\"a\":[{}]}}", numbers("1e300", 30_000)), false),
    ] {
        let told = command(&call(&arguments), ABOUT);
        assert_eq!(told.is_ok(), is_told, "{:.20} {}", arguments, arguments.len());
        let params = Json::read(arguments.as_bytes()).unwrap();
        assert_eq!(reverse_command("roots/list", "git", &params).is_ok(), is_told);
    }
}

#[test]
fn a_completion_tells_what_is_known_besides() {
    let given = r#"{"argument":{"name":"a","value":"x"},"context":{"arguments":{"path":"/etc"}}}"#;
    let given = Json::read(given.as_bytes()).unwrap();
    let ask = Ask::Complete { of_prompt: true, name: "p".to_owned(), given };
    let fact = ("argument:path".to_owned(), "/etc".to_owned());
    assert!(command(&ask, ABOUT).unwrap().operations[0].facts.contains(&fact));
}

#[test]
fn a_rewrite_may_change_arguments_and_nothing_else() {
    let ask = call("{}");
    let object = "github.create_issue";
    let text = "tools/call github.create_issue\n{\"draft\":true}";
    assert_eq!(rewritten(&ask, object, text), Some(call(r#"{"draft":true}"#)));
    for wrong in ["tools/call github.other\n{}", "tools/call github.create_issue", "", "\n{}"] {
        assert_eq!(rewritten(&ask, object, wrong), None, "{wrong}");
    }
    assert_eq!(rewritten(&ask, object, "tools/call github.create_issue\n{\"a\":1,\"A\":2}"), None);
}

#[test]
fn every_method_has_an_action_of_its_own() {
    let about = About { server: "files", name: "file:///a", ..About::default() };
    let told = |ask: Ask| {
        let command = command(&ask, about).unwrap();
        let operation = command.operations.iter().next().unwrap();
        format!("{} {}", operation.action, operation.object)
    };
    assert_eq!(told(Ask::Read("x".into())), "read files.file:///a");
    assert_eq!(told(Ask::List(Kind::Tools)), "list files.tools");
    assert_eq!(told(Ask::Level("debug".into())), "set files.logging");
}
