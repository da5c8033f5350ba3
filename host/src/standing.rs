//! How a bearer stands to a connection: by what is configured, and what is revoked, at this moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade_http::Backend as _;
use palisade_identity::{Access, Identity};
use palisade_policy::{Context, Ending};
use palisade_store::SessionId;

use crate::clock;
use crate::connections::{Destination, Known};
use crate::gateway::{Gateway, REVOKED};
use crate::sessions::{Due, Seat};
use crate::settings::Settings;

/// A bearer before a connection that it reaches.
pub struct Standing {
    /// Who it is, with the roles that it has now.
    pub identity: Identity,
    /// What it may do.
    pub access: Access,
    /// The connection.
    pub known: Known,
    /// Where it leads.
    pub destination: Destination,
    /// What it was found out by.
    pub settings: Arc<Settings>,
}

/// Why a bearer does not reach a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// Nothing has that name.
    #[error("there is no such connection")]
    Unknown,
    /// It is another protocol's.
    #[error("the connection speaks another protocol")]
    Protocol,
    /// Nothing gives it to the bearer.
    #[error("no role of the token reaches the connection")]
    NoRole,
    /// An administrator by token keeps it with a secret that the file does not let them have read.
    #[error("[vault] kept_paths does not allow the path of the connection's secret (any more)")]
    Withdrawn,
}

impl Gateway {
    /// How a bearer stands to a connection by these settings.
    ///
    /// # Errors
    /// Why it does not reach it; whoever it is learns no more than that.
    pub fn standing(
        &self,
        settings: Arc<Settings>,
        bearer: &Identity,
        connection: &str,
    ) -> Result<Standing, OutOfReach> {
        let known = self.connections.get(connection).ok_or(OutOfReach::Unknown)?;
        let roles = &settings.config.roles;
        let mut identity = bearer.clone();
        roles.give(&mut identity);
        let labels = &known.server.connection.labels;
        let access = roles.access(&identity, connection, Some(labels));
        let access = access.ok_or(OutOfReach::NoRole)?;
        // Those of MCP are refused where their servers are asked for, which says why.
        if known.mcp.is_none() && self.connections.withdrawn(&known).is_some() {
            return Err(OutOfReach::Withdrawn);
        }
        let destination = self.connections.destination(&known);
        Ok(Standing { identity, access, known, destination, settings })
    }

    /// Looks again at every open session, after something changed that its rights depend on: what it may do still counts
    /// from its next command on, and one that may do less than it began with ends before that. Gives how many do.
    pub fn look_again(&self) -> usize {
        self.sessions.look_again(None, |seat| self.ending(seat))
    }

    /// The same for one session, that may have opened by what was no more then.
    pub fn look_again_at(&self, session: SessionId) {
        self.sessions.look_again(Some(session), |seat| self.ending(seat));
    }

    fn ending(&self, seat: &Seat) -> Due {
        match self.stands_still(seat) {
            Ok(Standing { identity, access, known, .. }) => {
                let now = seat.context.get();
                let mut context = Context { principal: identity.principal, ..(*now).clone() };
                context.target.labels = labels(&known);
                seat.context.change(context);
                time_left(&access, seat.opened, seat.token_over)
            }
            Err(over) => Due::now(over),
        }
    }

    /// How a session stands, if what its server was told at the start holds still, and it may do what it could then.
    fn stands_still(&self, seat: &Seat) -> Result<Standing, Ending> {
        if self.revocations.cover(&seat.bearer) {
            return Err(Ending::at_once(REVOKED));
        }
        let settings = self.settings.load_full();
        let vouchers = settings.vouchers(&seat.bearer);
        if vouchers.is_none_or(|now| !now.into_iter().eq(&seat.vouchers)) {
            let reason = "the gateway's settings for the token's issuer changed";
            return Err(Ending::soon(reason, "Get a new token and connect again."));
        }
        let standing = self.standing(settings, &seat.bearer, &seat.connection).map_err(|_| {
            let hint = "Ask whoever operates the gateway, or get a token with other roles.";
            Ending::soon("access to this connection was withdrawn", hint)
        })?;
        if standing.known.server.connection.mcp.is_some()
            && let Err(why) = self.connections.mcp_servers(&standing.known)
        {
            return Err(Ending::soon(&why, ""));
        }
        let replaced =
            |hint| Ending::soon("the connection was replaced by another of its name", hint);
        let service = standing.known.service.as_ref().map(|service| service.pool());
        if seat.service.is_some() && seat.service != service {
            // It would go on with a credential that may be no more.
            return Err(replaced("Ask again."));
        }
        if !seat.destination.leads_as(&standing.destination) {
            // It would be judged by what is said of another server than its own.
            return Err(replaced("Connect again."));
        }
        // The server was told at the start what the session is for.
        if standing.access.read_only && !seat.read_only {
            let reason = "access to this connection was narrowed to reading";
            return Err(Ending::soon(reason, "Connect again to go on reading."));
        }
        if seat.read_only && !standing.access.read_only {
            let reason = "access to this connection was widened to writing";
            return Err(Ending::soon(reason, "Connect again to write as well."));
        }
        Ok(standing)
    }
}

/// A connection's labels, as policies see them.
pub fn labels(known: &Known) -> Vec<(String, String)> {
    known.server.connection.labels.clone().into_iter().collect()
}

/// When the token of this bearer is worth nothing any more.
pub fn token_over(bearer: &Identity) -> Instant {
    let left = bearer.expires_at.saturating_sub(clock::now_seconds());
    Instant::now() + seconds(left)
}

/// When a session ends, and what ends it then.
pub fn time_left(access: &Access, opened: Instant, token_over: Instant) -> Due {
    let longest = access.session_seconds.map(|longest| opened + seconds(longest));
    let (at, reason, hint) = match longest {
        Some(at) if at < token_over => (at, "the session's time is over", "Connect again."),
        _ => (token_over, "the token's time is over", "Get a new token and connect again."),
    };
    Due { at, ending: Ending::soon(reason, hint) }
}

/// So long that no clock can be asked for more is long enough.
fn seconds(count: u64) -> Duration {
    const LONGEST: u64 = 100 * 366 * 86_400;
    Duration::from_secs(count.min(LONGEST))
}
