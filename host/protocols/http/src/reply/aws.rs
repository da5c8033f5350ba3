//! The gateway's answers for clients of AWS, which understand none but their services' own errors.
//!
//! Which form a service has is told by the request that its client made: the signature's scope names the service, and what is
//! JSON or a form says so itself.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::Reply;

/// How a client of AWS begins its `Authorization`.
pub(crate) const SCHEME: &str = "AWS4-HMAC-SHA256 ";
/// Services whose errors are XML though their requests are not forms.
const XML: [&str; 5] = ["s3", "s3express", "s3-object-lambda", "route53", "cloudfront"];

/// An answer in a form of AWS's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The status.
    pub(crate) status: u16,
    /// Its media type.
    pub(crate) kind: &'static str,
    /// What kind of error it is.
    pub(crate) code: &'static str,
    /// The body.
    pub(crate) body: Bytes,
}

/// The answer as the client that sent these headers reads it; none where that is no client of AWS.
pub(crate) fn error(client: &HeaderMap, reply: &Reply) -> Option<Error> {
    let service = service(client.get(AUTHORIZATION)?)?;
    let said: Value = serde_json::from_slice(&reply.body).ok()?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut message = text("detail").to_owned();
    if !text("rule").is_empty() {
        message = format!("{message} (rule {})", text("rule"));
    }
    if !text("hint").is_empty() {
        message = format!("{message}. {}", text("hint"));
    }
    let kind = client.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    let is_xml = is_form || XML.contains(&service) && !kind.starts_with("application/x-amz-json");
    let is_withheld = reply.is_withheld();
    // It has run: what these libraries take for unavailable they ask for again, and again.
    let status = if is_withheld { 403 } else { reply.status };
    let code = match (is_withheld, is_xml) {
        (true, true) => "ResponseWithheld",
        (true, false) => "ResponseWithheldException",
        (false, _) => code(status, is_xml),
    };
    if !is_xml {
        let body = json!({ "__type": code, "message": message, "requestId": text("session") });
        return Some(Error {
            status,
            kind: "application/json",
            code,
            body: body.to_string().into(),
        });
    }
    let (message, id) = (escaped(&message), escaped(text("session")));
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let body = match service.starts_with("s3") && !is_form {
        true => format!("<Error>{error}<RequestId>{id}</RequestId></Error>"),
        false => format!(
            "<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{id}</RequestId></ErrorResponse>"
        ),
    };
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
    Some(Error { status, kind: "application/xml", code, body: body.into() })
}

/// The service of a signature's scope: `Credential=ID/20260101/eu-central-1/s3/aws4_request, …`.
fn service(authorization: &HeaderValue) -> Option<&str> {
    let rest = authorization.to_str().ok()?.strip_prefix(SCHEME)?;
    let mut parts = rest.split(',').map(str::trim);
    let scope = parts.find_map(|part| part.strip_prefix("Credential="))?;
    let mut scope = scope.rsplit('/');
    let _end = scope.next().filter(|end| *end == "aws4_request")?;
    scope.next()
}

/// Codes that AWS has for such; its libraries try again by their names.
fn code(status: u16, is_xml: bool) -> &'static str {
    match (status, is_xml) {
        (401, _) => "UnrecognizedClientException",
        (403, true) => "AccessDenied",
        (403, false) => "AccessDeniedException",
        (413, _) => "EntityTooLarge",
        (429, true) => "SlowDown",
        (429, false) => "ThrottlingException",
        (500.., true) => "ServiceUnavailable",
        (500.., false) => "ServiceUnavailableException",
        (_, true) => "InvalidRequest",
        (_, false) => "ValidationException",
    }
}

/// A text within XML, without what XML 1.0 cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use palisade_policy::Denial;

    use super::*;

    fn told(service: &str, kind: &str) -> Option<Error> {
        let denial = Denial {
            reason: "a <b> & c\u{0}".to_owned(),
            rule: "guard.delete".to_owned(),
            hint: "Ask.".to_owned(),
        };
        answered(service, kind, &Reply::denied(&denial, "s1"))
    }

    fn answered(service: &str, kind: &str, reply: &Reply) -> Option<Error> {
        let scope = format!("{SCHEME}Credential=AK/20260101/x/{service}/aws4_request, Signature=0");
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, HeaderValue::from_str(&scope).unwrap()),
            (CONTENT_TYPE, HeaderValue::from_str(kind).unwrap()),
        ]);
        error(&headers, reply)
    }

    fn check(service: &str, kind: &str, expected: &str) {
        let told = told(service, kind).unwrap();
        let body = String::from_utf8(told.body.to_vec()).unwrap();
        assert_eq!(body.split_once('\n').map_or(body.as_str(), |(_, body)| body), expected);
    }

    #[test]
    fn each_service_is_answered_in_its_own_form() {
        let message = "a &lt;b&gt; &amp; c\u{fffd} (rule guard.delete). Ask.";
        let error = format!("<Code>AccessDenied</Code><Message>{message}</Message>");
        let id = "<RequestId>s1</RequestId>";
        check("s3", "", &format!("<Error>{error}{id}</Error>"));
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let expected =
            format!("<ErrorResponse><Error><Type>Sender</Type>{error}</Error>{id}</ErrorResponse>");
        check("sts", form, &expected);
        let json = told("dynamodb", "application/x-amz-json-1.0").unwrap();
        let body: Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(body["__type"], "AccessDeniedException");
        assert_eq!(body["message"], "a <b> & c\u{0} (rule guard.delete). Ask.");
    }

    #[test]
    fn what_is_withheld_has_run_and_is_told_as_nothing_that_is_asked_for_again() {
        // What botocore's standard and legacy retries ask for again, and the other libraries of AWS.
        let again = [429, 500, 502, 503, 504, 509];
        let denial = Denial {
            reason: "it cannot be read".to_owned(),
            rule: "gateway.unmaskable".to_owned(),
            hint: String::new(),
        };
        for (service, kind, code) in [
            ("s3", "", "ResponseWithheld"),
            ("sqs", "application/x-amz-json-1.0", "ResponseWithheldException"),
        ] {
            let told = answered(service, kind, &Reply::withheld(&denial, "s1")).unwrap();
            let body = String::from_utf8(told.body.to_vec()).unwrap();
            assert!(!again.contains(&told.status) && told.status < 500, "{told:?}");
            assert!(told.code == code && body.contains(code), "{body}");
            assert!(body.contains("it cannot be read (rule gateway.unmaskable)"), "{body}");
            // A service that is not there may be there later.
            let told = answered(service, kind, &Reply::unavailable(503, "later", "s1")).unwrap();
            assert!(told.status == 503 && told.code.starts_with("ServiceUnavailable"), "{told:?}");
        }
    }

    #[test]
    fn who_signs_otherwise_is_no_client_of_aws() {
        let denied = Reply::unauthorized();
        for value in ["Bearer x", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a/b"] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(error(&headers, &denied), None, "{value}");
        }
    }
}
