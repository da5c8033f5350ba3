//! The client's token: taken out of the request, so that no service ever sees it.

mod written;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use zeroize::Zeroizing;

use crate::reply::aws::SCHEME;

pub(crate) use written::{Passing, Written};

/// The header for clients whose `Authorization` is for the service.
const OWN: HeaderName = HeaderName::from_static("palisade-token");

/// The header in which clients of AWS, which sign their requests, send what their temporary credentials came with.
const SESSION: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Takes the token: `Palisade-Token`, or else the bearer of `Authorization` (RFC 6750 section 2.1), or else the session token
/// of a client of AWS. Its signature is made with whatever key it has, and says nothing.
pub(crate) fn take(headers: &mut HeaderMap) -> Option<Zeroizing<String>> {
    if let Some(own) = headers.remove(OWN) {
        return own.to_str().ok().map(|token| Zeroizing::new(token.trim().to_owned()));
    }
    let value = headers.remove(AUTHORIZATION)?;
    let value = value.to_str().ok()?;
    if value.starts_with(SCHEME) {
        let session = headers.remove(SESSION)?;
        return session.to_str().ok().map(|token| Zeroizing::new(token.trim().to_owned()));
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_bearer_is_the_token_and_goes_no_further() {
        let mut headers = headers(&[("authorization", "bearer abc")]);
        assert_eq!(take(&mut headers).unwrap().as_str(), "abc");
        assert!(headers.is_empty());
    }

    #[test]
    fn the_services_own_authorization_passes_beside_a_token_of_its_own_header() {
        let mut headers = headers(&[("authorization", "Basic eA=="), ("palisade-token", "abc")]);
        assert_eq!(take(&mut headers).unwrap().as_str(), "abc");
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Basic eA==");
    }

    #[test]
    fn a_client_of_aws_has_it_as_its_session_token() {
        let signed = ("authorization", "AWS4-HMAC-SHA256 Credential=x");
        let mut both = headers(&[signed, ("x-amz-security-token", "abc")]);
        assert_eq!(take(&mut both).unwrap().as_str(), "abc");
        assert!(both.is_empty());
        assert!(take(&mut headers(&[signed])).is_none());
        assert!(take(&mut headers(&[("x-amz-security-token", "abc")])).is_none());
    }

    #[test]
    fn another_scheme_is_no_token() {
        assert!(take(&mut headers(&[("authorization", "Basic eA==")])).is_none());
        assert!(take(&mut headers(&[])).is_none());
    }
}
