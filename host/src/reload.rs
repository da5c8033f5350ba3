//! The configuration, read anew while the gateway runs: taken up as a whole, or not at all.
//!
//! What sessions are judged and let in by can change so; where the gateway listens, what it keeps and how much of it there
//! is needs a restart. Open sessions go by what is new from their next command on.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::changes::ConfigurationChange;
use crate::config::Config;
use crate::connections::Prepared;
use crate::gateway::Gateway;
use crate::plugins::Pending;
use crate::settings::Settings;
use crate::tls::Renewed;

/// Everything that a configuration needs before it can be in force.
struct Ready {
    settings: Arc<Settings>,
    connections: Prepared,
    shown: Renewed,
}

impl Gateway {
    /// Reads the configuration, the policy files and the plugins' files anew, and puts them in force. Says what came of it,
    /// or `None` where everything is as it was.
    ///
    /// # Errors
    /// Why they cannot be put in force; everything is then as before, and that is in the record.
    pub fn reload(&self, by: &str) -> Result<Option<Value>, String> {
        let _alone = self.reloading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.reloaded(by).inspect_err(|reason| {
            tracing::warn!(by, reason, "a change of the configuration was refused");
            let change =
                ConfigurationChange { change: "reload", by, hash: "", problem: Some(reason) };
            if let Err(problem) = self.changes.put(&change) {
                tracing::error!(problem, "a refused change is not in the record");
            }
        })
    }

    fn reloaded(&self, by: &str) -> Result<Option<Value>, String> {
        let before = self.settings.load_full();
        let ready = self.ready(&before)?;
        let config = &ready.settings.config;
        let changed = !config.is_same(&before.config) || ready.connections.renews();
        let policies = self.plugins.prepare_reload(config, &self.harmless_functions, by)?;
        if !policies.changes() && !changed {
            return Ok(None);
        }
        let mut warnings = policies.warnings.clone();
        let over = self.put_in_force(policies, changed.then_some(ready), by)?;
        let config = &self.settings.load().config;
        let connections = self.connections.names();
        warnings.extend(config.warnings.iter().cloned());
        warnings.extend(self.plugins.unknown_connections(&connections));
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        tracing::info!(by, hash = config.hash, over, "the configuration changed with its files");
        Ok(Some(json!({
            "id": config.hash,
            "changed": changed,
            "policies_version": self.gate.policies().version,
            "connections": connections.len(),
            "roles": config.role_names.len(),
            "issuers": config.issuers.len(),
            "sessions_ended": over,
            "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })))
    }

    fn ready(&self, before: &Settings) -> Result<Ready, String> {
        let said = |error: anyhow::Error| format!("{error:#}");
        let config = Config::read(&before.config.file).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            texts.join("; ")
        })?;
        let mut fixed = config.differs_where_fixed(&before.config);
        let key = config.vault.master_key.as_ref();
        if key != before.config.vault.master_key.as_ref() && !self.connections.seals_by(key) {
            fixed.push("[vault] master_key, unless `palisade vault rotate` goes before");
        }
        if !fixed.is_empty() {
            return Err(format!("what changed needs a restart: {}", fixed.join(", ")));
        }
        let connections = self.connections.prepare(&config).map_err(said)?;
        let shown = Renewed::of(&config, &before.config).map_err(said)?;
        let settings = Settings::new(config, &self.key, Some(before)).map_err(said)?;
        Ok(Ready { settings, connections, shown })
    }

    /// First does all that can fail, and then puts everything in force. Gives how many sessions end by it.
    fn put_in_force(
        &self,
        mut policies: Pending<'_>,
        ready: Option<Ready>,
        by: &str,
    ) -> Result<usize, String> {
        let begun = ready.map(|Ready { settings, connections, shown }| {
            let following = self.connections.begin(connections);
            let following = following.map_err(|error| format!("{error:#}"))?;
            let hash = &settings.config.hash;
            let change = ConfigurationChange { change: "reload", by, hash, problem: None };
            // Should the policies not come on record after this, the refusal that follows says so.
            self.changes.put(&change)?;
            Ok::<_, String>((settings, following, shown))
        });
        let begun = begun.transpose()?;
        policies.record()?;
        policies.swap();
        Ok(begun.map_or(0, |(settings, following, shown)| {
            following.put(|| self.settings.store(settings));
            self.shown.renew(shown);
            self.look_again()
        }))
    }
}
