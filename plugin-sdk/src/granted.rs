//! What a plugin may ask of the gateway, where its policy file says so:
//! `grants = ["log", "clock", "state", { http = ["https://tickets.example"] }]`.
//!
//! A plugin that calls any of these is no pure function any more: the gateway remembers none of its answers.
//! Natively, for tests, lines go nowhere, it is always 1970, nobody answers a request, and counters live as long as the thread.

/// Writes a line to the gateway's log. Needs the grant `log`.
pub fn log(message: &str) {
    native_or_gateway::log(message);
}

/// Milliseconds since the beginning of 1970, in UTC. Needs the grant `clock`.
#[must_use]
pub fn now_ms() -> u64 {
    native_or_gateway::now_ms()
}

/// Adds `amount` to this policy's counter `key`, of at most 256 bytes, and gives what it is then. Needs the grant `state`.
///
/// A counter that is not there begins at 0 and ends `expires_in` seconds later.
pub fn count(key: &str, amount: i64, expires_in: u32) -> i64 {
    native_or_gateway::count(key, amount, expires_in)
}

/// An answer to a request, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// At most 1 MiB.
    pub body: Vec<u8>,
}

/// Sends a request and waits for its answer, 2 seconds at most. Needs a grant that names the URL's origin; redirects are not
/// followed.
///
/// # Errors
/// Why there is no answer.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, String> {
    native_or_gateway::send(method, url, headers, body)
}

#[cfg(target_arch = "wasm32")]
mod native_or_gateway {
    use super::Response;
    use crate::bindings::{clock_piece, http_piece, log_piece, state_piece};

    pub(super) fn send(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response, String> {
        use http_piece::palisade::policy::http;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let answer = http::send(&http::Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(owned).collect(),
            body: body.to_vec(),
        })?;
        let http::Response { status, headers, body } = answer;
        Ok(Response { status, headers, body })
    }

    pub(super) fn log(message: &str) {
        log_piece::palisade::policy::log::info(message);
    }

    pub(super) fn now_ms() -> u64 {
        clock_piece::palisade::policy::clock::now_ms()
    }

    pub(super) fn count(key: &str, amount: i64, expires_in: u32) -> i64 {
        state_piece::palisade::policy::state::add(key, amount, expires_in)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native_or_gateway {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use super::Response;

    pub(super) fn send(
        _method: &str,
        _url: &str,
        _headers: &[(&str, &str)],
        _body: &[u8],
    ) -> Result<Response, String> {
        Err("nobody answers outside of the gateway".to_owned())
    }

    thread_local! {
        static COUNTERS: RefCell<HashMap<String, i64>> = RefCell::default();
    }

    pub(super) fn log(_message: &str) {}

    pub(super) fn now_ms() -> u64 {
        0
    }

    pub(super) fn count(key: &str, amount: i64, _expires_in: u32) -> i64 {
        COUNTERS.with_borrow_mut(|counters| {
            let counter = counters.entry(key.to_owned()).or_default();
            *counter = counter.saturating_add(amount);
            *counter
        })
    }
}
