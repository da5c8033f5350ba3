//! Headers by what they do to a message.

/// Headers that mean something else, or one of two things, where they are there twice.
pub(super) const ONCE: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-disposition",
    "transfer-encoding",
    "authorization",
    "palisade-token",
    "upgrade",
    "expect",
    "range",
    "if-range",
    "origin",
    "idempotency-key",
    "destination",
    "user-agent",
];

/// Headers by which a client asks a server to take another method or path than the request has.
pub(super) const OVERRIDES: &[&str] = &[
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-override-url",
    "x-http-path-override",
    "x-http-destinationurl",
    "x-forwarded-uri",
    "x-forwarded-method",
];

/// Headers of one hop.
pub(super) const HOP_BY_HOP: &[&str] = &[
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "expect",
    "host",
    "prefer",
    "alt-used",
];

/// What a client says of the way before it, which servers believe of proxies alone.
pub(super) const DROPPED: &[&str] = &[
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-prefix",
    "x-forwarded-ssl",
    "x-forwarded-user",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote-user",
    "remote-user",
    "true-client-ip",
    "cf-connecting-ip",
    "x-host",
    "x-original-host",
    "front-end-https",
    "accept-encoding",
];
