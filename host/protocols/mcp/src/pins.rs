//! What tools were like when they were approved: a server that changes one afterwards ("rug pull") is found out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use crate::json::Json;

/// What of a tool a model reads, and so what is approved.
const SHOWN: [&str; 6] =
    ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

/// What a server says of a tool, or of itself.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The server.
    pub server: &'a str,
    /// The tool; empty for what the server says of itself, its `instructions`.
    pub tool: &'a str,
    /// The digest of the text.
    pub digest: &'a str,
    /// The text, as JSON.
    pub text: &'a str,
}

/// Why something is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trusted<'a> {
    /// It was never seen before: nothing is taken where something was approved, or waits for that.
    FirstSeen,
    /// These people approved a call of it, and were shown what it says.
    CallApproved(&'a [String]),
}

/// Remembers what was approved, and what waits for that, for one connection and all its sessions.
pub trait Pins: Send + Sync {
    /// The digest under which a server's tool was approved; none where it never was.
    ///
    /// # Errors
    /// When that cannot be told; the tool is then not called.
    fn pinned(&self, server: &str, tool: &str) -> Result<Option<String>, String>;

    /// What a server's tool said when it was approved, as JSON; empty where that is not known.
    ///
    /// # Errors
    /// When that cannot be told; the tool is then not called.
    fn approved_text(&self, server: &str, tool: &str) -> Result<String, String>;

    /// Keeps what was approved. What is first seen is kept where it may be, which [`pinned`](Self::pinned) says afterwards.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn pin(&self, said: &Said<'_>, why: Trusted<'_>) -> Result<(), String>;

    /// Told what a server says now, approved or not: what is not can be looked at and approved.
    fn said(&self, said: &Said<'_>);
}

/// Pins that are forgotten with the process.
#[derive(Debug, Default)]
pub struct MemoryPins(Mutex<BTreeMap<(String, String), (String, String)>>);

impl MemoryPins {
    fn get(&self, server: &str, tool: &str) -> Option<(String, String)> {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.get(&(server.to_owned(), tool.to_owned())).cloned()
    }
}

impl Pins for MemoryPins {
    fn pinned(&self, server: &str, tool: &str) -> Result<Option<String>, String> {
        Ok(self.get(server, tool).map(|(digest, _)| digest))
    }

    fn approved_text(&self, server: &str, tool: &str) -> Result<String, String> {
        Ok(self.get(server, tool).map(|(_, text)| text).unwrap_or_default())
    }

    fn pin(&self, said: &Said<'_>, why: Trusted<'_>) -> Result<(), String> {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let approved = (said.digest.to_owned(), said.text.to_owned());
        let id = (said.server.to_owned(), said.tool.to_owned());
        if why != Trusted::FirstSeen || !pins.contains_key(&id) {
            pins.insert(id, approved);
        }
        Ok(())
    }

    fn said(&self, _: &Said<'_>) {}
}

/// What of a tool is passed on to the client: nothing that its digest does not cover.
#[must_use]
pub fn shown(tool: &Json) -> Json {
    let members =
        SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), tool.get(name)?.clone())));
    Json::Object(members.collect())
}

/// The digest of a tool, whatever the order of its members: SHA-256, in hex.
#[must_use]
pub fn digest_of(shown: &Json) -> String {
    let digest = digest(&SHA256, shown.sorted().to_text().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tool: &str) -> String {
        digest_of(&shown(&Json::read(tool.as_bytes()).unwrap()))
    }

    #[test]
    fn a_digest_covers_all_that_a_model_reads_and_no_order() {
        let tool = r#"{"name":"a","description":"b","inputSchema":{"type":"object","x":1}}"#;
        let same =
            r#"{"inputSchema":{"x":1,"type":"object"},"name":"a","description":"b","_meta":{}}"#;
        assert_eq!(digest(tool), digest(same));
        for other in [
            r#"{"name":"a","description":"b!","inputSchema":{"type":"object","x":1}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object","x":2}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object","x":1},"title":"t"}"#,
        ] {
            assert_ne!(digest(tool), digest(other), "{other}");
        }
    }
}
