//! The headers that the gateway tells no policy.

/// Those that change nothing of what a request does, and differ from one to the next: the gateway's own list.
pub(crate) const UNTOLD: [&str; 22] = [
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

/// The header of which no policy is told, where a fact is named after one.
pub(crate) fn untold(fact: &str) -> Option<&'static str> {
    let fact = fact.to_lowercase();
    let name = fact.strip_prefix("header:")?;
    UNTOLD.into_iter().find(|untold| *untold == name)
}
