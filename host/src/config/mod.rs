//! The configuration file: what the operator wrote, checked, with every path made whole.
//!
//! A value of [`Config`] holds no secret and is never half right: what is wrong is a [`Mistake`] with file, line and fix.

mod check;
mod files;
mod keys;
mod mcp;
mod raw;
mod service;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use palisade_identity::{Issuer, Roles};
use palisade_policy::Mistake;
use palisade_vault::{Reference, VaultServer};

use crate::plugins::PublicKey;

pub use check::{LONGEST_TOKEN, SealedParts, kept};
pub use files::FileDigests;
pub use keys::unknown_policy_keys;
pub use mcp::{KeptCommand, McpConnection, McpPlace, Variable};
pub use palisade_policy::nearest;
pub use service::{HttpLogin, HttpService, OauthLogin};

/// The protocols that this gateway speaks.
pub const PROTOCOLS: &[&str] = &["postgres", HTTP, GRPC, MCP];

/// The protocol whose connections are HTTP services.
pub const HTTP: &str = "http";

/// The protocol whose connections are gRPC services.
pub const GRPC: &str = "grpc";

/// The protocol whose connections are servers of tools.
pub const MCP: &str = "mcp";

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The file that it was read from.
    pub file: PathBuf,
    /// SHA-256 of what was written there.
    pub hash: String,
    /// What is in the certificates, keys and descriptors that it names.
    pub files: FileDigests,
    /// Where the gateway keeps what it must not lose.
    pub data_dir: PathBuf,
    /// Where it listens.
    pub listen: Listen,
    /// The operator's certificate; without one the gateway makes its own.
    pub tls: Option<TlsFiles>,
    /// The systems behind it.
    pub connections: Vec<Connection>,
    /// Who may do what.
    pub roles: Roles,
    /// The roles' names, in the file's order.
    pub role_names: Vec<String>,
    /// Whose tokens are taken besides the gateway's own.
    pub issuers: Vec<TrustedIssuer>,
    /// The policy files, in order.
    pub policies: Vec<PathBuf>,
    /// Whose plugins are put in force, besides the bundled ones; anybody's where there is none.
    pub trusted_keys: Vec<PublicKey>,
    /// How sessions are recorded.
    pub record: Record,
    /// What is finite, and how much of it there is.
    pub limits: Limits,
    /// What secrets are kept and fetched with.
    pub vault: Vault,
    /// The programs that administrators by token may keep connections of.
    pub kept_commands: Vec<KeptCommand>,
    /// Globs of the paths in the vault of `[vault.server]` whose secrets administrators by token may keep connections with.
    pub kept_paths: Vec<String>,
    /// What is allowed and still looks wrong.
    pub warnings: Vec<Mistake>,
}

/// Where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For HTTP clients; nowhere where left out.
    pub http: Option<SocketAddr>,
    /// For clients of the forward proxy; nowhere where left out.
    pub http_proxy: Option<SocketAddr>,
    /// In whose name tunnels of the forward proxy are ended; without one the gateway makes its own authority.
    pub ca: Option<TlsFiles>,
    /// The domain below which an HTTP client finds each connection as a host: `gateway.example`.
    pub http_domain: Option<String>,
    /// Origins whose pages may speak to MCP servers through the gateway.
    pub http_origins: Vec<String>,
    /// For PostgreSQL clients.
    pub postgres: SocketAddr,
    /// For the command line.
    pub admin: SocketAddr,
    /// Whether tokens are taken without TLS.
    pub insecure: bool,
    /// How PostgreSQL clients hand their tokens over that do not say which way they want.
    pub postgres_login: PostgresLogin,
}

/// How a PostgreSQL client hands its token over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostgresLogin {
    /// As a password, which every client can.
    #[default]
    Password,
    /// By the SASL mechanism OAUTHBEARER.
    OAuth,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A system behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name by which a client picks it.
    pub name: String,
    /// How it speaks.
    pub protocol: String,
    /// Its host, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database to open there.
    pub database: String,
    /// The user to be there.
    pub username: String,
    /// Where that user's password comes from; none where the server asks for none.
    pub password: Option<Reference>,
    /// How the way there is protected.
    pub tls: UpstreamTls,
    /// Who vouches for the server's certificate, as a PEM file.
    pub tls_ca: Option<PathBuf>,
    /// The operator's labels.
    pub labels: BTreeMap<String, String>,
    /// What it has as an HTTP service; none where it is none.
    pub http: Option<HttpService>,
    /// What it has as servers of MCP; none where it is none.
    pub mcp: Option<McpConnection>,
    /// What is in the files that it names. Where only this differs it is the same connection, made anew for those who come:
    /// whoever asks whether an open session is at another one leaves it out.
    pub files: FileDigests,
}

/// An issuer, and who vouches for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// What its tokens must be like.
    pub issuer: Issuer,
    /// A PEM file; the public authorities where left out.
    pub ca: Option<PathBuf>,
}

/// What secrets are kept and fetched with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vault {
    /// The key of the secrets in the store.
    pub master_key: Option<Reference>,
    /// The vault of the references that name none.
    pub server: Option<VaultServer>,
}

/// How the way to a server is protected, as libpq's `sslmode` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamTls {
    /// Not at all.
    Disable,
    /// Where the server offers it.
    #[default]
    Prefer,
    /// Or no connection is made. The certificate is verified only where there is a `tls_ca`.
    Require,
    /// And the certificate must be good, and for this host.
    VerifyFull,
}

/// How sessions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What a recorded event is safe from.
    pub durability: Durability,
    /// How much of each result is kept, in bytes.
    pub result_limit: usize,
}

/// What a recorded event is safe from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The killing of the gateway.
    #[default]
    Process,
    /// A power failure, too.
    Disk,
}

/// What is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message of a protocol, in bytes.
    pub frame_bytes: u32,
    /// How long a client may take until it is let in.
    pub login: Duration,
    /// How long a server may take to let the gateway in.
    pub dial: Duration,
    /// How long a client that is owed something may read nothing.
    pub stalled: Duration,
    /// Sessions at the same time.
    pub max_sessions: usize,
    /// Client connections at the same time, those included that are not let in yet.
    pub max_connections: usize,
    /// Connections at the same time whose clients are not let in yet.
    pub max_logins: usize,
    /// How many failed logins an address has in a short time before it is not looked at any more.
    pub login_failures: u32,
    /// How long one call of a plugin may run.
    pub plugin_time: Duration,
    /// How much memory one call of a plugin may have, in bytes.
    pub plugin_memory: usize,
    /// How much of an HTTP request's body is read to judge it, in bytes.
    pub body_bytes: usize,
    /// The longest value of an HTTP response that is held to be masked, in bytes.
    pub response_bytes: usize,
    /// How long an HTTP session lasts without a request.
    pub idle: Duration,
    /// How long an MCP server may say nothing of what it was asked.
    pub answer: Duration,
    /// How many threads serve the clients of each listener.
    pub threads: usize,
}

impl Connection {
    /// Whether a session at this one may go on when the other has taken its name: both lead to the same server by the same rules.
    /// Labels are told anew, and the session has its credential and the server's certificate behind it.
    pub fn leads_as(&self, other: &Self) -> bool {
        let bare = |it: &Self| Self {
            password: None,
            labels: BTreeMap::new(),
            files: FileDigests::default(),
            ..it.clone()
        };
        self == other || bare(self) == bare(other)
    }
}

/// A host and a port, as `db.internal:5432` or `[::1]:5432`.
pub fn split_address(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port != 0)?;
    rustls::pki_types::ServerName::try_from(host).ok()?;
    Some((host.to_owned(), port))
}

impl Config {
    /// Reads and checks the configuration, certificates, keys and descriptors included. Policy files are looked for, and not
    /// read.
    ///
    /// # Errors
    /// Every mistake that can be told without the others mended.
    pub fn read(file: &Path) -> Result<Self, Vec<Mistake>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            vec![Mistake {
                file: file.to_owned(),
                line: None,
                problem: format!("cannot be read: {error}"),
                fix: "name the gateway's configuration with --config FILE".into(),
            }]
        })?;
        check::parse(file, &text)
    }

    /// Whether everything is as it was `before`: what is written, and what is in the files that it names.
    pub fn is_same(&self, before: &Self) -> bool {
        self.hash == before.hash && self.files == before.files
    }

    /// What of it cannot change while the gateway runs, and is not as it was `before`; but for the master key, which changes
    /// by a rotation.
    pub fn differs_where_fixed(&self, before: &Self) -> Vec<&'static str> {
        let parts = [
            ("data_dir", self.data_dir == before.data_dir),
            ("[listen]", self.listen == before.listen),
            ("[tls]", self.tls == before.tls),
            ("[record]", self.record == before.record),
            ("[limits]", self.limits == before.limits),
            ("[vault.server]", self.vault.server == before.vault.server),
            ("[policies] trusted_keys", self.trusted_keys == before.trusted_keys),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    /// The issuer that clients are told of who ask where to get a token: the first that people can log in at, or else the
    /// first of those that publish where.
    pub fn tells_of(&self) -> Option<&Issuer> {
        let mut issuers = self.issuers.iter().map(|trusted| &trusted.issuer);
        issuers
            .clone()
            .find(|issuer| issuer.client_id.is_some())
            .or_else(|| issuers.find(|issuer| issuer.jwks.is_none()))
    }

    /// The connection of this name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == name)
    }
}
