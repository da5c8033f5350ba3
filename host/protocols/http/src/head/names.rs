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
const DROPPED: &[&str] = &[
    // CGI programs take it for the proxy of their own requests.
    "proxy",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
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
    // RFC 9440.
    "client-cert",
    "client-cert-chain",
    "x-arr-clientcert",
    "x-anonymous-consumer",
    "x-credential-identifier",
    "x-envoy-external-address",
    "x-envoy-internal",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-access-jwt-assertion",
    "x-host",
    "x-original-host",
    "front-end-https",
    "accept-encoding",
];

/// How more of them begin: who a proxy in front of a service says that it let in, and by which certificate.
const DROPPED_FAMILIES: &[&str] = &[
    // Proxies tell ever more of their clients by names of this kind.
    "x-forwarded-",
    "ssl-client-",
    "x-ssl-client-",
    "x-amzn-mtls-",
    "tailscale-user-",
    // Those of `cf-access-client-` are a client's own.
    "cf-access-authenticated-",
    "x-authentik-",
    "x-consumer-",
    "x-remote-",
    "x-auth-request-",
];

/// Whether a header is what a client says of the way before it, by its name in lower case.
pub(super) fn is_dropped(name: &str) -> bool {
    DROPPED.contains(&name) || DROPPED_FAMILIES.iter().any(|begin| name.starts_with(begin))
}

/// Whether a name with other signs than letters, digits and hyphens is, with hyphens in their place, one that is not passed on.
pub(super) fn stands_for_another(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.bytes().all(is_plain) {
        return false;
    }
    let plain = |byte: u8| if is_plain(byte) { char::from(byte) } else { '-' };
    let plain: String = name.bytes().map(plain).collect();
    let is_of = |known: &&[&str]| known.contains(&plain.as_str());
    is_dropped(&plain) || [OVERRIDES, HOP_BY_HOP, ONCE].iter().any(is_of)
}
