//! Where the authority is: the operator's files, or one of the gateway's own in the data folder, which is made once.
//!
//! Certificate and key are one file there, so that there is never one without the other. Of several processes that start
//! together, one makes it and all use it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use uuid::Uuid;
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use super::{BEHIND, Ca, time};
use crate::config::{Config, TlsFiles};
use crate::{data_dir, tls};

/// The file of the gateway's own.
const FILE: &str = "ca.pem";
/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// How long the gateway's own is good, in seconds: ten years, for clients are told of it by hand.
const LIFE: u64 = 10 * 365 * 86_400;

/// An authority's files, read.
pub struct Found {
    /// The certificate and what vouches for it, each in DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key, as PEM.
    key: Zeroizing<String>,
    /// Where the key is.
    place: PathBuf,
}

/// The authority's files; those of the gateway's own are made where there are none.
///
/// # Errors
/// When they cannot be read or made, or others than their owner can read the key.
pub fn find(config: &Config, now: u64) -> Result<Found> {
    if let Some(files) = &config.listen.ca {
        return given(files);
    }
    data_dir::create(&config.data_dir)?;
    let path = config.data_dir.join(FILE);
    if !path.try_exists()? {
        make(&path, now).with_context(|| format!("cannot make {}", path.display()))?;
    }
    Ok(Found { chain: tls::certificates(&path)?, key: private(&path)?, place: path })
}

/// The operator's own.
fn given(files: &TlsFiles) -> Result<Found> {
    let (chain, key) = (tls::certificates(&files.certificate)?, private(&files.key)?);
    Ok(Found { chain, key, place: files.key.clone() })
}

/// Whether an operator's files make an authority, at this time in seconds since the epoch.
///
/// # Errors
/// What is wrong with them.
pub fn check(files: &TlsFiles, now: u64) -> Result<()> {
    let ca = open(&given(files)?)?;
    if now >= ca.until {
        bail!("{} is good no more", files.certificate.display());
    }
    Ok(())
}

/// The authority of these files.
///
/// # Errors
/// When the certificate is none of an authority, or the key is another's.
pub fn open(found: &Found) -> Result<Ca> {
    let place = found.place.display();
    // The library's own words may quote what it read.
    let none = |_| anyhow!("{place} holds no private key");
    let key = PrivateKeyDer::from_pem_slice(found.key.as_bytes()).map_err(none)?;
    let key = KeyPair::try_from(&key);
    let key = key.map_err(|_| anyhow!("{place} holds no key that can sign, in PKCS#8"))?;
    let first = found.chain.first().ok_or_else(|| anyhow!("there is no certificate"))?;
    let (_, certificate) = parse_x509_certificate(first)?;
    if !is_authority(&certificate) {
        bail!("the certificate is none of an authority: it must be able to sign others");
    }
    if certificate.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
        bail!("{place} is not the certificate's key");
    }
    let until = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    let issuer = Issuer::from_ca_cert_der(first, key)?;
    let leaves = Mutex::new(BTreeMap::new());
    Ok(Ca { chain: found.chain.clone(), issuer, until, leaves })
}

/// Whether it may sign certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    let constraints = certificate.basic_constraints().ok().flatten();
    let usage = certificate.key_usage().ok().flatten();
    constraints.is_some_and(|it| it.value.ca) && usage.is_none_or(|it| it.value.key_cert_sign())
}

/// What its owner alone can read.
fn private(path: &Path) -> Result<Zeroizing<String>> {
    let context = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(context)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    if file.metadata().with_context(context)?.permissions().mode() & 0o077 != 0 {
        bail!("{0} is open to others than its owner, fix with: chmod 600 {0}", path.display());
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LARGEST).read_to_string(&mut text).with_context(context)?;
    Ok(text)
}

/// Makes an authority under a name of its own and links it into place, so that the final name never shows half of it, and
/// whoever comes second finds the first one's.
fn make(path: &Path, now: u64) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    let id: String =
        params.key_identifier(&key).iter().take(4).map(|b| format!("{b:02x}")).collect();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Palisade gateway CA ({id})"));
    params.not_before = time(now.saturating_sub(BEHIND))?;
    params.not_after = time(now + LIFE)?;
    // It signs hosts, and no other authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    let text =
        Zeroizing::new(format!("{}{}", certificate.pem(), *Zeroizing::new(key.serialize_pem())));
    let draft = path.with_extension(Uuid::now_v7().to_string());
    let linked = written(&draft, text.as_bytes()).and_then(|()| std::fs::hard_link(&draft, path));
    let _ = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
