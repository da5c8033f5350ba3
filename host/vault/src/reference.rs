//! References to secrets, as they are written. None of them holds a secret.

use std::path::PathBuf;
use std::time::Duration;

use palisade_identity::Credential;
use serde::{Deserialize, Serialize};

use crate::server::{AppRole, Jwt, VaultServer, VaultUnusable};

/// How long a secret may be kept at most.
const LONGEST_CACHE: u64 = 24 * 60 * 60;

/// Where a secret is, and how long it is believed once it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Reference {
    /// Where it is.
    pub place: Place,
    /// How long it is kept in memory; not at all where it is zero.
    pub cache: Duration,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Local(Credential),
    /// What a command prints: the program, and its arguments.
    Exec(Vec<String>),
    /// In HashiCorp Vault.
    Vault(Box<VaultPlace>),
}

/// A field of a secret in a KV engine (version 2) of HashiCorp Vault.
///
/// The server is named here, or it is the one that all such places share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultPlace {
    /// The secret's path in the engine.
    pub path: String,
    /// Its field.
    #[serde(default = "field")]
    pub field: String,
    /// Where the engine is mounted; the server's own word where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<String>,
    /// The server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The namespace there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Who vouches for its certificate, as a PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// A token to come with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Credential>,
    /// A login as an application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approle: Option<AppRole>,
    /// A login by a token of somebody else's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
}

fn field() -> String {
    "password".to_owned()
}

impl VaultPlace {
    /// A field of a secret on the server that all share.
    #[must_use]
    pub fn shared(path: String, field: String) -> Self {
        Self {
            path,
            field,
            mount: None,
            address: None,
            namespace: None,
            ca: None,
            token: None,
            approle: None,
            jwt: None,
        }
    }

    /// The server that this place names itself; `None` where it leaves that to the shared one.
    pub(crate) fn own_server(&self) -> Result<Option<VaultServer>, VaultUnusable> {
        let Some(address) = self.address.clone() else {
            let said = self.namespace.is_some()
                || self.ca.is_some()
                || self.token.is_some()
                || self.approle.is_some()
                || self.jwt.is_some();
            return if said { Err(VaultUnusable::NoAddress) } else { Ok(None) };
        };
        Ok(Some(VaultServer {
            address,
            mount: self.mount.clone().unwrap_or_else(crate::server::mount),
            namespace: self.namespace.clone(),
            ca: self.ca.clone(),
            token: self.token.clone(),
            approle: self.approle.clone(),
            jwt: self.jwt.clone(),
        }))
    }

    /// Changes every path by `whole`, which knows what a relative one is relative to.
    pub fn each_path(&mut self, whole: impl Fn(&mut PathBuf)) {
        self.ca.iter_mut().for_each(&whole);
        let secret_id = self.approle.as_mut().map(|it| &mut it.secret_id);
        let jwt = self.jwt.as_mut().map(|it| &mut it.jwt);
        crate::server::each_file([self.token.as_mut(), secret_id, jwt], whole);
    }

    /// Refuses what can never be read.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self, shared: Option<&VaultServer>) -> Result<(), VaultUnusable> {
        let is_path = |text: &str| {
            !text.is_empty()
                && !text.contains(char::is_control)
                && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
        };
        if !is_path(&self.path) || !self.mount.as_deref().is_none_or(is_path) {
            return Err(VaultUnusable::Path(self.path.clone()));
        }
        if self.field.is_empty() {
            return Err(VaultUnusable::NoField(self.path.clone()));
        }
        match (self.own_server()?, shared) {
            (Some(own), _) => own.check(),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(VaultUnusable::NoServer),
        }
    }
}

impl Reference {
    /// A place whose secret is read each time.
    #[must_use]
    pub fn to(place: Place) -> Self {
        Self { place, cache: Duration::ZERO }
    }
}

/// The form in which it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vault: Option<VaultPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_seconds: Option<u64>,
}

impl TryFrom<Written> for Reference {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let seconds = written.cache_seconds.unwrap_or(0);
        if seconds > LONGEST_CACHE {
            return Err(format!("`cache_seconds` must be 0 to {LONGEST_CACHE}"));
        }
        let place = match (written.env, written.file, written.exec, written.vault) {
            (Some(name), None, None, None) => Place::Local(Credential::Env(name)),
            (None, Some(path), None, None) => Place::Local(Credential::File(path)),
            (None, None, Some(command), None) => match command.first() {
                Some(program) if !program.is_empty() => Place::Exec(command),
                _ => return Err("`exec` names no program".into()),
            },
            (None, None, None, Some(place)) => Place::Vault(Box::new(place)),
            _ => return Err("name one place: env, file, exec or vault".into()),
        };
        Ok(Self { place, cache: Duration::from_secs(seconds) })
    }
}

impl From<Reference> for Written {
    fn from(reference: Reference) -> Self {
        let seconds = reference.cache.as_secs();
        let mut written = Self {
            env: None,
            file: None,
            exec: None,
            vault: None,
            cache_seconds: (seconds > 0).then_some(seconds),
        };
        match reference.place {
            Place::Local(Credential::Env(name)) => written.env = Some(name),
            Place::Local(Credential::File(path)) => written.file = Some(path),
            Place::Exec(command) => written.exec = Some(command),
            Place::Vault(place) => written.vault = Some(*place),
        }
        written
    }
}

#[cfg(test)]
mod tests;
