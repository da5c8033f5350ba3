//! Which connection a client picks: by the host that it names, or by the beginning of its path.

use crate::{Head, Target};

/// A connection's name, and how its paths look from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The connection.
    pub connection: String,
    /// What stands before the service's own paths: `/c/orders`, or nothing.
    pub prefix: String,
    /// The target as the service knows it.
    pub target: Target,
}

/// What stands before a connection's name in a path.
const PATHS: &str = "/c/";

impl Route {
    /// `orders.gateway.example`, where `gateway.example` is the gateway's `domain`; or `/c/orders/…`.
    #[must_use]
    pub fn of(head: &Head, domain: Option<&str>) -> Option<Self> {
        let by_host = domain
            .and_then(|domain| head.host.strip_suffix(domain)?.strip_suffix('.'))
            .filter(|name| !name.is_empty());
        if let Some(name) = by_host {
            let target = head.target.clone();
            return Some(Self { connection: name.to_owned(), prefix: String::new(), target });
        }
        let name = head.target.path.strip_prefix(PATHS)?.split('/').next()?;
        let prefix = format!("{PATHS}{name}");
        let target = head.target.without(&prefix)?;
        (!name.is_empty()).then(|| Self { connection: name.to_owned(), prefix, target })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, Version};

    use super::*;
    use crate::Parsed;

    fn route(host: &'static str, target: &str) -> Option<(String, String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static(host));
        let head = Head::read(&Parsed {
            version: Version::HTTP_11,
            method: &Method::GET,
            target: target.as_bytes(),
            authority: None,
            ends: true,
            headers: &headers,
        });
        let route = Route::of(&head.unwrap(), Some("gateway.example"))?;
        Some((route.connection, route.prefix, route.target.text()))
    }

    fn expected(name: &str, prefix: &str, target: &str) -> Option<(String, String, String)> {
        Some((name.to_owned(), prefix.to_owned(), target.to_owned()))
    }

    #[test]
    fn a_host_below_the_gateways_names_a_connection_and_all_paths_are_its_own() {
        assert_eq!(
            route("Orders.gateway.example:8443", "/c/x?y=1"),
            expected("orders", "", "/c/x?y=1")
        );
    }

    #[test]
    fn a_path_names_a_connection_under_any_other_host() {
        assert_eq!(route("127.0.0.1:1", "/c/orders/v1"), expected("orders", "/c/orders", "/v1"));
        assert_eq!(route("gateway.example", "/c/orders"), expected("orders", "/c/orders", "/"));
    }

    #[test]
    fn nothing_else_names_one() {
        for target in ["/", "/c/", "/v1/c/orders"] {
            assert_eq!(route("xgateway.example", target), None, "{target}");
        }
    }
}
