//! A service's addresses as they look from outside.

/// How a service's paths look to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Public<'a> {
    /// The service's origin: `https://api.example`.
    pub origin: &'a str,
    /// What stands before its paths.
    pub prefix: &'a str,
    /// The target that the service was asked for.
    pub target: &'a str,
}

impl Public<'_> {
    /// A `Location` (RFC 9110 section 10.2.2) as a client can follow it through the gateway; `None` where it leads elsewhere.
    pub(crate) fn location(&self, value: &str) -> Option<String> {
        // Browsers take a backslash for a slash, and drop what is invisible.
        if value.contains('\\') || value.chars().any(|c| c.is_control() || c == ' ') {
            return None;
        }
        if let Some(rest) = strip_origin(value, self.origin) {
            return match rest.starts_with('/') {
                true => self.absolute(rest),
                false => self.absolute(&format!("/{rest}")),
            };
        }
        if value.starts_with('/') {
            return self.absolute(value);
        }
        self.relative(value)
    }

    /// Of a path from its slash.
    fn absolute(&self, value: &str) -> Option<String> {
        // Without a prefix, what follows two slashes is a host.
        let leaves = value.starts_with("//") || has_dots(path_of(value));
        (!leaves).then(|| format!("{}{value}", self.prefix))
    }

    /// Of what is relative to the target.
    fn relative(&self, value: &str) -> Option<String> {
        let beside = value.strip_prefix("./").unwrap_or(value);
        let path = path_of(beside);
        let is_elsewhere = value.split(['/', '?', '#']).next().is_some_and(|it| it.contains(':'));
        if is_elsewhere || path.starts_with('/') || has_dots(path) {
            return None;
        }
        if self.prefix.is_empty() || path_of(value).is_empty() {
            return Some(value.to_owned());
        }
        // A client that asked for `/c/orders` would look for it among the connections.
        let folder = path_of(self.target).rsplit_once('/').map_or("", |(folder, _)| folder);
        Some(format!("{}{folder}/{beside}", self.prefix))
    }
}

/// The path that a reference begins with.
fn path_of(value: &str) -> &str {
    value.split(['?', '#']).next().unwrap_or_default()
}

/// Whether it has a segment by which some reader goes up, however it is escaped.
pub(super) fn has_dots(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%2e", ".");
    let plain = plain.replace("%2f", "/").replace("%5c", "/").replace('\\', "/");
    plain.split('/').any(|segment| segment == "." || segment == "..")
}

/// What follows an origin, where it ends there.
fn strip_origin<'a>(value: &'a str, origin: &str) -> Option<&'a str> {
    let head = value.get(..origin.len())?;
    let rest = value.get(origin.len()..)?;
    let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    (head.eq_ignore_ascii_case(origin) && ends).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://api.example";

    fn shown(value: &str) -> Option<String> {
        Public { origin: ORIGIN, prefix: "/c/orders", target: "/v1/list?a=/b" }.location(value)
    }

    /// The same where the host says which connection is meant.
    fn shown_by_host(value: &str) -> Option<String> {
        Public { origin: ORIGIN, prefix: "", target: "/v1/list" }.location(value)
    }

    #[test]
    fn what_stays_with_the_service_goes_through_the_gateway() {
        for (value, by_path, by_host) in [
            ("/v1/a?b", "/c/orders/v1/a?b", "/v1/a?b"),
            ("HTTPS://api.example/v1", "/c/orders/v1", "/v1"),
            ("https://api.example", "/c/orders/", "/"),
            ("https://api.example?a", "/c/orders/?a", "/?a"),
            ("/v1//a", "/c/orders/v1//a", "/v1//a"),
            ("/v1/a..b/.c", "/c/orders/v1/a..b/.c", "/v1/a..b/.c"),
            (
                "/v1?next=//evil.example/../x",
                "/c/orders/v1?next=//evil.example/../x",
                "/v1?next=//evil.example/../x",
            ),
            ("?page=2", "?page=2", "?page=2"),
            ("#top", "#top", "#top"),
            ("", "", ""),
        ] {
            assert_eq!(shown(value).as_deref(), Some(by_path), "{value}");
            assert_eq!(shown_by_host(value).as_deref(), Some(by_host), "{value}");
        }
    }

    #[test]
    fn what_is_relative_is_so_to_what_the_service_was_asked_for() {
        assert_eq!(shown("next?at=10:00").as_deref(), Some("/c/orders/v1/next?at=10:00"));
        assert_eq!(shown("./at:10").as_deref(), Some("/c/orders/v1/at:10"));
        assert_eq!(shown_by_host("next?at=10:00").as_deref(), Some("next?at=10:00"));
        let at_root = Public { origin: ORIGIN, prefix: "/c/orders", target: "/" };
        assert_eq!(at_root.location("secrets/v1").as_deref(), Some("/c/orders/secrets/v1"));
    }

    #[test]
    fn what_leads_elsewhere_is_not_followed() {
        for value in [
            "https://evil.example/",
            "https://api.example.evil.example/",
            "https://api.example:8443/",
            "https://api.example@evil.example/",
            "//evil.example",
            "/\\evil.example",
            "http://api.example/",
            "javascript:alert(1)",
            " https://evil.example",
            "https:evil.example",
        ] {
            assert_eq!(shown(value), None, "{value}");
            assert_eq!(shown_by_host(value), None, "{value}");
        }
    }

    #[test]
    fn no_redirect_within_the_service_names_another_host_or_connection() {
        for value in [
            "https://api.example//evil.example/x",
            "https://api.example///evil.example/x",
            ".//evil.example/x",
            "/.//evil.example/x",
            "/../secrets/v1",
            "../../secrets/v1",
            "..",
            "v1/..",
            "./../secrets",
            "/a/%2e%2E/%2e./secrets",
            "/a/..%2f..%5Csecrets",
            "https://api.example/../secrets/v1?a#b",
            "..?a",
            "..#a",
        ] {
            assert_eq!(shown(value), None, "{value}");
            assert_eq!(shown_by_host(value), None, "{value}");
        }
    }
}
