//! A service's addresses as they look from outside.

/// How a service's paths look to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Public<'a> {
    /// The service's origin: `https://api.example`.
    pub origin: &'a str,
    /// What stands before its paths.
    pub prefix: &'a str,
}

impl Public<'_> {
    /// A `Location` (RFC 9110 section 10.2.2) as a client can follow it through the gateway; `None` where it leads elsewhere.
    pub(crate) fn location(&self, value: &str) -> Option<String> {
        // Browsers take a backslash for a slash, and drop what is invisible.
        if value.contains('\\') || value.chars().any(|c| c.is_control() || c == ' ') {
            return None;
        }
        if let Some(rest) = strip_origin(value, self.origin) {
            return Some(format!("{}{}", self.prefix, if rest.is_empty() { "/" } else { rest }));
        }
        let relative = value.split(['/', '?', '#']).next().unwrap_or_default();
        if value.starts_with("//") || relative.contains(':') {
            return None;
        }
        match value.starts_with('/') {
            true => Some(format!("{}{value}", self.prefix)),
            false => Some(value.to_owned()),
        }
    }
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

    fn shown(value: &str) -> Option<String> {
        Public { origin: "https://api.example", prefix: "/c/orders" }.location(value)
    }

    #[test]
    fn what_stays_with_the_service_goes_through_the_gateway() {
        assert_eq!(shown("/v1/a?b"), Some("/c/orders/v1/a?b".to_owned()));
        assert_eq!(shown("HTTPS://api.example/v1"), Some("/c/orders/v1".to_owned()));
        assert_eq!(shown("https://api.example"), Some("/c/orders/".to_owned()));
        assert_eq!(shown("next?at=10:00"), Some("next?at=10:00".to_owned()));
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
        }
    }
}
