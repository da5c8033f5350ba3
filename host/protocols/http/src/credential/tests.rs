use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn outgoing(target: &str, headers: &[(&'static str, &'static str)]) -> Outgoing {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    Outgoing {
        method: Method::GET,
        origin: "https://api.example".into(),
        target: Target::parse(target.as_bytes()).unwrap(),
        headers,
        body: Some(Bytes::new()),
    }
}

fn applied(credential: &Credential, mut request: Outgoing) -> Outgoing {
    credential.apply(&mut request).unwrap();
    request
}

#[test]
fn a_header_takes_the_place_of_the_clients() {
    let request = outgoing("/", &[("authorization", "Bearer own"), ("x-key", "own")]);
    let sent = applied(&Credential::Bearer(secret("theirs")), request.clone());
    assert_eq!(sent.headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(), ["Bearer theirs"]);
    let name = HeaderName::from_static("x-key");
    let header = Credential::Header { name, prefix: "Token ".into(), value: secret("theirs") };
    assert_eq!(applied(&header, request).headers["x-key"], "Token theirs");
}

#[test]
fn a_basic_credential_is_encoded() {
    let basic = Credential::Basic { username: "Aladdin".into(), password: secret("open sesame") };
    let sent = applied(&basic, outgoing("/", &[]));
    assert_eq!(sent.headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[test]
fn a_parameter_takes_the_place_of_the_clients() {
    let key = Credential::Query { name: "key".into(), value: secret("th&irs") };
    let sent = applied(&key, outgoing("/a?key=own&b=1&KEY=own", &[]));
    assert_eq!(sent.target.text(), "/a?b=1&key=th%26irs");
}

#[test]
fn a_cookie_stands_beside_others_of_another_name() {
    let cookie = Credential::Cookie { name: "sid".into(), value: secret("theirs") };
    let sent = applied(&cookie, outgoing("/", &[("cookie", "a=1; sid=own;b=2")]));
    assert_eq!(sent.headers[COOKIE], "a=1; b=2; sid=theirs");
}

#[test]
fn cookies_that_http_2_has_in_several_fields_go_on_in_one() {
    let mut request = outgoing("/", &[("cookie", "a=1"), ("x-own", "1"), ("x-own", "2")]);
    request.headers.append(COOKIE, HeaderValue::from_static("b=2; sid=own"));
    request.headers.append(COOKIE, HeaderValue::from_bytes(b"c=\xe9").unwrap());
    for credential in [Credential::None, Credential::Bearer(secret("theirs"))] {
        let sent = applied(&credential, request.clone());
        let cookies: Vec<_> = sent.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, [&HeaderValue::from_bytes(b"a=1; b=2; sid=own; c=\xe9").unwrap()]);
        assert_eq!(sent.headers.get_all("x-own").iter().count(), 2);
    }
    request.headers.insert(COOKIE, HeaderValue::from_static("a=1; sid=own"));
    request.headers.append(COOKIE, HeaderValue::from_static("b=2"));
    let cookie = Credential::Cookie { name: "sid".into(), value: secret("theirs") };
    assert_eq!(applied(&cookie, request).headers[COOKIE], "a=1; b=2; sid=theirs");
}

#[test]
fn a_secret_is_known_again_in_all_the_forms_that_documents_give_it() {
    let forms = Credential::Bearer(secret("a+b/c=&<'\"d")).forms();
    for written in [
        "a%2Bb%2Fc%3D%26%3C%27%22d",
        "a%2bb%2fc%3d%26%3c%27%22d",
        "a%2Bb/c%3D%26%3C%27%22d",
        r#"a+b/c=&<'\"d"#,
        r#"a+b\/c=&<'\"d"#,
        r#"a+b/c=\u0026\u003c'\"d"#,
        r#"a\u002Bb/c=\u0026\u003C\u0027\u0022d"#,
        "a+b/c=&amp;&lt;&#39;&quot;d",
    ] {
        assert!(forms.iter().any(|form| form.as_slice() == written.as_bytes()), "{written}");
    }
    let key = AwsKey {
        key_id: "AKIA".into(),
        secret_key: secret("secret-key"),
        session_token: Some(secret("session-token")),
        region: "eu-central-1".into(),
        service: "s3".into(),
    };
    let forms = Credential::Aws(key).forms();
    assert!(forms.iter().any(|form| form.as_slice() == b"session-token"));
}

#[test]
fn a_secret_that_cannot_be_sent_is_an_error_that_does_not_tell_it() {
    let credential = Credential::Bearer(secret("hunter2\nx"));
    let error = credential.apply(&mut outgoing("/", &[])).unwrap_err();
    assert!(!format!("{error} {credential:?}").contains("hunter2"));
}

/// The example of AWS's signature test suite, `get-vanilla-query-order-key-case`.
#[test]
fn a_request_to_aws_is_signed_with_the_gateways_key() {
    let key = AwsKey {
        key_id: "AKIDEXAMPLE".into(),
        secret_key: secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: None,
        region: "us-east-1".into(),
        service: "service".into(),
    };
    let mut request = outgoing(
        "/?Param2=value2&Param1=value1",
        &[("host", "example.amazonaws.com"), ("authorization", "AWS4-HMAC-SHA256 own")],
    );
    request.origin = "https://example.amazonaws.com".into();
    key.sign_at(&mut request, UNIX_EPOCH + Duration::from_secs(1_440_938_160)).unwrap();
    assert_eq!(
        request.headers[AUTHORIZATION],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
}

#[test]
fn a_secret_is_known_in_the_forms_that_it_may_come_back_in() {
    let forms = Credential::Bearer(secret("se/cret?")).forms();
    let has = |form: &str| forms.iter().any(|known| known.as_slice() == form.as_bytes());
    assert!(has("se/cret?") && has("c2UvY3JldD8=") && has("se\\/cret?"));
}
