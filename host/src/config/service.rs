//! What the file says of HTTP services: where they are, and what the gateway lets itself in with.

use palisade_http::{Descriptors, Templates, is_header_name};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use toml::Spanned;

use super::TlsFiles;
use super::raw::RawConnection;

/// What an HTTP service has besides what every connection has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpService {
    /// Whether it is reached by TLS; its certificate is verified then.
    pub tls: bool,
    /// How the gateway lets itself in.
    pub login: HttpLogin,
    /// The certificate that the gateway shows.
    pub certificate: Option<TlsFiles>,
    /// Templates of its paths.
    pub paths: Templates,
    /// Whether clients may open WebSockets.
    pub websocket: bool,
    /// Whether tunnels of clients of the forward proxy pass unread.
    pub blind: bool,
    /// What its messages are, where it speaks gRPC.
    pub grpc: Option<Descriptors>,
}

/// How the gateway lets itself in at a service; the secret is the connection's `password`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HttpLogin {
    /// With nothing, or its certificate alone.
    #[default]
    None,
    /// `Authorization: Bearer …`
    Bearer,
    /// `Authorization: Basic …`, with the connection's `username`.
    Basic,
    /// A header.
    Header(HeaderLogin),
    /// A parameter of the query, of this name.
    Query(String),
    /// A cookie of this name.
    Cookie(String),
    /// AWS Signature Version 4; the access key's id is the connection's `username`.
    Aws(AwsLogin),
    /// A token that the gateway gets by its client credentials (RFC 6749 section 4.4); the client's id is the connection's
    /// `username`.
    Oauth(OauthLogin),
}

/// A header of this name, with this before the secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderLogin {
    /// Its name.
    pub name: String,
    /// What stands before the secret: `Token `.
    #[serde(default)]
    pub prefix: String,
}

/// What AWS's signatures are for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsLogin {
    /// `eu-central-1`
    pub region: String,
    /// `s3`
    pub service: String,
}

/// Where tokens are to be had.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthLogin {
    /// The token endpoint.
    pub token_url: String,
    /// The scopes to ask for, with spaces between.
    #[serde(default)]
    pub scope: String,
    /// The audience to ask for, where the server wants one.
    #[serde(default)]
    pub audience: String,
}

impl HttpLogin {
    /// How it is called in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Header(_) => "header",
            Self::Query(_) => "query",
            Self::Cookie(_) => "cookie",
            Self::Aws(_) => "aws",
            Self::Oauth(_) => "oauth",
        }
    }

    /// What is wrong with it, where something is.
    pub(super) fn mistake(&self, raw: &RawConnection) -> Option<String> {
        let named = |name: &str| !name.is_empty() && name.bytes().all(is_token);
        let needs_user = matches!(self, Self::Basic | Self::Aws(_) | Self::Oauth(_));
        match self {
            Self::None => {}
            _ if !raw.has_password() => {
                return Some("`login` needs a `password`, which is its secret".to_owned());
            }
            _ if needs_user && raw.username.is_none() => {
                let what = "the user, the access key's id, or the client's id";
                return Some(format!("`login` needs a `username`: {what}"));
            }
            Self::Header(header) if !is_header_name(&header.name) => {
                return Some("`login.header.name` is no name of a header".to_owned());
            }
            Self::Query(name) | Self::Cookie(name) if !named(name) => {
                return Some("`login` has a name that cannot be sent".to_owned());
            }
            Self::Oauth(oauth) if !is_secure(&oauth.token_url) => {
                let what =
                    "`login.oauth.token_url` must begin with https:// (http:// on loopback alone)";
                return Some(what.to_owned());
            }
            _ => {}
        }
        (self == &Self::None && raw.has_password())
            .then(|| "there is a `password`, and no `login` that says how it is sent".to_owned())
    }
}

/// A service's scheme, host and port: `https://api.internal:8443`, without a path.
pub fn split_origin(address: &str) -> Option<(bool, String, u16)> {
    let (tls, rest) = match address.split_once("://")? {
        ("https", rest) => (true, rest),
        ("http", rest) => (false, rest),
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let bracketed = rest.starts_with('[');
    let has_port = match bracketed {
        true => rest.contains("]:"),
        false => rest.contains(':'),
    };
    let with_port =
        if has_port { rest.to_owned() } else { format!("{rest}:{}", if tls { 443 } else { 80 }) };
    let (host, port) = super::split_address(&with_port)?;
    ServerName::try_from(host.as_str()).ok()?;
    Some((tls, host, port))
}

fn is_secure(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    url.starts_with("https://")
        || local.iter().any(|local| {
            let rest = url.strip_prefix(local);
            rest.is_some_and(|rest| rest.starts_with([':', '/']))
        })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The text of a mistake in a connection's login.
pub(super) fn login_of(raw: &RawConnection) -> HttpLogin {
    raw.login.as_ref().map(|login| Spanned::get_ref(login).clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_the_port_that_belongs_to_it() {
        assert_eq!(split_origin("https://api.example"), Some((true, "api.example".into(), 443)));
        assert_eq!(split_origin("http://127.0.0.1:81/"), Some((false, "127.0.0.1".into(), 81)));
        assert_eq!(split_origin("https://[::1]"), Some((true, "::1".into(), 443)));
        for wrong in
            ["api.example", "ftp://a", "https://", "https://a/b", "https://a:0", "https://u@a"]
        {
            assert_eq!(split_origin(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_are_fetched_by_tls_or_from_this_machine() {
        assert!(is_secure("https://a/token") && is_secure("http://127.0.0.1:8/token"));
        assert!(!is_secure("http://a/token") && !is_secure("http://127.0.0.1.evil.example/"));
    }
}
