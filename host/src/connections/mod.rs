//! The systems behind the gateway: those of the configuration file, which stay, and those of the store, which come and go
//! while it runs.
//!
//! A session that is open goes on where its connection gets other labels or another password, and its bearer still reaches
//! it: it holds what it needs. Where anything else of it is replaced the session ends: it would be judged by what is said of
//! another server than its own. One of HTTP or gRPC ends in any case, and the next request begins another: what follows has
//! the new credential.
//! Every change is in the record before it is in force.

mod asked;
mod body;
mod destination;
mod following;
mod keys;
mod making;
mod mcp;
mod oauth;
mod probe;
mod renewing;
mod rotate;
mod sealing;
mod server;
mod service;
mod stored;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use anyhow::Result;
use palisade_admin::Problem;
use palisade_postgres::{Catalog, Trusted};
use palisade_store::{Collection, Store, StoreError};
use palisade_vault::Reference;
use serde_json::Value;

use self::asked::{Allowed, withdrawn};
use self::keys::Keys;
pub use self::mcp::{McpServer, McpServers};
use self::renewing::Renewed;
use self::server::Server;
use self::service::Service;
use self::stored::StoredConnection;
use crate::changes::{Changes, ConnectionChange};
use crate::config::{Config, Connection, McpPlace, Vault};
use crate::reach::Labels;

pub use self::body::{NewConnection, Plain};
pub use self::destination::Destination;
pub use self::rotate::Rotation;

/// Why a connection cannot be used that offers others.
const GONE: &str = "a server of the connection is not there any more";

/// All connections that there are.
#[derive(Debug)]
pub struct Connections {
    vault: Vault,
    trusted: Trusted,
    documents: Collection<StoredConnection>,
    keys: Keys,
    changes: Changes,
    /// Whether HTTP clients are listened to, without whom no service can be reached.
    has_http: bool,
    running: RwLock<Running>,
    /// Changes come one after another.
    change: Mutex<()>,
}

#[derive(Debug, Default)]
struct Running {
    known: BTreeMap<String, Known>,
    /// What is known for sessions whose connections are gone; they must not go by what is old.
    left: Vec<Weak<Catalog>>,
    /// What administrators by token may keep connections with.
    allowed: Allowed,
}

/// A server, and what is known of its relations.
#[derive(Clone, Debug)]
pub struct Known {
    /// How it is reached.
    pub server: Arc<Server>,
    /// Its relations.
    pub catalog: Arc<Catalog>,
    /// The service, where it is one of HTTP.
    pub service: Option<Arc<Service>>,
    /// The server, where it is one of MCP.
    pub mcp: Option<Arc<McpServer>>,
    /// Its record; none where the configuration file has it.
    stored: Option<Arc<StoredConnection>>,
}

/// The connections of a configuration, ready to be put in force.
#[derive(Debug)]
pub struct Prepared {
    configured: BTreeMap<String, Known>,
    /// Those of the store whose files were replaced.
    renewed: Renewed,
    allowed: Allowed,
}

impl Prepared {
    /// Whether connections of the store change by it.
    pub fn renews(&self) -> bool {
        !self.renewed.is_empty()
    }
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// Their name.
    pub name: &'a str,
    /// Whether they can read the gateway's data folder.
    pub operator: bool,
}

impl Connections {
    /// The connections of the configuration file and those of the store.
    ///
    /// # Errors
    /// When one of the file or the master key cannot be used, and failures of the store.
    pub fn open(config: &Config, store: &Store, trusted: Trusted) -> Result<Self> {
        let connections = Self {
            vault: config.vault.clone(),
            trusted,
            documents: store.collection("connections")?,
            keys: Keys::open(config.vault.master_key.as_ref())?,
            changes: Changes::new(store.clone()),
            has_http: config.listen.http.is_some(),
            running: RwLock::default(),
            change: Mutex::default(),
        };
        connections.begin(connections.prepare(config)?)?.put(|| ());
        Ok(connections)
    }

    /// Makes the file's connections ready, and those of the store whose files were replaced. Those that are as they were stay as
    /// they are.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn prepare(&self, config: &Config) -> Result<Prepared> {
        let ready = |connection: &Connection| {
            let same = self.get(&connection.name);
            let same = same.filter(|known| known.stored.is_none());
            match same.filter(|known| known.server.connection == *connection) {
                Some(known) => Ok((connection.name.clone(), known)),
                None => Ok((connection.name.clone(), self.configured(connection)?)),
            }
        };
        let configured = config.connections.iter().map(ready).collect::<Result<_>>()?;
        Ok(Prepared { configured, renewed: self.renewed(), allowed: Allowed::by(config) })
    }

    /// Whether the key that seals is the one of this reference; or there is none, and none is referred to.
    pub fn seals_by(&self, reference: Option<&Reference>) -> bool {
        match (reference, self.keys.first()) {
            (None, None) => true,
            (Some(reference), Some(first)) => {
                keys::read(reference).is_ok_and(|key| key.id() == first.id())
            }
            _ => false,
        }
    }

    /// The connection of this name.
    pub fn get(&self, name: &str) -> Option<Known> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).known.get(name).cloned()
    }

    /// All names, in order.
    pub fn names(&self) -> Vec<String> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.known.keys().cloned().collect()
    }

    /// The labels of all of them.
    pub fn labels(&self) -> Labels {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let labels = running.known.iter();
        labels.map(|(name, it)| (name.clone(), it.server.connection.labels.clone())).collect()
    }

    /// Forgets what is known of the servers' relations.
    pub fn forget_catalogs(&self) {
        self.write(|running| {
            running.known.values().for_each(|known| known.catalog.forget());
            running.left.retain(|left| {
                let left = left.upgrade();
                left.inspect(|catalog| catalog.forget()).is_some()
            });
        });
    }

    /// All of them, as they are shown.
    pub fn list(&self) -> Vec<Value> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.known.values().map(|known| known.shown(&running.allowed)).collect()
    }

    /// The newest changes of those of the store, the oldest of them first.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn history(&self, limit: usize) -> Result<Vec<Value>, StoreError> {
        self.changes.newest("connection", limit)
    }

    /// One of them, as it is shown.
    pub fn show(&self, name: &str) -> Result<Value, Problem> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let known = running.known.get(name).ok_or_else(|| unknown(name))?;
        Ok(known.shown(&running.allowed))
    }

    /// Keeps a connection, which works for new sessions from then on.
    ///
    /// # Errors
    /// What is wrong with it, never its secret.
    pub fn add(&self, new: NewConnection, author: Author<'_>) -> Result<Value, Problem> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let name = new.name.clone();
        let change = match self.get(&name) {
            None => "add",
            Some(known) if known.stored.is_some() && new.replace => "replace",
            Some(known) => return Err(taken(&name, known.stored.is_some())),
        };
        let stored = self.made_of(new, author)?;
        let unusable = |error: anyhow::Error| Problem::refused(format!("{error:#}"));
        let known = self.stored(stored.clone()).map_err(unusable)?;
        self.check_servers(&known)?;
        self.record(change, &name, author)?;
        self.documents.put(&name, &stored).map_err(failed)?;
        self.write(|running| {
            let before = running.known.insert(name.clone(), known);
            running.left.extend(before.map(|before| Arc::downgrade(&before.catalog)));
        });
        tracing::info!(connection = name, by = author.name, change, "a connection was kept");
        self.show(&name)
    }

    /// Removes a connection of the store.
    ///
    /// # Errors
    /// When there is none, or the configuration file has it.
    pub fn remove(&self, name: &str, author: Author<'_>) -> Result<Value, Problem> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.get(name).ok_or_else(|| unknown(name))?;
        if known.stored.is_none() {
            return Err(taken(name, false));
        }
        let shown = self.show(name)?;
        self.record("remove", name, author)?;
        self.documents.remove(name).map_err(failed)?;
        self.write(|running| {
            running.known.remove(name);
            running.left.push(Arc::downgrade(&known.catalog));
        });
        tracing::info!(connection = name, by = author.name, "a connection was removed");
        Ok(shown)
    }

    /// Dials and logs in as for a session, and says in plain words how that went.
    ///
    /// # Errors
    /// When there is no such connection.
    pub async fn test(&self, name: &str, limit: std::time::Duration) -> Result<Value, Problem> {
        let known = self.get(name).ok_or_else(|| unknown(name))?;
        if let Some(why) = self.withdrawn(&known) {
            return Ok(probe::shown(&known, Err(why)));
        }
        if known.server.connection.mcp.is_none() {
            return Ok(probe::probe(&known, limit).await);
        }
        match self.mcp_servers(&known) {
            Ok(servers) => Ok(probe::shown(&known, servers.greet(limit).await)),
            Err(why) => Ok(probe::shown(&known, Err(why))),
        }
    }

    /// Why a kept connection may not be used, though it was allowed when it was kept.
    pub fn withdrawn(&self, known: &Known) -> Option<String> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        withdrawn(known, &running.allowed)
    }

    /// The servers of an MCP connection: its own, or those that it offers as one.
    ///
    /// # Errors
    /// When it is no such connection, or one of its servers is not there or not allowed any more.
    pub fn mcp_servers(&self, known: &Known) -> Result<McpServers, String> {
        let one = |known: &Known| match self.withdrawn(known) {
            Some(why) => Err(why),
            None => known.mcp.clone().ok_or_else(|| GONE.to_owned()),
        };
        let place = known.server.connection.mcp.as_ref().map(|mcp| &mcp.place);
        let servers: Result<_, String> = match place {
            Some(McpPlace::Servers(names)) => names
                .iter()
                .map(|name| one(&self.get(name).ok_or_else(|| GONE.to_owned())?))
                .collect(),
            Some(McpPlace::Program { .. } | McpPlace::Service(_)) => one(known).map(|it| vec![it]),
            None => Err("the connection has no servers".to_owned()),
        };
        servers.map(McpServers)
    }

    fn record(&self, change: &str, connection: &str, author: Author<'_>) -> Result<(), Problem> {
        let change = ConnectionChange { change, connection, by: author.name };
        self.changes.put(&change).map_err(Problem::failed)
    }

    fn write<T>(&self, change: impl FnOnce(&mut Running) -> T) -> T {
        change(&mut self.running.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The labels of the file's connections and of the store's, where no gateway runs; no password is looked at.
///
/// # Errors
/// Failures of the store.
pub fn labels(config: &Config, store: Option<&Store>) -> Result<Labels, StoreError> {
    let stored = match store {
        Some(store) => store.collection::<StoredConnection>("connections")?.list()?,
        None => vec![],
    };
    let mut labels: Labels = stored.into_iter().map(|(name, it)| (name, it.labels())).collect();
    // The file counts where both have one.
    labels.extend(config.connections.iter().map(|it| (it.name.clone(), it.labels.clone())));
    Ok(labels)
}

impl Known {
    fn shown(&self, allowed: &Allowed) -> Value {
        let mut shown = match &self.stored {
            Some(stored) => stored.shown(&self.server.connection),
            None => stored::configured(&self.server.connection),
        };
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("refused".to_owned(), withdrawn(self, allowed).into());
        }
        shown
    }
}

fn taken(name: &str, stored: bool) -> Problem {
    Problem::conflict(if stored {
        format!("there is a connection `{name}` already; --replace puts this one in its place")
    } else {
        format!("the connection `{name}` is in the configuration file, and is changed there alone")
    })
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no connection `{name}`"))
}

fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "the store failed");
    Problem::failed(format!("the store failed: {error}"))
}
