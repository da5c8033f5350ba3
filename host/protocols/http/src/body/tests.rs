mod inner;
mod parts;

use http::HeaderValue;
use palisade_policy::TooMuch;
use proptest::prelude::*;

use super::*;

fn kind(content_type: &str) -> Result<Kind, Refused> {
    Kind::of(Some(&HeaderValue::from_str(content_type).unwrap()))
}

/// The documents that a body holds, each with the operation that is to run.
fn documents(contents: &Contents) -> Vec<(String, Option<String>)> {
    let documents = contents.graphql.documents.iter();
    documents.map(|it| (it.text.clone(), it.operation.clone())).collect()
}

fn json(text: &str) -> Result<Contents, Refused> {
    Contents::read(&Kind::Json, text.as_bytes())
}

#[test]
fn a_json_body_has_its_fields_by_path_and_its_short_values_as_facts() {
    let contents = json(r#"{"order":{"total":12,"lines":[{"sku":"a"},{"sku":"b"}]},"dry":true}"#);
    let contents = contents.unwrap();
    assert_eq!(contents.fields, ["order", "order.total", "order.lines", "order.lines.sku", "dry"]);
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(contents.facts[0], fact("body:order.total", "12"));
    assert_eq!(contents.facts[3], fact("body:dry", "true"));
}

#[test]
fn a_json_body_that_readers_read_differently_is_refused() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"role":"user","Role":"admin"}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":123456789012345678901234567890}"#,
        r#"{"a":1e400}"#,
        r#"{"a\u0000b":1}"#,
        r#"{"a":1} {"b":2}"#,
        r#"{"a":1,}"#,
        r#"{'a':1}"#,
        r#"{"a":NaN}"#,
        "\u{feff}{}",
        "{\"a\":1/*x*/}",
        &deep,
    ] {
        assert!(json(text).is_err(), "{text}");
    }
    assert!(Contents::read(&Kind::Json, b"{\"a\":\"\xff\"}").is_err());
    assert!(Contents::read(&Kind::Json, b"\x00{\x00}").is_err());
    // Integers of 64 bits are read alike by whoever reads integers.
    assert!(json(r#"{"id":1234567890123456789}"#).is_ok());
}

#[test]
fn a_body_that_names_another_method_is_refused() {
    assert_eq!(json(r#"{"_method":"DELETE"}"#), Err(Refused::Override("_method")));
    assert_eq!(Contents::read(&Kind::Form, b"_METHOD=DELETE"), Err(Refused::Override("_method")));
}

#[test]
fn a_form_has_its_fields() {
    let contents = Contents::read(&Kind::Form, b"a=1&b=x+y&a=2").unwrap();
    assert_eq!(contents.fields, ["a", "b"]);
    assert!(Contents::read(&Kind::Form, b"a=1;b=2").is_err());
    assert!(Contents::read(&Kind::Form, b"a=%zz").is_err());
}

#[test]
fn graphql_requests_are_known_by_their_names() {
    let contents = json(r#"{"query":"{ me }","variables":{"query":"x"},"operationName":null}"#);
    assert_eq!(documents(&contents.unwrap()), [("{ me }".to_owned(), None)]);
    let batch = json(r#"[{"query":"{ a }"},{"query":"query B { b }","operationName":"B"}]"#);
    assert_eq!(documents(&batch.unwrap()).len(), 2);
    assert!(json(r#"{"query":{"match_all":{}}}"#).unwrap().graphql.documents.is_empty());
    assert!(json(r#"{"query":"shoes","page":2}"#).unwrap().graphql.documents.is_empty());
}

#[test]
fn another_charset_than_utf_8_is_refused_where_a_body_is_read() {
    assert_eq!(kind("application/json; charset=UTF-8"), Ok(Kind::Json));
    assert_eq!(kind("application/problem+json"), Ok(Kind::Json));
    for odd in ["utf-16", "utf-7", "iso-8859-1", "\"utf-16\""] {
        let kind = kind(&format!("application/json; charset={odd}"));
        assert_eq!(kind.map_err(Refused::status), Err(415), "{odd}");
    }
    for odd in ["application/json; charset=utf-8; charset=utf-16", "json", "a/b; charset*=utf-8''x"]
    {
        assert!(kind(odd).is_err(), "{odd}");
    }
    assert_eq!(kind("image/png"), Ok(Kind::Opaque));
}

#[test]
fn another_charset_than_utf_8_is_refused_for_every_kind_that_is_read() {
    // In UTF-7 a part of the name `+AHI-ole` is `role`.
    for kind_of_it in [
        "multipart/form-data; boundary=b",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/merge-patch+json",
    ] {
        for odd in ["utf-7", "\"UTF-16\"", "ibm037", "iso-8859-1", "unicode_escape", "\"\""] {
            let kind = kind(&format!("{kind_of_it}; charset={odd}"));
            assert_eq!(kind.map_err(Refused::status), Err(415), "{kind_of_it} {odd}");
        }
        for plain in ["utf-8", "\"UTF-8\"", "us-ascii"] {
            assert!(
                kind(&format!("{kind_of_it}; charset={plain}")).is_ok(),
                "{kind_of_it} {plain}"
            );
        }
    }
    assert!(kind("multipart/form-data; charset=utf-7; boundary=b").is_err());
}

#[test]
fn a_charset_without_ascii_is_refused_for_what_is_not_read_too() {
    let none = |text: &str| Kind::of_none(Some(&HeaderValue::from_str(text).unwrap()));
    for plain in ["utf-8", "ISO-8859-15", "Windows-1252", "us-ascii", "latin1", "binary"] {
        let text = format!("text/plain; charset={plain}");
        assert_eq!((kind(&text), none(&text)), (Ok(Kind::Opaque), Ok(())), "{plain}");
    }
    for odd in ["utf-7", "UTF-16", "utf-32le", "ibm037", "cp500", "hz", "unicode_escape", "latin"] {
        let text = format!("text/plain; charset={odd}");
        assert_eq!(kind(&text).map_err(Refused::status), Err(415), "{odd}");
        assert_eq!(none(&text).map_err(Refused::status), Err(415), "{odd}");
    }
    // What says nothing of a charset may say what it will, where there is nothing of that type.
    for text in ["", "json", "multipart/form-data"] {
        assert_eq!(none(text), Ok(()), "{text}");
    }
    for odd in
        ["text/plain charset=utf-7", "a/b; Charset*=utf-8''utf-7", "a/b; charset=a; charset=b"]
    {
        assert!(none(odd).is_err(), "{odd}");
    }
}

fn multipart(body: &str) -> Result<Contents, Refused> {
    let kind = Kind::Multipart { boundary: "b".to_owned() };
    Contents::read(&kind, body.replace('\n', "\r\n").as_bytes())
}

const PART: &str = "Content-Disposition: form-data; name=\"a\"";

/// A body of one part, which is of a type.
fn part(head: &str, kind: &str, value: &str) -> Result<Contents, Refused> {
    let head = format!("Content-Disposition: form-data; {head}\nContent-Type: {kind}");
    multipart(&format!("--b\n{head}\n\n{value}\n--b--"))
}

#[test]
fn what_a_patch_names_is_told_as_if_it_were_written_out() {
    for (text, expected) in [
        (r#"[{"op":"add","path":"/role","value":"admin"}]"#, vec!["role"]),
        (
            r#"[{"value":{"x":[{"role":1}]},"path":"/a/0/b","op":"add"}]"#,
            vec!["a", "a.b", "a.b.x", "a.b.x.role"],
        ),
        (r#"[{"op":"move","from":"/a~1b/c~0d","path":"/e/-"}]"#, vec!["a/b", "a/b.c~d", "e"]),
        (r#"[{"op":"replace","path":"","value":{"role":1}}]"#, vec!["role"]),
        (r#"[{"Op":"Replace","Path":"role","Value":1}]"#, vec!["role"]),
        (
            r#"{"Operations":[{"op":"add","path":"user.roles[type eq \"x\"]","value":1}]}"#,
            vec!["user", "user.roles"],
        ),
        (r#"[{"\u006fp":"test","path":"/role"}]"#, vec!["role"]),
        // As Immer writes them.
        (r#"[{"op":"replace","path":["user",0,"role"],"value":1}]"#, vec!["user", "user.role"]),
        (r#"[{"op":"add","path":[],"value":{"role":1}}]"#, vec!["role"]),
        // What SCIM adds without a path is the resource's own.
        (r#"{"Operations":[{"op":"add","value":{"a":{"role":1}}}]}"#, vec!["a", "a.role"]),
    ] {
        let fields = json(text).unwrap().fields;
        for field in expected {
            assert!(fields.iter().any(|told| told == field), "{text}: {field} in {fields:?}");
        }
    }
    let contents = json(r#"[{"op":"add","path":"/user","value":{"role":"admin"}}]"#).unwrap();
    let fact = ("body:user.role".to_owned(), "admin".to_owned());
    assert!(contents.facts.contains(&fact), "{:?}", contents.facts);
    let part =
        part("name=\"u\"", "application/json-patch+json", r#"[{"op":"add","path":"/role"}]"#);
    assert!(part.unwrap().fields.contains(&"u.role".to_owned()));
    let many = format!(r#"[{{"op":"add","path":"/a","value":[{}]}}]"#, vec!["1"; 100].join(","));
    assert!(json(&many).unwrap().cut);
    // An operation of another kind has no path.
    assert_eq!(json(r#"{"op":"sum","of":["/role"]}"#).unwrap().fields, ["op", "of"]);
    assert_eq!(kind("application/json-patch+json"), Ok(Kind::Json));
    assert_eq!(kind("application/merge-patch+json"), Ok(Kind::Json));
    assert_eq!(json(r#"{"user":{"role":null}}"#).unwrap().fields, ["user", "user.role"]);
}

#[test]
fn a_patch_whose_path_is_not_kept_to_its_end_is_unread() {
    let path = |many: usize| vec![r#""a""#; many].join(",");
    let patch = |many| json(&format!(r#"[{{"op":"add","path":[{}],"value":1}}]"#, path(many)));
    assert!(!patch(64).unwrap().unread);
    assert!(patch(65).unwrap().unread);
}

#[test]
fn what_a_patch_names_counts_as_what_is_written_out_does() {
    let path = format!("/{}", "x".repeat(1000));
    let many: Vec<String> =
        (0..900).map(|n| format!(r#"{{"op":"add","path":"{path}/{n}{path}"}}"#)).collect();
    assert!(json(&format!("[{}]", many.join(","))).is_ok());
    let names: Vec<String> = (0..10_000).map(|number| format!("\"{number}\":0")).collect();
    let text = format!(r#"[{{"op":"add","path":"{path}","value":{{{}}}}}]"#, names.join(","));
    assert_eq!(json(&text), Err(Refused::Names(TooMuch)));
}

#[test]
fn a_response_in_two_types_or_without_ascii_is_not_plainly_typed() {
    let typed = |types: &[&str]| {
        let mut headers = http::HeaderMap::new();
        for value in types {
            headers.append("content-type", HeaderValue::from_str(value).unwrap());
        }
        is_plainly_typed(&headers)
    };
    for plain in ["text/plain", "text/html; charset=ISO-8859-1", "a/b; Charset=\"utf-8\"; c=d"] {
        assert!(typed(&[plain]), "{plain}");
    }
    for odd in [
        "text/plain; charset=utf-16",
        "text/plain;charset=UTF-7",
        "text/html; charset = \"ibm037\"",
    ] {
        assert!(!typed(&[odd]), "{odd}");
    }
    assert!(typed(&[]) && !typed(&["text/plain", "application/json"]));
}

#[test]
fn a_name_that_readers_without_case_take_for_another_is_refused() {
    // Go's encoding/json folds as Unicode does: it fills `roles` from the first, `token` from the second.
    for text in
        ["{\"role\u{17f}\":[\"admin\"]}", "{\"to\u{212a}en\":1}", r#"{"a":{"is_admin\u017f":1}}"#]
    {
        assert!(json(text).is_err(), "{text}");
    }
}

#[test]
fn names_in_brackets_are_told_as_those_of_objects_too() {
    let contents =
        Contents::read(&Kind::Form, b"user[role]=admin&users%5B0%5D%5Bis_admin%5D=1").unwrap();
    for field in ["user[role]", "user.role", "users.is_admin"] {
        assert!(contents.fields.iter().any(|known| known == field), "{field}");
    }
    assert!(contents.facts.contains(&("body:user.role".to_owned(), "admin".to_owned())));
    let part = "Content-Disposition: form-data; name=\"user[role]\"";
    let contents = multipart(&format!("--b\n{part}\n\nadmin\n--b--")).unwrap();
    assert!(contents.facts.contains(&("body:user.role".to_owned(), "admin".to_owned())));
}

#[test]
fn a_field_of_a_form_is_told_under_every_name_that_servers_read() {
    for (written, field) in [
        ("permissions[admin]=1", "permissions"),
        ("is.admin=1", "is_admin"),
        ("is+admin=1", "is_admin"),
        ("is[admin=1", "is_admin"),
        ("user[role]x=admin", "user.role"),
        ("user['role']=admin", "user.role"),
        ("users[0].role=admin", "users.role"),
        ("!role=admin", "role"),
        ("_locked=on", "locked"),
    ] {
        let told = Contents::read(&Kind::Form, written.as_bytes()).unwrap().fields;
        assert!(told.iter().any(|it| it == field), "{written}: {told:?}");
        let (name, value) = written.split_once('=').unwrap();
        let name = name.replace('+', " ");
        let part = format!("Content-Disposition: form-data; name=\"{name}\"");
        if !name.contains('"') {
            let told = multipart(&format!("--b\n{part}\n\n{value}\n--b--")).unwrap().fields;
            assert!(told.iter().any(|it| it == field), "{name}: {told:?}");
        }
    }
    let contents = Contents::read(&Kind::Form, b"user[role]x=admin&!mode=off").unwrap();
    for (name, value) in [("body:user.role", "admin"), ("body:mode", "off")] {
        assert!(contents.facts.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
    // Readers without case find `roles`.
    assert!(Contents::read(&Kind::Form, "role%C5%BF=admin".as_bytes()).is_err());
    // A form of plain names is told as it is written.
    let plain = Contents::read(&Kind::Form, b"a=1&user_id=2&x-y=3").unwrap();
    assert_eq!(plain.fields, ["a", "user_id", "x-y"]);
}

#[test]
fn a_member_whose_name_is_a_path_is_told_with_what_it_lies_within() {
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
    for (text, field) in [
        (r#"{"roles.0":"admin"}"#.to_owned(), "roles"),
        (r#"{"$set":{"roles.0.name":"admin"}}"#.to_owned(), "$set.roles.name"),
        (r#"{"user[role]":"admin"}"#.to_owned(), "user.role"),
        (format!(r#"{{"{urn}:roles":[{{"value":"admin"}}]}}"#), "roles"),
        (format!(r#"{{"op":"add","value":{{"{urn}:name.role":"a"}}}}"#), "value.name.role"),
    ] {
        let told = json(&text).unwrap().fields;
        assert!(told.iter().any(|it| it == field), "{text}: {told:?}");
    }
    assert_eq!(json(r#"{"dc:title":1,"a":{"b":2}}"#).unwrap().fields, ["dc:title", "a", "a.b"]);
}

#[test]
fn json_and_xml_do_not_pass_as_a_form() {
    // What curl sends with -d alone, and what many services read as JSON all the same.
    for body in ["{\"role\":\"admin\"}", "[{\"role\":1}]", "<user/>", "\"x\""] {
        assert!(Contents::read(&Kind::Form, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_form_that_says_how_it_is_decoded_is_refused() {
    assert!(Contents::read(&Kind::Form, b"_charset_=utf-16&a=1").is_err());
    assert!(Contents::read(&Kind::Form, b"_charset_=UTF-8&a=1").is_ok());
    assert!(
        multipart(&format!("--b\n{PART}\nContent-Type: text/plain; charset=utf-16\n\n1\n--b--"))
            .is_err()
    );
    assert!(
        multipart(&format!("--b\n{PART}\nContent-Type: text/plain; Charset=\"UTF-8\"\n\n1\n--b--"))
            .is_ok()
    );
}

#[test]
fn graphql_is_found_whatever_stands_beside_it() {
    for text in [
        r#"{"query":"mutation { dropUser }","x":1}"#,
        r#"[{"query":"mutation { dropUser }"},{"x":1}]"#,
        r#"{"operationName":"A","query":"mutation { dropUser }","":{"query":"{ a }"}}"#,
    ] {
        let documents = documents(&json(text).unwrap());
        assert!(documents.contains(&("mutation { dropUser }".to_owned(), None)), "{text}");
    }
    let form = Contents::read(&Kind::Form, b"query=mutation%7BdropUser%7D").unwrap();
    assert_eq!(documents(&form), [("mutation{dropUser}".to_owned(), None)]);
    let part = "Content-Disposition: form-data; name=\"operations\"";
    let body =
        format!("--b\n{part}\n\n{{\"query\":\"mutation {{ upload }}\",\"variables\":{{}}}}\n--b--");
    let upload = multipart(&body).unwrap();
    assert_eq!(documents(&upload), [("mutation { upload }".to_owned(), None)]);
}

#[test]
fn the_time_does_not_grow_with_the_square_of_the_fields() {
    let fields: Vec<String> = (0..100_000).map(|number| format!("\"{number:x}\":0")).collect();
    let contents = json(&format!("{{{}}}", fields.join(","))).unwrap();
    assert_eq!(contents.fields.len(), 100_000);
}

#[test]
fn a_long_name_counts_with_each_name_that_lies_within_it() {
    let inner: Vec<String> = (0..77_500).map(|number| format!("\"{number:x}\":0")).collect();
    for long in [400_000, 2500] {
        let text = format!("{{\"{}\":{{{}}}}}", "x".repeat(long), inner.join(","));
        let refused = json(&text).unwrap_err();
        assert_eq!((refused, refused.status()), (Refused::Names(TooMuch), 413), "{long}");
        assert_eq!(refused.rule(), "gateway.body-limit");
    }
    // The values that are told have the name before them, too.
    let text = format!("{{\"{}\":[{}]}}", "x".repeat(400_000), vec!["0"; 100].join(","));
    assert_eq!(json(&text), Err(Refused::Names(TooMuch)));
    // A list of objects names each field once.
    let text = format!("{{\"{}\":[{}]}}", "x".repeat(2500), vec!["{\"a\":0}"; 100_000].join(","));
    assert_eq!(json(&text).unwrap().fields.len(), 2);
}

#[test]
fn what_forms_name_counts_as_well() {
    let name = |number: usize| format!("{number}{}", "x".repeat(10_000));
    let form: Vec<String> = (0..500).map(|number| name(number) + "=1").collect();
    let read = Contents::read(&Kind::Form, form.join("&").as_bytes());
    assert_eq!(read, Err(Refused::Names(TooMuch)));
    let part =
        |number| format!("--b\nContent-Disposition: form-data; name=\"{}\"\n\n1\n", name(number));
    let parts: String = (0..500).map(part).collect();
    assert_eq!(multipart(&format!("{parts}--b--")), Err(Refused::Names(TooMuch)));
}

#[test]
fn an_ordinary_large_body_is_told_whole() {
    // A megabyte of prices by their article's number, as catalogues have them.
    let article = |number: u32| {
        format!(
            "\"{number:036x}\":{{\"net\":12.5,\"gross\":14.9,\"currency\":\"EUR\",\"stock\":7}}"
        )
    };
    let articles: Vec<String> = (0..11_000).map(article).collect();
    let text = format!("{{\"articles\":{{{}}}}}", articles.join(","));
    assert!((1_000_000..1 << 20).contains(&text.len()), "{}", text.len());
    assert_eq!(json(&text).unwrap().fields.len(), 1 + 5 * 11_000);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, which in 0_usize..4) {
        let boundary = "b".to_owned();
        let kinds = [Kind::Json, Kind::Form, Kind::Multipart { boundary }, Kind::GraphQl];
        let _ = Contents::read(&kinds[which], &bytes);
    }
}
