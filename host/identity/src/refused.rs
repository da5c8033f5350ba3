//! Why a token speaks for nobody: one cause for each way to be wrong.

/// Why a token speaks for nobody. Its text never holds a part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Too long to be looked at.
    #[error("the token is larger than 8 KiB")]
    TooLarge,
    /// Not three parts of base64url and JSON.
    #[error("the token is not a well-formed JWT")]
    Malformed,
    /// An algorithm such as `none`, a field of the wrong type, or one that must be understood and is not (`crit`).
    #[error("the token's header names an unknown algorithm or has a field that cannot be taken")]
    Header,
    /// Any algorithm but EdDSA, for the gateway's own tokens.
    #[error("the token's algorithm is not EdDSA")]
    Algorithm,
    /// A symmetric algorithm: whoever knows an issuer's public key could have made the token.
    #[error("the token's algorithm is symmetric (HMAC), which no issuer's token may have")]
    Hmac,
    /// An algorithm that the configuration does not list for this issuer.
    #[error("the token's algorithm is not listed for its issuer")]
    UnlistedAlgorithm,
    /// A token that says what it is, and is no ID or access token: a logout token, say, or a proof of a key.
    #[error(
        "the token is neither an ID token nor an access token, as its `typ` or its `events` says"
    )]
    Type,
    /// A header that brings a key along or says where one is (`jku`, `jwk`, `x5u`, `x5c`).
    #[error("the token's header points to a key of its own")]
    KeyElsewhere,
    /// Another key's id than the gateway's, or none.
    #[error("the token was not signed with the gateway's present key (unknown key id)")]
    UnknownKey,
    /// A key id that the issuer's key set does not have, or none.
    #[error("the token's key id is not in its issuer's key set")]
    UnknownIssuerKey,
    /// The key's type, use or algorithm is not the token's.
    #[error(
        "the issuer's key of this id is not for this algorithm (its type, use or algorithm differs)"
    )]
    KeyMismatch,
    /// Nobody can tell: the issuer gave no keys, and none are kept from before.
    #[error("the issuer's keys cannot be had: {0}")]
    KeysUnavailable(String),
    /// The signature does not fit.
    #[error("the token's signature is forged")]
    Signature,
    /// A claim of the wrong type.
    #[error("the token's claims cannot be read")]
    Claims,
    /// A claim that must be there, is not, or is empty.
    #[error("the token lacks the claim `{0}`")]
    Missing(&'static str),
    /// The subject is the operator's, too long, or nothing that a line of a log could show.
    #[error("the token's subject cannot be used as a name")]
    Subject,
    /// Somebody else's token.
    #[error("the token's issuer is neither this gateway nor one that the configuration names")]
    Issuer,
    /// A token for somebody else.
    #[error("the token's audience is not this gateway")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It was issued in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// It was revoked, or one that it was exchanged for.
    #[error("the token was revoked")]
    Revoked,
    /// It lives longer than a token may.
    #[error("the token's life is longer than allowed")]
    Lifetime,
}
