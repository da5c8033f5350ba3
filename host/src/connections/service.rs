//! An HTTP service behind a connection: where it is, whom the gateway trusts there, and what it lets itself in with.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use palisade_http::{AwsKey, Backend, Credential, Descriptors, Origin, Templates, Trust};
use pingora_core::utils::tls::{CertKey, WrappedX509, parse_x509};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use super::oauth::Tokens;
use super::sealing::Secrets;
use super::server::Password;
use crate::config::{Connection, HttpLogin, HttpService, TlsFiles};
use crate::tls;

/// A service behind a connection.
pub struct Service {
    name: String,
    username: String,
    origin: Origin,
    trust: Trust,
    http: HttpService,
    password: Password,
    tokens: Option<Arc<Tokens>>,
    pool: u64,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("connection", &self.name).finish_non_exhaustive()
    }
}

impl Service {
    /// # Errors
    /// When its authority or the gateway's certificate for it cannot be used.
    pub(super) fn new(
        connection: &Connection,
        http: &HttpService,
        secrets: &Secrets,
    ) -> Result<Self> {
        let ca = connection.tls_ca.as_deref();
        let tokens = match &http.login {
            HttpLogin::Oauth(oauth) => Some(Arc::new(Tokens::new(oauth, ca)?)),
            _ => None,
        };
        let mut pool = [0; 8];
        let random = SystemRandom::new().fill(&mut pool);
        random.map_err(|_| anyhow!("there are no random numbers"))?;
        Ok(Self {
            name: connection.name.clone(),
            username: connection.username.clone(),
            origin: Origin::new(http.tls, connection.host.clone(), connection.port),
            trust: Trust {
                authorities: ca.map(authorities).transpose()?,
                certificate: match &secrets.certificate {
                    Some(kept) => Some(Arc::clone(kept)),
                    None => http.certificate.as_ref().map(certificate).transpose()?,
                },
            },
            http: http.clone(),
            password: secrets.password.clone(),
            tokens,
            // Another service of the same name has connections of its own.
            pool: u64::from_be_bytes(pool),
        })
    }
}

/// Each was read before, so that none is malformed when it is needed.
fn authorities(file: &std::path::Path) -> Result<Arc<[WrappedX509]>> {
    let certificates = tls::certificates(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        let usable = roots.add(certificate.clone());
        usable.with_context(|| format!("{} is no certificate authority", file.display()))?;
    }
    let wrapped = certificates.iter().map(|der| WrappedX509::new(der.to_vec(), parse_x509));
    Ok(wrapped.collect::<Vec<_>>().into())
}

fn certificate(files: &TlsFiles) -> Result<Arc<CertKey>> {
    // For its words, which name the file that is amiss.
    tls::load(files)?;
    let read = |file| std::fs::read(file).map(Zeroizing::new);
    cert_key(&read(&files.certificate)?, &read(&files.key)?)
}

/// A certificate and its key, both as PEM.
///
/// # Errors
/// When they do not belong together, or are none. Never what the key is.
pub(super) fn cert_key(certificate: &[u8], key: &[u8]) -> Result<Arc<CertKey>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow!("there is no certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| anyhow!("there is no private key"))?;
    let der = key.secret_der().to_vec();
    // What the library cannot use it panics on.
    let usable = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates.clone(), key)
        .map_err(|error| anyhow!("the certificate and the key do not belong together: {error}"));
    usable?;
    let certificates = certificates.iter().map(|der| der.to_vec()).collect();
    Ok(Arc::new(CertKey::new(certificates, der)))
}

impl Service {
    /// The same as one before it in all but the form in which its secrets are kept, for those who have a session there.
    pub(super) fn in_place_of(self: Arc<Self>, before: &Self) -> Arc<Self> {
        match Arc::try_unwrap(self) {
            Ok(service) => Arc::new(Self { pool: before.pool, ..service }),
            Err(shared) => shared,
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Origin {
        &self.origin
    }
}

#[async_trait]
impl Backend for Service {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }

    fn templates(&self) -> &Templates {
        &self.http.paths
    }

    fn websocket(&self) -> bool {
        self.http.websocket
    }

    fn is_blind(&self) -> bool {
        self.http.blind
    }

    fn grpc(&self) -> Option<&Descriptors> {
        self.http.grpc.as_ref()
    }

    fn pool(&self) -> u64 {
        self.pool
    }

    async fn credential(&self) -> Result<Credential, String> {
        if self.http.login == HttpLogin::None {
            return Ok(Credential::None);
        }
        let password = self.password.clone();
        if let Some(tokens) = &self.tokens {
            let username = self.username.clone();
            let token = tokens.token(move || Ok((username, password.read()?))).await?;
            return Ok(Credential::Bearer(token));
        }
        let secret = match password.at_hand() {
            Some(secret) => secret,
            None => {
                // A command or a vault may take seconds: the sessions' threads do not wait for it.
                let read = tokio::task::spawn_blocking(move || password.read()).await;
                read.map_err(|_| "its reading broke off")??
            }
        };
        let secret = Zeroizing::new(secret.expose().clone());
        let username = self.username.clone();
        Ok(match &self.http.login {
            HttpLogin::None => Credential::None,
            HttpLogin::Bearer | HttpLogin::Oauth(_) => Credential::Bearer(secret),
            HttpLogin::Basic => Credential::Basic { username, password: secret },
            HttpLogin::Header(header) => Credential::header(&header.name, &header.prefix, secret)
                .ok_or("its header has no name")?,
            HttpLogin::Query(name) => Credential::Query { name: name.clone(), value: secret },
            HttpLogin::Cookie(name) => Credential::Cookie { name: name.clone(), value: secret },
            HttpLogin::Aws(aws) => Credential::Aws(AwsKey {
                key_id: username,
                secret_key: secret,
                session_token: None,
                region: aws.region.clone(),
                service: aws.service.clone(),
            }),
        })
    }

    fn credential_refused(&self) {
        if let Password::Read(reader) = &self.password {
            reader.forget();
        }
        if let Some(tokens) = &self.tokens {
            tokens.forget();
        }
    }
}
