//! From a token to who it speaks for, or the true cause why it speaks for nobody.
//!
//! The cause is for the log and the record; a client learns only that it was refused.

use crate::token::{Act, GATEWAY, MAX_TOKEN_BYTES};
use crate::{Given, Presented, SigningKey, TokenRefused, Ttl};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use palisade_policy::Principal;
use serde::Deserialize;
use serde_json::Value;

/// How far another clock may be ahead of ours, in seconds: a token that was issued so much later than now is taken.
pub const SKEW: u64 = 5;

/// Who a verified token speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who acts.
    pub principal: Principal,
    /// The token's id (`jti`).
    pub token_id: String,
    /// Unix seconds when the token was issued at the earliest: by its issuer's clock, less what that may be ahead of ours.
    pub issued_at: u64,
    /// Unix seconds from which on the token is worth nothing.
    pub expires_at: u64,
    /// Whether this is someone who can read the gateway's signing key.
    pub operator: bool,
    /// The only connections where the roles hold; `None` for all that they name.
    pub connections: Option<Vec<String>>,
    /// The tokens that this one was exchanged for, the first of them last.
    pub parents: Vec<String>,
    /// Who alone may act for the subject, where a token of the gateway's says so; what another's says is in `presented`.
    pub may_act: Option<Value>,
    /// What somebody else's token showed; nothing for the gateway's own.
    pub presented: Option<Presented>,
    /// The roles that rules gave, and which rules; a token of the gateway's carries its own.
    pub given: Vec<Given>,
}

impl Identity {
    /// Whether the gateway itself vouches for the subject.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.principal.issuer == GATEWAY
    }
}

/// Whoever can tell a good token from a bad one.
pub trait Verifier: Send + Sync {
    /// Verifies a token at the time `now`, in Unix seconds.
    ///
    /// # Errors
    /// The true cause, for the log and never for the client.
    fn verify(&self, token: &str, now: u64) -> Result<Identity, TokenRefused>;
}

/// Verifies the gateway's own tokens.
pub struct GatewayVerifier {
    key: DecodingKey,
    kid: String,
    validation: Validation,
}

impl GatewayVerifier {
    /// A verifier for the tokens that this key signs.
    #[must_use]
    pub fn new(key: &SigningKey) -> Self {
        // The library checks the signature only: it would take the time from the system's clock and leaves `iat` alone.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { key: key.decoding_key(), kid: key.kid().to_owned(), validation }
    }

    fn check_header(&self, token: &str) -> Result<(), TokenRefused> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(cause) if cause.is_data() => TokenRefused::Header,
            _ => TokenRefused::Malformed,
        })?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenRefused::Algorithm);
        }
        if header.kid.as_ref() != Some(&self.kid) {
            return Err(TokenRefused::UnknownKey);
        }
        Ok(())
    }
}

impl Verifier for GatewayVerifier {
    fn verify(&self, token: &str, now: u64) -> Result<Identity, TokenRefused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::TooLarge);
        }
        self.check_header(token)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenRefused::Signature,
                ErrorKind::Json(_) => TokenRefused::Claims,
                _ => TokenRefused::Malformed,
            })?
            .claims;
        claims.into_identity(now)
    }
}

impl std::fmt::Debug for GatewayVerifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GatewayVerifier").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The claims as they come; signed, but not yet believed.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<String>,
    sub: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    dropped: Vec<String>,
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
    jti: Option<String>,
    act: Option<Act>,
    connections: Option<Vec<String>>,
    vouched: Option<String>,
    may_act: Option<Value>,
    #[serde(default, rename = "parent")]
    parents: Vec<String>,
    #[serde(default)]
    operator: bool,
}

impl Claims {
    fn into_identity(self, now: u64) -> Result<Identity, TokenRefused> {
        let issuer = required("iss", self.iss)?;
        if issuer != GATEWAY {
            return Err(TokenRefused::Issuer);
        }
        if required("aud", self.aud)? != GATEWAY {
            return Err(TokenRefused::Audience);
        }
        let longest = if self.operator { Ttl::OPERATOR } else { Ttl::MAX };
        let expires_at = check_times(self.iat, self.nbf, self.exp, longest, now)?;
        let mut roles = self.roles;
        roles.retain(|role| !self.dropped.contains(role));
        let (acting_for, acting_for_issuer) = self.act.map(|act| (act.sub, act.iss)).unzip();
        Ok(Identity {
            principal: Principal {
                subject: required("sub", self.sub)?,
                issuer: self.vouched.unwrap_or(issuer),
                roles,
                dropped: self.dropped,
                acting_for,
                acting_for_issuer: acting_for_issuer.flatten(),
            },
            token_id: required("jti", self.jti)?,
            issued_at: self.iat.unwrap_or(0),
            expires_at,
            operator: self.operator,
            connections: self.connections,
            parents: self.parents,
            may_act: self.may_act,
            presented: None,
            given: vec![],
        })
    }
}

fn required(name: &'static str, claim: Option<String>) -> Result<String, TokenRefused> {
    claim.filter(|text| !text.is_empty()).ok_or(TokenRefused::Missing(name))
}

/// Checks the three times and gives back the last: when the token expires.
fn check_times(
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
    longest: Ttl,
    now: u64,
) -> Result<u64, TokenRefused> {
    let issued_at = iat.ok_or(TokenRefused::Missing("iat"))?;
    let not_before = nbf.ok_or(TokenRefused::Missing("nbf"))?;
    let expires_at = exp.ok_or(TokenRefused::Missing("exp"))?;
    let latest = now.saturating_add(SKEW);
    if expires_at <= now {
        return Err(TokenRefused::Expired);
    }
    if issued_at > latest {
        return Err(TokenRefused::IssuedInFuture);
    }
    if not_before > latest {
        return Err(TokenRefused::NotYetValid);
    }
    if expires_at.saturating_sub(issued_at) > longest.as_secs() {
        return Err(TokenRefused::Lifetime);
    }
    Ok(expires_at)
}

#[cfg(test)]
mod tests;
