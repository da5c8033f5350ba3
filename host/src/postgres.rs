//! PostgreSQL, wired: who is let in, to which server, and where it is recorded.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use palisade_identity::{Access, Identity, TokenRefused};
use palisade_policy::{Context, Target};
use palisade_postgres::{Admission, Backend, Ended, Host, Login, NotAdmitted, Options, Service};
use palisade_store::SessionId;
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::Service as PingoraService;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::blocking::blocking;
use crate::clock;
use crate::connections::Known;
use crate::gateway::{Gateway, REVOKED};
use crate::listener::Serve;
use crate::lobby::Lobby;
use crate::sessions::{NotOpened, SessionDocument, State};

/// How long what is known of a server's relations is believed.
const CATALOG_TIME: Duration = Duration::from_secs(60);

/// The protocol's name in the configuration.
const PROTOCOL: &str = "postgres";

/// Serves PostgreSQL clients.
pub struct PostgresService {
    service: Service,
    lobby: Lobby,
}

impl PostgresService {
    /// A service over this gateway's connections, and the one that keeps their catalogs fresh.
    /// `certificate` is shown to clients.
    ///
    /// # Errors
    /// When a connection's `tls_ca` cannot be used.
    pub fn new(gateway: Arc<Gateway>, certificate: Arc<ServerConfig>) -> Result<(Self, Catalogs)> {
        let limits = gateway.config.limits;
        let options = Options {
            insecure: gateway.config.listen.insecure,
            frame_limit: limits.frame_bytes,
            record_limit: gateway.config.record.result_limit,
            login_time: limits.login,
            dial_time: limits.dial,
            patience: limits.stalled,
        };
        let catalogs = Catalogs(Arc::downgrade(&gateway));
        let host = Arc::new(Door { gateway });
        let mut certificate = (*certificate).clone();
        certificate.alpn_protocols = vec![palisade_postgres::codec::startup::ALPN.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(certificate));
        let service = Service { host, acceptor, options, cancels: Arc::default() };
        Ok((Self { service, lobby: Lobby::new(limits.max_logins) }, catalogs))
    }
}

#[async_trait]
impl Serve for PostgresService {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        let guest = self.lobby.enter(peer);
        self.service.serve(Box::new(stream), peer, stop, guest.pushed_out()).await;
    }
}

/// Forgets, from time to time, what is known of the servers' relations: they change behind the gateway's back.
pub struct Catalogs(Weak<Gateway>);

#[async_trait]
impl PingoraService for Catalogs {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let mut ticks = tokio::time::interval(CATALOG_TIME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(gateway) = self.0.upgrade() else { return };
            gateway.connections.forget_catalogs();
        }
    }

    fn name(&self) -> &str {
        "catalogs"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}

/// Who is let in.
struct Door {
    gateway: Arc<Gateway>,
}

/// Why a client is not let in; the client is told that it is not, and no more.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error("there is no such connection")]
    UnknownConnection,
    #[error("no role of the token reaches the connection")]
    OutOfReach,
}

/// A refusal, for the log and the record.
struct Refusal {
    cause: Cause,
    /// Who it was, where the token said so.
    identity: Option<Box<Identity>>,
}

impl Host for Door {
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted> {
        let (throttle, client) = (&self.gateway.throttle, login.client_address);
        if let Err(too_many) = throttle.check(client, login.connection, Instant::now().into()) {
            tracing::warn!(%client, connection = login.connection, "{too_many}: not looked at");
            return Err(NotAdmitted::TooMany(too_many.to_string()));
        }
        match self.identify(login) {
            Ok((identity, access, known)) => self.open(login, (&identity, &access), &known),
            Err(Refusal { cause, identity }) => {
                self.record_refusal(login, identity.as_deref(), &cause.to_string());
                let after = match cause {
                    // The issuer's fault is nobody's guess.
                    Cause::Token(TokenRefused::KeysUnavailable(_)) => Duration::ZERO,
                    _ => throttle.failed(client, login.connection, Instant::now().into()),
                };
                Err(NotAdmitted::Refused { after })
            }
        }
    }

    fn turned_away(&self, client: SocketAddr, cause: &str) {
        let nobody = Login { connection: "", database: "", token: "", client_address: client };
        self.record_refusal(&nobody, None, cause);
    }

    fn ended(&self, session: &str, ended: &Ended) {
        let Ended { how, bytes_in, bytes_out } = ended;
        tracing::info!(session, how, "session ended");
        let Ok(id) = session.parse() else { return };
        let recorded = blocking(|| self.gateway.sessions.end(id, how, (*bytes_in, *bytes_out)));
        if let Err(error) = recorded {
            tracing::error!(session, %error, "cannot record how a session ended");
        }
    }
}

impl Door {
    fn identify(&self, login: &Login<'_>) -> Result<(Identity, Access, Known), Refusal> {
        let verified = self.gateway.identify(login.token);
        let identity =
            verified.map_err(|refused| Refusal { cause: refused.into(), identity: None })?;
        let Some(known) = self.gateway.connections.get(login.connection) else {
            return Err(Refusal {
                cause: Cause::UnknownConnection,
                identity: Some(Box::new(identity)),
            });
        };
        let labels = &known.server.connection.labels;
        let roles = &self.gateway.config.roles;
        let Some(access) = roles.access(&identity, login.connection, Some(labels)) else {
            return Err(Refusal { cause: Cause::OutOfReach, identity: Some(Box::new(identity)) });
        };
        Ok((identity, access, known))
    }

    fn record_refusal(&self, login: &Login<'_>, identity: Option<&Identity>, cause: &str) {
        let connection = login.connection;
        tracing::warn!(connection, client = %login.client_address, cause, "login refused");
        let mut document = document(new_id(), login, identity);
        document.state = State::Refused;
        document.ended_at = Some(document.opened_at.clone());
        document.ended = Some(format!("refused: {cause}"));
        if let Err(error) = blocking(|| self.gateway.sessions.refuse(&document)) {
            tracing::error!(%error, "cannot record a refused login");
        }
    }

    fn open(
        &self,
        login: &Login<'_>,
        (identity, access): (&Identity, &Access),
        known: &Known,
    ) -> Result<Admission, NotAdmitted> {
        let unavailable = |why: &str| NotAdmitted::Unavailable(why.to_owned());
        let database = known.server.database();
        if login.database != database && login.database != login.connection {
            self.record_refusal(login, Some(identity), "another database was asked for");
            let why = format!(
                "the connection \"{}\" leads to the database \"{database}\"",
                login.connection
            );
            return Err(NotAdmitted::NoDatabase(why));
        }
        if self.gateway.sessions.open_count() >= self.gateway.config.limits.max_sessions {
            tracing::warn!(client = %login.client_address, "too many sessions");
            return Err(unavailable("the gateway has as many sessions as it may have"));
        }
        let mut mask_key = [0; 32];
        let random = SystemRandom::new().fill(&mut mask_key);
        random.map_err(|_| unavailable("there are no random numbers"))?;
        let id = new_id();
        let document = document(id, login, Some(identity));
        let ends = self.begin(id, &document, identity, access)?;
        let context = context(&document, identity, known);
        let subject = &identity.principal.subject;
        tracing::info!(
            session = document.id,
            subject,
            connection = login.connection,
            "session opened"
        );
        let (left, over) = time_left(identity, access);
        Ok(Admission {
            gate: self.gateway.gate.session(context),
            backend: Arc::clone(&known.server) as Arc<dyn Backend>,
            catalog: Arc::clone(&known.catalog),
            expires: Instant::now() + Duration::from_secs(left),
            over,
            ends,
            read_only: access.read_only,
            mask_key,
        })
    }

    /// Records that a session begins.
    fn begin(
        &self,
        id: SessionId,
        document: &SessionDocument,
        identity: &Identity,
        access: &Access,
    ) -> Result<watch::Receiver<Option<String>>, NotAdmitted> {
        let sessions = &self.gateway.sessions;
        match blocking(|| sessions.open(id, document, identity, access.max_sessions)) {
            Ok(ends) => {
                // It may have been revoked since it was verified, by somebody who saw no session yet.
                if self.gateway.revocations.cover(identity) {
                    sessions.end_those(|bearer| bearer.token_id == identity.token_id, REVOKED);
                }
                Ok(ends)
            }
            Err(NotOpened::Store(error)) => {
                tracing::error!(%error, "cannot record a session");
                let why = "the gateway cannot record the session".to_owned();
                Err(NotAdmitted::Unavailable(why))
            }
            Err(too_many @ NotOpened::TooMany(_)) => {
                let subject = &identity.principal.subject;
                tracing::warn!(subject, connection = document.connection, %too_many, "no session");
                Err(NotAdmitted::Unavailable(too_many.to_string()))
            }
        }
    }
}

fn context(document: &SessionDocument, identity: &Identity, known: &Known) -> Context {
    Context {
        session: document.id.clone(),
        principal: identity.principal.clone(),
        target: Target {
            connection: document.connection.clone(),
            protocol: PROTOCOL.to_owned(),
            labels: known.server.connection.labels.clone().into_iter().collect(),
        },
        client_address: document.client_address.clone(),
    }
}

/// How many seconds a session has, and what ends it then.
fn time_left(identity: &Identity, access: &Access) -> (u64, (&'static str, &'static str)) {
    let left = identity.expires_at.saturating_sub(clock::now_seconds());
    match access.session_seconds {
        Some(longest) if longest < left => {
            (longest, ("the session's time is over", "Connect again."))
        }
        _ => (left, ("the token's time is over", "Get a new token and connect again.")),
    }
}

fn new_id() -> SessionId {
    SessionId(Uuid::now_v7().as_u128())
}

fn document(id: SessionId, login: &Login<'_>, identity: Option<&Identity>) -> SessionDocument {
    let principal = identity.map(|identity| identity.principal.clone()).unwrap_or_default();
    // The name of a connection that there is not was made up by the client.
    let connection: String = login.connection.chars().take(128).collect();
    SessionDocument {
        id: id.to_string(),
        state: State::Open,
        connection,
        protocol: PROTOCOL.to_owned(),
        subject: principal.subject,
        issuer: principal.issuer,
        roles: principal.roles,
        acting_for: principal.acting_for,
        token: identity.map(|identity| identity.token_id.clone()).unwrap_or_default(),
        client_address: login.client_address.to_string(),
        opened_at: clock::rfc3339(clock::now_micros()),
        ended_at: None,
        ended: None,
        commands: 0,
        denied: 0,
        held: 0,
        bytes_in: 0,
        bytes_out: 0,
    }
}
