//! Every issuer whose tokens are taken, the gateway among them.

use std::sync::Arc;

use crate::foreign::{IssuerVerifier, named_issuer};
use crate::issuer::{Fetch, Issuer};
use crate::{GatewayVerifier, Identity, Roles, SigningKey, TokenRefused, Verifier};

/// Verifies tokens by the issuer that they name. A token of the gateway's carries its roles; to others, rules give them.
#[derive(Debug)]
pub struct Verifiers {
    own: GatewayVerifier,
    others: Vec<Arc<IssuerVerifier>>,
    roles: Roles,
}

impl Verifiers {
    /// A verifier of the tokens that this key signs, and those of no other issuer yet.
    #[must_use]
    pub fn new(key: &SigningKey, roles: Roles) -> Self {
        Self { own: GatewayVerifier::new(key), others: vec![], roles }
    }

    /// Takes this issuer's tokens, too; what it publishes is had by `fetch`.
    pub fn add(&mut self, issuer: Issuer, fetch: Box<dyn Fetch>) {
        self.others.push(Arc::new(IssuerVerifier::new(issuer, fetch)));
    }

    /// Takes over another's verifier of an issuer, with the keys that it has. Says whether there was one.
    pub fn take_over(&mut self, from: &Self, issuer: &Issuer) -> bool {
        let kept = from.others.iter().find(|other| other.issuer() == issuer);
        self.others.extend(kept.map(Arc::clone));
        kept.is_some()
    }

    /// Who a token of the gateway's own speaks for, which takes nothing but its key. `None` for any other token.
    #[must_use]
    pub fn verify_own(&self, token: &str, now: u64) -> Option<Identity> {
        self.own.verify(token, now).ok()
    }
}

impl Verifier for Verifiers {
    fn verify(&self, token: &str, now: u64) -> Result<Identity, TokenRefused> {
        let named = named_issuer(token);
        let other = named.and_then(|url| self.others.iter().find(|other| other.url() == url));
        let Some(other) = other else { return self.own.verify(token, now) };
        let mut identity = other.verify(token, now)?;
        self.roles.give(&mut identity);
        Ok(identity)
    }
}

#[cfg(test)]
mod tests;
