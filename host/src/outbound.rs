//! The requests that plugins may send, each to an origin that its policy file names.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use palisade_wasm::{Outbound, OutboundRequest, OutboundResponse};
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::RootCerts;

use crate::blocking::blocking;
use crate::http::agent;

/// How long a request may take in all: a command waits for it.
const TIME: Duration = Duration::from_secs(2);

/// How many requests may be on their way at the same time: fewer than there are places for plugins, so that a slow origin takes
/// no place from the others.
const AT_ONCE: usize = 16;

/// Sends requests.
#[derive(Debug)]
pub struct Sender {
    agent: Agent,
    under_way: AtomicUsize,
}

impl Sender {
    /// A sender to where requests are granted to go, and nowhere else.
    pub fn new() -> Self {
        Self { agent: agent(TIME, RootCerts::WebPki), under_way: AtomicUsize::new(0) }
    }

    fn answer(&self, request: OutboundRequest, largest: usize) -> Result<OutboundResponse, String> {
        let OutboundRequest { method, uri, headers, body } = request;
        let mut builder = Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(body).map_err(|error| error.to_string())?;
        let answer = self.agent.run(request).map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text = |value: &ureq::http::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        let largest = u64::try_from(largest).unwrap_or(u64::MAX);
        let body = answer.into_body().with_config().limit(largest).read_to_vec();
        Ok(OutboundResponse { status, headers, body: body.map_err(|error| error.to_string())? })
    }
}

impl Outbound for Sender {
    fn send(&self, request: OutboundRequest, largest: usize) -> Result<OutboundResponse, String> {
        let sent = match self.under_way.fetch_add(1, Relaxed) < AT_ONCE {
            // The thread serves others meanwhile.
            true => blocking(|| self.answer(request, largest)),
            false => Err("too many requests are on their way".to_owned()),
        };
        self.under_way.fetch_sub(1, Relaxed);
        sent
    }
}
