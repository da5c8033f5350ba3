//! The requests that plugins may send, each to an origin that its policy file names.

use std::sync::Arc;
use std::time::Duration;

use palisade_wasm::{Outbound, OutboundRequest, OutboundResponse};
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{RootCerts, TlsConfig};

use crate::blocking::blocking;

/// How long a request may take in all: a command waits for it.
const TIME: Duration = Duration::from_secs(2);

/// Sends requests.
#[derive(Debug)]
pub struct Sender(Agent);

impl Sender {
    /// A sender that follows no redirect and uses no proxy, so that a request goes where it was granted to go.
    pub fn new() -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::WebPki)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(TIME))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(tls)
            .build();
        Self(config.into())
    }

    fn answer(&self, request: OutboundRequest, largest: usize) -> Result<OutboundResponse, String> {
        let OutboundRequest { method, uri, headers, body } = request;
        let mut builder = Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(body).map_err(|error| error.to_string())?;
        let answer = self.0.run(request).map_err(|error| error.to_string())?;
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
        // The thread serves others meanwhile.
        blocking(|| self.answer(request, largest))
    }
}
