//! What clients are shown by TLS: the gateway's certificate, the same at every listener, and in the forward proxy's tunnels those
//! of its authority. Both are exchanged while the listeners listen; a connection that is open keeps what it was shown.

use std::sync::Arc;

use anyhow::Result;
use arc_swap::{ArcSwap, ArcSwapOption};
use pingora_core::listeners::tls::Acceptor;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{files, load};
use crate::ca::{self, Ca};
use crate::clock;
use crate::config::{Config, TlsFiles};

/// What is shown now.
#[derive(Debug)]
pub struct Shown {
    certificate: Arc<Certificate>,
    /// None where there is no forward proxy.
    authority: ArcSwapOption<Ca>,
}

#[derive(Debug)]
struct Certificate(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What is to be shown from now on, where it is another.
#[derive(Debug)]
pub struct Renewed {
    certificate: Option<CertifiedKey>,
    authority: Option<Ca>,
}

impl Renewed {
    /// What lies in the files of a configuration that were replaced since `before`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn of(config: &Config, before: &Config) -> Result<Self> {
        let replaced = |files: &&TlsFiles| !config.files.are_same(files, &before.files);
        let certificate = config.tls.as_ref().filter(replaced).map(load);
        let authority = config.listen.ca.as_ref().filter(replaced);
        let authority = authority.map(|_| ca::of(config, clock::now_seconds()));
        Ok(Self { certificate: certificate.transpose()?, authority: authority.transpose()? })
    }
}

impl Shown {
    /// What a configuration says. What the operator has not given, the gateway makes for itself.
    ///
    /// # Errors
    /// When it cannot be used or made.
    pub fn open(config: &Config) -> Result<Self> {
        let certificate = load(&files(config)?)?;
        let proxy = config.listen.http_proxy;
        let authority = proxy.map(|_| ca::of(config, clock::now_seconds())).transpose()?;
        Ok(Self {
            certificate: Arc::new(Certificate(ArcSwap::from_pointee(certificate))),
            authority: ArcSwapOption::new(authority.map(Arc::new)),
        })
    }

    /// Shows something else to whoever comes from now on.
    pub fn renew(&self, renewed: Renewed) {
        if let Some(certificate) = renewed.certificate {
            self.certificate.0.store(Arc::new(certificate));
            tracing::info!("clients are shown another certificate");
        }
        if let Some(authority) = renewed.authority {
            self.authority.store(Some(Arc::new(authority)));
            tracing::info!("the forward proxy's tunnels are ended in another authority's name");
        }
    }

    /// How TLS is served, for protocols of these names (ALPN).
    pub fn server(&self, protocols: &[&[u8]]) -> ServerConfig {
        let certificate = Arc::clone(&self.certificate) as Arc<dyn ResolvesServerCert>;
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_cert_resolver(certificate);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// The same as pingora has it.
    pub fn acceptor(&self, protocols: &[&[u8]]) -> Acceptor {
        Acceptor::from_server_config(Arc::new(self.server(protocols)))
    }

    /// In whose name tunnels of the forward proxy are ended; nobody's where there is none.
    pub fn authority(&self) -> Option<Arc<Ca>> {
        self.authority.load_full()
    }
}

#[cfg(test)]
mod tests;
