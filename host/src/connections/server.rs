//! A PostgreSQL server behind a connection, as the gateway dials it and logs in there.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use palisade_identity::SecretString;
use palisade_postgres::{Backend, TlsMode};
use palisade_relay::{Link, Secure};
use palisade_vault::{Owner, Reader, Sealed};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::keys::Keys;
use crate::config::{Connection, UpstreamTls};
use crate::upstream;

/// A server behind a connection.
pub struct Server {
    pub connection: Connection,
    secure: Secure,
    password: Password,
}

/// Where the password comes from.
#[derive(Clone, Default)]
pub enum Password {
    /// The server asks for none.
    #[default]
    None,
    /// From a place that is read.
    Read(Arc<Reader>),
    /// From the store.
    Sealed { sealed: Arc<Sealed>, owner: String, version: u64, keys: Keys },
}

impl Server {
    /// # Errors
    /// When the connection's `tls_ca` cannot be used.
    pub fn new(connection: Connection, password: Password) -> Result<Self> {
        Ok(Self { secure: upstream::secure(&connection)?, connection, password })
    }
}

impl Password {
    /// The password, where it takes no time to have.
    pub fn at_hand(&self) -> Option<SecretString> {
        match self {
            Self::Read(reader) => reader.at_hand(),
            Self::None | Self::Sealed { .. } => None,
        }
    }

    /// Reads it, which may take seconds.
    pub fn read(&self) -> Result<SecretString, String> {
        match self {
            Self::None => Ok(SecretString::new(String::new())),
            Self::Read(reader) => reader.read().map_err(|error| error.to_string()),
            Self::Sealed { sealed, owner, version, keys } => {
                let owner = Owner { name: owner, version: *version };
                keys.unseal(sealed, owner).map_err(|error| error.to_string())
            }
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("connection", &self.connection.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for Server {
    async fn dial(&self) -> io::Result<Link> {
        let address = (self.connection.host.as_str(), self.connection.port);
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Link::new(Box::new(stream)))
    }

    fn secure(&self) -> Secure {
        self.secure.clone()
    }

    fn tls_mode(&self) -> TlsMode {
        match self.connection.tls {
            UpstreamTls::Disable => TlsMode::Disable,
            UpstreamTls::Prefer => TlsMode::Prefer,
            UpstreamTls::Require => TlsMode::Require,
            UpstreamTls::VerifyFull => TlsMode::VerifyFull,
        }
    }

    fn is_private(&self) -> bool {
        let host = &self.connection.host;
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn username(&self) -> &str {
        &self.connection.username
    }

    fn database(&self) -> &str {
        &self.connection.database
    }

    async fn password(&self) -> Result<Zeroizing<String>, String> {
        let password = self.password.clone();
        // A command or a vault may take seconds: the sessions' threads do not wait for it.
        let read = tokio::task::spawn_blocking(move || password.read()).await;
        let secret = read.map_err(|_| "its reading broke off")??;
        Ok(Zeroizing::new(secret.expose().clone()))
    }

    fn password_refused(&self) {
        if let Password::Read(reader) = &self.password {
            reader.forget();
        }
    }
}
