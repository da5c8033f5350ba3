//! Where a session leads, as it was when the session began.

use std::sync::Arc;

use super::server::Server;
use super::{Connections, Known};
use crate::config::McpPlace;

/// The connection that a session is at, and those that it offers as one.
#[derive(Clone, Debug, Default)]
pub struct Destination(Vec<Arc<Server>>);

impl Destination {
    /// Whether whoever goes there now comes to the same servers by the same rules.
    pub fn leads_as(&self, now: &Self) -> bool {
        let is_same = |(one, other): (&Arc<Server>, &Arc<Server>)| {
            // What a rotation exchanges is another value, and the same connection.
            Arc::ptr_eq(one, other) || one.connection.leads_as(&other.connection)
        };
        self.0.len() == now.0.len() && self.0.iter().zip(&now.0).all(is_same)
    }
}

impl Connections {
    /// Where a connection leads now.
    pub fn destination(&self, known: &Known) -> Destination {
        let place = known.server.connection.mcp.as_ref().map(|mcp| &mcp.place);
        let Some(McpPlace::Servers(names)) = place else {
            return Destination(vec![Arc::clone(&known.server)]);
        };
        let members = names.iter().filter_map(|name| Some(self.get(name)?.server));
        Destination(std::iter::once(Arc::clone(&known.server)).chain(members).collect())
    }
}
