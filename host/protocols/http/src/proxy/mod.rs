//! What a client asks of a forward proxy: where to, and who it is.
//!
//! A proxy's requests have forms of their own (RFC 9112 sections 3.2.2 and 3.2.3), which are read here and nowhere else, so that
//! none of them can be taken for a request to the gateway itself.

mod authority;
mod connect;
mod login;

use crate::Refused;

pub use authority::{Address, Authority};
pub use connect::Connect;
pub use login::ProxyLogin;

/// The scheme of targets in absolute form.
const SCHEME: &[u8] = b"http://";

/// A target in absolute form (RFC 9112 section 3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absolute<'a> {
    /// The authority, as the client wrote it.
    pub authority: &'a str,
    /// Its path and query in origin form; nothing where the client wrote none.
    pub target: &'a [u8],
}

impl<'a> Absolute<'a> {
    /// Reads a target of a request to a proxy.
    ///
    /// # Errors
    /// Another form, another scheme, and an authority that has more in it than a host and a port.
    pub fn parse(target: &'a [u8]) -> Result<Self, Refused> {
        let scheme = target.get(..SCHEME.len());
        if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
            let why = "a proxy is asked for http://host/path, and for https by CONNECT";
            return Err(Refused::Target(why));
        }
        let rest = target.get(SCHEME.len()..).unwrap_or_default();
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or_default();
        let authority = std::str::from_utf8(authority).ok();
        let authority = authority.filter(|text| Authority::parse(text, Some(80)).is_some());
        let authority = authority.ok_or(Refused::Target("its authority is no host"))?;
        if target.first() == Some(&b'?') {
            // It has two readings: of an empty path, and of `/`.
            return Err(Refused::Target("it has a query without a path"));
        }
        Ok(Self { authority, target: if target.is_empty() { b"/" } else { target } })
    }
}

#[cfg(test)]
mod tests;
