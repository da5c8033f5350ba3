//! The gateway's certificate, towards clients: the operator's, or one that it makes for itself.

mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::config::{Config, TlsFiles};

pub use self::shown::{Renewed, Shown};

/// The files of the gateway's certificate; a self-signed one is made in the data folder where the operator gave none.
///
/// # Errors
/// When it cannot be made.
pub fn files(config: &Config) -> Result<TlsFiles> {
    if let Some(files) = &config.tls {
        return Ok(files.clone());
    }
    let own = own_files(config);
    let names = names(config);
    if !covers(&own, &names) {
        make(&own, &names).with_context(|| {
            format!("cannot make a certificate in {}", config.data_dir.display())
        })?;
        tracing::info!(certificate = %own.certificate.display(), "made a self-signed certificate");
    }
    Ok(own)
}

/// The files of the gateway's certificate, whether they are there or not.
pub fn expected_files(config: &Config) -> TlsFiles {
    config.tls.clone().unwrap_or_else(|| own_files(config))
}

/// Reads a certificate and its key for serving.
///
/// # Errors
/// When they cannot be read or do not belong together.
pub fn load(files: &TlsFiles) -> Result<CertifiedKey> {
    let certificates = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| anyhow!("{} holds no private key: {error}", files.key.display()))?;
    let certified = CertifiedKey::from_der(certificates, key, &ring::default_provider());
    certified.map_err(|error| {
        anyhow!(
            "{} and {} do not make a TLS server: {error}",
            files.certificate.display(),
            files.key.display()
        )
    })
}

/// All certificates of a PEM file.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |error| anyhow!("{} holds no certificate: {error}", file.display());
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(wrong)?;
    if certificates.is_empty() {
        bail!("{} holds no certificate", file.display());
    }
    Ok(certificates)
}

/// The names and addresses that a certificate speaks for.
///
/// # Errors
/// When it cannot be read.
pub fn names_in(file: &Path) -> Result<BTreeSet<String>> {
    let certificates = certificates(file)?;
    let first = certificates.first().map(|der| parse_x509_certificate(der));
    let Some(Ok((_, certificate))) = first else {
        bail!("{} holds a certificate that cannot be read", file.display());
    };
    let names = certificate.subject_alternative_name()?;
    Ok(names.iter().flat_map(|names| &names.value.general_names).filter_map(name_of).collect())
}

fn own_files(config: &Config) -> TlsFiles {
    TlsFiles {
        certificate: config.data_dir.join("tls-cert.pem"),
        key: config.data_dir.join("tls-key.pem"),
    }
}

/// What clients may call this gateway.
fn names(config: &Config) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).collect();
    if let Some(domain) = &config.listen.http_domain {
        names.extend([domain.clone(), format!("*.{domain}")]);
    }
    let listen = &config.listen;
    let places = [Some(listen.postgres), Some(listen.admin), listen.http, listen.http_proxy];
    for address in places.into_iter().flatten() {
        if !address.ip().is_unspecified() {
            names.insert(address.ip().to_string());
        }
    }
    names
}

/// Whether a certificate is there, still good, and speaks for all these names.
fn covers(files: &TlsFiles, names: &BTreeSet<String>) -> bool {
    load(files).is_ok()
        && is_valid_now(&files.certificate)
        && names_in(&files.certificate).is_ok_and(|covered| names.is_subset(&covered))
}

fn is_valid_now(file: &Path) -> bool {
    let Ok(certificates) = certificates(file) else { return false };
    certificates
        .first()
        .and_then(|der| parse_x509_certificate(der).ok())
        .is_some_and(|(_, certificate)| certificate.validity().is_valid())
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
        },
        _ => None,
    }
}

/// Makes a key (ECDSA P-256) and a certificate that it signs itself.
fn make(files: &TlsFiles, names: &BTreeSet<String>) -> Result<()> {
    let names: Vec<String> = names.iter().cloned().collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    write_anew(&files.key, &made.signing_key.serialize_pem(), 0o600)?;
    write_anew(&files.certificate, &made.cert.pem(), 0o644)
}

fn write_anew(path: &Path, text: &str, mode: u32) -> Result<()> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error.into());
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests;
