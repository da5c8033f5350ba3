//! What of a request's headers policies and the record see.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that change nothing of what a request does, and differ from one to the next.
const NOISE: [&str; 22] = [
    "user-agent",
    "accept-language",
    "accept-charset",
    "cache-control",
    "pragma",
    "dnt",
    "referer",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-request-id",
    "x-correlation-id",
    "x-amzn-trace-id",
    "x-amz-date",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-websocket-key",
    "date",
];
/// Words in names of headers that hold what must not be shown.
const CREDENTIALS: [&str; 8] =
    ["auth", "cookie", "token", "secret", "password", "signature", "api-key", "apikey"];
/// What stands for such a value.
const HIDDEN: &str = "***";

/// Whether a header's value lets its bearer in somewhere.
#[must_use]
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|word| name.contains(word)) || name.ends_with("-key")
}

/// The headers that tell what a request does, without what is secret.
pub(crate) fn shown(headers: &HeaderMap) -> impl Iterator<Item = (&str, String)> {
    let is_noise = |name: &str, value: &HeaderValue| {
        NOISE.contains(&name) || (name == "accept" && value == "*/*")
    };
    let told = headers.iter().filter(move |(name, value)| !is_noise(name.as_str(), value));
    told.map(|(name, value)| (name.as_str(), value_of(name, value)))
}

pub(crate) fn facts(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    shown(headers).map(|(name, value)| (format!("header:{name}"), value))
}

fn value_of(name: &HeaderName, value: &HeaderValue) -> String {
    if is_credential(name.as_str()) && name != "idempotency-key" {
        return HIDDEN.to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
