//! The authority in whose name the gateway ends the tunnels of its forward proxy, and the certificates that it makes for hosts.
//!
//! A client of the proxy trusts this authority for every name, since connections come and go and its certificate stays: it has
//! no name constraints of its own, and whoever wants some gives the gateway an authority that has them (`[listen] ca`). What
//! the gateway signs is another matter: the very host of a connection, and for a week.

mod file;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use pingora_core::listeners::tls::Acceptor;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use crate::config::Config;

pub use self::file::{check, find, open};

/// How long a certificate of a host is good, in seconds: a week.
const LEAF: u64 = 7 * 86_400;
/// When another takes its place, in seconds after it was made.
const RENEWED: u64 = LEAF / 2;
/// Clocks of clients may be so far behind, in seconds.
const BEHIND: u64 = 3600;
/// For how many hosts certificates are kept; there is one for each connection at most.
const MOST: usize = 4096;

/// An authority and its key, which nothing shows.
pub struct Ca {
    chain: Vec<CertificateDer<'static>>,
    issuer: Issuer<'static, KeyPair>,
    /// When its own certificate is good no more, in seconds since the epoch.
    until: u64,
    leaves: Mutex<BTreeMap<String, Leaf>>,
}

/// What ends TLS in a host's name.
struct Leaf {
    acceptor: Arc<Acceptor>,
    made_at: u64,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Ca {
    /// What ends TLS as this host, a name or an address, at this time in seconds since the epoch.
    ///
    /// # Errors
    /// When no certificate can be made for it.
    pub fn acceptor(&self, host: &str, now: u64) -> Result<Arc<Acceptor>> {
        let is_good = |leaf: &&Leaf| {
            (leaf.made_at..leaf.made_at + RENEWED).contains(&now) && now < self.until
        };
        if let Some(leaf) = self.leaves().get(host).filter(is_good) {
            return Ok(Arc::clone(&leaf.acceptor));
        }
        let acceptor = Arc::new(Acceptor::from_server_config(Arc::new(self.config(host, now)?)));
        let mut leaves = self.leaves();
        leaves.retain(|_, leaf| (leaf.made_at..leaf.made_at + RENEWED).contains(&now));
        if leaves.len() >= MOST {
            leaves.pop_first();
        }
        leaves.insert(host.to_owned(), Leaf { acceptor: Arc::clone(&acceptor), made_at: now });
        Ok(acceptor)
    }

    fn config(&self, host: &str, now: u64) -> Result<ServerConfig> {
        let (certificate, key) = self.sign(host, now)?;
        let mut chain = vec![certificate];
        chain.extend(self.chain.iter().cloned());
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A certificate for this host and no other, and its key.
    fn sign(&self, host: &str, now: u64) -> Result<(CertificateDer<'static>, KeyPair)> {
        if now >= self.until {
            bail!("the gateway's authority is good no more: give it another one");
        }
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new([host.to_owned()])?;
        leaf.not_before = time(now.saturating_sub(BEHIND))?;
        leaf.not_after = time((now + LEAF).min(self.until))?;
        // The name stands where clients look for it (RFC 6125 section 6.4.4): this one is for people.
        leaf.distinguished_name.push(DnType::CommonName, "by a Palisade gateway");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let signed = leaf.signed_by(&key, &self.issuer);
        let signed = signed.with_context(|| format!("no certificate for `{host}`"))?;
        Ok((signed.der().clone(), key))
    }

    fn leaves(&self) -> MutexGuard<'_, BTreeMap<String, Leaf>> {
        // An entry comes or goes: a panic elsewhere does not make the map wrong.
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A moment as certificates have it.
fn time(seconds: u64) -> Result<OffsetDateTime> {
    let seconds = i64::try_from(seconds)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| anyhow!("no such time"))
}

/// The authority of a configuration, made where the gateway is to have its own and has none yet.
///
/// # Errors
/// When it cannot be used or made.
pub fn of(config: &Config, now: u64) -> Result<Ca> {
    open(&find(config, now)?)
}

#[cfg(test)]
mod tests;
