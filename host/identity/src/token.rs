//! The gateway's own tokens: JWTs (RFC 7519) signed with EdDSA (RFC 8037).
//!
//! Nothing here can make an operator's token but [`issue_operator`]; a [`Grant`] has no field for it.

use crate::{SecretString, SigningKey, Ttl};
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The issuer and the audience of the gateway's own tokens.
pub const GATEWAY: &str = "palisade";
/// The subject of whoever can read the signing key; no granted token may carry it.
pub const OPERATOR: &str = "operator";
/// The longest token that is issued or looked at, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The longest name of an actor, in bytes.
const MAX_SUBJECT_BYTES: usize = 256;

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who acts.
    pub subject: String,
    /// The names of the bearer's roles.
    pub roles: Vec<String>,
    /// The names of roles that give nothing by this token, and by which policies act all the same: those that were dropped when
    /// it was exchanged.
    pub dropped: Vec<String>,
    /// How long the token lives.
    pub ttl: Ttl,
    /// The human or service that the subject acts for.
    pub acting_for: Option<String>,
    /// Who vouches for them, where that is known.
    pub acting_for_issuer: Option<String>,
    /// The only connections where the roles hold; all that they name where left out.
    pub connections: Option<Vec<String>>,
    /// The ids of the tokens that this one is given for.
    pub parents: Vec<String>,
    /// Who vouches for the subject, where it is another issuer.
    pub vouched: Option<String>,
    /// Who alone may act for the subject (RFC 8693, 4.4), where a token says so that this one is given for.
    pub may_act: Option<Value>,
}

/// A token, fresh from the key.
#[derive(Debug)]
pub struct Issued {
    /// The token itself; whoever has it is the subject.
    pub token: SecretString,
    /// The token's id (`jti`), which the record may name.
    pub token_id: String,
    /// Unix seconds from which on it is worth nothing.
    pub expires_at: u64,
}

/// Why no token was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefused {
    /// An empty name, an overlong one, or one that a line of a log could not show.
    #[error("a subject needs 1 to 256 bytes without control characters")]
    Name,
    /// The operator's name.
    #[error("the subject `operator` is reserved for whoever can read the signing key")]
    Reserved,
    /// So many roles that no verifier would read the token.
    #[error("the token would be larger than 8 KiB, give it fewer roles")]
    TooLarge,
    /// The key gave no signature.
    #[error("the signing key gave no signature")]
    Signing,
}

/// The claims as the gateway writes them; reading is `verify`'s matter, where each of them may be missing.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    roles: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    dropped: &'a [String],
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<&'a [String]>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    parent: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    vouched: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_act: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    operator: bool,
}

/// The `act` claim: whom the subject acts for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Act {
    pub(crate) sub: String,
    /// Who vouches for them; tokens that were issued before this was written have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
}

/// Issues a token at the time `now`, in Unix seconds.
///
/// # Errors
/// When a name cannot be used, or the token would be too large.
pub fn issue(key: &SigningKey, grant: &Grant, now: u64) -> Result<Issued, IssueRefused> {
    for name in std::iter::once(&grant.subject).chain(&grant.acting_for) {
        check_name(name)?;
    }
    sign(key, grant, false, now)
}

/// Issues a token for whoever can read the signing key: a minute long, for one call of the command line.
///
/// # Errors
/// When the key gives no signature.
pub fn issue_operator(key: &SigningKey, now: u64) -> Result<Issued, IssueRefused> {
    let grant = Grant {
        subject: OPERATOR.to_owned(),
        roles: Vec::new(),
        dropped: vec![],
        ttl: Ttl::OPERATOR,
        acting_for: None,
        acting_for_issuer: None,
        connections: None,
        parents: vec![],
        vouched: None,
        may_act: None,
    };
    sign(key, &grant, true, now)
}

fn check_name(name: &str) -> Result<(), IssueRefused> {
    if name == OPERATOR {
        return Err(IssueRefused::Reserved);
    }
    if is_name(name) { Ok(()) } else { Err(IssueRefused::Name) }
}

/// Whether a text can be the name of an actor, other than the operator.
pub(crate) fn is_name(name: &str) -> bool {
    name != OPERATOR
        && (1..=MAX_SUBJECT_BYTES).contains(&name.len())
        && !name.chars().any(char::is_control)
}

fn sign(key: &SigningKey, grant: &Grant, operator: bool, now: u64) -> Result<Issued, IssueRefused> {
    let token_id = Uuid::now_v7().to_string();
    let expires_at = now.saturating_add(grant.ttl.as_secs());
    let header = Header { kid: Some(key.kid().to_owned()), ..Header::new(Algorithm::EdDSA) };
    let claims = Claims {
        iss: GATEWAY,
        aud: GATEWAY,
        sub: &grant.subject,
        roles: &grant.roles,
        dropped: &grant.dropped,
        iat: now,
        nbf: now,
        exp: expires_at,
        jti: &token_id,
        act: grant.acting_for.clone().map(|sub| Act { sub, iss: grant.acting_for_issuer.clone() }),
        connections: grant.connections.as_deref(),
        parent: &grant.parents,
        vouched: grant.vouched.as_deref(),
        may_act: grant.may_act.as_ref(),
        operator,
    };
    let token = jsonwebtoken::encode(&header, &claims, key.encoding_key())
        .map(SecretString::new)
        .map_err(|_| IssueRefused::Signing)?;
    if token.expose().len() > MAX_TOKEN_BYTES {
        return Err(IssueRefused::TooLarge);
    }
    Ok(Issued { token, token_id, expires_at })
}

#[cfg(test)]
mod tests;
