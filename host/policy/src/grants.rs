//! What a plugin may ask of the gateway, where a policy file grants it.

use std::fmt;

/// One kind of thing that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grant {
    /// Lines in the gateway's log.
    Log,
    /// The time.
    Clock,
    /// Counters that outlive a call.
    State,
    /// Random bytes, for runtimes that ask WASI for them.
    Random,
    /// Requests to named origins.
    Http,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Log, Self::Clock, Self::State, Self::Random, Self::Http];

    /// Its name in a policy file and in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::State => "state",
            Self::Random => "random",
            Self::Http => "http",
        }
    }

    /// How it is written in a policy file's `grants`.
    #[must_use]
    pub fn line(self) -> String {
        match self {
            Self::Http => r#"{ http = ["https://host"] }"#.to_owned(),
            other => format!("\"{}\"", other.name()),
        }
    }
}

/// What one policy is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    kinds: Vec<Grant>,
    origins: Vec<Origin>,
}

impl Grants {
    /// Whether this may be asked for.
    #[must_use]
    pub fn has(&self, grant: Grant) -> bool {
        self.kinds.contains(&grant)
    }

    /// Whether requests to this origin may be sent.
    #[must_use]
    pub fn reaches(&self, origin: &Origin) -> bool {
        self.origins.contains(origin)
    }

    /// What is granted, for a person.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|grant| grant.name())
    }

    /// These kinds; of `Http` no origin.
    #[must_use]
    pub fn of(kinds: &[Grant]) -> Self {
        Self { kinds: kinds.to_vec(), origins: vec![] }
    }

    /// Adds what one item of a policy file's `grants` names.
    ///
    /// # Errors
    /// What is wrong with it, and how to write it.
    pub fn add(&mut self, item: &serde_json::Value) -> Result<(), String> {
        let named = item.as_str().and_then(|name| {
            Grant::ALL.into_iter().find(|grant| grant.name() == name && *grant != Grant::Http)
        });
        if let Some(grant) = named {
            self.kinds.push(grant);
            return Ok(());
        }
        let origins = item.as_object().filter(|table| table.len() == 1);
        let origins = origins.and_then(|table| table.get("http")?.as_array());
        let Some(origins) = origins else {
            let known: Vec<String> = Grant::ALL.into_iter().map(Grant::line).collect();
            return Err(format!("no such grant; there are {}", known.join(", ")));
        };
        for origin in origins {
            let text = origin.as_str().unwrap_or_default();
            self.origins.push(Origin::parse(text).map_err(|error| error.to_string())?);
        }
        self.kinds.push(Grant::Http);
        Ok(())
    }
}

/// A scheme, a host and a port (RFC 6454): what a plugin's request may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether by TLS.
    pub secure: bool,
    /// In lower case; an IPv6 address in its brackets.
    pub host: String,
    /// The scheme's own where it is not written.
    pub port: u16,
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin; write a scheme, a host and, if need be, a port: https://tickets.example:8443"
)]
pub struct NoOrigin(pub String);

impl Origin {
    /// Reads `https://host` or `http://host:port`, without a path.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, NoOrigin> {
        let wrong = || NoOrigin(text.escape_debug().to_string());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (rest, if secure { 443 } else { 80 }),
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
        if host.is_empty() || !host.bytes().all(fits) {
            return Err(wrong());
        }
        Ok(Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        let origin = Origin::parse("https://Tickets.example").unwrap();
        assert_eq!(origin.to_string(), "https://tickets.example:443");
        assert_eq!(Origin::parse("http://[::1]:8080").unwrap().host, "[::1]");
        assert_eq!(Origin::parse("http://[::1]").unwrap().port, 80);
        for wrong in
            ["", "tickets", "ftp://a", "https://", "https://a/b", "https://u@a", "http://a:x"]
        {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn grants_are_read_and_what_is_none_is_told() {
        let mut grants = Grants::default();
        grants.add(&json!("log")).unwrap();
        grants.add(&json!({ "http": ["https://a"] })).unwrap();
        assert!(grants.has(Grant::Log) && grants.has(Grant::Http) && !grants.has(Grant::Clock));
        assert!(grants.reaches(&Origin::parse("https://a:443").unwrap()));
        assert!(!grants.reaches(&Origin::parse("http://a").unwrap()));
        assert!(grants.add(&json!("files")).unwrap_err().contains("clock"));
        assert!(grants.add(&json!("http")).is_err());
    }
}
