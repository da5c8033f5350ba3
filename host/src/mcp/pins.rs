//! What was approved of the tools of MCP servers, kept in the store.

use palisade_mcp::Pins;
use palisade_store::{Collection, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::clock;

/// The tools of all servers.
pub struct Tools(Collection<Approved>);

/// A tool as it was approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Approved {
    /// The digest of what it says of itself.
    digest: String,
    at: String,
}

impl Tools {
    /// Those of this store.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(store.collection("mcp_tools")?))
    }
}

/// A server's name has no slash.
fn id(server: &str, tool: &str) -> String {
    format!("{server}/{tool}")
}

impl Pins for Tools {
    fn pinned(&self, server: &str, tool: &str) -> Result<Option<String>, String> {
        let approved = self.0.get(&id(server, tool)).map_err(|error| error.to_string())?;
        Ok(approved.map(|approved| approved.digest))
    }

    fn pin(&self, server: &str, tool: &str, digest: &str) -> Result<(), String> {
        let approved =
            Approved { digest: digest.to_owned(), at: clock::rfc3339(clock::now_micros()) };
        self.0.put(&id(server, tool), &approved).map_err(|error| error.to_string())?;
        tracing::info!(server, tool, digest, "a tool is taken as it is now");
        Ok(())
    }
}
