//! Every issuer whose tokens are taken, the gateway among them.

use crate::foreign::{IssuerVerifier, named_issuer};
use crate::issuer::{Fetch, Issuer};
use crate::{GatewayVerifier, Identity, Roles, SigningKey, TokenRefused, Verifier};

/// Verifies tokens by the issuer that they name. A token of the gateway's carries its roles; to others, rules give them.
#[derive(Debug)]
pub struct Verifiers {
    own: GatewayVerifier,
    others: Vec<IssuerVerifier>,
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
        self.others.push(IssuerVerifier::new(issuer, fetch));
    }
}

impl Verifier for Verifiers {
    fn verify(&self, token: &str, now: u64) -> Result<Identity, TokenRefused> {
        let named = named_issuer(token);
        let other = named.and_then(|url| self.others.iter().find(|other| other.url() == url));
        let Some(other) = other else { return self.own.verify(token, now) };
        let mut identity = other.verify(token, now)?;
        if let Some(presented) = &identity.presented {
            identity.given = self.roles.given(presented);
            for given in &identity.given {
                if !identity.principal.roles.contains(&given.role) {
                    identity.principal.roles.push(given.role.clone());
                }
            }
        }
        Ok(identity)
    }
}

#[cfg(test)]
mod tests;
