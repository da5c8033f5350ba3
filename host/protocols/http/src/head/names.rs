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
    "proxy-authorization",
    "upgrade",
    "expect",
    "range",
    "if-range",
    "origin",
    "idempotency-key",
    "destination",
    "x-amz-copy-source",
    "x-amz-rename-source",
    "x-goog-copy-source",
    "x-ms-copy-source",
    "x-oss-copy-source",
    "x-copy-from",
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
    "x-envoy-original-path",
    "x-envoy-original-method",
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
    "sec-websocket-extensions",
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
    // CGI programs take it for the proxy of their own requests.
    "proxy",
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
    "x-remote-groups",
    "remote-user",
    "remote-groups",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-authenticated-user",
    "x-webauth-user",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-data",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-name",
    "x-client-cert",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
    "x-ssl-client-s-dn",
    "x-envoy-external-address",
    "x-envoy-internal",
    "true-client-ip",
    "cf-connecting-ip",
    "x-host",
    "x-original-host",
    "front-end-https",
    "accept-encoding",
];

/// Whether a name with other signs than letters, digits and hyphens is, with hyphens in their place, one that is not passed on.
pub(super) fn stands_for_another(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.bytes().all(is_plain) {
        return false;
    }
    let plain = |byte: u8| if is_plain(byte) { char::from(byte) } else { '-' };
    let plain: String = name.bytes().map(plain).collect();
    [OVERRIDES, DROPPED, HOP_BY_HOP, ONCE].iter().any(|known| known.contains(&plain.as_str()))
}
