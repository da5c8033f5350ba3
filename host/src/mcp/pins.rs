//! What was approved of the tools of MCP servers and of their instructions, kept in the store, and what waits for that.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_admin::{PinAsk, Problem};
use palisade_mcp::{Pins, Said, Trusted};
use palisade_store::{Collection, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::changes::{Changes, PinChange};
use crate::clock;

/// The longest text that is kept of a tool, in bytes: one that is twice as long, as its quotation marks make it, fits into a
/// document of the store.
const LONGEST: usize = 120 * 1024;
/// So many that wait are kept of one server.
const MOST_WAITING: usize = 2000;
/// So many of one server are taken as they are first seen; what is more waits for a person.
const MOST_TRUSTED: usize = 5000;

/// The tools of all servers.
#[derive(Clone, Debug)]
pub struct Tools {
    approved: Collection<Approved>,
    offered: Collection<Offered>,
    changes: Changes,
    /// Changes come one after another.
    change: Arc<Mutex<Counts>>,
}

/// How many are kept of each server, where that was counted since some of them were removed.
#[derive(Debug, Default)]
struct Counts {
    approved: HashMap<String, usize>,
    offered: HashMap<String, usize>,
}

impl Counts {
    fn forget(&mut self, server: &str) {
        self.approved.remove(server);
        self.offered.remove(server);
    }
}

/// Counts one more of a server's, where there may be so many.
fn one_more<T: Serialize + DeserializeOwned>(
    counts: &mut HashMap<String, usize>,
    kept: &Collection<T>,
    (server, most): (&str, usize),
) -> Result<bool, StoreError> {
    if !counts.contains_key(server) {
        let count = kept.ids(&id(server, "")).try_fold(0, |count, id| id.map(|_| count + 1))?;
        counts.insert(server.to_owned(), count);
    }
    let count = counts.entry(server.to_owned()).or_default();
    let may = *count < most;
    *count += usize::from(may);
    Ok(may)
}

/// A tool as it was approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Approved {
    /// The digest of what it says of itself.
    digest: String,
    at: String,
    /// Who approved it, or why nobody had to; empty in records of the first form.
    #[serde(default)]
    by: String,
    /// What it says; empty where that was not kept yet.
    #[serde(default)]
    text: String,
}

/// What a server said last of a tool, where that is not approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offered {
    digest: String,
    at: String,
    text: String,
}

/// A server's name has no slash.
fn id(server: &str, tool: &str) -> String {
    format!("{server}/{tool}")
}

/// No more than is kept.
fn kept(text: &str) -> String {
    match text.len() <= LONGEST {
        true => text.to_owned(),
        false => {
            let cut = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            format!("{}…", text.get(..cut).unwrap_or_default())
        }
    }
}

impl Tools {
    /// Those of this store.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            approved: store.collection("mcp_tools")?,
            offered: store.collection("mcp_offered")?,
            changes: Changes::new(store.clone()),
            change: Arc::default(),
        })
    }

    /// Answers an administrator of this name.
    ///
    /// # Errors
    /// What the administrator may know of the problem.
    pub fn answer(&self, ask: &PinAsk, by: &str) -> Result<Value, Problem> {
        match ask {
            PinAsk::List => Ok(self.list(None)?.into()),
            PinAsk::Show { connection, tool } => self.show(connection, tool),
            PinAsk::Approve { connection, tool, digest } => {
                self.approve((connection, tool), digest, by)
            }
            PinAsk::Forget { connection, tool } => self.forget(connection, tool, by),
            PinAsk::History { limit } => Ok(self.history(*limit)?.into()),
        }
    }

    /// All that are known, or those of one connection, without their texts.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn list(&self, connection: Option<&str>) -> Result<Vec<Value>, Problem> {
        let prefix = connection.map(|connection| id(connection, "")).unwrap_or_default();
        let ids = self.approved.ids(&prefix).chain(self.offered.ids(&prefix));
        let ids: BTreeSet<String> = ids.collect::<Result<_, _>>().map_err(failed)?;
        let pins = ids.iter().filter_map(|id| id.split_once('/'));
        pins.map(|(server, tool)| {
            let mut shown = self.show(server, tool)?;
            if let Some(shown) = shown.as_object_mut() {
                shown.remove("approved_text");
                shown.remove("offered_text");
            }
            Ok(shown)
        })
        .collect()
    }

    /// One of them, with what was approved and what is offered.
    ///
    /// # Errors
    /// When nothing is known of it, and failures of the store.
    pub fn show(&self, server: &str, tool: &str) -> Result<Value, Problem> {
        let approved = self.approved.get(&id(server, tool)).map_err(failed)?;
        let offered = self.offered.get(&id(server, tool)).map_err(failed)?;
        if approved.is_none() && offered.is_none() {
            return Err(unknown(server, tool));
        }
        let state = match (&approved, &offered) {
            (_, None) => "approved",
            (None, Some(_)) => "new",
            (Some(_), Some(_)) => "changed",
        };
        let of = |get: fn(&Approved) -> &String| approved.as_ref().map(get);
        let offers = |get: fn(&Offered) -> &String| offered.as_ref().map(get);
        Ok(json!({
            "id": id(server, tool),
            "connection": server,
            "tool": tool,
            "state": state,
            "digest": offers(|it| &it.digest).or(of(|it| &it.digest)),
            "approved_digest": of(|it| &it.digest),
            "approved_at": of(|it| &it.at),
            "approved_by": of(|it| &it.by),
            "offered_at": offers(|it| &it.at),
            "approved_text": of(|it| &it.text),
            "offered_text": offers(|it| &it.text),
        }))
    }

    /// Takes what is offered for approved. `digest` says which text was looked at: the whole of it, since whoever writes both
    /// texts soon finds two that agree in a part of theirs.
    ///
    /// # Errors
    /// When that is not what is offered, and failures of the store and the record.
    pub fn approve(
        &self,
        (server, tool): (&str, &str),
        digest: &str,
        by: &str,
    ) -> Result<Value, Problem> {
        let mut counts = self.alone();
        let id = id(server, tool);
        let Some(Offered { digest: now, text, .. }) = self.offered.get(&id).map_err(failed)? else {
            self.show(server, tool)?;
            return Err(Problem::conflict("nothing waits to be approved there"));
        };
        if digest != now {
            return Err(Problem::conflict(
                "that is not the digest of what is offered now: look at it again (palisade pins show), and give its digest, \
                 all 64 letters of it",
            ));
        }
        if serde_json::from_str::<Value>(&text).is_err() {
            return Err(Problem::conflict(
                "what is offered is longer than is kept, so that nobody can look at all of it",
            ));
        }
        self.record("approve", (server, tool), &now, by)?;
        counts.forget(server);
        let at = clock::rfc3339(clock::now_micros());
        let approved = Approved { digest: now, at, by: by.to_owned(), text };
        self.approved.put(&id, &approved).map_err(failed)?;
        self.offered.remove(&id).map_err(failed)?;
        self.show(server, tool)
    }

    /// Forgets a tool, so that it is new when it is seen next.
    ///
    /// # Errors
    /// When nothing is known of it, and failures of the store and the record.
    pub fn forget(&self, server: &str, tool: &str, by: &str) -> Result<Value, Problem> {
        let mut counts = self.alone();
        let shown = self.show(server, tool)?;
        let digest = shown.get("digest").and_then(Value::as_str).unwrap_or_default();
        self.record("forget", (server, tool), digest, by)?;
        counts.forget(server);
        self.approved.remove(&id(server, tool)).map_err(failed)?;
        self.offered.remove(&id(server, tool)).map_err(failed)?;
        Ok(shown)
    }

    /// The newest changes that people made, the oldest of them first.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn history(&self, limit: usize) -> Result<Vec<Value>, Problem> {
        self.changes.newest("pin", limit).map_err(failed)
    }

    fn record(
        &self,
        change: &str,
        (connection, tool): (&str, &str),
        digest: &str,
        by: &str,
    ) -> Result<(), Problem> {
        let change = PinChange { change, connection, tool, digest, by };
        self.changes.put(&change).map_err(Problem::failed)
    }

    fn alone(&self) -> MutexGuard<'_, Counts> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something is taken as it is first seen: nothing is known of it, and there are not too many.
    fn may_be_trusted(&self, said: &Said<'_>, counts: &mut Counts) -> Result<bool, StoreError> {
        let id = id(said.server, said.tool);
        if self.approved.get(&id)?.is_some() || self.offered.get(&id)?.is_some() {
            return Ok(false);
        }
        let may = one_more(&mut counts.approved, &self.approved, (said.server, MOST_TRUSTED))?;
        if !may {
            let server = said.server;
            tracing::warn!(server, "too many of its tools were taken as they are: this one waits");
        }
        Ok(may)
    }

    fn waits(&self, said: &Said<'_>) -> Result<(), StoreError> {
        let mut counts = self.alone();
        let id = id(said.server, said.tool);
        let offered = self.offered.get(&id)?;
        match self.approved.get(&id)? {
            Some(approved) if approved.digest == said.digest => {
                if offered.is_some() {
                    counts.forget(said.server);
                    self.offered.remove(&id)?;
                }
                if approved.text.is_empty() {
                    self.approved.put(&id, &Approved { text: kept(said.text), ..approved })?;
                }
                Ok(())
            }
            _ if offered.as_ref().is_some_and(|it| it.digest == said.digest) => Ok(()),
            _ => {
                let most = (said.server, MOST_WAITING);
                if offered.is_none() && !one_more(&mut counts.offered, &self.offered, most)? {
                    tracing::warn!(server = said.server, "too many of its tools wait for approval");
                    return Ok(());
                }
                let at = clock::rfc3339(clock::now_micros());
                let (digest, text) = (said.digest.to_owned(), kept(said.text));
                self.offered.put(&id, &Offered { digest, at, text })
            }
        }
    }
}

impl Pins for Tools {
    fn pinned(&self, server: &str, tool: &str) -> Result<Option<String>, String> {
        let approved = self.approved.get(&id(server, tool)).map_err(|error| error.to_string())?;
        Ok(approved.map(|approved| approved.digest))
    }

    fn approved_text(&self, server: &str, tool: &str) -> Result<String, String> {
        let approved = self.approved.get(&id(server, tool)).map_err(|error| error.to_string())?;
        Ok(approved.map(|approved| approved.text).unwrap_or_default())
    }

    fn pin(&self, said: &Said<'_>, why: Trusted<'_>) -> Result<(), String> {
        let mut counts = self.alone();
        match why {
            Trusted::FirstSeen => {
                let may = self.may_be_trusted(said, &mut counts);
                if !may.map_err(|error| error.to_string())? {
                    return Ok(());
                }
            }
            Trusted::CallApproved(_) => counts.forget(said.server),
        }
        let by = match why {
            Trusted::FirstSeen => "first seen".to_owned(),
            Trusted::CallApproved([]) => "the approval of a call".to_owned(),
            Trusted::CallApproved(by) => format!("{}, by the approval of a call", by.join(", ")),
        };
        let approved = Approved {
            digest: said.digest.to_owned(),
            at: clock::rfc3339(clock::now_micros()),
            by,
            text: kept(said.text),
        };
        let id = id(said.server, said.tool);
        self.approved.put(&id, &approved).map_err(|error| error.to_string())?;
        self.offered.remove(&id).map_err(|error| error.to_string())?;
        let Said { server, tool, digest, .. } = said;
        tracing::info!(server, tool, digest, "a tool is taken as it is now");
        Ok(())
    }

    fn said(&self, said: &Said<'_>) {
        // It stays unapproved, whether it can be shown or not.
        if let Err(error) = self.waits(said) {
            tracing::error!(server = said.server, %error, "what a server offers cannot be kept");
        }
    }
}

fn unknown(server: &str, tool: &str) -> Problem {
    Problem::not_found(match tool {
        "" => format!("no instructions are known of `{server}`"),
        tool => format!("no tool `{tool}` is known of `{server}`"),
    })
}

fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "the store failed");
    Problem::failed(format!("the store failed: {error}"))
}

#[cfg(test)]
mod tests;
