//! From what is asked for, kept or configured to a connection that can be used.

use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result};
use palisade_admin::Problem;
use palisade_postgres::{Backend, Catalog};
use palisade_vault::Reader;

use super::asked::{Allowed, check, check_certificate, check_place, reference_of};
use super::body::NewConnection;
use super::mcp::McpServer;
use super::sealing::{Part, Sealing, Secrets};
use super::server::{Password, Server};
use super::service::Service;
use super::stored::{Kept, StoredConnection};
use super::{Author, Connections, Known};
use crate::clock;
use crate::config::{Connection, McpPlace, SealedParts, kept};

impl Connections {
    pub(super) fn made_of(
        &self,
        new: NewConnection,
        author: Author<'_>,
    ) -> Result<StoredConnection, Problem> {
        let version = clock::now_micros();
        check(&new, author, &self.allowed())?;
        let sealing = Sealing { keys: &self.keys, name: &new.name, version };
        let mut form = new.form;
        let password = match (&new.password, form.remove("password")) {
            (None, None) => None,
            (Some(password), None) => Some(Kept::Sealed(sealing.seal(Part::Password, password)?)),
            (None, Some(reference)) => Some(Kept::Reference(reference_of(&reference)?)),
            (Some(_), Some(_)) => {
                return Err(Problem::refused("give `password` or `password_from`, not both"));
            }
        };
        let certificate = new.client_certificate.as_ref();
        if certificate.is_some() && form.contains_key("certificate") {
            let what = "give `certificate` or `client_certificate`, not both";
            return Err(Problem::refused(what));
        }
        let stored = StoredConnection {
            password,
            variables: sealing.variables(&new.secrets)?,
            certificate: certificate.map(|it| sealing.certificate(it)).transpose()?,
            version,
            added_at: clock::rfc3339(version),
            added_by: author.name.to_owned(),
            by_operator: author.operator,
            name: new.name,
            protocol: new.protocol,
            form,
        };
        self.check_place(&stored, author)?;
        Ok(stored)
    }

    fn allowed(&self) -> Allowed {
        self.running.read().unwrap_or_else(PoisonError::into_inner).allowed.clone()
    }

    /// What it makes, without a secret; nothing is there yet.
    fn check_place(&self, stored: &StoredConnection, author: Author<'_>) -> Result<(), Problem> {
        let connection = self.connection(stored).map_err(Problem::refused)?;
        check_place(&connection, author, &self.allowed())?;
        if connection.http.is_none() && connection.mcp.is_none() || self.has_http {
            return check_certificate(stored, &connection);
        }
        Err(Problem::refused(
            "the gateway listens nowhere for HTTP clients: add http = \"127.0.0.1:6481\" to [listen], and start it anew",
        ))
    }

    /// The servers that are offered as one must be there, and be no such themselves.
    pub(super) fn check_servers(&self, known: &Known) -> Result<(), Problem> {
        let Some(McpPlace::Servers(names)) =
            known.server.connection.mcp.as_ref().map(|mcp| &mcp.place)
        else {
            return Ok(());
        };
        let is_one = |name: &&String| self.get(name).is_some_and(|known| known.mcp.is_some());
        match names.iter().find(|name| !is_one(name)) {
            None => Ok(()),
            Some(name) => Err(Problem::refused(format!(
                "there is no MCP server `{name}`: name connections with an address or a command"
            ))),
        }
    }

    pub(super) fn configured(&self, connection: &Connection) -> Result<Known> {
        let password = match &connection.password {
            None => Password::None,
            Some(it) => Password::Read(Arc::new(Reader::new(it, self.vault.server.as_ref())?)),
        };
        let secrets = Secrets { password, ..Secrets::default() };
        self.made(connection.clone(), secrets, None)
    }

    pub(super) fn stored(&self, stored: StoredConnection) -> Result<Known> {
        let connection = self.connection(&stored).map_err(anyhow::Error::msg)?;
        let secrets = Secrets::of(&stored, &self.keys, self.vault.server.as_ref())?;
        self.made(connection, secrets, Some(Arc::new(stored)))
    }

    /// The connection of a record, as the configuration file would have it; what is sealed is not part of that.
    pub(super) fn connection(&self, stored: &StoredConnection) -> Result<Connection, String> {
        let mut table = toml::Table::try_from(&stored.form)
            .map_err(|_| "a key of it has no value that a configuration can have".to_owned())?;
        table.insert("name".to_owned(), stored.name.clone().into());
        table.insert("protocol".to_owned(), stored.protocol.clone().into());
        if let Some(Kept::Reference(reference)) = &stored.password {
            let reference = toml::Table::try_from(reference).map_err(|error| error.to_string())?;
            table.insert("password".to_owned(), reference.into());
        }
        let sealed = SealedParts {
            password: matches!(stored.password, Some(Kept::Sealed(_))),
            variables: stored.variables.keys().cloned().collect(),
        };
        kept(table, sealed, self.vault.server.as_ref())
    }

    fn made(
        &self,
        connection: Connection,
        secrets: Secrets,
        stored: Option<Arc<StoredConnection>>,
    ) -> Result<Known> {
        let name = connection.name.clone();
        let context = || format!("the connection `{name}`");
        let service = connection.http.as_ref().map(|http| {
            let service = Service::new(&connection, http, &secrets);
            service.map(Arc::new).with_context(context)
        });
        let service = service.transpose()?;
        let vault = self.vault.server.as_ref();
        let mcp = connection.mcp.as_ref().map(|mcp| {
            let server = McpServer::new(&name, mcp, service.as_ref(), &secrets.variables, vault);
            server.with_context(context)
        });
        let mcp = mcp.transpose()?.flatten().map(Arc::new);
        let server = Server::new(connection, secrets.password).with_context(context)?;
        Ok(Known { service, mcp, ..self.known(server, stored) })
    }

    fn known(&self, server: Server, stored: Option<Arc<StoredConnection>>) -> Known {
        let server = Arc::new(server);
        let backend = Arc::clone(&server) as Arc<dyn Backend>;
        let catalog = Arc::new(Catalog::new(backend, self.trusted.clone()));
        Known { server, catalog, service: None, mcp: None, stored }
    }
}
