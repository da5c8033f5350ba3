//! Who is let in, whichever protocol they speak: throttled, identified, recorded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade_http::Backend as _;
use palisade_identity::{Identity, TokenRefused};
use palisade_policy::{Context, Ended, Ending, GateSession, NotAdmitted, SessionContext, Target};
use palisade_store::SessionId;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;
use uuid::Uuid;

use crate::blocking::blocking;
use crate::clock;
use crate::config::MCP;
use crate::connections::Known;
use crate::gateway::Gateway;
use crate::sessions::{Due, NotOpened, Seat, SessionDocument, State, Visit};
use crate::settings::Settings;
use crate::standing::{OutOfReach, Standing, labels, time_left, token_over};

/// The door of one protocol.
#[derive(Clone)]
pub struct Door {
    /// The gateway that it leads into.
    pub gateway: Arc<Gateway>,
    /// The protocol's name in the configuration.
    pub protocol: &'static str,
}

/// Somebody who wants in.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    /// The connection that they picked.
    pub connection: &'a str,
    /// The token that they showed.
    pub token: &'a str,
    /// Where they come from.
    pub client: SocketAddr,
}

/// What is opened for whoever is let in.
pub struct Opened {
    /// The session's gate.
    pub gate: GateSession,
    /// The connection.
    pub known: Known,
    /// Why the session ends, when it is time.
    pub ends: watch::Receiver<Option<Ending>>,
    /// Whether it only reads.
    pub read_only: bool,
    /// The key of its pseudonyms.
    pub mask_key: [u8; 32],
}

/// Why somebody is refused, for the log and the record.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
}

impl Door {
    /// Finds out who it is, and that the connection is within their reach. Who is refused is recorded and slowed.
    ///
    /// # Errors
    /// What they may know of why not.
    pub fn identify(&self, arrival: Arrival<'_>) -> Result<Standing, NotAdmitted> {
        self.looked_at(arrival)?;
        let settings = self.gateway.settings.load_full();
        match self.gateway.identify_by(&settings, arrival.token) {
            Ok(identity) => match self.standing(settings, &identity, arrival.connection) {
                Ok(standing) => Ok(standing),
                Err(cause) => Err(self.refused(arrival, Some(&identity), &cause.into())),
            },
            Err(cause) => Err(self.refused(arrival, None, &cause.into())),
        }
    }

    /// Whether they are looked at.
    fn looked_at(&self, arrival: Arrival<'_>) -> Result<(), NotAdmitted> {
        let Arrival { client, connection, .. } = arrival;
        let checked = self.gateway.throttle.check(client, connection, Instant::now());
        checked.map_err(|too_many| {
            tracing::warn!(%client, connection, "{too_many}: not looked at");
            NotAdmitted::TooMany(too_many.to_string())
        })
    }

    /// Records a refusal, and counts it.
    fn refused(
        &self,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
        cause: &Cause,
    ) -> NotAdmitted {
        self.record_refusal(arrival, identity, &cause.to_string());
        let Arrival { client, connection, .. } = arrival;
        NotAdmitted::Refused {
            after: match cause {
                // The issuer's fault is nobody's guess, nor is that of whoever keeps the connection.
                Cause::Token(TokenRefused::KeysUnavailable(_))
                | Cause::OutOfReach(OutOfReach::Withdrawn) => Duration::ZERO,
                _ => self.gateway.throttle.failed(client, connection, Instant::now()),
            },
        }
    }

    /// The connections within their reach for which `is_meant` holds, whichever protocol these speak; `what` says what they
    /// ask for. Who is refused is recorded and slowed; who finds nothing is recorded.
    ///
    /// # Errors
    /// What they may know of why not.
    pub fn reached(
        &self,
        arrival: Arrival<'_>,
        is_meant: impl Fn(&Known) -> bool,
        what: &str,
    ) -> Result<Vec<String>, NotAdmitted> {
        self.looked_at(arrival)?;
        let settings = self.gateway.settings.load_full();
        let identity = self.gateway.identify_by(&settings, arrival.token);
        let identity = identity.map_err(|cause| self.refused(arrival, None, &cause.into()))?;
        let mut names = self.gateway.connections.names();
        names.retain(|name| {
            let standing = self.gateway.standing(Arc::clone(&settings), &identity, name);
            standing.is_ok_and(|standing| is_meant(&standing.known))
        });
        if names.len() != 1 {
            let cause = format!("{} of its connections lead to {what}", names.len());
            self.record_refusal(arrival, Some(&identity), &cause);
        }
        Ok(names)
    }

    /// How they stand to a connection of this door's protocol.
    fn standing(
        &self,
        settings: Arc<Settings>,
        identity: &Identity,
        connection: &str,
    ) -> Result<Standing, OutOfReach> {
        let standing = self.gateway.standing(settings, identity, connection)?;
        let speaks = standing.known.server.connection.protocol == self.protocol;
        if speaks { Ok(standing) } else { Err(OutOfReach::Protocol) }
    }

    /// Opens a session for them, and its record.
    ///
    /// # Errors
    /// What they may know of why not.
    pub fn open(&self, arrival: Arrival<'_>, standing: Standing) -> Result<Opened, NotAdmitted> {
        let unavailable = |why: &str| NotAdmitted::Unavailable(why.to_owned());
        let most = self.gateway.settings.load().config.limits.max_sessions;
        if self.gateway.sessions.open_count() >= most {
            tracing::warn!(client = %arrival.client, "too many sessions");
            return Err(unavailable("the gateway has as many sessions as it may have"));
        }
        let mut mask_key = [0; 32];
        let random = SystemRandom::new().fill(&mut mask_key);
        random.map_err(|_| unavailable("there are no random numbers"))?;
        let id = new_id();
        let document = self.document(id, arrival, Some(&standing.identity));
        let gate = self.gateway.gate.session(context(&document, &standing));
        let ends = self.begin(id, &document, &standing, &gate)?;
        let subject = &standing.identity.principal.subject;
        let connection = arrival.connection;
        tracing::info!(session = document.id, subject, connection, "session opened");
        let Standing { access, known, .. } = standing;
        Ok(Opened { gate, known, ends, read_only: access.read_only, mask_key })
    }

    /// Records that a session begins.
    fn begin(
        &self,
        id: SessionId,
        document: &SessionDocument,
        standing: &Standing,
        gate: &GateSession,
    ) -> Result<watch::Receiver<Option<Ending>>, NotAdmitted> {
        let Standing { identity, access, .. } = standing;
        let (mut seat, due) = seat(standing, &document.connection, gate.exchange());
        // Sessions of MCP have servers of their own.
        if self.protocol != MCP {
            seat.service = standing.known.service.as_ref().map(|service| service.pool());
        }
        let sessions = &self.gateway.sessions;
        match blocking(|| sessions.open(id, document, (seat, due), access.max_sessions)) {
            Ok(ends) => {
                // Something may have changed since it was identified, by somebody who saw no session yet.
                self.gateway.look_again_at(id);
                Ok(ends)
            }
            Err(NotOpened::Store(error)) => {
                tracing::error!(%error, "cannot record a session");
                Err(NotAdmitted::Unavailable("the gateway cannot record the session".to_owned()))
            }
            Err(stopping @ NotOpened::Stopping) => {
                Err(NotAdmitted::Unavailable(stopping.to_string()))
            }
            Err(too_many @ NotOpened::TooMany(_)) => {
                let subject = &identity.principal.subject;
                tracing::warn!(subject, connection = document.connection, %too_many, "no session");
                Err(NotAdmitted::Unavailable(too_many.to_string()))
            }
        }
    }

    /// Has a tunnel that is open to sessions end as they do.
    pub fn visit(
        &self,
        standing: &Standing,
        connection: &str,
    ) -> (Visit, watch::Receiver<Option<Ending>>) {
        let (id, context) = (new_id(), SessionContext::new(Context::default()));
        let visit = self.gateway.sessions.visit(id, seat(standing, connection, context));
        // Something may have changed since it was identified.
        self.gateway.look_again_at(id);
        visit
    }

    /// Records that somebody was not let in.
    pub fn record_refusal(&self, arrival: Arrival<'_>, identity: Option<&Identity>, cause: &str) {
        let Arrival { connection, client, .. } = arrival;
        tracing::warn!(connection, %client, cause, "login refused");
        let mut document = self.document(new_id(), arrival, identity);
        document.state = State::Refused;
        document.ended_at = Some(document.opened_at.clone());
        document.ended = Some(format!("refused: {cause}"));
        if let Err(error) = blocking(|| self.gateway.sessions.refuse(&document)) {
            tracing::error!(%error, "cannot record a refused login");
        }
    }

    /// Records that a tunnel passes unread in a session.
    pub fn blind(&self, session: &str) {
        if let Err(error) = blocking(|| self.gateway.sessions.blind(session)) {
            tracing::error!(session, %error, "cannot record that a tunnel is blind");
        }
    }

    /// Records how a session ended.
    pub fn ended(&self, session: &str, ended: &Ended) {
        let how = &ended.how;
        tracing::info!(session, how, "session ended");
        let Ok(id) = session.parse() else { return };
        let recorded = blocking(|| self.gateway.sessions.end(id, ended));
        if let Err(error) = recorded {
            tracing::error!(session, %error, "cannot record how a session ended");
        }
    }

    fn document(
        &self,
        id: SessionId,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> SessionDocument {
        let principal = identity.map(|identity| identity.principal.clone()).unwrap_or_default();
        // The name of a connection that there is not was made up by the client.
        let connection: String = arrival.connection.chars().take(128).collect();
        SessionDocument {
            id: id.to_string(),
            state: State::Open,
            connection,
            protocol: self.protocol.to_owned(),
            subject: principal.subject,
            issuer: principal.issuer,
            roles: principal.roles,
            dropped: principal.dropped,
            acting_for: principal.acting_for,
            token: identity.map(|identity| identity.token_id.clone()).unwrap_or_default(),
            parents: identity.map(|identity| identity.parents.clone()).unwrap_or_default(),
            client_address: arrival.client.to_string(),
            opened_at: clock::rfc3339(clock::now_micros()),
            ended_at: None,
            ended: None,
            commands: 0,
            denied: 0,
            held: 0,
            bytes_in: 0,
            bytes_out: 0,
            blind: false,
        }
    }
}

/// What a session goes by, and when it ends.
fn seat(standing: &Standing, connection: &str, context: SessionContext) -> (Seat, Due) {
    let Standing { identity, access, destination, settings, .. } = standing;
    let vouchers = settings.vouchers(identity).unwrap_or_default();
    let (opened, token_over) = (Instant::now(), token_over(identity));
    let seat = Seat {
        bearer: identity.clone(),
        vouchers: vouchers.into_iter().cloned().collect(),
        connection: connection.to_owned(),
        destination: destination.clone(),
        service: None,
        read_only: access.read_only,
        opened,
        token_over,
        context,
    };
    (seat, time_left(access, opened, token_over))
}

fn context(document: &SessionDocument, standing: &Standing) -> Context {
    Context {
        session: document.id.clone(),
        principal: standing.identity.principal.clone(),
        target: Target {
            connection: document.connection.clone(),
            protocol: document.protocol.clone(),
            labels: labels(&standing.known),
        },
        client_address: document.client_address.clone(),
    }
}

fn new_id() -> SessionId {
    SessionId(Uuid::now_v7().as_u128())
}
