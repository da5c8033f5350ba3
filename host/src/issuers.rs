//! The issuers whose tokens are taken, and the way to what they publish.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use palisade_identity::{Fetch, SigningKey, Verifiers};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::blocking::blocking;
use crate::config::Config;
use crate::tls;

/// How long an issuer may take for an answer: a login waits for it.
const TIME: Duration = Duration::from_secs(5);

/// Verifies the gateway's own tokens and those of every issuer in the configuration. Nothing is fetched before it is needed.
///
/// # Errors
/// When the certificate of an issuer's authority cannot be used.
pub fn verifiers(config: &Config, key: &SigningKey) -> Result<Verifiers> {
    let mut verifiers = Verifiers::new(key, config.roles.clone());
    for trusted in &config.issuers {
        let fetcher = Fetcher::new(trusted.ca.as_deref())
            .with_context(|| format!("cannot use `ca` of the issuer {}", trusted.issuer.name))?;
        verifiers.add(trusted.issuer.clone(), Box::new(fetcher));
    }
    Ok(verifiers)
}

/// Fetches what one issuer publishes.
#[derive(Debug)]
pub struct Fetcher(Agent);

impl Fetcher {
    /// A fetcher that trusts this authority, or else the public ones.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn new(ca: Option<&Path>) -> Result<Self> {
        Ok(Self(agent(ca)?))
    }

    fn answer(&self, url: &str, largest: usize) -> Result<Vec<u8>> {
        let mut answer = self.0.get(url).header("accept", "application/json").call()?;
        if answer.status() != 200 {
            bail!("it answered with the status {}", answer.status().as_u16());
        }
        let largest = u64::try_from(largest)?;
        Ok(answer.body_mut().with_config().limit(largest).read_to_vec()?)
    }
}

impl Fetch for Fetcher {
    fn fetch(&self, url: &str, largest: usize) -> Result<Vec<u8>, String> {
        blocking(|| self.answer(url, largest)).map_err(|error| {
            let problem = format!("{url}: {error:#}");
            tracing::warn!(problem, "an issuer does not answer");
            problem
        })
    }
}

/// Follows no redirect and uses no proxy, so that nobody else answers for an issuer.
///
/// # Errors
/// When the authority's file cannot be used.
pub fn agent(ca: Option<&Path>) -> Result<Agent> {
    let roots = match ca {
        Some(file) => {
            let own = tls::certificates(file)?;
            let own: Vec<_> = own.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            RootCerts::new_with_certs(&own)
        }
        None => RootCerts::WebPki,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .timeout_global(Some(TIME))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(tls)
        .build();
    Ok(config.into())
}

#[cfg(test)]
mod tests;
