//! Hosts and ports, compared as what they mean.

use std::net::{IpAddr, Ipv6Addr};

use crate::Origin;

/// The longest name (RFC 1035 section 2.3.4).
const LONGEST: usize = 253;

/// A host and a port in their one spelling: lower case, no dot at the end, an address as the system writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    host: String,
    port: u16,
}

/// A service's address, as a proxy is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken there; unknown where a tunnel is asked for.
    pub tls: Option<bool>,
    /// The host and the port.
    pub authority: Authority,
}

impl Authority {
    /// Reads `host:port` or `[address]:port`; where the port is left out, it is `default`, and must be there without one.
    /// `None` where it is anything else.
    #[must_use]
    pub fn parse(text: &str, default: Option<u16>) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match rest.strip_prefix(':') {
                Some(port) => port_of(port)?,
                None => default.filter(|_| rest.is_empty())?,
            };
            return Some(Self { host: address.to_string(), port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port_of(port)?),
            None => (text, default?),
        };
        Some(Self { host: host_of(host)?, port })
    }

    /// The authority of a service.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        let host = match origin.host.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => {
                let host = origin.host.to_ascii_lowercase();
                host.strip_suffix('.').unwrap_or(&host).to_owned()
            }
        };
        Self { host, port: origin.port }
    }

    /// The host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is the same host, in whatever spelling.
    #[must_use]
    pub(crate) fn is_host(&self, name: &str) -> bool {
        host_of(name).is_some_and(|name| name == self.host)
    }

    /// Whether the host is an address, and so no name that TLS could ask for (RFC 6066 section 3).
    #[must_use]
    pub(crate) fn is_address(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Address {
    /// Whether this is where the service is.
    #[must_use]
    pub fn is_of(&self, origin: &Origin) -> bool {
        self.tls.is_none_or(|tls| tls == origin.tls) && self.authority == Authority::of(origin)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.tls {
            Some(true) => write!(f, "https://{}", self.authority),
            Some(false) => write!(f, "http://{}", self.authority),
            None => write!(f, "{}", self.authority),
        }
    }
}

/// Digits alone: other readers take a sign, or white space.
fn port_of(text: &str) -> Option<u16> {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

fn host_of(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(fits);
    host.split('.').all(is_label).then_some(host)
}
