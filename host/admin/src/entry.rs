//! What a request must look like before anybody is asked anything.
//!
//! A browser is no client of this API: one that was lured here shows itself by an `Origin`, or by a `Host` of its own (DNS rebinding).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};

use crate::Problem;
use crate::exchange::FORM;
use crate::routes::Body;

/// Refuses requests that a page in a browser could have caused.
pub(crate) fn check_source(headers: &HeaderMap, own_hosts: &[String]) -> Result<(), Problem> {
    if headers.contains_key(ORIGIN) {
        return Err(Problem::forbidden("requests from web pages are not answered (Origin header)"));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    let host = host.ok_or_else(|| Problem::bad_request("exactly one Host header is needed"))?;
    let name = without_port(host);
    if is_loopback(name) || own_hosts.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(Problem::forbidden("the Host header does not name this gateway"))
}

/// The token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses bodies of another type than the route takes.
pub(crate) fn check_type(headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    if body == Body::None {
        return Ok(());
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (given, _) = given.split_once(';').unwrap_or((given, ""));
    if given.trim().eq_ignore_ascii_case(body.content_type()) {
        return Ok(());
    }
    Err(Problem::wrong_type(body.content_type()))
}

/// Refuses what is no form.
pub(crate) fn check_form(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (given, _) = given.split_once(';').unwrap_or((given, ""));
    if given.trim().eq_ignore_ascii_case(FORM) { Ok(()) } else { Err(Problem::wrong_type(FORM)) }
}

/// `example.com:80` and `[::1]:80` without what follows the host.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
