use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn kind(content_type: &str) -> Result<Kind, Refused> {
    Kind::of(Some(&HeaderValue::from_str(content_type).unwrap()))
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
    assert_eq!(contents.unwrap().documents, [("{ me }".to_owned(), None)]);
    let batch = json(r#"[{"query":"{ a }"},{"query":"query B { b }","operationName":"B"}]"#);
    assert_eq!(batch.unwrap().documents.len(), 2);
    assert!(json(r#"{"query":{"match_all":{}}}"#).unwrap().documents.is_empty());
    assert!(json(r#"{"query":"shoes","page":2}"#).unwrap().documents.is_empty());
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

fn multipart(body: &str) -> Result<Contents, Refused> {
    let kind = Kind::Multipart { boundary: "b".to_owned() };
    Contents::read(&kind, body.replace('\n', "\r\n").as_bytes())
}

const PART: &str = "Content-Disposition: form-data; name=\"a\"";

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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, which in 0_usize..4) {
        let boundary = "b".to_owned();
        let kinds = [Kind::Json, Kind::Form, Kind::Multipart { boundary }, Kind::GraphQl];
        let _ = Contents::read(&kinds[which], &bytes);
    }
}
