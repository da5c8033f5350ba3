//! The gateway's own credential, put into a request that was judged: the client never has it.

mod aws;
mod escaped;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use zeroize::Zeroizing;

use crate::{Query, Target};

pub use aws::AwsKey;
use escaped::escaped;

/// What a service asks for.
#[derive(Clone)]
pub enum Credential {
    /// Nothing; or the certificate that the connection's TLS shows.
    None,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(Zeroizing<String>),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user, without a colon.
        username: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A header.
    Header {
        /// Its name.
        name: HeaderName,
        /// What stands before the secret: `Token `.
        prefix: String,
        /// The secret.
        value: Zeroizing<String>,
    },
    /// A parameter of the query.
    Query {
        /// Its name.
        name: String,
        /// The secret.
        value: Zeroizing<String>,
    },
    /// A cookie.
    Cookie {
        /// Its name.
        name: String,
        /// The secret.
        value: Zeroizing<String>,
    },
    /// AWS Signature Version 4.
    Aws(AwsKey),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer",
            Self::Basic { .. } => "Basic",
            Self::Header { .. } => "Header",
            Self::Query { .. } => "Query",
            Self::Cookie { .. } => "Cookie",
            Self::Aws(_) => "Aws",
        };
        write!(f, "Credential::{kind}(***)")
    }
}

/// A request on its way to the service.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The service's origin: `https://api.example:8443`.
    pub origin: Arc<str>,
    /// The target.
    pub target: Target,
    /// Its headers, `Host` among them.
    pub headers: HeaderMap,
    /// Its body, where it was read.
    pub body: Option<Bytes>,
}

/// Why a credential cannot be used. It says nothing of what the credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It holds what no header or cookie can.
    #[error("the credential holds a character that cannot be sent")]
    Character,
    /// The request's body was not read, and the service wants it signed.
    #[error(
        "this service of AWS wants bodies signed, and only JSON and forms are read to be signed"
    )]
    Unread,
    /// The request cannot be signed.
    #[error("the request cannot be signed")]
    Signature,
}

/// Whether a text can be a header's name.
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

impl Credential {
    /// Whether it signs for a store of objects, which keeps what it is sent as it was sent.
    pub(crate) fn is_of_objects(&self) -> bool {
        matches!(self, Self::Aws(key) if key.service == "s3")
    }

    /// A secret in a header, with something before it; `None` where the name is none.
    #[must_use]
    pub fn header(name: &str, prefix: &str, value: Zeroizing<String>) -> Option<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some(Self::Header { name, prefix: prefix.to_owned(), value })
    }

    /// Puts the credential into a request, in the place of whatever the client put there. Cookies stand in one line then.
    ///
    /// # Errors
    /// When the credential cannot be sent.
    pub fn apply(&self, request: &mut Outgoing) -> Result<(), Unusable> {
        join_cookies(&mut request.headers)?;
        match self {
            Self::None => {}
            Self::Bearer(token) => {
                set(&mut request.headers, AUTHORIZATION, &["Bearer ", token])?;
            }
            Self::Basic { username, password } => {
                let pair = Zeroizing::new(format!("{username}:{}", password.as_str()));
                let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
                set(&mut request.headers, AUTHORIZATION, &["Basic ", &encoded])?;
            }
            Self::Header { name, prefix, value } => {
                set(&mut request.headers, name.clone(), &[prefix, value])?;
            }
            Self::Query { name, value } => {
                request.target.query.get_or_insert_with(Query::default).set(name, value);
            }
            Self::Cookie { name, value } => add_cookie(&mut request.headers, name, value)?,
            Self::Aws(key) => key.sign(request)?,
        }
        Ok(())
    }

    /// The forms in which a service could send the secret back.
    #[must_use]
    pub fn forms(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let secret: &str = match self {
            Self::None => return vec![],
            Self::Bearer(value)
            | Self::Basic { password: value, .. }
            | Self::Header { value, .. }
            | Self::Query { value, .. }
            | Self::Cookie { value, .. } => value,
            Self::Aws(key) => &key.secret_key,
        };
        let mut forms = vec![Zeroizing::new(secret.as_bytes().to_vec())];
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            forms.push(Zeroizing::new(engine.encode(secret).into_bytes()));
        }
        if let Self::Basic { username, password } = self {
            let pair = Zeroizing::new(format!("{username}:{}", password.as_str()));
            forms.push(Zeroizing::new(STANDARD.encode(pair.as_bytes()).into_bytes()));
        }
        if let Self::Aws(AwsKey { session_token: Some(token), .. }) = self {
            forms.push(Zeroizing::new(token.as_bytes().to_vec()));
            forms.extend(escaped(token));
        }
        let mut sent = Query::default();
        sent.set("", secret);
        let sent = Zeroizing::new(sent.text());
        forms.push(Zeroizing::new(sent.trim_start_matches('=').as_bytes().to_vec()));
        forms.extend(escaped(secret));
        forms.sort_by(|a, b| a.as_slice().cmp(b.as_slice()));
        forms.dedup();
        forms
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, parts: &[&str]) -> Result<(), Unusable> {
    let text = Zeroizing::new(parts.concat());
    let mut value = HeaderValue::from_str(&text).map_err(|_| Unusable::Character)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Puts cookies into one line: HTTP/2 has them in several, of which servers of HTTP/1.1 may read one (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Unusable> {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1 {
        let line = HeaderValue::from_bytes(&lines.join(b"; ".as_slice()));
        headers.insert(COOKIE, line.map_err(|_| Unusable::Character)?);
    }
    Ok(())
}

/// Adds a cookie to those of the client, of which none has its name (RFC 6265 section 4.2.1).
fn add_cookie(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unusable> {
    if value.contains([';', ',', ' ', '"', '\\']) {
        return Err(Unusable::Character);
    }
    let mut pairs = Vec::new();
    for header in headers.get_all(COOKIE) {
        let text = header.to_str().map_err(|_| Unusable::Character)?;
        let own = text.split(';').map(str::trim).filter(|pair| !pair.is_empty());
        let others = own.filter(|pair| pair.split('=').next().map(str::trim) != Some(name));
        pairs.extend(others.map(str::to_owned));
    }
    let pairs = Zeroizing::new(pairs.iter().fold(String::new(), |all, pair| all + pair + "; "));
    set(headers, COOKIE, &[&pairs, name, "=", value])
}

#[cfg(test)]
mod tests;
