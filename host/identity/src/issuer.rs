//! An OpenID Connect issuer besides the gateway itself, as the configuration names it.

use jsonwebtoken::Algorithm;
use serde::Deserialize;

/// The algorithms that an issuer may sign with where the configuration lists none.
pub const DEFAULT_ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// One `[[issuer]]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The name that rules call it by.
    pub name: String,
    /// Its `iss`, to the letter.
    pub url: String,
    /// Where its key set is; found by discovery where left out.
    pub jwks: Option<String>,
    /// Whom a token must be meant for: one of these.
    pub audience: Vec<String>,
    /// The algorithms that it signs with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The claim that carries groups or roles: a name or a dotted path.
    pub groups: Option<String>,
    /// The claim that says who acts.
    pub subject: String,
    /// How far its clock may be ahead of ours, in seconds.
    pub skew: u64,
    /// The longest life of a token, in seconds.
    pub longest: u64,
    /// How long its keys are good while it cannot be reached, in seconds.
    pub keys_kept: u64,
    /// Who the gateway's command line is to it, for `palisade login`.
    pub client_id: Option<String>,
}

impl Issuer {
    /// Where it publishes what [`Discovery`] reads.
    #[must_use]
    pub fn configuration(&self) -> String {
        configuration(&self.url)
    }
}

fn configuration(url: &str) -> String {
    format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'))
}

/// A way to sign that needs a private key: HMAC and `none` cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm(pub(crate) Algorithm);

/// Why an algorithm cannot be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmRefused {
    /// `none`, or HMAC.
    #[error("a token that is not signed with a private key proves nothing")]
    NoSignature,
    /// Anything else.
    #[error("write RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA")]
    Unknown,
}

impl std::str::FromStr for SignatureAlgorithm {
    type Err = AlgorithmRefused;

    fn from_str(text: &str) -> Result<Self, AlgorithmRefused> {
        match text.parse() {
            Ok(Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) => {
                Err(AlgorithmRefused::NoSignature)
            }
            Ok(algorithm) => Ok(Self(algorithm)),
            Err(_) if text.eq_ignore_ascii_case("none") => Err(AlgorithmRefused::NoSignature),
            Err(_) => Err(AlgorithmRefused::Unknown),
        }
    }
}

/// Fetches what an issuer publishes. This crate does no I/O of its own.
pub trait Fetch: Send + Sync {
    /// What is at this address: at most `largest` bytes, within a few seconds, without following a redirect.
    ///
    /// # Errors
    /// Why it cannot be had, in a few words for the log.
    fn fetch(&self, url: &str, largest: usize) -> Result<Vec<u8>, String>;
}

/// Whether secrets and keys may come from there: by TLS, or from this machine.
#[must_use]
pub fn is_trustworthy(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains(['@', '\\']) || url.chars().any(is_odd) {
        return false;
    }
    match scheme {
        "https" => true,
        "http" => is_loopback(authority),
        _ => false,
    }
}

fn is_odd(character: char) -> bool {
    character.is_control() || character.is_whitespace()
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _port)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _port)| host),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What an issuer publishes about itself (OpenID Connect Discovery 1.0), as far as the gateway needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct Discovery {
    /// Its own name, which must be the one that it was asked by.
    issuer: String,
    /// Where its keys are.
    pub(crate) jwks_uri: String,
    /// Where tokens are issued.
    pub token_endpoint: Option<String>,
    /// Where a device asks for a person's consent (RFC 8628).
    pub device_authorization_endpoint: Option<String>,
}

impl Discovery {
    /// The largest document that is read, in bytes.
    const LARGEST: usize = 64 * 1024;

    /// Asks an issuer about itself.
    ///
    /// # Errors
    /// Why its answer cannot be had or taken.
    pub fn ask(url: &str, fetch: &dyn Fetch) -> Result<Self, String> {
        let address = configuration(url);
        let document = fetch.fetch(&address, Self::LARGEST)?;
        let found: Self = serde_json::from_slice(&document)
            .map_err(|_| format!("{address} is no OpenID configuration"))?;
        if found.issuer != url {
            return Err(format!("{address} is another issuer's configuration"));
        }
        let endpoints = [&found.token_endpoint, &found.device_authorization_endpoint];
        let places = endpoints.into_iter().flatten().chain([&found.jwks_uri]);
        let strays = |place: &&String| {
            !is_trustworthy(place) || (url.starts_with("https:") && !place.starts_with("https:"))
        };
        if places.into_iter().any(|place| strays(&place)) {
            return Err(format!("{address} leads to where nothing is protected by TLS"));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_trustworthy() {
        for good in
            ["https://a.example", "http://127.0.0.1:1/x", "http://[::1]:1", "http://localhost/a"]
        {
            assert!(is_trustworthy(good), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost.evil.example",
            "http://127.0.0.1@evil.example/",
            "ftp://localhost",
            "https://",
            "https:///x",
            "a.example",
            "https://a b",
            "http://127.0.0.1.evil.example",
            "https://a\\@b",
        ] {
            assert!(!is_trustworthy(bad), "{bad}");
        }
    }

    #[test]
    fn what_proves_nothing_cannot_be_listed() {
        for name in ["none", "None", "HS256", "HS384", "HS512"] {
            assert_eq!(
                name.parse::<SignatureAlgorithm>(),
                Err(AlgorithmRefused::NoSignature),
                "{name}"
            );
        }
        assert_eq!("rs256".parse::<SignatureAlgorithm>(), Err(AlgorithmRefused::Unknown));
        for name in DEFAULT_ALGORITHMS {
            assert!(name.parse::<SignatureAlgorithm>().is_ok(), "{name}");
        }
    }

    struct Page(&'static str);
    impl Fetch for Page {
        fn fetch(&self, url: &str, _: usize) -> Result<Vec<u8>, String> {
            assert_eq!(url, "https://a.example/.well-known/openid-configuration");
            Ok(self.0.as_bytes().to_vec())
        }
    }

    fn check(page: &'static str, problem: &str) {
        let refused = Discovery::ask("https://a.example/", &Page(page)).unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }

    #[test]
    fn a_configuration_is_taken_from_its_own_issuer_alone() {
        check(
            r#"{"issuer":"https://a.example","jwks_uri":"https://a.example/k"}"#,
            "another issuer",
        );
        check(r#"{"issuer":"https://a.example/","jwks_uri":"http://127.0.0.1/k"}"#, "leads to");
        check(r#"{"issuer":"https://a.example/"}"#, "no OpenID configuration");
        let page = r#"{"issuer":"https://a.example/","jwks_uri":"https://b.example/k"}"#;
        let found = Discovery::ask("https://a.example/", &Page(page)).unwrap();
        assert_eq!(found.jwks_uri, "https://b.example/k");
    }
}
