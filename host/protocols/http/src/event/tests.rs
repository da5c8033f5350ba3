mod asked;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Version};

use super::*;
use crate::Parsed;

fn request(method: &str, target: &str, lines: &[(&str, &str)], body: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let head = Head::read(&Parsed {
        version: Version::HTTP_11,
        method: &method,
        target: target.as_bytes(),
        authority: None,
        ends: false,
        headers: &headers,
    });
    let head = head.unwrap();
    let body = match body {
        Some(body) => {
            let kind = Kind::of(head.headers.get(CONTENT_TYPE)).unwrap();
            Body::read(kind, Bytes::copy_from_slice(body.as_bytes())).unwrap()
        }
        None => Body::none(),
    };
    Request { head, body }
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn has(operation: &Operation, name: &str, value: &str) -> bool {
    operation.facts.iter().any(|(fact, is)| fact == name && is == value)
}

#[test]
fn a_request_is_one_operation_with_its_keys_as_fields() {
    let request = request("POST", "/v1/%69tems?dry=1", &[JSON], Some(r#"{"price":5}"#));
    let command = request.command(&Templates::default());
    assert!(command.complete);
    assert_eq!(
        command.text,
        "POST /v1/items?dry=1\ncontent-type: application/json\n\n{\"price\":5}"
    );
    let [operation] = &*command.operations else { panic!("{command:?}") };
    assert_eq!((operation.action.as_str(), operation.object.as_str()), ("POST", "/v1/items"));
    assert_eq!(operation.fields, ["dry", "price"]);
    for (name, value) in [
        ("query:dry", "1"),
        ("body:price", "5"),
        ("size", "11"),
        ("content-type", "application/json"),
    ] {
        assert!(has(operation, name, value), "{name}: {operation:?}");
    }
}

#[test]
fn what_a_copy_reads_and_a_move_writes_is_judged_as_well() {
    for (method, header, value, action, object) in [
        ("PUT", "x-amz-copy-source", "/vault/%6bey?versionId=3", "GET", "/vault/key"),
        ("PUT", "x-amz-copy-source", "vault/key", "GET", "/vault/key"),
        ("PUT", "x-ms-copy-source", "https://gateway/vault/key?sig=1", "GET", "/vault/key"),
        ("COPY", "destination", "http://gateway/vault/key", "PUT", "/vault/key"),
        ("MOVE", "destination", "/vault/key", "PUT", "/vault/key"),
    ] {
        let command = request(method, "/open/x", &[(header, value)], None)
            .command(&Templates::new(["/vault/{name}"]).unwrap());
        assert!(command.complete, "{header}: {value}");
        let [own, other] = &*command.operations else { panic!("{command:?}") };
        assert_eq!((own.action.as_str(), own.object.as_str()), (method, "/open/x"));
        assert_eq!((other.action.as_str(), other.object.as_str()), (action, "/vault/{name}"));
        assert!(has(other, "path", object) && has(other, "named-by", header), "{other:?}");
    }
}

#[test]
fn a_rename_takes_away_what_it_names() {
    let command = request("PUT", "/new", &[("x-ms-rename-source", "/old")], None)
        .command(&Templates::default());
    let told = command.operations.iter().map(|it| format!("{} {}", it.action, it.object));
    assert_eq!(told.collect::<Vec<_>>(), ["PUT /new", "GET /old", "DELETE /old"]);
}

#[test]
fn a_copy_of_what_cannot_be_told_is_not_accounted_for() {
    for value in [
        "https://other/vault/key",
        "vault/a+key",
        "vault/../key",
        "vault/%2e%2e/key",
        "arn:aws:s3:x",
        "http://",
        "a//b",
        "\u{e9}",
    ] {
        let command = request("PUT", "/x", &[("x-amz-copy-source", value)], None)
            .command(&Templates::default());
        assert!(!command.complete, "{value}");
        assert!(has(&command.operations[0], "elsewhere", "unaccounted"), "{value}");
    }
}

#[test]
fn a_policy_is_told_where_it_does_not_see_every_value() {
    let many: Vec<String> = (0..65).map(|number| format!("\"f{number}\":1")).collect();
    let bodies = [format!("{{{}}}", many.join(",")), format!(r#"{{"a":"{}"}}"#, "x".repeat(257))];
    for (body, cut) in bodies.iter().map(|body| (body.as_str(), true)).chain([("{}", false)]) {
        let command = request("POST", "/", &[JSON], Some(body)).command(&Templates::default());
        assert_eq!(has(&command.operations[0], "values", "cut"), cut, "{body}");
    }
}

#[test]
fn a_template_stands_for_all_its_paths() {
    let templates = Templates::new(["/v1/users/{id}", "/v1/users/{id}/keys"]).unwrap();
    let command = request("DELETE", "/v1/users/7", &[], None).command(&templates);
    let operation = &command.operations[0];
    assert_eq!(operation.object, "/v1/users/{id}");
    assert!(has(operation, "path", "/v1/users/7") && has(operation, "path:id", "7"));
    assert!(Templates::new(["v1"]).is_err() && Templates::new(["/{}"]).is_err());
}

#[test]
fn credentials_are_in_no_command_and_other_headers_are() {
    let lines = [("x-tenant", "7"), ("x-api-key", "hunter2"), ("cookie", "hunter2")];
    let mut request = request("GET", "/", &lines, None);
    request.head.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer hunter2"));
    let command = request.command(&Templates::default());
    assert!(!format!("{command:?}").contains("hunter2"));
    assert!(has(&command.operations[0], "header:x-tenant", "7"));
    assert!(has(&command.operations[0], "header:x-api-key", "***"));
}

#[test]
fn a_body_that_is_not_read_makes_a_command_incomplete() {
    let mut request = request("PUT", "/a", &[("content-type", "image/png")], None);
    request.body = Body::Unread(Length::Known(9));
    let command = request.command(&Templates::default());
    assert!(!command.complete && has(&command.operations[0], "body", "unread"));
}

#[test]
fn a_part_that_servers_bind_and_nobody_reads_makes_a_command_incomplete() {
    let kind = ("content-type", "multipart/form-data; boundary=b");
    for (part, complete) in [("application/json", true), ("application/xml", false)] {
        let head = format!("Content-Disposition: form-data; name=\"u\"\r\nContent-Type: {part}");
        let body = format!("--b\r\n{head}\r\n\r\n{{\"role\":1}}\r\n--b--");
        let command = request("POST", "/a", &[kind], Some(&body)).command(&Templates::default());
        assert_eq!(command.complete, complete, "{part}");
        let is_told = command.operations[0].fields.contains(&"u.role".to_owned());
        // Some read JSON whatever type it is of.
        assert!(is_told, "{part}");
    }
}

#[test]
fn a_name_in_brackets_in_the_query_is_told_as_that_of_an_object_too() {
    let request = request("POST", "/a?user[role]=admin", &[], None);
    let operation = &request.command(&Templates::default()).operations[0];
    assert!(operation.fields.iter().any(|it| it == "user.role"));
    assert!(has(operation, "query:user.role", "admin"));
}

#[test]
fn a_name_in_the_query_is_told_as_servers_read_it() {
    for (query, field) in [
        ("roles[admin]=1", "roles"),
        ("is.admin=1", "is_admin"),
        ("+is+admin=1", "is_admin"),
        ("user[role]x=1", "user.role"),
        ("!role=1", "role"),
    ] {
        let request = request("POST", &format!("/a?{query}"), &[], None);
        let operation = &request.command(&Templates::default()).operations[0];
        assert!(operation.fields.iter().any(|it| it == field), "{query}: {operation:?}");
    }
}

#[test]
fn a_query_that_names_more_than_is_told_is_refused() {
    for name in [format!("b{}", "[c]".repeat(4000)), ["a"; 2040].join(".")] {
        let target = Target::parse(format!("/a?policy&{name}=1").as_bytes());
        assert_eq!(target.unwrap_err(), Refused::Names(TooMuch));
    }
    let told = ["a"; 500].join(".");
    assert!(Target::parse(format!("/a?{told}=1").as_bytes()).is_ok());
}

#[test]
fn a_rewrite_changes_the_line_and_the_body_and_is_read_again() {
    let request = request("POST", "/a", &[JSON], Some(r#"{"limit":1000}"#));
    let rewritten = request.rewritten("POST /a?safe=1\n\n{\"limit\":10}").unwrap();
    let command = rewritten.command(&Templates::default());
    assert!(has(&command.operations[0], "body:limit", "10"));
    assert!(has(&command.operations[0], "query:safe", "1"));
    for wrong in ["", "POST", "POST /a/../b", "POST /a\n\n{\"a\":1,\"a\":2}"] {
        assert!(request.rewritten(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_body_with_requests_of_its_own_is_not_accounted_for() {
    for (body, complete) in [
        (r#"{"requests":[{"id":"1","method":"DELETE","url":"/users/7"}]}"#, false),
        (r#"{"batch":[{"method":"post","relative_url":"me/feed"}]}"#, false),
        (r#"{"hook":{"method":"POST","url":"https://hooks.example/x"}}"#, true),
        (r#"{"payment":{"method":"card","url":"/x"}}"#, true),
        (r#"{"method":"POST","url":"/x"}"#, true),
        (r#"[{"method":"POST","url":"/x"}]"#, false),
        (r#"{"payload":"{\"method\":\"POST\",\"url\":\"/x\"}"}"#, false),
        (r#"{"requests":[{"Method":"delete","Url":"/users/7"}]}"#, false),
        (r#"{"requests":[{"httpMethod":"DELETE","relativeUrl":"/users/7"}]}"#, false),
        (r#"{"requests":[{"method":"DELETE","url":"/users/7?x=://"}]}"#, false),
        (r#"{"requests":[{"method":"DELETE","url":"https://gateway/users/7"}]}"#, false),
        (r#"{"requests":[{"method":"DELETE","url":"https://api.internal:8443/users/7"}]}"#, false),
        (r#"{"requests.method":"DELETE","requests.url":"/users/7"}"#, false),
    ] {
        let request = request("POST", "/a", &[JSON], Some(body));
        let command = request.command(&Templates::default().at("api.internal"));
        assert_eq!(command.complete, complete, "{body}");
    }
}

#[test]
fn requests_behind_more_values_than_are_told_are_found_all_the_same() {
    let many = vec!["1"; 65].join(",");
    let json = format!(r#"{{"requests":[{{"x":[{many}],"method":"DELETE","url":"/users/7"}}]}}"#);
    let form = format!("{}batch[0][method]=DELETE&batch[0][relative_url]=/x", "x=1&".repeat(65));
    for (kind, body) in [("application/json", json), ("application/x-www-form-urlencoded", form)] {
        let request = request("POST", "/a", &[("content-type", kind)], Some(&body));
        let command = request.command(&Templates::default());
        assert!(!command.complete, "{body}");
        assert!(has(&command.operations[0], "batch", "unaccounted"), "{body}");
    }
}

#[test]
fn requests_in_a_query_are_not_accounted_for() {
    for (query, complete) in [
        ("batch=[%7B%22method%22:%22DELETE%22,%22relative_url%22:%22123%22%7D]", false),
        ("batch[0][method]=DELETE&batch[0][relative_url]=/users/7", false),
        ("batch=[%7B%22method%22:%22GET%22,%22method%22:%22DELETE%22,%22url%22:%22x%22%7D]", false),
        ("filter=%7B%22method%22:%22card%22,%22url%22:%22/x%22%7D", true),
        ("payment[method]=card&payment[url]=/x", true),
    ] {
        let command =
            request("POST", &format!("/?{query}"), &[], None).command(&Templates::default());
        assert_eq!(command.complete, complete, "{query}");
    }
}

#[test]
fn a_form_with_much_to_say_is_no_batch_for_that() {
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("note={}&payment[method]=card&payment[url]=/thanks", "x".repeat(300));
    assert!(request("POST", "/", &kind, Some(&form)).command(&Templates::default()).complete);
}

#[test]
fn a_link_to_what_is_elsewhere_is_not_accounted_for() {
    for name in ["x-symlink-target", "x-oss-symlink-target", "x-object-manifest"] {
        let command = request("PUT", "/public/l", &[(name, "secret/payroll")], None)
            .command(&Templates::default());
        assert!(!command.complete, "{name}");
    }
}
