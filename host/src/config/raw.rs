//! The configuration file as it is written; what it means is `check`'s matter.

use std::collections::BTreeMap;
use std::path::PathBuf;

use palisade_vault::{Reference, VaultServer};
use serde::Deserialize;
use toml::Spanned;

use super::check::SealedParts;
use super::{Durability, HttpLogin, KeptCommand, PostgresLogin, UpstreamTls};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default = "data_dir")]
    pub(super) data_dir: PathBuf,
    #[serde(default)]
    pub(super) listen: RawListen,
    pub(super) tls: Option<RawTls>,
    #[serde(default, rename = "connection")]
    pub(super) connections: Vec<RawConnection>,
    #[serde(default, rename = "role")]
    pub(super) roles: Vec<RawRole>,
    #[serde(default, rename = "issuer")]
    pub(super) issuers: Vec<RawIssuer>,
    #[serde(default)]
    pub(super) policies: RawPolicies,
    #[serde(default)]
    pub(super) record: RawRecord,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) vault: RawVault,
    #[serde(default)]
    pub(super) mcp: RawMcp,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMcp {
    #[serde(default)]
    pub(super) kept_commands: Vec<Spanned<KeptCommand>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVault {
    pub(super) master_key: Option<Spanned<Reference>>,
    pub(super) server: Option<Spanned<VaultServer>>,
    #[serde(default)]
    pub(super) kept_paths: Vec<Spanned<String>>,
}

fn data_dir() -> PathBuf {
    "data".into()
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    pub(super) postgres: Option<Spanned<String>>,
    pub(super) admin: Option<Spanned<String>>,
    pub(super) insecure: Option<Spanned<bool>>,
    pub(super) http: Option<Spanned<String>>,
    pub(super) http_proxy: Option<Spanned<String>>,
    pub(super) ca: Option<RawTls>,
    pub(super) http_domain: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) http_origins: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) postgres_login: PostgresLogin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) certificate: Spanned<PathBuf>,
    pub(super) key: Spanned<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConnection {
    pub(super) name: Spanned<String>,
    pub(super) protocol: Spanned<String>,
    pub(super) address: Option<Spanned<String>>,
    pub(super) database: Option<Spanned<String>>,
    pub(super) username: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<Reference>>,
    pub(super) login: Option<Spanned<HttpLogin>>,
    pub(super) certificate: Option<RawTls>,
    #[serde(default)]
    pub(super) paths: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) websocket: bool,
    pub(super) tunnel: Option<Spanned<String>>,
    pub(super) descriptors: Option<Spanned<PathBuf>>,
    pub(super) descriptor_set: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Spanned<RawVariable>>,
    pub(super) folder: Option<Spanned<PathBuf>>,
    pub(super) servers: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    pub(super) allow: Vec<Spanned<String>>,
    pub(super) new_tools: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) reads: Vec<Spanned<String>>,
    pub(super) tls: Option<Spanned<UpstreamTls>>,
    pub(super) tls_ca: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// What the store has of its secrets; nothing where it is the file's.
    #[serde(skip)]
    pub(super) sealed: SealedParts,
}

impl RawConnection {
    /// Whether there is a secret to let the gateway in with.
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some() || self.sealed.password
    }
}

/// A variable of a program's environment.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawVariable {
    /// What it is.
    Text(String),
    /// Where it is, since it is secret.
    Secret(Reference),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRole {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) connections: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) approves: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) audits: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) administers: bool,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) given: Vec<RawRule>,
    #[serde(default)]
    pub(super) read_only: Vec<Spanned<String>>,
    pub(super) session_seconds: Option<Spanned<i64>>,
    pub(super) max_sessions: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) issuer: Spanned<String>,
    #[serde(default)]
    pub(super) subjects: Vec<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) claims: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIssuer {
    pub(super) name: Spanned<String>,
    pub(super) url: Spanned<String>,
    pub(super) jwks: Option<Spanned<String>>,
    pub(super) audience: Spanned<Vec<String>>,
    pub(super) algorithms: Option<Vec<Spanned<String>>>,
    pub(super) groups: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) skew_seconds: Option<Spanned<i64>>,
    pub(super) longest_seconds: Option<Spanned<i64>>,
    pub(super) keys_kept_seconds: Option<Spanned<i64>>,
    pub(super) ca: Option<Spanned<PathBuf>>,
    pub(super) client_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicies {
    #[serde(default)]
    pub(super) files: Vec<Spanned<PathBuf>>,
    pub(super) trusted_keys: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecord {
    #[serde(default)]
    pub(super) durability: Durability,
    pub(super) result_limit: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) frame_bytes: Option<Spanned<i64>>,
    pub(super) login_seconds: Option<Spanned<i64>>,
    pub(super) dial_seconds: Option<Spanned<i64>>,
    pub(super) stalled_seconds: Option<Spanned<i64>>,
    pub(super) max_sessions: Option<Spanned<i64>>,
    pub(super) max_connections: Option<Spanned<i64>>,
    pub(super) max_logins: Option<Spanned<i64>>,
    pub(super) login_failures: Option<Spanned<i64>>,
    pub(super) plugin_time_ms: Option<Spanned<i64>>,
    pub(super) plugin_memory_mib: Option<Spanned<i64>>,
    pub(super) body_bytes: Option<Spanned<i64>>,
    pub(super) response_bytes: Option<Spanned<i64>>,
    pub(super) idle_seconds: Option<Spanned<i64>>,
    pub(super) answer_seconds: Option<Spanned<i64>>,
    pub(super) threads: Option<Spanned<i64>>,
}
