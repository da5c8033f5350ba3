//! Tokens of OpenID Connect issuers: verified by the issuer's published keys, and believed no further than its configuration says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use palisade_policy::Principal;
use serde_json::Value;

use crate::claims::{lookup, seconds, texts};
use crate::issuer::{Fetch, Issuer, SignatureAlgorithm};
use crate::keys::Keys;
use crate::rules::Presented;
use crate::token::{MAX_TOKEN_BYTES, is_name};
use crate::{Identity, TokenRefused};

/// What a token that stands for somebody may call itself in its header: an ID token (RFC 7519, 5.1), or an access token
/// (RFC 9068, 2.1). Many issuers write nothing.
const TYPES: [&str; 4] = ["JWT", "application/jwt", "at+jwt", "application/at+jwt"];
/// The longest token id that is taken over, in bytes.
const LONGEST_ID: usize = 128;

/// Verifies the tokens of one issuer.
#[derive(Debug)]
pub(crate) struct IssuerVerifier {
    issuer: Issuer,
    keys: Keys,
}

impl IssuerVerifier {
    pub(crate) fn new(issuer: Issuer, fetch: Box<dyn Fetch>) -> Self {
        let keys = Keys::new(&issuer, fetch);
        Self { issuer, keys }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(crate) fn url(&self) -> &str {
        &self.issuer.url
    }

    /// Who the token speaks for, without roles: those are given by rules, which look at what it `presented`.
    pub(crate) fn verify(&self, token: &str, now: u64) -> Result<Identity, TokenRefused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::TooLarge);
        }
        let header = header(token)?;
        self.check_header(&header)?;
        let id = header.kid.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or(TokenRefused::UnknownIssuerKey)?;
        let key = self.keys.find(id, header.alg, now)?;
        let decoded = jsonwebtoken::decode::<Value>(token, &key, &signature_alone(header.alg));
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::Json(_) => TokenRefused::Claims,
            ErrorKind::Base64(_) | ErrorKind::InvalidToken | ErrorKind::Utf8(_) => {
                TokenRefused::Malformed
            }
            _ => TokenRefused::Signature,
        })?;
        self.identity(token, claims.claims, now)
    }

    fn check_header(&self, header: &Header) -> Result<(), TokenRefused> {
        if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
            return Err(TokenRefused::Hmac);
        }
        if !self.issuer.algorithms.contains(&SignatureAlgorithm(header.alg)) {
            return Err(TokenRefused::UnlistedAlgorithm);
        }
        let Header { jku, jwk, x5u, x5c, .. } = header;
        if jku.is_some() || jwk.is_some() || x5u.is_some() || x5c.is_some() {
            return Err(TokenRefused::KeyElsewhere);
        }
        let is_one = |typ: &String| TYPES.iter().any(|one| typ.eq_ignore_ascii_case(one));
        if header.typ.as_ref().is_some_and(|typ| !is_one(typ)) {
            return Err(TokenRefused::Type);
        }
        Ok(())
    }

    fn identity(&self, token: &str, claims: Value, now: u64) -> Result<Identity, TokenRefused> {
        if text(&claims, "iss")?.ok_or(TokenRefused::Missing("iss"))? != self.issuer.url {
            return Err(TokenRefused::Issuer);
        }
        // A security event token (RFC 8417, 2.2) need not say so in its header; one that tells of a logout has a subject, too.
        if claims.get("events").is_some() {
            return Err(TokenRefused::Type);
        }
        self.check_audience(&claims)?;
        let expires_at = self.check_times(&claims, now)?;
        let subject = lookup(&claims, &self.issuer.subject).ok_or(TokenRefused::Missing("sub"))?;
        let subject = subject.as_str().ok_or(TokenRefused::Claims)?.to_owned();
        if !is_name(&subject) {
            return Err(TokenRefused::Subject);
        }
        let groups = self.issuer.groups.as_ref().and_then(|path| lookup(&claims, path));
        let presented = Presented {
            issuer: self.issuer.name.clone(),
            subject: subject.clone(),
            groups: groups.map(texts).unwrap_or_default(),
            claims,
        };
        let token_id = token_id(token, &presented.claims);
        Ok(Identity {
            principal: Principal {
                subject,
                issuer: self.issuer.url.clone(),
                ..Principal::default()
            },
            token_id,
            // By a clock that is ahead it would seem to be from after a revocation.
            issued_at: time(&presented.claims, "iat")?
                .unwrap_or(0)
                .saturating_sub(self.issuer.skew),
            expires_at,
            presented: Some(presented),
            ..Identity::default()
        })
    }

    fn check_audience(&self, claims: &Value) -> Result<(), TokenRefused> {
        let audience = match claims.get("aud") {
            None | Some(Value::Null) => return Err(TokenRefused::Missing("aud")),
            Some(audience @ (Value::String(_) | Value::Array(_))) => texts(audience),
            Some(_) => return Err(TokenRefused::Claims),
        };
        if audience.iter().any(|name| self.issuer.audience.contains(name)) {
            return Ok(());
        }
        Err(TokenRefused::Audience)
    }

    /// Checks the times and gives back when the token expires. Many issuers write no `nbf`.
    fn check_times(&self, claims: &Value, now: u64) -> Result<u64, TokenRefused> {
        let expires_at = time(claims, "exp")?.ok_or(TokenRefused::Missing("exp"))?;
        let issued_at = time(claims, "iat")?.ok_or(TokenRefused::Missing("iat"))?;
        let latest = now.saturating_add(self.issuer.skew);
        if expires_at <= now {
            return Err(TokenRefused::Expired);
        }
        if issued_at > latest {
            return Err(TokenRefused::IssuedInFuture);
        }
        if time(claims, "nbf")?.is_some_and(|not_before| not_before > latest) {
            return Err(TokenRefused::NotYetValid);
        }
        if expires_at.saturating_sub(issued_at) > self.issuer.longest {
            return Err(TokenRefused::Lifetime);
        }
        Ok(expires_at)
    }
}

/// The header, if nothing in it asks for what is not understood (RFC 7515, 4.1.11).
fn header(token: &str) -> Result<Header, TokenRefused> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        ErrorKind::Json(cause) if cause.is_data() => TokenRefused::Header,
        _ => TokenRefused::Malformed,
    })?;
    let raw = part(token, 0).ok_or(TokenRefused::Malformed)?;
    if raw.get("crit").is_some() {
        return Err(TokenRefused::Header);
    }
    Ok(header)
}

/// The issuer that a token names, before anything of it is believed.
pub(crate) fn named_issuer(token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    Some(part(token, 1)?.get("iss")?.as_str()?.to_owned())
}

/// Whether a token says that it is meant for one of these, before anything of it is believed: for whoever has it and must
/// choose.
#[must_use]
pub fn is_meant_for(token: &str, audience: &[String]) -> bool {
    let named = part(token, 1).and_then(|claims| claims.get("aud").map(texts)).unwrap_or_default();
    named.iter().any(|name| audience.contains(name))
}

fn part(token: &str, index: usize) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The library checks the signature only: the rest is checked here, by the time that is told.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

/// The token's own id, or one made of its bytes.
fn token_id(token: &str, claims: &Value) -> String {
    let own = claims.get("jti").and_then(Value::as_str);
    let usable = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    own.filter(usable).map_or_else(|| digest(token), str::to_owned)
}

fn digest(token: &str) -> String {
    // Signatures may be written in more than one way, so what was signed makes the id.
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let digest = ring::digest::digest(&ring::digest::SHA256, signed.as_bytes());
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn text<'a>(claims: &'a Value, name: &str) -> Result<Option<&'a str>, TokenRefused> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(claim) => claim.as_str().map(Some).ok_or(TokenRefused::Claims),
    }
}

fn time(claims: &Value, name: &str) -> Result<Option<u64>, TokenRefused> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(claim) => seconds(claim).map(Some).ok_or(TokenRefused::Claims),
    }
}

#[cfg(test)]
pub(crate) mod tests;
