//! From what is written to what is meant, with every mistake on the way.

mod connection;
mod grpc;
mod identity;
mod kept;
mod mcp;
mod proxy;
mod secrets;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use palisade_identity::{Roles, open_regular};
use palisade_policy::{Mistake, line_of};
use toml::Spanned;

use super::raw::{RawConfig, RawLimits, RawListen, RawRole, RawTls};
use super::{Config, Connection, FileDigests, Limits, Listen, Record, TlsFiles, keys};
use crate::plugins::{PublicKey, sha256};

pub use identity::LONGEST_TOKEN;
pub use kept::{SealedParts, kept};

pub(super) fn parse(file: &Path, text: &str) -> Result<Config, Vec<Mistake>> {
    let unknown = keys::unknown_config_keys(file, text);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let raw: RawConfig =
        toml::from_str(text).map_err(|error| vec![Mistake::from_toml(file, text, &error)])?;
    let dir = file.parent().unwrap_or(Path::new("")).to_owned();
    let files = FileDigests::default();
    let mut check = Check { file, text, dir, files, mistakes: vec![], warnings: vec![] };
    let config = check.config(raw);
    match config {
        Some(config) if check.mistakes.is_empty() => {
            Ok(Config { warnings: check.warnings, files: check.files, ..config })
        }
        _ => Err(check.mistakes),
    }
}

struct Check<'a> {
    file: &'a Path,
    text: &'a str,
    dir: PathBuf,
    /// What is in the files that were looked at.
    files: FileDigests,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl Check<'_> {
    fn config(&mut self, raw: RawConfig) -> Option<Config> {
        let listen = self.listen(&raw.listen);
        let tls = raw.tls.map(|tls| self.tls(&tls));
        self.duplicates("connection", raw.connections.iter().map(|c| &c.name));
        self.duplicates("role", raw.roles.iter().map(|r| &r.name));
        let kept_paths = self.kept_paths(&raw.vault);
        let vault = self.vault(raw.vault);
        let connections: Vec<_> = raw
            .connections
            .into_iter()
            .filter_map(|raw| self.connection(raw, vault.server.as_ref()))
            .collect();
        self.http_without_a_place(listen.as_ref(), &connections);
        self.blind_alleys(listen.as_ref(), &connections);
        self.members(&connections);
        self.nothing_configured(&connections, &raw.roles);
        let names: Vec<&str> = connections.iter().map(|c| c.name.as_str()).collect();
        self.duplicates("issuer", raw.issuers.iter().map(|issuer| &issuer.name));
        self.duplicates("issuer", raw.issuers.iter().map(|issuer| &issuer.url));
        let issuers: Vec<_> = raw.issuers.into_iter().map(|raw| self.issuer(raw)).collect();
        let role_names = raw.roles.iter().map(|role| role.name.get_ref().clone()).collect();
        let roles = raw.roles.into_iter().map(|role| self.role(role, &names, &issuers)).collect();
        let labels = connections.iter().map(|c| (c.name.clone(), c.labels.clone())).collect();
        let policies = raw.policies.files.iter().map(|path| self.policy_file(path)).collect();
        let trusted_keys = self.keys(raw.policies.trusted_keys.as_ref());
        // As JSON a byte takes up to six, and what exceeds an event's limit is not recorded at all.
        let result_limit =
            self.number(raw.record.result_limit.as_ref(), 64 << 10, 0..=32 << 20, "bytes");
        let limits = self.limits(&raw.limits);
        let kept_commands = self.kept_commands(&raw.mcp);
        Some(Config {
            file: self.file.to_owned(),
            hash: sha256(self.text.as_bytes()),
            files: FileDigests::default(),
            data_dir: self.dir.join(raw.data_dir),
            listen: listen?,
            tls,
            // Two roles of one name have been told already.
            roles: Roles::new(roles).ok()?.with_labels(labels),
            role_names,
            issuers,
            connections,
            policies,
            trusted_keys,
            record: Record { durability: raw.record.durability, result_limit },
            limits,
            vault,
            kept_commands,
            kept_paths,
            warnings: vec![],
        })
    }

    fn keys(&mut self, raw: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<PublicKey> {
        if let Some(raw) = raw.filter(|raw| raw.get_ref().is_empty()) {
            let problem = "`trusted_keys` is empty: it would trust nobody, or everybody".into();
            self.mistake(Some(raw), problem, "list a key, or leave it out to trust every plugin");
        }
        let keys = raw.into_iter().flat_map(|raw| raw.get_ref());
        keys.filter_map(|key| self.key(key)).collect()
    }

    fn key(&mut self, raw: &Spanned<String>) -> Option<PublicKey> {
        let key = PublicKey::parse(raw.get_ref());
        if let Err(error) = &key {
            let problem = format!("`{}` is no public key", raw.get_ref().escape_debug());
            self.mistake(Some(raw), problem, &error.to_string());
        }
        key.ok()
    }

    fn listen(&mut self, raw: &RawListen) -> Option<Listen> {
        let postgres = self.address(raw.postgres.as_ref(), 6432);
        let admin = self.address(raw.admin.as_ref(), 6480);
        let http = raw.http.as_ref().map(|http| self.address(Some(http), 0));
        let http_proxy = raw.http_proxy.as_ref().map(|it| self.address(Some(it), 0));
        let ca = self.authority(raw);
        let (postgres, admin) = (postgres?, admin?);
        let (http, http_proxy) = (optional(http)?, optional(http_proxy)?);
        let insecure = raw.insecure.as_ref().is_some_and(|insecure| *insecure.get_ref());
        self.same_address(&[
            ("postgres", Some(postgres), &raw.postgres),
            ("http", http, &raw.http),
            ("http_proxy", http_proxy, &raw.http_proxy),
            ("admin", Some(admin), &raw.admin),
        ]);
        let exposed = [Some(postgres), http, http_proxy].into_iter().flatten();
        if insecure && exposed.into_iter().any(|address| !address.ip().is_loopback()) {
            let problem = "tokens travel in clear text over the network".into();
            self.warning(raw.insecure.as_ref(), problem, "remove `insecure`");
        }
        let http_domain = raw.http_domain.as_ref().map(|domain| self.domain(domain));
        Some(Listen {
            postgres,
            admin,
            http,
            http_proxy,
            ca,
            http_domain,
            http_origins: raw.http_origins.iter().map(|it| it.get_ref().clone()).collect(),
            insecure,
            postgres_login: raw.postgres_login,
        })
    }

    fn same_address(&mut self, places: &[(&str, Option<SocketAddr>, Written<'_>)]) {
        let mut taken: Vec<(&str, SocketAddr, Written<'_>)> = vec![];
        for (name, address, at) in places {
            let Some(address) = address.filter(|address| address.port() != 0) else { continue };
            if let Some((other, _, before)) = taken.iter().find(|(_, it, _)| *it == address) {
                let problem = format!("`{other}` and `{name}` have the same address");
                let at = at.as_ref().or(before.as_ref());
                self.mistake(at, problem, "give each its own port");
            }
            taken.push((name, address, at));
        }
    }

    fn domain(&mut self, raw: &Spanned<String>) -> String {
        let domain = raw.get_ref().to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let is_name = !domain.is_empty() && domain.bytes().all(fits);
        if !is_name || domain.starts_with('.') || domain.ends_with('.') {
            let problem = format!("`{}` is no domain", raw.get_ref().escape_debug());
            let fix = "write the name that connections' hosts end in: gateway.example";
            self.mistake(Some(raw), problem, fix);
        }
        domain
    }

    fn tls(&mut self, raw: &RawTls) -> TlsFiles {
        let before = self.mistakes.len();
        let files = TlsFiles {
            certificate: self.existing("certificate", &raw.certificate),
            key: self.existing("key", &raw.key),
        };
        if self.mistakes.len() == before
            && let Err(error) = crate::tls::load(&files)
        {
            let fix = "give a certificate and its own key, both as PEM";
            self.mistake(Some(&raw.certificate), error.to_string(), fix);
        }
        files
    }

    fn address(&mut self, raw: Option<&Spanned<String>>, port: u16) -> Option<SocketAddr> {
        let Some(raw) = raw else {
            return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        };
        let text = raw.get_ref().replace("localhost:", "127.0.0.1:");
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let problem = format!("`{}` is no address to listen on", raw.get_ref().escape_debug());
        self.mistake(Some(raw), problem, "write an IP address and a port: 127.0.0.1:6432");
        None
    }

    fn nothing_configured(&mut self, connections: &[Connection], roles: &[RawRole]) {
        let mut warn = |missing: &str| {
            let problem = format!("there is no [[{missing}]]: nobody can use this gateway");
            let file = self.file.to_owned();
            self.warnings.push(Mistake { file, line: None, problem, fix: String::new() });
        };
        if connections.is_empty() {
            warn("connection");
        }
        if roles.is_empty() {
            warn("role");
        }
    }

    fn duplicates<'s>(&mut self, what: &str, names: impl Iterator<Item = &'s Spanned<String>>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.get_ref()) {
                let problem =
                    format!("a second {what} has the name `{}`", name.get_ref().escape_debug());
                self.mistake(Some(name), problem, "give each its own name");
            }
        }
    }

    fn limits(&mut self, raw: &RawLimits) -> Limits {
        let mut seconds = |value: &Option<Spanned<i64>>, default| {
            Duration::from_secs(self.number(value.as_ref(), default, 1..=600, "seconds") as u64)
        };
        let login = seconds(&raw.login_seconds, 30);
        let dial = seconds(&raw.dial_seconds, 15);
        let stalled = self.number(raw.stalled_seconds.as_ref(), 600, 1..=86_400, "seconds");
        let answer = self.number(raw.answer_seconds.as_ref(), 600, 1..=86_400, "seconds");
        let frame_bytes =
            self.number(raw.frame_bytes.as_ref(), 64 << 20, 1 << 16..=1 << 30, "bytes");
        let memory = self.number(raw.plugin_memory_mib.as_ref(), 64, 1..=1024, "MiB");
        let time = self.number(raw.plugin_time_ms.as_ref(), 10, 1..=10_000, "milliseconds");
        let max_sessions = self.number(raw.max_sessions.as_ref(), 1000, 1..=1_000_000, "sessions");
        let twice = max_sessions.saturating_mul(2);
        let max_connections =
            self.number(raw.max_connections.as_ref(), twice, 1..=2_000_000, "connections");
        let logins = self.number(raw.max_logins.as_ref(), 512, 1..=100_000, "logins");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let failures = self.number(raw.login_failures.as_ref(), 20, 1..=1_000_000, "failures");
        Limits {
            frame_bytes: u32::try_from(frame_bytes).unwrap_or(u32::MAX),
            login,
            dial,
            stalled: Duration::from_secs(u64::try_from(stalled).unwrap_or(600)),
            max_sessions,
            max_connections,
            // Half of all places are for those who are in.
            max_logins: logins.min(max_connections.div_ceil(2)),
            login_failures: u32::try_from(failures).unwrap_or(u32::MAX),
            plugin_time: Duration::from_millis(time as u64),
            plugin_memory: memory << 20,
            body_bytes: self.number(raw.body_bytes.as_ref(), 1 << 20, 1 << 10..=1 << 28, "bytes"),
            response_bytes: self.number(
                raw.response_bytes.as_ref(),
                8 << 20,
                1 << 10..=1 << 28,
                "bytes",
            ),
            idle: Duration::from_secs(self.number(
                raw.idle_seconds.as_ref(),
                300,
                1..=86_400,
                "seconds",
            ) as u64),
            answer: Duration::from_secs(u64::try_from(answer).unwrap_or(600)),
            threads: self.number(raw.threads.as_ref(), cores, 1..=1024, "threads"),
        }
    }

    fn number(
        &mut self,
        value: Option<&Spanned<i64>>,
        default: usize,
        range: RangeInclusive<usize>,
        unit: &str,
    ) -> usize {
        let Some(value) = value else { return default };
        match usize::try_from(*value.get_ref()) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let problem = format!("{} {unit} is out of range", value.get_ref());
                let fix = format!("write {} to {} {unit}", range.start(), range.end());
                self.mistake(Some(value), problem, &fix);
                default
            }
        }
    }

    /// A path, whole; a mistake where no file is there. What is in it is part of the configuration.
    fn existing(&mut self, what: &str, path: &Spanned<PathBuf>) -> PathBuf {
        let whole = self.dir.join(path.get_ref());
        let read = self.files.add(&whole);
        self.readable(what, path, &whole, read);
        whole
    }

    /// The same of a policy file, which whoever puts policies in force reads and compares.
    fn policy_file(&mut self, path: &Spanned<PathBuf>) -> PathBuf {
        let whole = self.dir.join(path.get_ref());
        let opened = open_regular(&whole).map(drop);
        self.readable("policy file", path, &whole, opened);
        whole
    }

    fn readable(
        &mut self,
        what: &str,
        path: &Spanned<PathBuf>,
        whole: &Path,
        read: std::io::Result<()>,
    ) {
        if let Err(error) = read {
            let problem = format!("cannot read the {what} {}: {error}", whole.display());
            self.mistake(Some(path), problem, "paths are relative to the configuration's folder");
        }
    }

    fn mistake<T>(&mut self, place: Option<&Spanned<T>>, problem: String, fix: &str) {
        let offset = place.map_or(0, |place| place.span().start);
        let mistake = self.at(offset, problem, fix.to_owned());
        self.mistakes.push(mistake);
    }

    fn warning<T>(&mut self, place: Option<&Spanned<T>>, problem: String, fix: &str) {
        let offset = place.map_or(0, |place| place.span().start);
        let warning = self.at(offset, problem, fix.to_owned());
        self.warnings.push(warning);
    }

    fn at(&self, offset: usize, problem: String, fix: String) -> Mistake {
        let line = Some(line_of(self.text, offset));
        Mistake { file: self.file.to_owned(), line, problem, fix }
    }
}

/// An address as it is written, where it is.
type Written<'a> = &'a Option<Spanned<String>>;

/// What may be left out, and is a mistake where it is there and none.
fn optional<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    given.map_or(Some(None), |it| it.map(Some))
}

#[cfg(test)]
mod tests;
