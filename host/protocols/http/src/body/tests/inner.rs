//! JSON in texts.

use super::*;

#[test]
fn json_in_a_text_is_told_as_if_it_stood_there() {
    let form = "payload=%5B%7B%22role%22%3A%22admin%22%7D%5D&user[x]=%7B%22role%22:1%7D";
    let multipart = format!("--b\n{PART}\n\n {{\"role\":\"admin\"}}\n--b--");
    for (contents, field, value) in [
        (json(r#"{"data":"{\"role\":\"admin\"}"}"#), "data.role", "admin"),
        (json(r#"{"a":["[{\"b\":\"{\\\"role\\\":1}\"}]"]}"#), "a.b.role", "1"),
        (json(r#""{\"role\":1}""#), "role", "1"),
        (json(r#"{"a":"[{\"op\":\"add\",\"path\":\"/role\",\"value\":1}]"}"#), "a.role", "1"),
        (Contents::read(&Kind::Form, form.as_bytes()), "payload.role", "admin"),
        (Contents::read(&Kind::Form, form.as_bytes()), "user.x.role", "1"),
        (self::multipart(&multipart), "a.role", "admin"),
    ] {
        let contents = contents.unwrap();
        assert!(contents.fields.iter().any(|known| known == field), "{:?}", contents.fields);
        let fact = (format!("body:{field}"), value.to_owned());
        assert!(contents.facts.contains(&fact), "{:?}", contents.facts);
        assert!(!contents.unread);
    }
}

#[test]
fn json_in_a_text_is_told_whatever_stands_behind_it() {
    for behind in [".", " {}", "\\u0000"] {
        let body = format!(r#"{{"data":"{{\"role\":\"admin\"}}{behind}"}}"#);
        let contents = json(&body).unwrap();
        assert!(contents.fields.iter().any(|known| known == "data.role"), "{body}");
        assert!(!contents.unread);
    }
}

#[test]
fn of_a_long_document_in_a_text_as_much_is_told_as_may_be_and_what_stands_beside_it() {
    let document: serde_json::Map<_, _> =
        (0..200_000).map(|it| (format!("a{it}"), it.into())).collect();
    let body = serde_json::json!({ "a": serde_json::Value::Object(document).to_string(), "b": 1 });
    let contents = json(&body.to_string()).unwrap();
    assert!(contents.unread && contents.fields.contains(&"b".to_owned()));
    assert!(contents.fields.len() < 1000, "{}", contents.fields.len());
}

#[test]
fn json_in_a_text_that_readers_read_differently_is_not_accounted_for() {
    let deep = format!(r#"{{"a":"{}1{}"}}"#, "[".repeat(100), "]".repeat(100));
    let within =
        (0..6).fold("x".to_owned(), |inner, _| serde_json::json!({ "a": inner }).to_string());
    for text in [r#"{"a":"{\"b\":1,\"B\":2}"}"#, r#"{"a":"[NaN]"}"#, &deep, &within] {
        assert!(json(text).unwrap().unread, "{text}");
    }
    for text in [r#"{"a":"[WIP] {x}"}"#, r#"{"a":"{ return 1 }"}"#] {
        assert!(!json(text).unwrap().unread, "{text}");
    }
    let rounded = json(r#"{"a":"{\"b\":1e300,\"role\":1}"}"#).unwrap();
    assert!(rounded.cut && rounded.fields.contains(&"a.role".to_owned()));
}
