//! The sessions, from the running gateway, or from its store where none runs.

use anyhow::{Context, anyhow, bail};
use palisade_admin::SessionFilter;
use palisade_identity::{GatewayVerifier, Identity, SigningKey, Verifier, issue_operator};
use palisade_store::{Options, Store};
use serde_json::Value;

use super::Failure;
use super::client::{Client, NoAnswer};
use crate::config::Config;
use crate::journal::read_events;
use crate::reach::Labels;
use crate::recorded::{self, Page, Part, Place, TextPage};
use crate::sessions::{SessionDocument, Sessions};
use crate::{clock, connections, data_dir};

/// Where sessions are read from.
pub(super) enum Archive<'c> {
    /// A running gateway, which checks who asks.
    Running(Client),
    /// The store itself; the same rights are checked here.
    Stored(Box<Stored<'c>>),
}

pub(super) struct Stored<'c> {
    config: &'c Config,
    store: Store,
    sessions: Sessions,
    labels: Labels,
    identity: Identity,
}

impl<'c> Archive<'c> {
    /// The gateway's archive, wherever it is to be had.
    pub(super) fn open(config: &'c Config, token: Option<&str>) -> Result<Self, Failure> {
        let client = Client::new(config, token);
        let running = client.and_then(|client| client.get("/v1/status").map(|_| client));
        match running {
            Ok(client) => Ok(Self::Running(client)),
            Err(NoAnswer::NotRunning { .. }) => {
                Ok(Self::Stored(Box::new(Stored::open(config, token)?)))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn list(&self, limit: u64, filter: &SessionFilter) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => {
                let named = [
                    ("before", &filter.before),
                    ("connection", &filter.connection),
                    ("subject", &filter.subject),
                ];
                let asked =
                    named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
                list(client.get_some(&format!("/v1/sessions?limit={limit}"), asked)?)
            }
            Self::Stored(stored) => stored.list(limit, filter),
        }
    }

    pub(super) fn session(&self, id: &str) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => Ok(client.get(&format!("/v1/sessions/{}", path(id)?))?),
            Self::Stored(stored) => stored.session(id),
        }
    }

    /// A page of the record, of the connections that the glob names.
    pub(super) fn page(
        &self,
        place: &Place,
        connection: Option<&str>,
    ) -> Result<(Vec<Part>, Option<Place>), Failure> {
        match self {
            Self::Running(client) => {
                let (session, from) = (path(&place.session)?, place.from);
                let mut asked = format!("/v1/record?session={session}&from={from}");
                if let Some(glob) = connection {
                    asked.push_str("&connection=");
                    asked.push_str(check_glob(glob)?);
                }
                let text = client.get_text(&asked)?;
                let page: TextPage =
                    serde_json::from_slice(&text).context("the gateway's answer is no record")?;
                Ok((page.sessions.into_iter().map(Part::Text).collect(), page.next))
            }
            Self::Stored(stored) => {
                let page = stored.page(place, connection)?;
                let ready = |session| Part::Ready(Box::new(session));
                Ok((page.sessions.into_iter().map(ready).collect(), page.next))
            }
        }
    }

    /// A page of events, from this number on; the last page is empty.
    pub(super) fn events(&self, id: &str, from: u64) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => {
                let id = path(id)?;
                list(client.get(&format!("/v1/sessions/{id}/events?from={from}&limit=1000"))?)
            }
            Self::Stored(stored) => {
                let id = id.parse().map_err(anyhow::Error::new)?;
                Ok(read_events(&stored.store, id, from, 1000)?)
            }
        }
    }
}

impl<'c> Stored<'c> {
    fn open(config: &'c Config, token: Option<&str>) -> Result<Self, Failure> {
        let identity = identity(config, token)?;
        let store = open_store(config)?;
        let sessions = Sessions::new(store.clone())?;
        // Nobody else has the store open: what is open in it was interrupted.
        sessions.mark_interrupted()?;
        let labels = connections::labels(config, Some(&store))?;
        Ok(Self { config, store, sessions, labels, identity })
    }

    fn list(&self, limit: u64, filter: &SessionFilter) -> Result<Vec<Value>, Failure> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let seen = |connection: &str| self.config.roles.may_audit(&self.identity, connection);
        let sessions = self.sessions.newest(limit, filter, |session| seen(&session.connection))?;
        let values = sessions.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(values.map_err(anyhow::Error::new)?)
    }

    fn page(&self, place: &Place, connection: Option<&str>) -> Result<Page, Failure> {
        let named = recorded::is_named(connection);
        let seen = |session: &SessionDocument| {
            named(session) && self.config.roles.may_audit(&self.identity, &session.connection)
        };
        let labels = |name: &str| self.labels.get(name).cloned();
        Ok(recorded::page((&self.sessions, &self.store), place, seen, labels)?)
    }

    fn session(&self, id: &str) -> Result<Value, Failure> {
        let session = self.sessions.get(id)?;
        let session = session
            .filter(|session| self.config.roles.may_audit(&self.identity, &session.connection));
        let none = || anyhow!("there is no such session, or none that you may see");
        Ok(serde_json::to_value(session.ok_or_else(none)?).map_err(anyhow::Error::new)?)
    }
}

/// The store of a gateway that does not run.
pub(super) fn open_store(config: &Config) -> anyhow::Result<Store> {
    let dir = data_dir::store(&config.data_dir);
    if !dir.is_dir() {
        let data_dir = config.data_dir.display();
        return Err(anyhow!("there is no record in {data_dir}: no gateway ran there"));
    }
    Store::open(&dir, Options::default())
        .context("the gateway is not answering, and its record cannot be opened")
}

/// Who asks: whoever reads the store can read the key beside it, and still a token counts before that.
fn identity(config: &Config, token: Option<&str>) -> anyhow::Result<Identity> {
    let key = SigningKey::load(&config.data_dir).context("cannot tell who asks")?;
    let now = clock::now_seconds();
    let verifier = GatewayVerifier::new(&key);
    match token {
        Some(token) => verifier.verify(token.trim(), now).context("the token is refused"),
        None => Ok(verifier.verify(issue_operator(&key, now)?.token.expose(), now)?),
    }
}

/// An id as a part of a path; what is no id names nothing.
pub(super) fn path(id: &str) -> anyhow::Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.is_empty() || !id.bytes().all(fits) {
        bail!("`{id}` is not an id");
    }
    Ok(id)
}

/// A glob of connections as a part of a query: no character in it needs an escape.
fn check_glob(glob: &str) -> anyhow::Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte);
    if !glob.bytes().all(fits) {
        bail!("`{glob}` is no glob of connections: letters, digits, -, _, ., * and ?");
    }
    Ok(glob)
}

/// The items of a list.
pub(super) fn list(value: Value) -> Result<Vec<Value>, Failure> {
    match value {
        Value::Array(list) => Ok(list),
        _ => Err(anyhow!("the gateway's answer is no list").into()),
    }
}
