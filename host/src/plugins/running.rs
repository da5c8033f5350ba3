//! The policies of a running gateway, and their exchange: always the whole set at once.
//!
//! A change is prepared apart from what serves, recorded, kept, and only then in force; whatever fails on the way leaves
//! everything as it was.

mod pending;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_policy::{Gate, Mistake, Placed, Policy, PolicyCounts};
use palisade_wasm::{CompiledPlugin, PluginHost, WasmPolicy};
use serde_json::Value;

use super::files::sha256;
use super::history::{self, Choice, History};
use super::listing::{list, show};
use super::{InForce, Origin, PublicKey, call_limits, prepare, schema, unknown_connections, word};
use crate::changes::{Changes, ITSELF, Member, PolicyChange};
use crate::clock;
use crate::config::{Config, Limits};

pub use self::pending::Pending;

/// The policies of a running gateway.
#[derive(Debug)]
pub struct Plugins {
    host: PluginHost,
    data_dir: PathBuf,
    limits: Limits,
    trusted: Vec<PublicKey>,
    gate: Arc<Gate>,
    changes: Changes,
    /// Held for as long as a change takes, so that changes come one after another; the last version that is on record.
    changing: Mutex<u64>,
    in_force: Mutex<Vec<InForce>>,
}

/// A change that somebody asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// `start`, `load`, `unload`, `rollback` or `reload`.
    change: &'static str,
    /// The policy that it is about; all where left out.
    policy: Option<&'a str>,
    by: &'a str,
}

impl Asked<'_> {
    /// What nobody asked for: the start, and files that changed.
    const fn itself(change: &'static str) -> Self {
        Self { change, policy: None, by: ITSELF }
    }
}

/// A plugin, and how it was come by.
struct Chosen {
    plugin: Arc<CompiledPlugin>,
    origin: Origin,
    signed_by: Option<PublicKey>,
}

impl Plugins {
    /// Puts prepared policies in force.
    ///
    /// # Errors
    /// When that cannot be recorded.
    pub fn start(
        host: PluginHost,
        config: &Config,
        gate: Arc<Gate>,
        changes: Changes,
        in_force: Vec<InForce>,
    ) -> Result<Self, String> {
        let plugins = Self {
            host,
            data_dir: config.data_dir.clone(),
            limits: config.limits,
            trusted: config.trusted_keys.clone(),
            gate,
            changes,
            changing: Mutex::default(),
            in_force: Mutex::default(),
        };
        plugins.put_in_force(&mut plugins.changing(), Asked::itself("start"), in_force)?;
        Ok(plugins)
    }

    /// What is in force, in order, as it is shown.
    pub fn list(&self) -> Vec<Value> {
        list(&self.in_force())
    }

    /// What the policies in force name that is none of these connections, which looks wrong.
    pub fn unknown_connections(&self, connections: &[String]) -> Vec<Mistake> {
        unknown_connections(&self.in_force(), connections)
    }

    /// What is counted of each policy; those of one name together.
    pub fn counts(&self) -> BTreeMap<String, PolicyCounts> {
        let mut counts: BTreeMap<String, PolicyCounts> = BTreeMap::new();
        let in_force = self.in_force();
        for (index, one) in in_force.iter().enumerate() {
            // Twins that a reload found alike share what they remember.
            if in_force.iter().take(index).any(|it| Arc::ptr_eq(&it.memory, &one.memory)) {
                continue;
            }
            let sum = counts.entry(one.name.clone()).or_default();
            *sum = *sum + one.memory.counts();
        }
        counts
    }

    /// Puts a plugin's file in the place of the plugin that runs under `name` (the plugin's own name where left out),
    /// everywhere at once and with the configuration that is there, from each session's next command on.
    /// Compiles, and so takes a while. Gives what is now in force under the name.
    ///
    /// # Errors
    /// Why the file is rejected; everything is then as before.
    pub fn load(&self, name: Option<&str>, file: &[u8], by: &str) -> Result<Vec<Value>, String> {
        let mut changing = self.changing();
        let loaded = self.loaded(&mut changing, name, file, by);
        self.note_refusal(Asked { change: "load", policy: name, by }, loaded)
    }

    fn loaded(
        &self,
        version: &mut u64,
        name: Option<&str>,
        file: &[u8],
        by: &str,
    ) -> Result<Vec<Value>, String> {
        let origin = Origin::Loaded { by: by.to_owned() };
        let signed_by = prepare::signer(&origin, file, &self.trusted)?;
        let plugin = self.host.compile(file).map_err(|error| error.to_string())?;
        let name = name.unwrap_or(&plugin.manifest().name).to_owned();
        self.check_name(&name)?;
        let history = self.history(&name)?.then(choice(Some(sha256(file)), by));
        let new = self.with(&name, |_| {
            let (plugin, origin) = (Arc::clone(&plugin), origin.clone());
            Ok(Chosen { plugin, origin, signed_by })
        })?;
        let kept = history::keep_file(&self.data_dir, file);
        kept.map_err(|error| format!("the file cannot be kept: {error:#}"))?;
        let asked = Asked { change: "load", policy: Some(&name), by };
        self.choose_this(version, asked, &history, new)
    }

    /// Takes what was loaded under `name` out again: the policy file's own plugin comes back.
    ///
    /// # Errors
    /// Why not; everything is then as before.
    pub fn unload(&self, name: &str, by: &str) -> Result<Vec<Value>, String> {
        let mut changing = self.changing();
        let asked = Asked { change: "unload", policy: Some(name), by };
        let unloaded = self.check_name(name).and_then(|()| {
            let history = self.history(name)?;
            if history.now.hash.is_none() {
                return Err(format!(
                    "nothing is loaded as `{name}`: it runs what its policy file names"
                ));
            }
            self.choose(&mut changing, asked, name, &history.then(choice(None, by)))
        });
        self.note_refusal(asked, unloaded)
    }

    /// Undoes the latest load or unload under `name`.
    ///
    /// # Errors
    /// Why not; everything is then as before.
    pub fn rollback(&self, name: &str, by: &str) -> Result<Vec<Value>, String> {
        let mut changing = self.changing();
        let asked = Asked { change: "rollback", policy: Some(name), by };
        let back = self.check_name(name).and_then(|()| {
            let before = self.history(name)?.back();
            let before = before.ok_or_else(|| {
                format!(
                    "there is nothing to go back to: no (more) change of `{name}` is remembered"
                )
            })?;
            self.choose(&mut changing, asked, name, &before)
        });
        self.note_refusal(asked, back)
    }

    /// Puts what a history says in force under a name.
    fn choose(
        &self,
        version: &mut u64,
        asked: Asked<'_>,
        name: &str,
        history: &History,
    ) -> Result<Vec<Value>, String> {
        let new = self.with(name, |place| self.chosen(&history.now, place))?;
        self.choose_this(version, asked, history, new)
    }

    /// Records a choice, keeps it, and puts it in force. Gives what then runs under the name.
    fn choose_this(
        &self,
        version: &mut u64,
        asked: Asked<'_>,
        history: &History,
        new: Vec<InForce>,
    ) -> Result<Vec<Value>, String> {
        let name = asked.policy.unwrap_or_default();
        *version = self.record(asked, &new, *version + 1, None)?;
        // Should this fail, the version is on record and was never in force; the refusal that follows says so.
        let kept = history::keep(&self.data_dir, name, history);
        kept.map_err(|error| {
            format!("version {version} is not in force, its choice cannot be kept: {error:#}")
        })?;
        self.swap(*version, new);
        tracing::info!(asked.change, policy = name, asked.by, "the policies changed");
        let in_force = self.in_force();
        Ok(in_force.iter().filter(|one| one.name == name).map(|one| show(name, one)).collect())
    }

    /// The set in force with another plugin under a name.
    fn with(
        &self,
        name: &str,
        choose: impl Fn(&InForce) -> Result<Chosen, String>,
    ) -> Result<Vec<InForce>, String> {
        let mut new = self.in_force().clone();
        for one in new.iter_mut().filter(|one| one.name == name) {
            let Chosen { plugin, origin, signed_by } = choose(one)?;
            one.policy = self.configure(&plugin, one)?;
            (one.plugin, one.origin, one.signed_by) = (plugin, origin, signed_by);
            (one.memory, one.since) = (Arc::default(), clock::rfc3339(clock::now_micros()));
        }
        Ok(new)
    }

    /// The plugin that is chosen for a policy.
    fn chosen(&self, choice: &Choice, place: &InForce) -> Result<Chosen, String> {
        let (origin, file) = match &choice.hash {
            Some(hash) => {
                let file = history::file(&self.data_dir, hash);
                let by = choice.by.clone();
                (Origin::Loaded { by }, file.map_err(|error| format!("{error:#}"))?.into())
            }
            None => prepare::source(&place.used).map_err(|mistakes| {
                mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            })?,
        };
        let signed_by = prepare::signer(&origin, &file, &self.trusted)?;
        let plugin = self.host.compile(&file).map_err(|error| error.to_string())?;
        Ok(Chosen { plugin, origin, signed_by })
    }

    fn configure(
        &self,
        plugin: &Arc<CompiledPlugin>,
        old: &InForce,
    ) -> Result<Arc<WasmPolicy>, String> {
        let place = format!("{}:{}", old.used.file.display(), old.used.config_line);
        let misfits = schema::misfits(&plugin.manifest().config_schema, &old.used.config);
        if !misfits.is_empty() {
            let mut reason = format!("its schema does not allow the configuration at {place}");
            for misfit in misfits {
                let _infallible = write!(reason, "; {}: {}", misfit.pointer, misfit.unquoted);
            }
            return Err(reason);
        }
        let policy = plugin.configure(
            &old.name,
            &old.used.config.to_string(),
            call_limits(&self.limits, &old.used),
            &old.used.grants,
        );
        let policy = policy.map(|policy| Arc::new(policy.counting_as(old.policy.counts_as())));
        policy.map_err(|error| format!("{error} (the configuration is at {place})"))
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        let in_force = self.in_force();
        let names: Vec<&str> = in_force.iter().map(|one| one.name.as_str()).collect();
        if names.contains(&name) {
            return Ok(());
        }
        Err(format!(
            "no policy file puts a policy called `{}` in force; there are: {}",
            name.escape_debug(),
            if names.is_empty() { "none".to_owned() } else { names.join(", ") },
        ))
    }

    fn history(&self, name: &str) -> Result<History, String> {
        history::of(&self.data_dir, name).map_err(|error| format!("{error:#}"))
    }

    /// Records a whole set, and puts it in force.
    fn put_in_force(
        &self,
        version: &mut u64,
        asked: Asked<'_>,
        new: Vec<InForce>,
    ) -> Result<(), String> {
        *version = self.record(asked, &new, *version + 1, None)?;
        self.swap(*version, new);
        Ok(())
    }

    fn swap(&self, version: u64, new: Vec<InForce>) {
        let mut in_force = self.in_force();
        self.gate.install_as(version, placed(&new));
        *in_force = new;
    }

    /// Records a change: before it is in force, so that nothing is in force that is not in the record. Gives the version.
    fn record(
        &self,
        asked: Asked<'_>,
        set: &[InForce],
        policies: u64,
        problem: Option<&str>,
    ) -> Result<u64, String> {
        let Asked { change, policy, by } = asked;
        let member = |one: &InForce| Member {
            name: one.name.clone(),
            hash: one.plugin.hash().to_owned(),
            mode: word(one.used.mode),
        };
        let set = set.iter().map(member).collect();
        self.changes.put(&PolicyChange { change, policy, by, policies, problem, set })?;
        Ok(policies)
    }

    fn note_refusal<T>(&self, asked: Asked<'_>, outcome: Result<T, String>) -> Result<T, String> {
        outcome.map_err(|reason| self.refused(asked, reason))
    }

    /// Records that a change was refused; gives back why.
    fn refused(&self, asked: Asked<'_>, reason: String) -> String {
        let Asked { change, policy, by } = asked;
        tracing::warn!(change, policy, by, reason, "a change of the policies was refused");
        let in_force = self.in_force().clone();
        let now = self.gate.policies().version;
        if let Err(problem) = self.record(asked, &in_force, now, Some(&reason)) {
            tracing::error!(problem, "a refused change is not in the record");
        }
        reason
    }

    fn in_force(&self) -> MutexGuard<'_, Vec<InForce>> {
        // It is replaced as a whole: a panic elsewhere does not make it wrong.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, u64> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn choice(hash: Option<String>, by: &str) -> Choice {
    Choice { hash, since: clock::rfc3339(clock::now_micros()), by: by.to_owned() }
}

fn placed(in_force: &[InForce]) -> Vec<Placed> {
    let place = |one: &InForce| Placed {
        policy: Arc::clone(&one.policy) as Arc<dyn Policy>,
        mode: one.used.mode,
        scope: one.used.scope.clone(),
        memory: Arc::clone(&one.memory),
    };
    in_force.iter().map(place).collect()
}
