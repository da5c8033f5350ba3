//! Bodies in parts.

use super::*;

#[test]
fn a_multipart_body_has_its_parts() {
    let contents = multipart(&format!(
        "--b\n{PART}\n\n1\n--b\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\nContent-Type: image/png\n\n-- b\n--b--\n"
    ));
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let contents = contents.unwrap();
    assert_eq!(contents.fields, ["a", "f"]);
    assert_eq!(contents.facts, [fact("body:a", "1"), fact("file:f", "x.png")]);
}

#[test]
fn a_multipart_body_that_readers_cut_differently_is_refused() {
    for body in [
        format!("x\n--b\n{PART}\n\n1\n--b--"),
        format!("--b\n{PART}\n\n1\n--b--\nmore"),
        format!("--b\n{PART}\n\n1\n--b \n{PART}\n\n2\n--b--"),
        format!("--b\n{PART}\n\n1"),
        format!("--b\n{PART}; name=\"c\"\n\n1\n--b--"),
        format!("--b\n{PART}; name*=utf-8''c\n\n1\n--b--"),
        format!("--b\n{PART}\n{PART}\n\n1\n--b--"),
        format!("--b\n{PART}\nContent-Transfer-Encoding: base64\n\n1\n--b--"),
        format!("--b\n{PART}\n folded\n\n1\n--b--"),
        "--b\nContent-Disposition: form-data; name=\"a\\\"b\"\n\n1\n--b--".to_owned(),
        "--b\nContent-Disposition: form-data\n\n1\n--b--".to_owned(),
        "--b\n\n1\n--b--".to_owned(),
    ] {
        assert!(multipart(&body).is_err(), "{body}");
    }
    assert!(kind("multipart/form-data").is_err());
    assert!(kind("multipart/form-data; boundary=a; boundary=b").is_err());
}

#[test]
fn a_part_whose_name_readers_find_elsewhere_is_refused() {
    let names = |names: &str| {
        multipart(&format!("--b\nContent-Disposition: form-data; {names}\n\nadmin\n--b--"))
    };
    for odd in [
        // Java's readers decode encoded words within quotes.
        "name=\"=?utf-8?Q?role?=\"",
        "name=\"a\"; filename=\"=?utf-8?B?eA==?=\"",
        // Those that look for a parameter by a pattern find it in another.
        "filename=\"x; name=role\"; name=\"a\"",
        "name=\"a\"; filename=\"; Name =role\"",
        "name=\"a\"; filename=\"; name*=utf-8''role\"",
        // What is no blank to others makes no file of it.
        "name=\"role\";\u{a0}filename=\"x\"",
        "name=\"role\";\u{b}filename=\"x\"",
        "name=\"role\"\u{2003}; filename=\"x\"",
        "name=\"role\"; Filename=\"x\"",
        "name=\"role\"; filename*=utf-8''x",
    ] {
        assert!(names(odd).is_err(), "{odd}");
    }
    for plain in ["name=\"a=b\"", "name=\"a\"; filename=\"a;b=c (1)?.png\"", "name=\"username\""] {
        assert!(names(plain).is_ok(), "{plain}");
    }
    assert!(part("name=\"a\"", "text/plain;\u{a0}charset=utf-8", "1").is_err());
}

#[test]
fn a_part_is_as_long_as_it_says() {
    let told = |lines: &str| multipart(&format!("--b\n{PART}\n{lines}\n\neur\n--b--"));
    assert!(told("Content-Length: 3").is_ok());
    for odd in ["Content-Length: 2", "Content-Length: 03", "Content-Length: 3\nContent-Length: 3"] {
        assert!(told(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_boundary_that_some_readers_find_elsewhere_is_refused() {
    // PHP's reader takes the first parameter whose name has the word in it.
    for odd in ["xboundary=a; boundary=b", "boundary=b; x=boundary=a", "x=1; boundary=b"] {
        assert!(kind(&format!("multipart/form-data; {odd}")).is_err(), "{odd}");
    }
    assert!(kind("multipart/form-data; Charset=utf-8; Boundary=\"b\"").is_ok());
}

#[test]
fn a_part_that_is_json_has_its_names_within_the_parts_own() {
    let role = r#"{"role":"admin","a":{"b":1}}"#;
    for (head, kind) in [
        ("name=\"u\"", "application/json"),
        ("name=\"u\"", "Application/JSON; charset=UTF-8"),
        ("name=\"u\"; filename=\"blob\"", "application/vnd.x+json"),
    ] {
        let contents = part(head, kind, role).unwrap();
        assert_eq!(contents.fields, ["u", "u.role", "u.a", "u.a.b"], "{head} {kind}");
        let fact = ("body:u.role".to_owned(), "admin".to_owned());
        assert!(contents.facts.contains(&fact) && !contents.unread, "{head} {kind}");
    }
    let contents = part("name=\"x[u]\"", "application/json", role).unwrap();
    assert!(contents.fields.iter().any(|field| field == "x.u.role"), "{:?}", contents.fields);
    for (name, field) in [("x.u", "x.u.role"), ("!u", "!u.role"), ("[]", "[].role")] {
        let fields = part(&format!("name=\"{name}\""), "application/json", role).unwrap().fields;
        assert!(fields.iter().any(|it| it == field), "{name}: {fields:?}");
    }
    let upload =
        part("name=\"operations\"; filename=\"o\"", "application/json", r#"{"query":"{ a }"}"#);
    assert_eq!(documents(&upload.unwrap()), [("{ a }".to_owned(), None)]);
}

#[test]
fn graphql_is_found_in_a_part_that_has_a_files_name() {
    let drop = "mutation{drop}";
    for (head, kind, value) in [
        ("name=\"query\"; filename=\"x\"", "application/octet-stream", drop),
        ("name=\"query\"; filename=\"x\"", "text/plain", r#"{"query":"mutation{drop}"}"#),
        ("name=\"graphql\"; filename=\"x\"", "text/plain", r#"[{"query":"mutation{drop}"}]"#),
        ("name=\"operations\"; filename=\"x\"", "text/plain", r#"{"query":"mutation{drop}"}"#),
        ("name=\"a\"; filename=\"x\"", "application/json", r#"{"query":"mutation{drop}"}"#),
    ] {
        let asked = part(head, kind, value).unwrap();
        assert!(documents(&asked).contains(&(drop.to_owned(), None)), "{head} {kind}");
    }
    let filled = part("name=\"variables\"; filename=\"x\"", "text/plain", r#"{"i":{"role":1}}"#);
    assert_eq!(filled.unwrap().graphql.shared["i"], ["role"]);
    // What is called otherwise is a file.
    let notes = part("name=\"notes\"; filename=\"x\"", "text/plain", drop).unwrap();
    assert!(documents(&notes).is_empty());
}

#[test]
fn a_part_that_is_json_is_read_as_strictly_as_a_body_is() {
    let twice = r#"{"role":"user","role":"admin"}"#;
    for value in [twice, "{", r#"{"Role":1,"role":2}"#] {
        assert!(part("name=\"u\"", "application/json", value).is_err(), "{value}");
        // A file is none to servers that bind nothing.
        let file = part("name=\"u\"; filename=\"a.json\"", "application/json", value).unwrap();
        assert!(file.unread, "{value}");
    }
    let method = part("name=\"u\"", "application/json", r#"{"_method":"DELETE"}"#);
    assert_eq!(method, Err(Refused::Override("_method")));
    for odd in ["application/json; charset=utf-16", "json", "", "a/b; charset*=utf-8''x"] {
        assert!(part("name=\"u\"", odd, "{}").is_err(), "{odd}");
    }
    let types = format!("{PART}\nContent-Type: text/plain\nContent-Type: application/json");
    assert!(multipart(&format!("--b\n{types}\n\n1\n--b--")).is_err());
}

#[test]
fn a_part_of_a_type_that_servers_bind_and_nobody_reads_here_is_unread() {
    let file = "name=\"u\"; filename=\"x\"";
    for (head, kind, unread) in [
        ("name=\"u\"", "application/xml", true),
        (file, "text/xml", true),
        (file, "application/x-yaml", true),
        (file, "application/vnd.orders+xml", true),
        (file, "application/x-www-form-urlencoded", true),
        (file, "application/cbor", true),
        (file, "multipart/mixed", true),
        ("name=\"u\"", "application/x-own", true),
        ("name=\"u\"", "text/plain", false),
        (file, "image/png", false),
        (file, "image/svg+xml", false),
        (file, "application/octet-stream", false),
        (file, "application/pdf", false),
        (file, "text/csv", false),
        (file, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false),
    ] {
        assert_eq!(part(head, kind, "role: admin").unwrap().unread, unread, "{head} {kind}");
    }
}

#[test]
fn a_boundary_within_a_part_is_refused() {
    // Behind a bare newline PHP and others take it for one.
    let part = format!(
        "--b\r\n{PART}\r\n\r\n1\n--b\nContent-Disposition: form-data; name=\"role\"\n\nadmin\r\n--b--"
    );
    let kind = Kind::Multipart { boundary: "b".to_owned() };
    assert!(Contents::read(&kind, part.as_bytes()).is_err());
    assert!(kind_of_boundary("a,b").is_err());
}

fn kind_of_boundary(boundary: &str) -> Result<Kind, Refused> {
    kind(&format!("multipart/form-data; boundary={boundary}"))
}

#[test]
fn a_value_of_a_part_that_is_not_told_is_not_taken_for_absent() {
    let text = format!("--b\r\n{PART}\r\n\r\neur\u{1}\r\n--b--").replace('\u{1}', "\u{fffd}");
    let bytes: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, 0xef | 0xbf)).collect();
    let kind = Kind::Multipart { boundary: "b".to_owned() };
    assert!(Contents::read(&kind, &bytes).unwrap().cut);
    let nameless = multipart(&format!("--b\n{PART}; filename=\"\"\n\nadmin\n--b--")).unwrap();
    assert!(nameless.facts.contains(&("body:a".to_owned(), "admin".to_owned())));
}
