//! Requests of plugins to the origins that their policy files name. Who sends them is the binary's matter.

use std::fmt;

use http::Uri;
use palisade_policy::{Grants, Origin};

/// The largest body of a request or an answer, in bytes.
pub(crate) const LARGEST_BODY: usize = 1 << 20;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// Headers that decide where a request ends, or who is meant by it; they are the gateway's.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

/// A request that a plugin may send.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundRequest {
    /// Its method.
    pub method: String,
    /// Where it goes; its origin is granted.
    pub uri: Uri,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Without what may be a secret.
impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends requests.
pub trait Outbound: Send + Sync {
    /// Sends one and waits for its answer, for a bounded time and of a bounded size. Follows no redirect.
    ///
    /// # Errors
    /// Why there is no answer; a plugin reads it.
    fn send(&self, request: OutboundRequest, largest: usize) -> Result<OutboundResponse, String>;
}

/// Why a request is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// Its origin is not granted.
    Origin(String),
    /// It is none.
    Wrong(String),
}

/// The request, if its origin is granted.
pub(crate) fn checked(
    grants: &Grants,
    method: String,
    url: &str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Result<OutboundRequest, NotSent> {
    let uri: Uri = url.parse().map_err(|_| NotSent::Wrong("the URL cannot be read".to_owned()))?;
    let origin = origin(&uri).ok_or_else(|| NotSent::Wrong("the URL has no origin".to_owned()))?;
    if !grants.reaches(&origin) {
        return Err(NotSent::Origin(origin.to_string()));
    }
    let own = |name: &str| {
        OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))
            || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"))
    };
    if let Some((name, _)) = headers.iter().find(|(name, _)| own(name)) {
        return Err(NotSent::Wrong(format!(
            "the header `{}` is the gateway's",
            name.escape_debug()
        )));
    }
    if headers.len() > MOST_HEADERS || body.len() > LARGEST_BODY {
        return Err(NotSent::Wrong("the request is too large".to_owned()));
    }
    Ok(OutboundRequest { method, uri, headers, body })
}

/// Where a request goes; none where it could be read in two ways.
fn origin(uri: &Uri) -> Option<Origin> {
    let authority = uri.authority()?;
    if authority.as_str().contains('@') {
        return None;
    }
    Origin::parse(&format!("{}://{authority}", uri.scheme_str()?)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn try_to(url: &str, headers: &[&str]) -> Result<(), NotSent> {
        let mut grants = Grants::default();
        grants.add(&json!({ "http": ["https://tickets.example"] })).unwrap();
        let headers = headers.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        checked(&grants, "GET".to_owned(), url, headers, vec![]).map(drop)
    }

    #[test]
    fn a_request_reaches_the_origin_that_is_granted_and_no_other() {
        assert_eq!(try_to("https://tickets.example/a?b", &[]), Ok(()));
        assert_eq!(try_to("https://TICKETS.example:443/", &["accept"]), Ok(()));
        for other in [
            "http://tickets.example/",
            "https://tickets.example:444/",
            "https://tickets.example.evil/",
            "https://evil/?https://tickets.example",
            "https://tickets.example@evil/",
            "https://evil@tickets.example/",
            "https://tickets.example\\@evil/",
            "//tickets.example/",
            "/path",
        ] {
            assert!(try_to(other, &[]).is_err(), "{other}");
        }
    }

    #[test]
    fn the_headers_that_frame_a_request_are_the_gateways() {
        for own in ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization"] {
            assert!(try_to("https://tickets.example/", &[own]).is_err(), "{own}");
        }
    }
}
