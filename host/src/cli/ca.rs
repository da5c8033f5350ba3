//! `palisade ca`: whom clients of the forward proxy must trust.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::Failure;
use crate::config::Config;
use crate::show::Screen;
use crate::{ca, clock};

/// Prints the authority's certificates as PEM, or the fingerprint of the first. One of the gateway's own is made where there
/// is none, whether the gateway runs or not.
pub(super) fn ca(
    config: &Config,
    fingerprint: bool,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let found = ca::find(config, clock::now_seconds())?;
    // What could not sign is nothing to trust.
    ca::open(&found)?;
    let pem: String = found.chain.iter().map(|der| pem_of(der)).collect();
    let hash = found.chain.first().map(|der| fingerprint_of(der)).unwrap_or_default();
    if json {
        return Ok(screen.json(&[json!({ "id": hash, "certificate": pem })])?);
    }
    let text = if fingerprint { hash.as_str() } else { pem.trim_end() };
    text.lines().try_for_each(|line| screen.line(line))?;
    Ok(())
}

/// SHA-256 as browsers and openssl show it.
fn fingerprint_of(der: &[u8]) -> String {
    let hash = digest(&SHA256, der);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// RFC 7468.
fn pem_of(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
