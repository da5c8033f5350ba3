//! MCP, wired: who is let in, and to which servers.

mod bodies;
mod pins;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use palisade_http::{Answer, Asked, Entered, Login, Mount, Pieces, Stay};
use palisade_identity::Identity;
use palisade_mcp::{Admission, Body, Guest, Host, Opening, Options, Pins, Service, Settings};
use palisade_policy::{Ended, NotAdmitted, Place};

use self::bodies::Bodies;
pub use self::pins::Tools;
use crate::config::MCP;
use crate::connections::{Known, McpServers};
use crate::door::{Arrival, Door};
use crate::gateway::Gateway;
use crate::listener::Places;
use crate::standing::Standing;

/// How often those are told who wait for a person.
const TICK: Duration = Duration::from_secs(5);
/// How long a call of a tool that changed waits for a person, in seconds.
const HOLD: u32 = 300;
/// Where MCP is spoken below a connection's prefix.
const PATHS: [&str; 2] = ["/", "/mcp"];

/// MCP on the listener of HTTP.
#[derive(Clone)]
pub struct Tooling {
    door: Door,
    service: Service,
    pins: Arc<dyn Pins>,
    /// Where sessions are until they have ended.
    sessions: Places,
    body_limit: usize,
    bodies: Bodies,
}

impl Tooling {
    /// MCP over this gateway's connections.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(gateway: Arc<Gateway>, sessions: Places) -> Result<Self> {
        let settings = gateway.settings.load_full();
        let (limits, listen) = (settings.config.limits, &settings.config.listen);
        let options = Options {
            origins: listen.http_origins.clone(),
            message_bytes: limits.response_bytes,
            tick: TICK,
            idle: ticks(limits.idle),
            dial: limits.dial,
            ..Options::default()
        };
        let pins = Arc::new(gateway.pins.clone());
        let door = Door { gateway, protocol: MCP };
        let host = Arc::new(Told(door.clone()));
        Ok(Self {
            door,
            service: Service::new(host, options),
            pins,
            sessions,
            body_limit: limits.body_bytes,
            bodies: Bodies::default(),
        })
    }

    /// Whether the connection of this name speaks MCP.
    pub fn is_at(&self, connection: &str) -> bool {
        let known = self.door.gateway.connections.get(connection);
        known.is_some_and(|known| known.server.connection.protocol == MCP)
    }
}

impl Mount for Tooling {
    fn enter(&self, login: &Login<'_>) -> Result<Arc<dyn Entered>, NotAdmitted> {
        let (connection, client) = (login.connection, login.client_address);
        let standing = self.door.identify(Arrival { connection, token: login.token, client })?;
        Ok(Arc::new(Caller {
            tooling: self.clone(),
            owner: owner(login.token, connection),
            bearer: bearer(&standing.identity, connection),
            connection: connection.to_owned(),
            client,
            standing: Mutex::new(Some(standing)),
        }))
    }

    fn body_limit(&self) -> usize {
        self.body_limit
    }
}

/// Whoever sent a request.
struct Caller {
    tooling: Tooling,
    /// A session is its token's, with which it ends.
    owner: String,
    bearer: String,
    connection: String,
    client: SocketAddr,
    standing: Mutex<Option<Standing>>,
}

#[async_trait]
impl Entered for Caller {
    async fn answer(&self, asked: Asked<'_>) -> Answer {
        if !PATHS.contains(&asked.path) {
            let body = Pieces::Whole("MCP is spoken at /mcp\n".into());
            return Answer { status: 404, headers: vec![], body };
        }
        let Asked { method, headers, body, .. } = asked;
        let reply = self.tooling.service.handle(self, method, headers, body).await;
        let body = match reply.body {
            Body::Whole(bytes) => Pieces::Whole(bytes),
            Body::Stream(pieces) => Pieces::Stream(pieces),
        };
        Answer { status: reply.status, headers: reply.headers, body }
    }

    fn place(&self) -> Option<Place> {
        self.tooling.bodies.place(&self.bearer)
    }

    fn stay(&self) -> Option<Stay> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (visit, ends) = self.tooling.door.visit(&standing, &self.connection);
        Some(Stay { ends, place: Place(Box::new(visit)) })
    }
}

impl Guest for Caller {
    fn owner(&self) -> String {
        self.owner.clone()
    }

    fn bearer(&self) -> String {
        self.bearer.clone()
    }

    fn admit(&self) -> Result<Admission, (u16, String)> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(standing) = standing else { return Err((503, "try again".to_owned())) };
        let servers = self.tooling.door.gateway.connections.mcp_servers(&standing.known);
        let servers = servers.map_err(|why| (503, why))?;
        let settings = settings(&standing.known, &servers, &self.tooling.door.gateway)
            .ok_or_else(|| (503, "the connection has no servers".to_owned()))?;
        let place = self.tooling.sessions.take();
        let why = "the gateway has as many sessions as it may have";
        let place = place.ok_or_else(|| (503, why.to_owned()))?;
        let arrival = Arrival { connection: &self.connection, token: "", client: self.client };
        let opened = self.tooling.door.open(arrival, standing).map_err(|shut| match shut {
            NotAdmitted::Refused { .. } => (401, "access is refused".to_owned()),
            NotAdmitted::TooMany(why) => (429, why),
            NotAdmitted::Elsewhere(why) => (404, why),
            NotAdmitted::Unavailable(why) => (503, why),
        })?;
        Ok(Admission {
            opening: Opening {
                gate: opened.gate,
                settings: Arc::new(settings),
                pins: Arc::clone(&self.tooling.pins),
                read_only: opened.read_only,
                mask_key: opened.mask_key,
            },
            backend: Arc::new(servers),
            ends: opened.ends,
            place: Place(Box::new(place)),
        })
    }
}

/// Whose a session is: the token's itself, since an issuer may give two of them one id.
fn owner(token: &str, connection: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}\n{connection}")
}

/// With whose sessions one is counted: with those of the token that it goes back to, or whoever exchanges a token would have
/// as many more.
fn bearer(identity: &Identity, connection: &str) -> String {
    let root = identity.parents.last().unwrap_or(&identity.token_id);
    format!("{:?}\n{connection}", (&identity.principal.issuer, root))
}

fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_secs().div_ceil(TICK.as_secs())).unwrap_or(u32::MAX)
}

fn settings(
    known: &Known,
    McpServers(servers): &McpServers,
    gateway: &Gateway,
) -> Option<Settings> {
    let mcp = known.server.connection.mcp.as_ref()?;
    let settings = gateway.settings.load();
    let limits = settings.config.limits;
    Some(Settings {
        servers: servers.iter().map(|server| server.name.clone()).collect(),
        allow: mcp.allow,
        new_tools: mcp.new_tools,
        held: servers.iter().filter(|it| it.holds_new).map(|it| it.name.clone()).collect(),
        reads: mcp.reads.clone(),
        record_limit: settings.config.record.result_limit,
        hold_seconds: HOLD,
        patience: ticks(limits.answer),
    })
}

/// Where ends of sessions are told.
struct Told(Door);

impl Host for Told {
    fn ended(&self, session: &str, ended: &Ended) {
        self.0.ended(session, ended);
    }
}

#[cfg(test)]
mod tests {
    use palisade_policy::Principal;

    use super::*;

    #[test]
    fn two_tokens_share_no_session_though_their_ids_are_one() {
        let token = "header.claims.signature";
        assert_eq!(owner(token, "tools"), owner(token, "tools"));
        assert_ne!(owner(token, "tools"), owner("header.others.signature", "tools"));
        assert_ne!(owner(token, "tools"), owner(token, "other"));
        assert!(!owner(token, "tools").contains("claims"), "a token is kept nowhere");
    }

    #[test]
    fn sessions_are_counted_by_what_their_tokens_go_back_to() {
        let of = |issuer: &str, token: &str, parents: &[&str]| {
            let principal = Principal { issuer: issuer.into(), ..Principal::default() };
            let parents = parents.iter().map(|&parent| parent.into()).collect();
            let token_id = token.into();
            bearer(&Identity { principal, token_id, parents, ..Identity::default() }, "tools")
        };
        assert_eq!(of("i", "first", &[]), of("i", "third", &["second", "first"]));
        assert_ne!(of("i", "first", &[]), of("other", "first", &[]));
        assert_ne!(of("i", "first", &[]), of("i", "another", &[]));
    }
}
