//! A connection as it is asked for, kept and shown. Only what is asked for may hold a secret, and it never leaves it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use palisade_identity::{Credential, SecretString};
use palisade_vault::{Place, Reference, Sealed};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Connection, McpPlace, UpstreamTls};

/// A connection to be kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    pub name: String,
    pub protocol: String,
    pub address: String,
    pub database: String,
    pub username: String,
    #[serde(default)]
    pub tls: UpstreamTls,
    pub tls_ca: Option<PathBuf>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The password itself.
    pub password: Option<Plain>,
    /// Where it is read.
    pub password_from: Option<Reference>,
    /// Whether it takes the place of one of its name.
    #[serde(default)]
    pub replace: bool,
}

/// A secret in a body. Its text is copied out of the body once, and both are wiped.
#[derive(Debug)]
pub struct Plain(pub SecretString);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain(SecretString::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A connection as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredConnection {
    pub name: String,
    pub protocol: String,
    pub host: String,
    pub port: u16,
    pub database: String,
    pub username: String,
    pub password: Option<Kept>,
    pub tls: UpstreamTls,
    pub tls_ca: Option<PathBuf>,
    pub labels: BTreeMap<String, String>,
    /// The moment it was added, in microseconds: no two records of a name have the same.
    pub version: u64,
    pub added_at: String,
    pub added_by: String,
}

/// What is kept of a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// Itself, encrypted.
    Sealed(Sealed),
    /// Where it is.
    Reference(Reference),
}

impl StoredConnection {
    /// The same as the configuration file would have it; what is sealed is not part of that.
    pub fn connection(&self) -> Connection {
        let password = match &self.password {
            Some(Kept::Reference(reference)) => Some(reference.clone()),
            _ => None,
        };
        Connection {
            name: self.name.clone(),
            protocol: self.protocol.clone(),
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            username: self.username.clone(),
            password,
            tls: self.tls,
            tls_ca: self.tls_ca.clone(),
            labels: self.labels.clone(),
            http: None,
            mcp: None,
        }
    }

    pub fn shown(&self) -> Value {
        let password = match &self.password {
            None => "none".to_owned(),
            Some(Kept::Sealed(sealed)) => format!("sealed by the master key {}", sealed.key),
            Some(Kept::Reference(reference)) => place(&reference.place),
        };
        shown(&self.connection(), "store", &password, Some((&self.added_at, &self.added_by)))
    }
}

/// A connection of the configuration file.
pub fn configured(connection: &Connection) -> Value {
    let password =
        connection.password.as_ref().map_or("none".to_owned(), |reference| place(&reference.place));
    shown(connection, "file", &password, None)
}

fn shown(
    connection: &Connection,
    origin: &str,
    password: &str,
    added: Option<(&str, &str)>,
) -> Value {
    let host = &connection.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    json!({
        "id": connection.name,
        "name": connection.name,
        "protocol": connection.protocol,
        "address": match connection.http.as_ref().map(|http| http.tls) {
            None => match connection.mcp.as_ref().map(|mcp| &mcp.place) {
                Some(McpPlace::Program { command, .. }) => command.first().cloned().unwrap_or_default(),
                Some(McpPlace::Servers(servers)) => servers.join(", "),
                Some(McpPlace::Service(_)) | None => format!("{host}:{}", connection.port),
            },
            Some(true) => format!("https://{host}:{}", connection.port),
            Some(false) => format!("http://{host}:{}", connection.port),
        },
        "database": connection.database,
        "username": connection.username,
        "tls": connection.tls,
        "tls_ca": connection.tls_ca,
        "labels": connection.labels,
        "password": password,
        "login": connection.http.as_ref().map(|http| http.login.name()),
        "origin": origin,
        "added_at": added.map(|(at, _)| at),
        "added_by": added.map(|(_, by)| by),
    })
}

/// Where a secret is. A command's arguments may hold what must not be seen.
fn place(place: &Place) -> String {
    match place {
        Place::Local(Credential::Env(name)) => format!("env {name}"),
        Place::Local(Credential::File(path)) => format!("file {}", path.display()),
        Place::Exec(command) => format!("exec {}", command.first().map_or("", String::as_str)),
        Place::Vault(place) => format!("vault {}#{}", place.path, place.field),
    }
}
