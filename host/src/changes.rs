//! What was changed in the gateway itself, by whom, and which tokens were exchanged: two streams of events of their own in the
//! record, beside the sessions'.

use palisade_store::{SessionId, Store, StoreError};
use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::journal::read_events;

/// Whose events these are: no session's, since a session's id is never nil.
const GATEWAY: SessionId = SessionId(0);
/// Whose the exchanges of tokens are: no session's either, and there may be so many that the others would be lost among them.
const EXCHANGES: SessionId = SessionId(1);
/// Who changes what nobody asked for: files that changed, and the start.
pub const ITSELF: &str = "gateway";

/// A change of the policies in force.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "policies")]
pub struct PolicyChange<'a> {
    /// `start`, `load`, `unload`, `rollback` or `reload`.
    pub change: &'a str,
    /// The policy that it was about; left out where it was about all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'a str>,
    /// Who asked for it.
    pub by: &'a str,
    /// The version of the set that is in force from then on, or stays so where it was refused.
    pub policies: u64,
    /// Why it was refused; left out where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'a str>,
    /// The whole set, in order.
    pub set: Vec<Member>,
}

/// A change of the configuration.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "configuration")]
pub struct ConfigurationChange<'a> {
    /// `start` or `reload`.
    pub change: &'a str,
    /// Who asked for it.
    pub by: &'a str,
    /// SHA-256 of the file that is in force from then on; empty where it was refused.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hash: &'a str,
    /// Why it was refused; left out where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'a str>,
}

/// A change of the connections in the store.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "connection")]
pub struct ConnectionChange<'a> {
    /// `add`, `replace` or `remove`.
    pub change: &'a str,
    /// The connection.
    pub connection: &'a str,
    /// Who asked for it.
    pub by: &'a str,
}

/// A change of the master key.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "master_key")]
pub struct KeyChange<'a> {
    /// `rotate`.
    pub change: &'a str,
    /// The old key's id.
    pub from: &'a str,
    /// The new key's id.
    pub to: &'a str,
    /// Who asked for it.
    pub by: &'a str,
}

/// A change of what is approved of an MCP server.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "pin")]
pub struct PinChange<'a> {
    /// `approve` or `forget`.
    pub change: &'a str,
    /// The server's connection.
    pub connection: &'a str,
    /// The tool; empty for the server's instructions.
    pub tool: &'a str,
    /// The digest of what it says of itself.
    pub digest: &'a str,
    /// Who asked for it.
    pub by: &'a str,
}

/// Tokens that were made worthless.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "tokens")]
pub struct TokenChange<'a> {
    /// `revoke`.
    pub change: &'a str,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
    /// Whose tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    /// Who vouches for that subject; left out where whoever does is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    /// Who asked for it.
    pub by: &'a str,
}

/// A token that was given for another, from which it came, and what it says.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "exchange")]
pub struct Exchange<'a> {
    /// The new token's id.
    pub token: &'a str,
    /// The ids of those that it was given for.
    pub parents: &'a [String],
    /// Whose it is.
    pub subject: &'a str,
    /// Who vouches for them.
    pub issuer: &'a str,
    /// Whom they act for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_for: Option<&'a str>,
    /// Who vouches for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_for_issuer: Option<&'a str>,
    /// Its roles.
    pub roles: &'a [String],
    /// Those that were dropped.
    pub dropped: &'a [String],
    /// The only connections that it is for; left out where it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<&'a [String]>,
    /// When its time is over, RFC 3339.
    pub until: String,
    /// Where it was asked for.
    pub client_address: String,
}

/// A policy in a set.
#[derive(Debug, Serialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// SHA-256 of its plugin's file.
    pub hash: String,
    /// `enforce` or `observe`.
    pub mode: &'static str,
}

/// Writes changes to the record, and reads them.
#[derive(Clone, Debug)]
pub struct Changes(Store);

impl Changes {
    /// The changes in this store.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// Records a change, and waits until it is safe.
    ///
    /// # Errors
    /// Why it is not in the record; what it describes must then not happen.
    pub fn put(&self, change: &impl Serialize) -> Result<(), String> {
        self.append(GATEWAY, change)
    }

    /// Records an exchange, and waits until it is safe.
    ///
    /// # Errors
    /// Why it is not in the record; the token must then not be given.
    pub fn put_exchange(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        self.append(EXCHANGES, exchange)
    }

    fn append(&self, stream: SessionId, change: &impl Serialize) -> Result<(), String> {
        let event = serde_json::to_vec(change).map_err(|error| error.to_string())?;
        let receipt = self.0.append(stream, clock::now_micros(), &event);
        let kept = receipt.and_then(|receipt| self.0.wait_durable(receipt));
        kept.map_err(|error| format!("the record cannot be written: {error}"))
    }

    /// The newest changes of a kind, the oldest of them first.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn newest(&self, kind: &str, limit: usize) -> Result<Vec<Value>, StoreError> {
        self.newest_of((GATEWAY, kind), 0, limit)
    }

    /// The newest exchanges of tokens, the oldest of them first.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn newest_exchanges(&self, limit: usize) -> Result<Vec<Value>, StoreError> {
        // Nothing else is in this stream, which may be long.
        let from = self.0.end(EXCHANGES)?.saturating_sub(limit as u64);
        self.newest_of((EXCHANGES, "exchange"), from, limit)
    }

    fn newest_of(
        &self,
        (stream, kind): (SessionId, &str),
        mut from: u64,
        limit: usize,
    ) -> Result<Vec<Value>, StoreError> {
        let mut newest: Vec<Value> = vec![];
        loop {
            let page = read_events(&self.0, stream, from, 1000)?;
            let last = page.last().and_then(|event| event.get("id")?.as_str()?.parse::<u64>().ok());
            let Some(last) = last else { return Ok(newest) };
            from = last + 1;
            newest.extend(page.into_iter().filter(|event| event["kind"] == kind));
            let surplus = newest.len().saturating_sub(limit);
            newest.drain(..surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_store::Options;

    use super::*;

    #[test]
    fn the_newest_changes_are_found_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let changes = Changes::new(Store::open(dir.path(), Options::default()).unwrap());
        assert!(changes.newest("policies", 9).unwrap().is_empty());
        for policies in 1..=3 {
            let (change, by, set) = ("load", "ada", vec![]);
            let change =
                PolicyChange { change, policy: Some("guard"), by, policies, problem: None, set };
            changes.put(&change).unwrap();
        }
        let revoked = TokenChange {
            change: "revoke",
            token: Some("t"),
            subject: None,
            issuer: None,
            by: "ada",
        };
        changes.put(&revoked).unwrap();
        let newest = changes.newest("policies", 2).unwrap();
        let versions: Vec<_> = newest.iter().filter_map(|it| it["policies"].as_u64()).collect();
        assert_eq!(versions, [2, 3]);
        assert_eq!(
            (newest[0]["kind"].as_str(), newest[0]["by"].as_str()),
            (Some("policies"), Some("ada"))
        );
    }
}
