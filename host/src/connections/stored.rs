//! A connection as it is kept and shown. Nothing here holds a secret that is not sealed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use palisade_identity::Credential;
use palisade_vault::{Place, Reference, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::{Connection, McpPlace, Variable};

/// A connection as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct StoredConnection {
    pub name: String,
    pub protocol: String,
    /// The other keys of the configuration's table.
    pub form: Map<String, Value>,
    pub password: Option<Kept>,
    /// Variables of a program's environment.
    pub variables: BTreeMap<String, Sealed>,
    pub certificate: Option<KeptCertificate>,
    /// The moment it was added, in microseconds: no two records of a name have the same.
    pub version: u64,
    pub added_at: String,
    pub added_by: String,
    /// Whether that was the operator, who may have any program run.
    pub by_operator: bool,
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

/// The certificate that the gateway shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptCertificate {
    /// The certificate, and those that vouch for it, as PEM.
    pub certificate: String,
    /// Its private key.
    pub key: Sealed,
}

/// A record as it is found: the first ones had the keys of PostgreSQL's connections as their own.
#[derive(Deserialize)]
struct Written {
    name: String,
    protocol: String,
    #[serde(default)]
    form: Map<String, Value>,
    password: Option<Kept>,
    #[serde(default)]
    variables: BTreeMap<String, Sealed>,
    certificate: Option<KeptCertificate>,
    version: u64,
    added_at: String,
    added_by: String,
    // Where it is not known who it was, it was not the operator.
    #[serde(default)]
    by_operator: bool,
    host: Option<String>,
    #[serde(default)]
    port: u16,
    database: Option<String>,
    username: Option<String>,
    tls: Option<String>,
    tls_ca: Option<PathBuf>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl From<Written> for StoredConnection {
    fn from(written: Written) -> Self {
        let mut form = written.form;
        if let Some(host) = &written.host {
            let address = address(host, written.port);
            let keys = json!({
                "address": address,
                "database": written.database,
                "username": written.username,
                "tls": written.tls,
                "tls_ca": written.tls_ca,
                "labels": written.labels,
            });
            let keys = keys.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            form.extend(keys.map(|(key, value)| (key.clone(), value.clone())));
        }
        Self {
            name: written.name,
            protocol: written.protocol,
            form,
            password: written.password,
            variables: written.variables,
            certificate: written.certificate,
            version: written.version,
            added_at: written.added_at,
            added_by: written.added_by,
            by_operator: written.by_operator,
        }
    }
}

impl StoredConnection {
    /// The operator's labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.form.get("labels").and_then(Value::as_object).into_iter().flatten();
        labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// How it is shown, as the connection that it makes.
    pub fn shown(&self, connection: &Connection) -> Value {
        let password = match &self.password {
            None => "none".to_owned(),
            Some(Kept::Sealed(sealed)) => format!("sealed by the master key {}", sealed.key),
            Some(Kept::Reference(reference)) => place(&reference.place),
        };
        let mut shown =
            shown(connection, "store", &password, Some((&self.added_at, &self.added_by)));
        if self.certificate.is_some()
            && let Some(shown) = shown.as_object_mut()
        {
            shown.insert("certificate".to_owned(), "sealed".into());
        }
        shown
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
    let (http, mcp) = (connection.http.as_ref(), connection.mcp.as_ref());
    let certificate = http.and_then(|http| http.certificate.as_ref());
    json!({
        "id": connection.name,
        "name": connection.name,
        "protocol": connection.protocol,
        "address": place_of(connection),
        "database": connection.database,
        "username": connection.username,
        "tls": connection.tls,
        "tls_ca": connection.tls_ca,
        "labels": connection.labels,
        "password": password,
        "login": http.map(|http| http.login.name()),
        "certificate": certificate.map(|files| files.certificate.display().to_string()),
        "websocket": http.map(|http| http.websocket),
        "services": http.and_then(|http| http.grpc.as_ref()).map(|grpc| grpc.services().join(", ")),
        "environment": mcp.map(|mcp| environment(&mcp.place)),
        "new_tools": mcp.map(|mcp| mcp.new_tools.word()),
        "reads": mcp.map(|mcp| &mcp.reads),
        "origin": origin,
        "added_at": added.map(|(at, _)| at),
        "added_by": added.map(|(_, by)| by),
    })
}

fn place_of(connection: &Connection) -> String {
    let server = address(&connection.host, connection.port);
    match (&connection.http, connection.mcp.as_ref().map(|mcp| &mcp.place)) {
        // A command's arguments may hold what must not be seen.
        (_, Some(McpPlace::Program { command, .. })) => {
            command.first().cloned().unwrap_or_default()
        }
        (_, Some(McpPlace::Servers(servers))) => servers.join(", "),
        (Some(http), _) if http.tls => format!("https://{server}"),
        (Some(_), _) => format!("http://{server}"),
        (None, _) => server,
    }
}

/// The names of a program's variables, and where each comes from.
fn environment(at: &McpPlace) -> Value {
    let McpPlace::Program { environment, .. } = at else { return Value::Null };
    let from = |variable: &Variable| match variable {
        Variable::Text(_) => "given".to_owned(),
        Variable::Secret(reference) => place(&reference.place),
        Variable::Kept => "sealed".to_owned(),
    };
    environment.iter().map(|(name, variable)| (name.clone(), Value::from(from(variable)))).collect()
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_first_form_is_read_as_one_of_todays() {
        let written = json!({
            "name": "ledger", "protocol": "postgres", "host": "::1", "port": 5432, "database": "d",
            "username": "u", "password": null, "tls": "verify-full", "tls_ca": null,
            "labels": {"env": "prod"}, "version": 7, "added_at": "then", "added_by": "operator",
        });
        let stored: StoredConnection = serde_json::from_value(written).unwrap();
        assert_eq!(
            Value::from(stored.form.clone()),
            json!({"address": "[::1]:5432", "database": "d", "username": "u", "tls": "verify-full", "labels": {"env": "prod"}})
        );
        assert_eq!(stored.labels()["env"], "prod");
        let again =
            serde_json::from_value::<StoredConnection>(serde_json::to_value(&stored).unwrap());
        assert_eq!(again.unwrap().form, stored.form);
    }
}
