//! `palisade plugins key` and `palisade plugins sign`: for whoever answers for a plugin. No gateway need run.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ring::signature::Ed25519KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use zeroize::Zeroizing;

use super::Failure;
use crate::plugins::files::write_whole;
use crate::plugins::{PublicKey, signature};
use crate::show::Screen;

/// Makes a pair of keys in a new file, and shows the public one.
pub(super) fn key(file: &Path, json: bool, mut screen: Screen) -> Result<(), Failure> {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)
        .context("no pair of keys can be made")?;
    let pem = Zeroizing::new(pair.serialize_pem());
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(file);
    let written = made.and_then(|mut made| made.write_all(pem.as_bytes()));
    written.with_context(|| format!("cannot make {}", file.display()))?;
    let public = public(&read(file)?)?;
    if json {
        return Ok(screen.json(&[json!({"id": public.to_string(), "file": file})])?);
    }
    screen.line(&format!("{} holds the private key; keep it from others", file.display()))?;
    screen.line("gateways that trust it have this in their configuration:")?;
    screen.line("")?;
    screen.line("    [policies]")?;
    Ok(screen.line(&format!("    trusted_keys = [\"{public}\"]"))?)
}

/// Signs a plugin's file, in its place or elsewhere.
pub(super) fn sign(
    plugin: &Path,
    key: &Path,
    out: Option<&Path>,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let pair = read(key)?;
    let file =
        std::fs::read(plugin).with_context(|| format!("cannot read {}", plugin.display()))?;
    if !file.starts_with(b"\0asm") {
        return Err(anyhow!("{} is no WebAssembly", plugin.display()).into());
    }
    let signed = signature::sign(&file, &pair).ok_or_else(|| anyhow!("the key is no Ed25519"))?;
    let out: PathBuf = out.unwrap_or(plugin).to_owned();
    // Whoever could read the plugin can read it signed.
    let readable = std::fs::metadata(plugin).map(|of| of.permissions());
    let written = write_whole(&out, &signed);
    let written = written.and_then(|()| Ok(std::fs::set_permissions(&out, readable?)?));
    written.with_context(|| format!("cannot write {}", out.display()))?;
    let by = public(&pair)?;
    if json {
        return Ok(screen.json(&[json!({"id": out, "signed_by": by.to_string()})])?);
    }
    Ok(screen.line(&format!("{} is signed by {by}", out.display()))?)
}

fn public(pair: &Ed25519KeyPair) -> anyhow::Result<PublicKey> {
    PublicKey::of(pair).ok_or_else(|| anyhow!("the key is no Ed25519"))
}

fn read(file: &Path) -> anyhow::Result<Ed25519KeyPair> {
    let fix = "make one with: palisade plugins key FILE (or: openssl genpkey -algorithm ed25519)";
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_file(file).map_err(|error| {
        anyhow!("{} holds no private key as PEM: {error}; {fix}", file.display())
    })?;
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8.secret_pkcs8_der())
        .map_err(|error| anyhow!("{} holds no Ed25519 key: {error}; {fix}", file.display()))
}
