//! PostgreSQL, wired: who is let in, and to which server.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use palisade_policy::{Ended, NotAdmitted};
use palisade_postgres::{
    Admission, Backend, Host, Login, LoginMethod, Options, Service, TokenSource,
};
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::Service as PingoraService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::config::PostgresLogin;
use crate::door::{Arrival, Door};
use crate::gateway::Gateway;
use crate::issuers::SCOPE;
use crate::listener::Serve;
use crate::lobby::Lobby;

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
    pub fn new(gateway: Arc<Gateway>) -> (Self, Catalogs) {
        let settings = gateway.settings.load();
        let limits = settings.config.limits;
        let options = Options {
            insecure: settings.config.listen.insecure,
            login_method: match settings.config.listen.postgres_login {
                PostgresLogin::Password => LoginMethod::Password,
                PostgresLogin::OAuth => LoginMethod::OAuth,
            },
            frame_limit: limits.frame_bytes,
            record_limit: settings.config.record.result_limit,
            login_time: limits.login,
            dial_time: limits.dial,
            patience: limits.stalled,
        };
        drop(settings);
        let catalogs = Catalogs(Arc::downgrade(&gateway));
        let tls = gateway.shown.server(&[palisade_postgres::codec::startup::ALPN]);
        let host = Arc::new(Guarded(Door { gateway, protocol: PROTOCOL }));
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let service = Service { host, acceptor, options, cancels: Arc::default() };
        (Self { service, lobby: Lobby::new(limits.max_logins) }, catalogs)
    }
}

#[async_trait]
impl Serve for PostgresService {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, _stop: watch::Receiver<bool>) {
        let guest = self.lobby.enter(peer);
        self.service.serve(Box::new(stream), peer, guest.pushed_out()).await;
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
struct Guarded(Door);

impl Host for Guarded {
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted> {
        let arrival = arrival(login);
        let standing = self.0.identify(arrival)?;
        let database = standing.known.server.database();
        if login.database != database && login.database != login.connection {
            let why = format!(
                "the connection \"{}\" leads to the database \"{database}\"",
                login.connection
            );
            let who = Some(&standing.identity);
            self.0.record_refusal(arrival, who, "another database was asked for");
            return Err(NotAdmitted::Elsewhere(why));
        }
        let opened = self.0.open(arrival, standing)?;
        Ok(Admission {
            gate: opened.gate,
            backend: opened.known.server as Arc<dyn Backend>,
            catalog: opened.known.catalog,
            ends: opened.ends,
            read_only: opened.read_only,
            mask_key: opened.mask_key,
        })
    }

    fn token_source(&self) -> Option<TokenSource> {
        let settings = self.0.gateway.settings.load();
        let issuer = settings.config.tells_of()?;
        Some(TokenSource { configuration: issuer.configuration(), scope: SCOPE.to_owned() })
    }

    fn turned_away(&self, client: SocketAddr, cause: &str) {
        self.0.record_refusal(Arrival { connection: "", token: "", client }, None, cause);
    }

    fn ended(&self, session: &str, ended: &Ended) {
        self.0.ended(session, ended);
    }
}

fn arrival<'a>(login: &Login<'a>) -> Arrival<'a> {
    Arrival { connection: login.connection, token: login.token, client: login.client_address }
}
