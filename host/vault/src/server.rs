//! A HashiCorp Vault server, as it is written: its address and how the gateway logs in there.

use std::net::IpAddr;
use std::path::PathBuf;

use palisade_identity::Credential;
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

/// A server, and how to log in there: by exactly one of `token`, `approle` and `jwt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultServer {
    /// `https://host:port`; `http` only on loopback.
    pub address: String,
    /// Where the KV engine is mounted.
    #[serde(default = "mount")]
    pub mount: String,
    /// The namespace, for servers that have such.
    pub namespace: Option<String>,
    /// Who vouches for the server's certificate, as a PEM file; public authorities where left out.
    pub ca: Option<PathBuf>,
    /// A token to come with.
    pub token: Option<Credential>,
    /// A login as an application.
    pub approle: Option<AppRole>,
    /// A login by a token of somebody else's.
    pub jwt: Option<Jwt>,
}

pub(crate) fn mount() -> String {
    "secret".to_owned()
}

/// A login by AppRole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRole {
    /// Which application.
    pub role_id: String,
    /// What proves it.
    pub secret_id: Credential,
    /// Where the method is mounted.
    #[serde(default = "approle")]
    pub mount: String,
}

fn approle() -> String {
    "approle".to_owned()
}

/// A login by a JWT, such as a service account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The role at the server.
    pub role: String,
    /// The token.
    pub jwt: Credential,
    /// Where the method is mounted.
    #[serde(default = "jwt")]
    pub mount: String,
}

fn jwt() -> String {
    "jwt".to_owned()
}

/// Why a server or a place there can never be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultUnusable {
    /// Nothing says where it is.
    #[error("no vault is named: write its `address` here, or a [vault.server] table")]
    NoServer,
    /// How to log in is said, and not where.
    #[error("the vault has no `address`")]
    NoAddress,
    /// The address is none.
    #[error("`{0}` is no address of a vault: write https://host:port")]
    Address(String),
    /// Secrets would travel in clear.
    #[error("`{0}` would send secrets in clear: `http` is for loopback alone")]
    Clear(String),
    /// None or several logins.
    #[error("the vault needs one way to log in: token, approle or jwt")]
    Login,
    /// The path is none.
    #[error("`{0}` is no path of a secret")]
    Path(String),
    /// The field has no name.
    #[error("no field of the secret `{0}` is named")]
    NoField(String),
    /// The authority's file holds no certificate.
    #[error("the vault's `ca` {0} holds no certificate")]
    Authority(PathBuf),
}

/// One way to log in.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Token(Credential),
    AppRole(AppRole),
    Jwt(Jwt),
}

impl VaultServer {
    /// Refuses what can never be used.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), VaultUnusable> {
        self.base()?;
        self.method().map(drop)
    }

    /// Changes every path by `whole`, which knows what a relative one is relative to.
    pub fn each_path(&mut self, whole: impl Fn(&mut PathBuf)) {
        self.ca.iter_mut().for_each(&whole);
        let secret_id = self.approle.as_mut().map(|it| &mut it.secret_id);
        let jwt = self.jwt.as_mut().map(|it| &mut it.jwt);
        each_file([self.token.as_mut(), secret_id, jwt], whole);
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> Result<String, VaultUnusable> {
        let wrong = || VaultUnusable::Address(self.address.clone());
        let uri: Uri = self.address.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        if uri.path() != "/" || uri.query().is_some() || self.address.contains('@') {
            return Err(wrong());
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err(VaultUnusable::Clear(self.address.clone())),
            _ => return Err(wrong()),
        }
        Ok(self.address.trim_end_matches('/').to_owned())
    }

    pub(crate) fn method(&self) -> Result<Method, VaultUnusable> {
        match (&self.token, &self.approle, &self.jwt) {
            (Some(token), None, None) => Ok(Method::Token(token.clone())),
            (None, Some(approle), None) => Ok(Method::AppRole(approle.clone())),
            (None, None, Some(jwt)) => Ok(Method::Jwt(jwt.clone())),
            _ => Err(VaultUnusable::Login),
        }
    }
}

pub(crate) fn each_file(credentials: [Option<&mut Credential>; 3], whole: impl Fn(&mut PathBuf)) {
    for credential in credentials.into_iter().flatten() {
        if let Credential::File(path) = credential {
            whole(path);
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
