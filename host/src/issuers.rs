//! The issuers whose tokens are taken, and the way to what they publish.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use palisade_identity::{Fetch, SigningKey, Verifiers};
use ureq::Agent;
use ureq::tls::RootCerts;

use crate::blocking::blocking;
use crate::config::{Config, TrustedIssuer};
use crate::http;

/// What is asked for where somebody is to say who they are.
pub const SCOPE: &str = "openid";

/// How long an issuer may take for an answer: a login waits for it.
const TIME: Duration = Duration::from_secs(5);

/// Verifies the gateway's own tokens and those of every issuer in the configuration. Nothing is fetched before it is needed.
/// Of issuers that are as they were `before`, the keys stay known; not where others vouch for its certificate.
///
/// # Errors
/// When the certificate of an issuer's authority cannot be used.
pub fn verifiers(
    config: &Config,
    key: &SigningKey,
    before: Option<(&Verifiers, &Config)>,
) -> Result<Verifiers> {
    let mut verifiers = Verifiers::new(key, config.roles.clone());
    for trusted in &config.issuers {
        if let Some((verifiers_before, before)) = before
            && is_as_before(trusted, config, before)
            && verifiers.take_over(verifiers_before, &trusted.issuer)
        {
            continue;
        }
        let fetcher = Fetcher::new(trusted.ca.as_deref())
            .with_context(|| format!("cannot use `ca` of the issuer {}", trusted.issuer.name))?;
        verifiers.add(trusted.issuer.clone(), Box::new(fetcher));
    }
    Ok(verifiers)
}

/// Whether an issuer is asked as it was before. Open sessions go by what is written of it, and outlive another authority.
fn is_as_before(trusted: &TrustedIssuer, config: &Config, before: &Config) -> bool {
    let same_ca = |ca: &PathBuf| config.files.is_same_at(ca, &before.files);
    before.issuers.contains(trusted) && trusted.ca.as_ref().is_none_or(same_ca)
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

/// Goes to an issuer and nowhere else, so that nobody else answers for it.
///
/// # Errors
/// When the authority's file cannot be used.
pub fn agent(ca: Option<&Path>) -> Result<Agent> {
    let roots = ca.map(http::roots).transpose()?;
    Ok(http::agent(TIME, roots.unwrap_or(RootCerts::WebPki)))
}

#[cfg(test)]
mod tests;
