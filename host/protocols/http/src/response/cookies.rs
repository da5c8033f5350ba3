//! A service's cookies as they look from outside: no other connection's requests carry them.

use http::HeaderValue;

use super::Public;
use super::public::has_dots;

/// What the names of cookies begin with that must be for all paths of a host, in any case (RFC 6265bis section 4.1.3.2).
const FOR_ALL_PATHS: &[u8] = b"__host-";

impl Public<'_> {
    /// A `Set-Cookie` (RFC 6265 section 4.1) as a client may have it; `None` where it cannot be kept right. It is for the host
    /// that set it, whose name is the gateway's, and where connections are found by path for the paths of this one alone.
    pub(crate) fn cookie(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let mut parts = value.as_bytes().split(|byte| *byte == b';');
        let pair = parts.next()?;
        let mut shown = pair.to_vec();
        let mut path = "/";
        for part in parts {
            let (name, value) = name_and_value(part);
            let is_path = name.eq_ignore_ascii_case(b"path") && !self.prefix.is_empty();
            if is_path {
                // The last one counts, and only one from a slash (sections 5.2.4 and 5.3).
                let value = std::str::from_utf8(value).unwrap_or_default();
                let is_one = value.starts_with('/') && !has_dots(value);
                path = if is_one { value } else { "/" };
            } else if !name.eq_ignore_ascii_case(b"domain") {
                shown.push(b';');
                shown.extend_from_slice(part);
            }
        }
        if !self.prefix.is_empty() {
            if is_for_all_paths(pair) {
                return None;
            }
            // At the end no reader takes it for a part of something else.
            shown.extend_from_slice(format!("; Path={}{path}", self.prefix).as_bytes());
        }
        HeaderValue::from_bytes(&shown).ok()
    }
}

/// An attribute's name and value, without what some reader strips from them.
fn name_and_value(attribute: &[u8]) -> (&[u8], &[u8]) {
    let equals = attribute.iter().position(|byte| *byte == b'=').unwrap_or(attribute.len());
    let (name, value) = attribute.split_at_checked(equals).unwrap_or((attribute, &[]));
    (stripped(name), stripped(value.strip_prefix(b"=").unwrap_or(value)))
}

/// Some readers take bytes beyond ASCII for spaces.
fn stripped(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && !first.is_ascii_graphic()
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && !last.is_ascii_graphic()
    {
        bytes = rest;
    }
    bytes
}

/// Whether a cookie is refused by browsers that is not for all paths; they look at the value of one without a name.
fn is_for_all_paths(pair: &[u8]) -> bool {
    let (name, value) = name_and_value(pair);
    let name = if name.is_empty() { value } else { name };
    name.get(..FOR_ALL_PATHS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(FOR_ALL_PATHS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(prefix: &str, value: &[u8]) -> Option<Vec<u8>> {
        let public = Public { origin: "https://api.example", prefix, target: "/" };
        let value = HeaderValue::from_bytes(value).unwrap();
        public.cookie(&value).map(|value| value.as_bytes().to_vec())
    }

    fn text(prefix: &str, value: &str) -> Option<String> {
        shown(prefix, value.as_bytes()).map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn a_cookie_is_for_the_paths_of_its_connection_alone() {
        for (value, by_path) in [
            ("a=1", "a=1; Path=/c/orders/"),
            ("a=1; Path=/", "a=1; Path=/c/orders/"),
            ("a=1;path=/v1;HttpOnly", "a=1;HttpOnly; Path=/c/orders/v1"),
            ("a=1; Path=/v1; Path=/v2", "a=1; Path=/c/orders/v2"),
            ("a=1; Path=/v1; Path=x", "a=1; Path=/c/orders/"),
            ("a=1; Path", "a=1; Path=/c/orders/"),
            ("a=1; Path=", "a=1; Path=/c/orders/"),
            ("a=1; Path=\"/v1\"", "a=1; Path=/c/orders/"),
            ("a=1; Path=/../secrets", "a=1; Path=/c/orders/"),
            ("a=1; Path=/\\..\\secrets", "a=1; Path=/c/orders/"),
            ("a=\"x; Path=/; y\"", "a=\"x; y\"; Path=/c/orders/"),
        ] {
            assert_eq!(text("/c/orders", value).as_deref(), Some(by_path), "{value}");
        }
        // What a reader of Latin-1 strips.
        let odd = b"a=1;\xa0Path\xa0=/;\xa0Domain=gateway.example";
        assert_eq!(shown("/c/orders", odd).unwrap(), b"a=1; Path=/c/orders/");
    }

    #[test]
    fn a_cookie_is_for_the_host_that_set_it_alone() {
        for (value, by_host) in [
            ("a=1; Domain=example; Path=/v1", "a=1; Path=/v1"),
            ("a=1; domain = .gateway.example;Secure", "a=1;Secure"),
            ("a=1; DOMAIN", "a=1"),
            ("Domain=x; Secure", "Domain=x; Secure"),
        ] {
            assert_eq!(text("", value).as_deref(), Some(by_host), "{value}");
        }
        let by_path = text("/c/orders", "a=1; Domain=example");
        assert_eq!(by_path.as_deref(), Some("a=1; Path=/c/orders/"));
    }

    #[test]
    fn a_cookie_that_must_be_for_all_paths_is_kept_where_a_host_is_one_connection() {
        for value in
            ["__Host-a=1; Secure; Path=/", " __hOST-a=1; Secure; Path=/", "=__Host-a; Path=/"]
        {
            assert_eq!(text("/c/orders", value), None, "{value}");
            assert!(text("", value).is_some(), "{value}");
        }
        assert!(text("/c/orders", "__Secure-a=1; Secure").is_some());
        assert!(text("/c/orders", "a=__Host-").is_some());
    }

    fn attributes(value: &[u8]) -> Vec<&[u8]> {
        value.split(|byte| *byte == b';').skip(1).collect()
    }

    fn is_named(attribute: &[u8], name: &str) -> bool {
        String::from_utf8_lossy(attribute)
            .split('=')
            .next()
            .unwrap()
            .trim()
            .eq_ignore_ascii_case(name)
    }

    proptest! {
        #[test]
        fn nothing_else_of_a_cookie_changes(
            value in "[a-z=_ \"]{0,6}(;[ \t]{0,2}([Pp]ath|[Dd]omain|Max-Age|x|é)?[ =]{0,2}[a-z/.,\\\\\"= ]{0,4}){0,6}",
            by_path in any::<bool>(),
        ) {
            let prefix = if by_path { "/c/orders" } else { "" };
            let out = shown(prefix, value.as_bytes()).unwrap();
            prop_assert!(!attributes(&out).iter().any(|it| is_named(it, "domain")));
            let others = |value: &[u8]| -> Vec<Vec<u8>> {
                let kept = |it: &&&[u8]| !(is_named(it, "domain") || by_path && is_named(it, "path"));
                let pair = value.split(|byte| *byte == b';').next().unwrap().to_vec();
                let others = attributes(value);
                let others = others.iter().filter(kept).map(|it| it.to_vec());
                std::iter::once(pair).chain(others).collect()
            };
            prop_assert_eq!(others(value.as_bytes()), others(&out));
            if by_path {
                let all = attributes(&out);
                let paths: Vec<_> = all.iter().filter(|it| is_named(it, "path")).collect();
                prop_assert_eq!(paths.len(), 1);
                prop_assert!(paths[0].starts_with(b" Path=/c/orders/"));
            }
        }
    }
}
