//! `palisade serve`: everything put together, in the order in which each part needs the others.

use std::net::TcpListener as StdListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use palisade_identity::SigningKey;
use palisade_policy::{Gate, Mistake};
use palisade_postgres::Trusted;
use palisade_store::{Durability, Options, Store, StoreError};
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::AdminService;
use crate::approvals::Approvals;
use crate::changes::{Changes, ConfigurationChange, ITSELF};
use crate::config::{self, Config};
use crate::connections::Connections;
use crate::data_dir::{self, Listening};
use crate::gateway::{Addresses, Gateway};
use crate::journal::Journal;
use crate::listener::{Listener, Places, bind};
use crate::mcp::Tools;
use crate::plugins::{Plugins, prepare, start_host, watch};
use crate::postgres::PostgresService;
use crate::revocations::Revocations;
use crate::sessions::{Sessions, Timekeeper};
use crate::settings::Settings;
use crate::throttle::Throttle;
use crate::web::WebService;
use crate::{clock, tls};

/// How long sessions get to end when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);
/// Connections of administrators at the same time.
const MOST_ADMINS: usize = 256;
/// Of these, whose clients are not let in yet: they leave room for all others.
const MOST_ADMINS_WAITING: usize = 128;

/// Why the gateway does not serve.
#[derive(Debug)]
pub enum NotServing {
    /// The configuration or a policy file is wrong.
    Mistakes(Vec<Mistake>),
    /// Something else is.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for NotServing {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The sockets, bound before anything else is started.
struct Sockets {
    postgres: StdListener,
    http: Option<StdListener>,
    http_proxy: Option<StdListener>,
    admin: StdListener,
}

/// Runs the gateway until it is told to stop. Configuration and policies follow their files where it `watches` them.
///
/// # Errors
/// What keeps it from starting.
pub fn serve(config: Config, watches: bool) -> Result<(), NotServing> {
    data_dir::create(&config.data_dir)?;
    let store = open_store(&config)?;
    let (postgres, postgres_address) = bind(config.listen.postgres, "postgres")?;
    let (admin, admin_address) = bind(config.listen.admin, "admin")?;
    let http = config.listen.http.map(|address| bind(address, "http")).transpose()?;
    let (http, http_address) = http.unzip();
    let http_proxy = config.listen.http_proxy.map(|it| bind(it, "http_proxy")).transpose()?;
    let (http_proxy, proxy_address) = http_proxy.unzip();
    let addresses = Addresses {
        postgres: postgres_address,
        http: http_address,
        http_proxy: proxy_address,
        admin: admin_address,
    };
    let gateway = Arc::new(assemble(config, store, addresses)?);
    let settings = gateway.settings.load_full();
    let data_dir = settings.config.data_dir.clone();
    let (tell, stop) = watch::channel(false);
    let places = Places::new(settings.config.limits.max_connections);
    let sockets = Sockets { postgres, http, http_proxy, admin };
    let sessions = Places::new(settings.config.limits.max_sessions);
    let server = server(&gateway, sockets, (&places, &sessions), &stop)?;
    if watches {
        watch(&gateway)?;
    }
    announce(&gateway)?;
    let stopping = Stopping { tell, places, sessions, open: Arc::clone(&gateway.sessions) };
    drop(gateway);
    server.run(RunArgs { shutdown_signal: Box::new(stopping) });
    data_dir::remove_listening(&data_dir);
    tracing::info!("stopped");
    Ok(())
}

fn open_store(config: &Config) -> Result<Store> {
    let durability = match config.record.durability {
        config::Durability::Process => Durability::Process,
        config::Durability::Disk => Durability::Disk,
    };
    let dir = data_dir::store(&config.data_dir);
    let opened = Store::open(&dir, Options { durability, ..Options::default() });
    let store = opened.map_err(|error| match error {
        StoreError::Locked { .. } => {
            anyhow::anyhow!("another gateway runs on `data_dir` {}", config.data_dir.display())
        }
        error => anyhow::Error::new(error).context(format!("cannot open {}", dir.display())),
    })?;
    for cut in &store.recovery().cuts {
        let (segment, bytes) = (cut.segment, cut.bytes);
        tracing::warn!(segment, bytes, reason = cut.reason, "cut off the torn end of the record");
    }
    Ok(store)
}

/// Everything that the services share.
fn assemble(config: Config, store: Store, addresses: Addresses) -> Result<Gateway, NotServing> {
    let key = SigningKey::load_or_create(&config.data_dir)?;
    let host =
        start_host(&config.data_dir, data_dir::cache_key(&config.data_dir)?, &config.limits)?;
    let failures = config.limits.login_failures;
    let (throttle, admin_throttle) = (Throttle::new(failures), Throttle::new(failures));
    let prepared = prepare(&config, &host).map_err(NotServing::Mistakes)?;
    for warning in config.warnings.iter().chain(&prepared.warnings) {
        tracing::warn!("{warning}");
    }
    let sessions = Arc::new(Sessions::new(store.clone())?);
    let interrupted = sessions.mark_interrupted()?;
    if interrupted > 0 {
        tracing::warn!(interrupted, "sessions were running when the gateway was last stopped");
    }
    let approvals = Approvals::new(&store)?;
    let journal = Journal::new(store.clone(), Arc::clone(&sessions));
    let gate = Arc::new(Gate::new(Arc::new(approvals.clone()), Arc::new(journal)));
    let changes = Changes::new(store.clone());
    let hash = &config.hash;
    let started = ConfigurationChange { change: "start", by: ITSELF, hash, problem: None };
    changes.put(&started).map_err(anyhow::Error::msg)?;
    let in_force = prepared.in_force;
    let plugins = Plugins::start(host, &config, Arc::clone(&gate), changes.clone(), in_force)
        .map_err(anyhow::Error::msg)?;
    let trusted = Trusted::new(prepared.harmless_functions.iter().cloned());
    let connections = Connections::open(&config, &store, trusted)?;
    for warning in plugins.unknown_connections(&connections.names()) {
        tracing::warn!("{warning}");
    }
    let pins = Tools::new(&store)?;
    let revocations = Revocations::new(&store)?;
    let shown = tls::Shown::open(&config)?;
    let settings = ArcSwap::new(Settings::new(config, &key, None)?);
    Ok(Gateway {
        settings,
        revocations,
        key,
        store,
        sessions,
        approvals,
        plugins,
        changes,
        reloading: Mutex::default(),
        throttle,
        admin_throttle,
        connections,
        shown,
        pins,
        harmless_functions: prepared.harmless_functions,
        gate,
        started_at: clock::now_micros(),
        addresses,
    })
}

fn server(
    gateway: &Arc<Gateway>,
    sockets: Sockets,
    (places, sessions): (&Places, &Places),
    stop: &watch::Receiver<bool>,
) -> Result<Server> {
    let config = &gateway.settings.load_full().config;
    let (postgres, catalogs) = PostgresService::new(Arc::clone(gateway));
    let files = tls::expected_files(config);
    let admin_tls = (!config.listen.admin.ip().is_loopback()).then_some(&files);
    let (address, waiting) = (gateway.addresses.admin, MOST_ADMINS_WAITING);
    let admin = AdminService::new(Arc::clone(gateway), address, admin_tls, waiting)?;
    let conf =
        ServerConf { threads: config.limits.threads, work_stealing: true, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let places = places.clone();
    let web = WebService::new(Arc::clone(gateway), sessions.clone())?;
    if let Some(socket) = sockets.http_proxy {
        let proxy = web.proxy(&config.listen, &gateway.shown);
        let listener = Listener::new("http_proxy", socket, proxy, places.clone(), stop.clone());
        server.add_service(listener);
    }
    if let Some(socket) = sockets.http {
        server.add_service(Listener::new("http", socket, web, places.clone(), stop.clone()));
    }
    server.add_service(Listener::new("postgres", sockets.postgres, postgres, places, stop.clone()));
    let places = Places::new(MOST_ADMINS);
    server.add_service(Listener::new("admin", sockets.admin, admin, places, stop.clone()));
    server.add_service(catalogs);
    server.add_service(Timekeeper(Arc::clone(&gateway.sessions)));
    Ok(server)
}

/// The sockets take connections already: whoever reads this can connect.
fn announce(gateway: &Gateway) -> Result<()> {
    let Addresses { postgres, http, http_proxy, admin } = gateway.addresses;
    let admin_tls = !admin.ip().is_loopback();
    let listening =
        Listening { postgres, http, http_proxy, admin, admin_tls, pid: std::process::id() };
    let data_dir = &gateway.settings.load().config.data_dir;
    data_dir::write_listening(data_dir, &listening)
        .with_context(|| format!("cannot write to {}", data_dir.display()))?;
    let policies = gateway.gate.policies().policies.len();
    let text = |address: Option<std::net::SocketAddr>| address.map(|it| it.to_string());
    let (http, http_proxy) = (text(http), text(http_proxy));
    tracing::info!(%postgres, http, http_proxy, %admin, policies, "listening");
    Ok(())
}

/// Stops the gateway on a signal: first the listeners, then each session, and at last the server.
struct Stopping {
    tell: watch::Sender<bool>,
    places: Places,
    /// Sessions that outlive their clients' connections.
    sessions: Places,
    open: Arc<Sessions>,
}

#[async_trait]
impl ShutdownSignalWatch for Stopping {
    async fn recv(&self) -> ShutdownSignal {
        asked_to_stop().await;
        tracing::info!(connections = self.places.taken(), "stopping");
        // Without a listener left there is nobody to tell.
        let _ = self.tell.send(true);
        self.open.stop();
        tokio::select! {
            () = async { tokio::join!(self.places.all_free(), self.sessions.all_free()); } => {}
            () = tokio::time::sleep(GRACE) => tracing::warn!("some sessions did not end in time"),
            () = asked_to_stop() => tracing::warn!("stopping at once"),
        }
        ShutdownSignal::FastShutdown
    }
}

async fn asked_to_stop() {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|cx| {
        let any = signals.iter_mut().any(|signal| signal.poll_recv(cx).is_ready());
        if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
