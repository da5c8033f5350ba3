//! Who a client of a proxy is: the connection as the user, the token as the password (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What a client gives by `Proxy-Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyLogin {
    /// The connection; nobody where it is to be found by the address.
    pub connection: Option<String>,
    /// The token.
    pub token: Zeroizing<String>,
}

impl std::fmt::Debug for ProxyLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyLogin").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl ProxyLogin {
    /// Reads the value of `Proxy-Authorization`; `None` where it is of another scheme, or malformed.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let (scheme, encoded) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let (user, token) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        if user.chars().chain(token.chars()).any(char::is_control) || token.is_empty() {
            return None;
        }
        let connection = (!user.is_empty() && user != "*").then(|| user.to_owned());
        Some(Self { connection, token: Zeroizing::new(token.to_owned()) })
    }
}
