//! Clients of other HTTP services: to nowhere but where they are sent, and trusting whom they are told to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::tls;

/// A client that follows no redirect and uses no proxy, so that a request goes where it was meant to go, and that waits so
/// long for an answer.
pub fn agent(time: Duration, roots: RootCerts) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(time))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(trusting(roots))
        .build();
    config.into()
}

/// TLS by which these are trusted.
pub fn trusting(roots: RootCerts) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build()
}

/// The certificates of a PEM file, to be trusted.
///
/// # Errors
/// When the file cannot be used.
pub fn roots(file: &Path) -> Result<RootCerts> {
    let own = tls::certificates(file)?;
    let own: Vec<_> = own.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(RootCerts::new_with_certs(&own))
}
