//! What the operator wrote, as it is in force now, and who is believed by it.

use std::sync::Arc;

use anyhow::Result;
use palisade_identity::{GATEWAY, Identity, SigningKey, TokenRefused, Verifier, Verifiers};

use crate::clock;
use crate::config::{Config, TrustedIssuer};
use crate::issuers;

/// The configuration and what follows from it: one value, exchanged as a whole.
#[derive(Debug)]
pub struct Settings {
    /// What the operator wrote.
    pub config: Config,
    /// Tells good tokens from bad ones.
    verifiers: Verifiers,
}

impl Settings {
    /// Those of a configuration. Of issuers that are as they were `before`, the keys stay known.
    ///
    /// # Errors
    /// When the certificate of an issuer's authority cannot be used.
    pub fn new(config: Config, key: &SigningKey, before: Option<&Self>) -> Result<Arc<Self>> {
        let kept = before.map(|before| (&before.verifiers, &before.config));
        let verifiers = issuers::verifiers(&config, key, kept)?;
        Ok(Arc::new(Self { config, verifiers }))
    }

    /// Who a token speaks for. May wait for what its issuer publishes.
    ///
    /// # Errors
    /// The true cause, for the log and never for the client.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        let identity = self.verifiers.verify(token, clock::now_seconds())?;
        // A token that was had for one of an issuer is worth no more than the issuer.
        match self.vouchers(&identity) {
            Some(_) => Ok(identity),
            None => Err(TokenRefused::Issuer),
        }
    }

    /// Who a token of the gateway's own speaks for: that is known at once, and nothing is fetched. `None` for any other.
    pub fn verify_own(&self, token: &str) -> Option<Identity> {
        let identity = self.verifiers.verify_own(token, clock::now_seconds())?;
        self.vouchers(&identity).is_some().then_some(identity)
    }

    /// The issuers that a token goes back to besides the gateway: whoever vouches for its bearer, and for whom that acts for.
    /// `None` where one of them is an issuer no more.
    pub fn vouchers(&self, bearer: &Identity) -> Option<Vec<&TrustedIssuer>> {
        let issuers = &self.config.issuers;
        let palisade_policy::Principal { issuer, acting_for_issuer, .. } = &bearer.principal;
        let names = std::iter::once(issuer).chain(acting_for_issuer);
        let others = names.filter(|name| *name != GATEWAY);
        others.map(|name| issuers.iter().find(|trusted| trusted.issuer.url == *name)).collect()
    }
}
