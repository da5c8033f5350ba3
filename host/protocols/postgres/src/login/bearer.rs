//! The client's message of the mechanism OAUTHBEARER (RFC 7628, section 3.1): a token, or the question where to get one.
//!
//! ```text
//!   gs2-header ^A *( key "=" value ^A ) ^A        n,,^Aauth=Bearer TOKEN^A^A
//! ```

use std::collections::BTreeSet;

use zeroize::Zeroizing;

/// What stands between the parts of a message (`kvsep`).
const SEPARATOR: char = '\x01';

/// What a client has to say by OAUTHBEARER.
#[derive(Clone, PartialEq, Eq)]
pub enum Bearer {
    /// Its token.
    Token(Zeroizing<String>),
    /// That it has none, and would like to know where to get one.
    Asks,
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(***)",
            Self::Asks => "Asks",
        })
    }
}

/// Why a client's message is none of the mechanism's. Never holds what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerMalformed {
    /// It chose another mechanism.
    #[error("the client chose a SASL mechanism that was not offered")]
    Mechanism,
    /// It wants the login bound to the TLS channel.
    #[error("the client asks for channel binding, which OAUTHBEARER does not have")]
    ChannelBinding,
    /// It wants to act as somebody else than it logs in as.
    #[error("the client's authorization identity is not its user name; leave it out")]
    Identity,
    /// A key is there twice.
    #[error("the client's OAUTHBEARER message has a key twice")]
    Twice,
    /// Anything else.
    #[error("the client's OAUTHBEARER message is malformed: {0}")]
    Form(&'static str),
}

/// Reads a client's first message. `user` is the user name that it gave before, which its authorization identity may repeat.
///
/// # Errors
/// See [`BearerMalformed`].
pub(super) fn read(message: &[u8], user: &str) -> Result<Bearer, BearerMalformed> {
    let text =
        std::str::from_utf8(message).map_err(|_| BearerMalformed::Form("it is not UTF-8"))?;
    let (header, pairs) = text.split_once(SEPARATOR).ok_or(BearerMalformed::Form("its header"))?;
    check_header(header, user)?;
    let pairs = pairs.strip_suffix(SEPARATOR).ok_or(BearerMalformed::Form("its end"))?;
    if !pairs.is_empty() && !pairs.ends_with(SEPARATOR) {
        return Err(BearerMalformed::Form("its end"));
    }
    let auth = find_auth(pairs)?.ok_or(BearerMalformed::Form("it has no key `auth`"))?;
    if auth.is_empty() { Ok(Bearer::Asks) } else { token(auth) }
}

/// The header of RFC 5801, section 4: whether the channel is bound, and as whom the client wants to act.
fn check_header(header: &str, user: &str) -> Result<(), BearerMalformed> {
    let malformed = BearerMalformed::Form("its header");
    let (binding, identity) = header.split_once(',').ok_or(malformed)?;
    match binding {
        "n" | "y" => {}
        bound if bound.starts_with("p=") => return Err(BearerMalformed::ChannelBinding),
        _ => return Err(malformed),
    }
    let identity = identity.strip_suffix(',').ok_or(malformed)?;
    if identity.is_empty() {
        return Ok(());
    }
    let name = identity.strip_prefix("a=").ok_or(malformed)?;
    let name = unescape(name).ok_or(malformed)?;
    if name.is_empty() || name == user { Ok(()) } else { Err(BearerMalformed::Identity) }
}

/// A `saslname` without its escapes: `=2C` is a comma and `=3D` is `=`, which cannot be there otherwise.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = part.split_at_checked(2)?;
        unescaped.push(match escaped {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        unescaped.push_str(rest);
    }
    (!name.contains(',')).then_some(unescaped)
}

/// The value of `auth` among key-value pairs, each of which ends in a separator. Keys that are not known are ignored.
fn find_auth(pairs: &str) -> Result<Option<&str>, BearerMalformed> {
    let mut keys = BTreeSet::new();
    let mut auth = None;
    for pair in pairs.split_terminator(SEPARATOR) {
        let (key, value) = pair.split_once('=').ok_or(BearerMalformed::Form("a key's value"))?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(BearerMalformed::Form("a key"));
        }
        if !value.bytes().all(|byte| matches!(byte, b'!'..=b'~' | b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(BearerMalformed::Form("a key's value"));
        }
        if !keys.insert(key) {
            return Err(BearerMalformed::Twice);
        }
        if key == "auth" {
            auth = Some(value);
        }
    }
    Ok(auth)
}

/// `Bearer` and a token, with the syntax of RFC 6750, section 2.1. The scheme's name has no case.
fn token(auth: &str) -> Result<Bearer, BearerMalformed> {
    let malformed = BearerMalformed::Form("its token");
    let (scheme, token) = auth.split_once(' ').ok_or(malformed)?;
    let token = token.trim_start_matches(' ');
    let letters = token.trim_end_matches('=');
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(BearerMalformed::Form("its scheme is not `Bearer`"));
    }
    if letters.is_empty() || !letters.bytes().all(is_token) {
        return Err(malformed);
    }
    Ok(Bearer::Token(token.to_owned().into()))
}

#[cfg(test)]
mod tests;
