//! The running gateway: everything that the services share, and the answers to its administrators.

mod tokens;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use palisade_admin::{Ask, ExchangeProblem, Problem, Sensitive, SessionFilter, TokenRequest};
use palisade_identity::{Identity, OPERATOR, SigningKey, TokenRefused};
use palisade_policy::Gate;
use palisade_store::{Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::approvals::{Approvals, Listed};
use crate::blocking::blocking;
use crate::changes::Changes;
use crate::clock;
use crate::connections::{Author, Connections, NewConnection, Rotation};
use crate::exchanges;
use crate::holds::{HoldDocument, NotDecided, called};
use crate::journal::read_events;
use crate::mcp::Tools;
use crate::metrics::metrics;
use crate::plugins::Plugins;
use crate::recorded::{self, Place};
use crate::revocations::Revocations;
use crate::sessions::{SessionDocument, Sessions};
use crate::settings::Settings;
use crate::throttle::{Throttle, TooMany};
use crate::tls::Shown;

/// What a session is told whose token was revoked.
pub const REVOKED: &str = "the token was revoked";

/// Where a gateway listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For PostgreSQL clients.
    pub postgres: SocketAddr,
    /// For HTTP clients.
    pub http: Option<SocketAddr>,
    /// For clients of the forward proxy.
    pub http_proxy: Option<SocketAddr>,
    /// For administrators.
    pub admin: SocketAddr,
}

/// Everything that runs.
pub struct Gateway {
    /// What the operator wrote, as it is in force now.
    pub settings: ArcSwap<Settings>,
    /// Where everything is kept.
    pub store: Store,
    /// The sessions that are and were.
    pub sessions: Arc<Sessions>,
    /// The commands that wait.
    pub approvals: Approvals,
    /// The policies in force.
    pub plugins: Plugins,
    /// The tokens that are worth nothing any more.
    pub revocations: Revocations,
    /// Signs the gateway's own tokens.
    pub key: SigningKey,
    /// What was changed in the gateway itself.
    pub changes: Changes,
    /// The configuration is read anew by one at a time.
    pub reloading: Mutex<()>,
    /// Who failed to log in, and how often.
    pub throttle: Throttle,
    /// The same of the admin API: whoever guesses there must not be able to lock the operator out elsewhere, nor the
    /// other way about.
    pub admin_throttle: Throttle,
    /// The systems behind it.
    pub connections: Connections,
    /// What clients are shown by TLS.
    pub shown: Shown,
    /// What was approved of MCP servers' tools.
    pub pins: Tools,
    /// Functions that the policy files vouch for, as `schema.name`.
    pub harmless_functions: Vec<String>,
    /// Where commands meet verdicts.
    pub gate: Arc<Gate>,
    /// Since when it runs, in microseconds.
    pub started_at: u64,
    /// Where it listens.
    pub addresses: Addresses,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Why whoever comes to the admin API is nobody.
pub(crate) enum Nobody {
    /// Too many guesses came from there: the token was not looked at.
    TooMany(TooMany),
    /// The token is not good.
    Refused(TokenRefused),
}

#[async_trait]
impl palisade_admin::Gateway for Gateway {
    type Caller = Identity;

    fn caller(&self, token: &str, client: SocketAddr) -> Result<Identity, Problem> {
        self.identify_at_admin(token, client).map_err(|nobody| match nobody {
            Nobody::TooMany(too_many) => Problem::too_many(too_many.to_string()),
            Nobody::Refused(cause) => {
                tracing::warn!(%cause, %client, "a request to the admin API was refused");
                Problem::unauthorized()
            }
        })
    }

    fn payer(&self, token: &str) -> Option<String> {
        let principal = self.identify_own(token)?.principal;
        Some(format!("{}\n{}", principal.issuer, principal.subject))
    }

    async fn exchange(
        &self,
        client: SocketAddr,
        request: TokenRequest,
    ) -> Result<Value, ExchangeProblem> {
        blocking(|| exchanges::answer(self, client, &request))
    }

    fn may_send_files(&self, caller: &Identity) -> bool {
        self.may_administer(caller)
    }

    async fn answer(&self, caller: &Identity, ask: Ask) -> Result<Value, Problem> {
        if let Ask::TestConnection { name } = &ask {
            self.check_administers(caller)?;
            let limit = self.settings.load().config.limits.dial;
            return self.connections.test(name, limit).await;
        }
        blocking(|| match ask {
            Ask::Status => Ok(self.status(caller)),
            Ask::Metrics => self.shown(caller, || Ok(metrics(self).into())),
            Ask::Sessions { limit, filter } => self.sessions(caller, limit, &filter),
            Ask::Session { id } => Ok(to_value(&self.session(caller, &id)?)),
            Ask::Events { id, from, limit } => self.events(caller, &id, from, limit),
            Ask::Record { session, from, connection } => {
                self.record(caller, &Place { session, from }, connection.as_deref())
            }
            Ask::Holds { all, before } => {
                self.holds(caller, Listed { all, before: before.as_deref() })
            }
            Ask::Hold { id } => self.hold(caller, &id),
            Ask::Decide { id, grant, reason } => self.decide(caller, &id, grant, &reason),
            Ask::Plugins => self.shown(caller, || Ok(self.plugins.list().into())),
            Ask::Connections => self.shown(caller, || Ok(self.connections.list().into())),
            Ask::Connection { name } | Ask::TestConnection { name } => {
                self.shown(caller, || self.connections.show(&name))
            }
            Ask::Reload => self.change(caller, |by| Ok(self.reload(by)?.into_iter().collect())),
            Ask::ConnectionHistory { limit } => {
                self.shown(caller, || Ok(self.connections.history(limit).map_err(failed)?.into()))
            }
            Ask::AddConnection { connection } => self.add_connection(caller, &connection),
            Ask::RotateKey { keys } => self.rotate_key(caller, &keys),
            Ask::RemoveConnection { name } => {
                self.check_administers(caller)?;
                let removed = self.connections.remove(&name, author(caller, &who(caller)))?;
                self.look_again();
                Ok(removed)
            }
            Ask::Pins(ask) => self.shown(caller, || self.pins.answer(&ask, &who(caller))),
            Ask::PluginHistory { limit } => {
                let newest = || self.changes.newest("policies", limit).map_err(failed);
                self.shown(caller, || Ok(newest()?.into()))
            }
            Ask::RevokeTokens { token, subject, issuer } => {
                self.revoke(caller, (token, subject, issuer))
            }
            Ask::Revocations { limit } => self.revocations(caller, limit),
            Ask::Exchanges { limit } => self
                .shown(caller, || Ok(self.changes.newest_exchanges(limit).map_err(failed)?.into())),
            Ask::WhoCan { connection } => self.who_can(caller, &connection),
            Ask::Explain { question } => self.explain(caller, &question),
            Ask::LoadPlugin { name, file } => {
                self.change(caller, |by| self.plugins.load(name.as_deref(), &file, by))
            }
            Ask::UnloadPlugin { name } => self.change(caller, |by| self.plugins.unload(&name, by)),
            Ask::RollBackPlugin { name } => {
                self.change(caller, |by| self.plugins.rollback(&name, by))
            }
        })
    }
}

impl Gateway {
    /// Who a token speaks for. May wait for what its issuer publishes.
    ///
    /// # Errors
    /// The true cause, for the log and never for the client.
    pub fn identify(&self, token: &str) -> Result<Identity, TokenRefused> {
        self.identify_by(&self.settings.load_full(), token)
    }

    /// The same by these settings, for whoever needs to know them.
    ///
    /// # Errors
    /// See [`identify`](Self::identify).
    pub fn identify_by(&self, settings: &Settings, token: &str) -> Result<Identity, TokenRefused> {
        let identity = blocking(|| settings.verify(token))?;
        if self.revocations.cover(&identity) {
            return Err(TokenRefused::Revoked);
        }
        Ok(identity)
    }

    /// Who comes to the admin API with a token. What is not good counts as a guess from that address.
    ///
    /// # Errors
    /// Why it is nobody.
    pub(crate) fn identify_at_admin(
        &self,
        token: &str,
        client: SocketAddr,
    ) -> Result<Identity, Nobody> {
        // Nobody guesses what the gateway signed: whoever has that waits for nobody's guesses.
        if let Some(identity) = self.identify_own(token) {
            return Ok(identity);
        }
        let now = Instant::now();
        self.admin_throttle.check(client, "", now).map_err(Nobody::TooMany)?;
        self.identify(token).map_err(|cause| {
            // The issuer's fault is nobody's guess.
            if !matches!(cause, TokenRefused::KeysUnavailable(_)) {
                self.admin_throttle.failed(client, "", now);
            }
            Nobody::Refused(cause)
        })
    }

    /// Who a token of the gateway's own speaks for, without waiting for anybody. `None` for any other token.
    fn identify_own(&self, token: &str) -> Option<Identity> {
        let identity = self.settings.load().verify_own(token)?;
        (!self.revocations.cover(&identity)).then_some(identity)
    }

    fn status(&self, caller: &Identity) -> Value {
        let mut status = json!({
            "id": "gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": clock::rfc3339(self.started_at),
        });
        if self.may_administer(caller)
            && let Some(status) = status.as_object_mut()
        {
            let config = &self.settings.load().config;
            let more = json!({
                "pid": std::process::id(),
                "config": config.file.display().to_string(),
                "data_dir": config.data_dir.display().to_string(),
                "postgres": self.addresses.postgres.to_string(),
                "http": self.addresses.http.map(|http| http.to_string()),
                "http_proxy": self.addresses.http_proxy.map(|proxy| proxy.to_string()),
                "admin": self.addresses.admin.to_string(),
                "connections": self.connections.names(),
                "policies_version": self.gate.policies().version,
                "verdicts_remembered": self.gate.recalled(),
                "open_sessions": self.sessions.open_count(),
                "open_holds": self.approvals.open_count(),
            });
            status.extend(
                more.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        status
    }

    fn sessions(
        &self,
        caller: &Identity,
        limit: usize,
        filter: &SessionFilter,
    ) -> Result<Value, Problem> {
        if !self.audits_any(caller) {
            return Ok(Value::Array(vec![]));
        }
        let seen = |session: &SessionDocument| self.may_audit(caller, &session.connection);
        let sessions = self.sessions.newest(limit, filter, seen).map_err(failed)?;
        Ok(sessions.iter().map(to_value).collect())
    }

    fn session(&self, caller: &Identity, id: &str) -> Result<SessionDocument, Problem> {
        let session = self.sessions.get(id).map_err(failed)?;
        session
            .filter(|session| self.may_audit(caller, &session.connection))
            .ok_or_else(|| Problem::not_found("there is no such session, or none that you may see"))
    }

    fn events(
        &self,
        caller: &Identity,
        id: &str,
        from: u64,
        limit: usize,
    ) -> Result<Value, Problem> {
        let session = self.session(caller, id)?;
        let id = session.id.parse().map_err(|_| Problem::not_found("there is no such session"))?;
        let mut events = read_events(&self.store, id, from, limit).map_err(failed)?;
        // As of the hold itself: whoever waits for it is not shown what is for those who decide.
        if caller.principal.is_same_person(&session.principal()) {
            events.iter_mut().filter_map(Value::as_object_mut).for_each(|event| {
                event.remove("for_approvers");
            });
        }
        Ok(events.into())
    }

    fn record(
        &self,
        caller: &Identity,
        place: &Place,
        connection: Option<&str>,
    ) -> Result<Value, Problem> {
        if !self.audits_any(caller) {
            return Err(Problem::forbidden("only a role with `audits` may do that"));
        }
        let named = recorded::is_named(connection);
        let seen = |session: &SessionDocument| {
            named(session) && self.may_audit(caller, &session.connection)
        };
        let labels = |name: &str| {
            self.connections.get(name).map(|known| known.server.connection.labels.clone())
        };
        let page = recorded::page((&self.sessions, &self.store), place, seen, labels);
        Ok(to_value(&page.map_err(failed)?))
    }

    fn holds(&self, caller: &Identity, listed: Listed<'_>) -> Result<Value, Problem> {
        let holds = self.approvals.list(listed, |hold| self.sees(caller, hold)).map_err(failed)?;
        Ok(holds.into_iter().map(|hold| to_value(&hold.seen_by(&caller.principal))).collect())
    }

    fn hold(&self, caller: &Identity, id: &str) -> Result<Value, Problem> {
        let hold = self.approvals.get(id).map_err(failed)?.filter(|hold| self.sees(caller, hold));
        let none = || Problem::not_found("there is no such hold, or none that you may see");
        Ok(to_value(&hold.ok_or_else(none)?.seen_by(&caller.principal)))
    }

    fn decide(
        &self,
        caller: &Identity,
        id: &str,
        grant: bool,
        reason: &str,
    ) -> Result<Value, Problem> {
        let settings = self.settings.load_full();
        let roles = &settings.config.roles;
        self.recount(id).map_err(failed)?;
        let decided = self.approvals.decide(id, caller, roles, grant, reason);
        let by = who(caller);
        match decided {
            Ok(hold) => {
                tracing::info!(hold = id, grant, by, "a held command was decided");
                Ok(to_value(&hold))
            }
            Err(refused) => {
                tracing::warn!(hold = id, grant, by, %refused, "a decision was refused");
                Err(match refused {
                    NotDecided::Unknown => Problem::not_found(refused.to_string()),
                    NotDecided::Over(_) | NotDecided::Twice => {
                        Problem::conflict(refused.to_string())
                    }
                    NotDecided::Refused(_) => Problem::forbidden(refused.to_string()),
                    NotDecided::Store(_) => Problem::failed(refused.to_string()),
                })
            }
        }
    }

    /// Whoever decided before must be able to now.
    fn recount(&self, id: &str) -> Result<(), StoreError> {
        let settings = self.settings.load_full();
        let roles = &settings.config.roles;
        self.approvals.recount(id, |hold, by| {
            let mut by = by.clone();
            roles.give(&mut by);
            let known = settings.vouchers(&by).is_some() && !self.revocations.cover(&by);
            let HoldDocument { connection, approvers, .. } = hold;
            known && roles.may_decide(&by, connection, approvers, &hold.requester()).is_ok()
        })
    }

    fn may_audit(&self, caller: &Identity, connection: &str) -> bool {
        self.settings.load().config.roles.may_audit(caller, connection)
    }

    fn audits_any(&self, caller: &Identity) -> bool {
        self.settings.load().config.roles.audits_any(caller)
    }

    /// Those see a hold who may decide it, who may look at its session, and who wait for it: those themselves, and none of
    /// their namesakes.
    fn sees(&self, caller: &Identity, hold: &HoldDocument) -> bool {
        let requester = hold.requester();
        caller.principal.is_surely_same_person(&requester)
            || self.may_audit(caller, &hold.connection)
            || self
                .settings
                .load()
                .config
                .roles
                .may_decide(caller, &hold.connection, &hold.approvers, &requester)
                .is_ok()
    }

    /// What is shown to whoever administers.
    fn shown(
        &self,
        caller: &Identity,
        show: impl FnOnce() -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        show()
    }

    fn change(
        &self,
        caller: &Identity,
        change: impl FnOnce(&str) -> Result<Vec<Value>, String>,
    ) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        change(&who(caller)).map(Value::from).map_err(Problem::refused)
    }

    fn add_connection(&self, caller: &Identity, body: &Sensitive) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        // The error's own text may quote the body.
        let new: NewConnection = serde_json::from_slice(body.expose()).map_err(|error| {
            Problem::bad_request(format!(
                "the body is no connection (column {}): the keys of the configuration's table, but password (the password \
                 itself) or password_from (where it is), secrets, client_certificate, replace",
                error.column()
            ))
        })?;
        let added = self.connections.add(new, author(caller, &who(caller)))?;
        self.look_again();
        Ok(added)
    }

    fn may_administer(&self, caller: &Identity) -> bool {
        self.settings.load().config.roles.may_administer(caller)
    }

    fn rotate_key(&self, caller: &Identity, keys: &[u8]) -> Result<Value, Problem> {
        self.check_administers(caller)?;
        let rotation: Rotation = serde_json::from_slice(keys)
            .map_err(|_| Problem::bad_request("the body must name `new` and `old`"))?;
        self.connections.rotate(&rotation, author(caller, &who(caller)))
    }

    fn check_administers(&self, caller: &Identity) -> Result<(), Problem> {
        if self.may_administer(caller) {
            return Ok(());
        }
        Err(Problem::forbidden("only a role with `administers = true` may do that"))
    }
}

fn author<'a>(caller: &Identity, name: &'a str) -> Author<'a> {
    Author { name, operator: caller.operator }
}

/// A caller's name, for the log.
fn who(caller: &Identity) -> String {
    if caller.operator { OPERATOR.to_owned() } else { called(&caller.principal) }
}

fn to_value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or(Value::Null)
}

fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "the store failed");
    Problem::failed(format!("the store failed: {error}"))
}

#[cfg(test)]
mod tests;
