//! The secrets of kept connections: how they are sealed, opened, and wrapped by another master key.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use palisade_admin::Problem;
use palisade_vault::{MasterKey, Owner, Reader, SealFailed, Sealed, VaultServer};
use pingora_core::utils::tls::CertKey;

use super::asked::no_key;
use super::body::{NewCertificate, Plain};
use super::keys::Keys;
use super::server::Password;
use super::service;
use super::stored::{Kept, KeptCertificate, StoredConnection};

/// What is sealed of a connection. Each part is an owner of its own, so that none opens in another's place.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Password,
    Variable(&'a str),
    CertificateKey,
}

impl Part<'_> {
    /// Whose secret it is. A kept connection's name has no slash.
    fn owner(self, name: &str) -> String {
        match self {
            Self::Password => name.to_owned(),
            Self::Variable(variable) => format!("{name}/env/{variable}"),
            Self::CertificateKey => format!("{name}/certificate"),
        }
    }
}

/// Seals what is given for one version of a connection.
pub(super) struct Sealing<'a> {
    pub(super) keys: &'a Keys,
    pub(super) name: &'a str,
    pub(super) version: u64,
}

impl Sealing<'_> {
    pub(super) fn seal(&self, part: Part<'_>, secret: &Plain) -> Result<Sealed, Problem> {
        let key = self.keys.first().ok_or_else(no_key)?;
        let owner = part.owner(self.name);
        let owner = Owner { name: &owner, version: self.version };
        Sealed::seal(&secret.0, owner, &key).map_err(|error| Problem::failed(error.to_string()))
    }

    pub(super) fn variables(
        &self,
        secrets: &BTreeMap<String, Plain>,
    ) -> Result<BTreeMap<String, Sealed>, Problem> {
        let seal = |(name, secret): (&String, &Plain)| {
            Ok((name.clone(), self.seal(Part::Variable(name), secret)?))
        };
        secrets.iter().map(seal).collect()
    }

    pub(super) fn certificate(&self, new: &NewCertificate) -> Result<KeptCertificate, Problem> {
        // What cannot be used is refused before it is kept.
        service::cert_key(new.certificate.as_bytes(), new.key.0.expose().as_bytes())
            .map_err(|error| Problem::refused(format!("`client_certificate`: {error:#}")))?;
        let key = self.seal(Part::CertificateKey, &new.key)?;
        Ok(KeptCertificate { certificate: new.certificate.clone(), key })
    }
}

/// The secrets of a connection, as whoever connects reads them.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) password: Password,
    pub(super) variables: BTreeMap<String, Password>,
    pub(super) certificate: Option<Arc<CertKey>>,
}

impl Secrets {
    /// Those of a record.
    pub(super) fn of(
        stored: &StoredConnection,
        keys: &Keys,
        vault: Option<&VaultServer>,
    ) -> Result<Self> {
        let sealed = |part: Part<'_>, sealed: &Sealed| Password::Sealed {
            sealed: Arc::new(sealed.clone()),
            owner: part.owner(&stored.name),
            version: stored.version,
            keys: keys.clone(),
        };
        let password = match &stored.password {
            None => Password::None,
            Some(Kept::Reference(it)) => Password::Read(Arc::new(Reader::new(it, vault)?)),
            Some(Kept::Sealed(it)) => sealed(Part::Password, it),
        };
        let variables = stored.variables.iter();
        let variables =
            variables.map(|(name, it)| (name.clone(), sealed(Part::Variable(name), it))).collect();
        let opened = |it: &KeptCertificate| -> Result<Arc<CertKey>> {
            let key = sealed(Part::CertificateKey, &it.key).read();
            let key = key.map_err(|why| anyhow!(why)).context("the key of its certificate")?;
            service::cert_key(it.certificate.as_bytes(), key.expose().as_bytes())
        };
        let certificate = stored.certificate.as_ref().map(opened).transpose()?;
        Ok(Self { password, variables, certificate })
    }
}

/// The same secrets, wrapped by another master key; none where that has wrapped them all.
pub(super) fn rewrapped(
    stored: &StoredConnection,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<Option<StoredConnection>, SealFailed> {
    let mut moved = stored.clone();
    let mut some = false;
    let mut rewrap = |part: Part<'_>, sealed: &mut Sealed| {
        if sealed.key == new.id() {
            return Ok(());
        }
        let owner = part.owner(&stored.name);
        *sealed = sealed.rewrap(Owner { name: &owner, version: stored.version }, old, new)?;
        some = true;
        Ok(())
    };
    if let Some(Kept::Sealed(sealed)) = &mut moved.password {
        rewrap(Part::Password, sealed)?;
    }
    for (name, sealed) in &mut moved.variables {
        rewrap(Part::Variable(name), sealed)?;
    }
    if let Some(certificate) = &mut moved.certificate {
        rewrap(Part::CertificateKey, &mut certificate.key)?;
    }
    Ok(some.then_some(moved))
}

/// How many secrets a record has sealed.
pub(super) fn count(stored: &StoredConnection) -> usize {
    let password = matches!(stored.password, Some(Kept::Sealed(_)));
    usize::from(password) + stored.variables.len() + usize::from(stored.certificate.is_some())
}
