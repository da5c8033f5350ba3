//! The forward proxy, wired: which connection an address is, and in whose name tunnels are ended.

use std::sync::Arc;

use palisade_http::{Address, Forward, Login, Origin};
use palisade_policy::NotAdmitted;
use pingora_core::listeners::tls::Acceptor;

use crate::clock;
use crate::config::McpPlace;
use crate::connections::Known;
use crate::door::{Arrival, Door};

/// What makes the gateway a forward proxy.
pub struct Proxy {
    door: Door,
}

impl Proxy {
    /// A proxy of whoever comes by this door.
    pub fn new(door: Door) -> Self {
        Self { door }
    }
}

impl Forward for Proxy {
    fn at(&self, login: &Login<'_>, address: &Address) -> Result<Vec<String>, NotAdmitted> {
        let arrival = Arrival { connection: "", token: login.token, client: login.client_address };
        let is_there = |known: &Known| {
            let service = known.service.as_ref();
            service.is_some_and(|service| address.is_of(service.address()))
        };
        self.door.reached(arrival, is_there, &address.to_string())
    }

    fn endpoint(&self, connection: &str) -> Option<(Origin, String)> {
        let known = self.door.gateway.connections.get(connection)?;
        let McpPlace::Service(path) = &known.server.connection.mcp.as_ref()?.place else {
            return None;
        };
        Some((known.service?.address().clone(), path.clone()))
    }

    fn acceptor(&self, host: &str) -> Result<Arc<Acceptor>, String> {
        let authority = self.door.gateway.shown.authority().ok_or("there is no authority")?;
        authority.acceptor(host, clock::now_seconds()).map_err(|error| format!("{error:#}"))
    }

    fn blind(&self, session: &str) {
        self.door.blind(session);
    }
}
