//! The head of a request for a tunnel (RFC 9110 section 9.3.6).

use super::{Authority, ProxyLogin};
use crate::Refused;
use crate::head::check_lines;

/// A request for a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub authority: Authority,
    /// Who asks; nobody where it does not say, or not in the one way that there is.
    pub login: Option<ProxyLogin>,
}

impl Connect {
    /// Reads a head, all of it and nothing behind it.
    ///
    /// HTTP/1.0 is read as well, which Python's own client speaks to proxies; nothing in this head depends on the version.
    ///
    /// # Errors
    /// What is ambiguous: a body, a `Host` that is another, anything twice that counts.
    pub fn read(raw: &[u8]) -> Result<Self, Refused> {
        check_lines(raw, &[b"HTTP/1.1", b"HTTP/1.0"])?;
        let head = std::str::from_utf8(raw).map_err(|_| Refused::Head("it is no text"))?;
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let target = lines.next().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
        let authority = target.and_then(|target| Authority::parse(target, None));
        let authority = authority.ok_or(Refused::Target("CONNECT asks for a host and a port"))?;
        let (mut login, mut host) = (None, None);
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim_matches([' ', '\t']);
            if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
                return Err(Refused::Head("a header's value has a control character"));
            }
            match name.to_ascii_lowercase().as_str() {
                "content-length" | "transfer-encoding" => {
                    return Err(Refused::Framing("a request for a tunnel has no body"));
                }
                "upgrade" => return Err(Refused::Upgrade("it is a tunnel that is asked for")),
                "expect" => return Err(Refused::Expectation),
                "proxy-authorization" if login.is_some() => {
                    return Err(Refused::Repeated("proxy-authorization"));
                }
                "host" if host.is_some() => return Err(Refused::Repeated("host")),
                "proxy-authorization" => login = Some(ProxyLogin::read(value.as_bytes())),
                "host" => host = Some(value),
                _ => {}
            }
        }
        // Some leave the port out of it.
        let is_same = |host: &str| {
            authority.is_host(host) || Authority::parse(host, Some(443)) == Some(authority.clone())
        };
        if !host.is_none_or(is_same) {
            return Err(Refused::Head("the Host is another than the tunnel's"));
        }
        Ok(Self { authority, login: login.flatten() })
    }
}
