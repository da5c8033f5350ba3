//! Reads the policy files, compiles what they name and configures it; finds every mistake on the way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use palisade_policy::{Mistake, Mode, PolicyFile, Use};
use palisade_wasm::{CompiledPlugin, PluginHost};

use super::files::sha256;
use super::scope::unknown;
use super::signature::Signature;
use super::{InForce, Origin, PublicKey, bundled, call_limits, history, schema, signature};
use crate::clock;
use crate::config::{Config, PROTOCOLS, nearest, unknown_policy_keys};

/// Policies that are ready to be put in force.
#[derive(Debug)]
pub struct Prepared {
    /// In the order of the policy files.
    pub in_force: Vec<InForce>,
    /// Functions that the policy files vouch for, as `schema.name`.
    pub harmless_functions: Vec<String>,
    /// What is allowed and still looks wrong, but for [`unknown_connections`](super::unknown_connections).
    pub warnings: Vec<Mistake>,
}

/// A plugin to be tried in the place of the policy of a name.
#[derive(Debug)]
pub struct Candidate {
    /// The plugin.
    pub plugin: Arc<CompiledPlugin>,
    /// The policy's name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
}

/// Reads, compiles and configures everything that the configuration's policy files name.
///
/// # Errors
/// Every mistake that can be told without the others mended.
pub fn prepare(config: &Config, host: &PluginHost) -> Result<Prepared, Vec<Mistake>> {
    prepare_with(config, host, None)
}

/// The same, for a gateway that records what is wrong: no mistake quotes a value of a configuration.
///
/// # Errors
/// As for [`prepare`].
pub(super) fn prepare_unquoted(
    config: &Config,
    host: &PluginHost,
) -> Result<Prepared, Vec<Mistake>> {
    prepare_all(config, host, None, false)
}

/// The same with another plugin in the place of one policy; where no policy has its name it comes after all others, with
/// an empty configuration.
///
/// # Errors
/// As for [`prepare`].
pub fn prepare_with(
    config: &Config,
    host: &PluginHost,
    candidate: Option<&Candidate>,
) -> Result<Prepared, Vec<Mistake>> {
    prepare_all(config, host, candidate, true)
}

fn prepare_all(
    config: &Config,
    host: &PluginHost,
    candidate: Option<&Candidate>,
    quotes: bool,
) -> Result<Prepared, Vec<Mistake>> {
    let mut work = Work {
        candidate,
        quotes,
        config,
        host,
        compiled: HashMap::new(),
        in_force: vec![],
        harmless_functions: vec![],
        mistakes: vec![],
        warnings: vec![],
    };
    for file in &config.policies {
        work.file(file);
    }
    work.add_candidate();
    if work.mistakes.is_empty() {
        Ok(Prepared {
            in_force: work.in_force,
            harmless_functions: work.harmless_functions,
            warnings: work.warnings,
        })
    } else {
        Err(work.mistakes)
    }
}

struct Work<'a> {
    candidate: Option<&'a Candidate>,
    /// Whether mistakes quote values.
    quotes: bool,
    config: &'a Config,
    host: &'a PluginHost,
    /// By the file's hash.
    compiled: HashMap<String, Result<Arc<CompiledPlugin>, String>>,
    in_force: Vec<InForce>,
    harmless_functions: Vec<String>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

/// A policy's plugin, and how it was come by.
struct Found {
    name: String,
    plugin: Arc<CompiledPlugin>,
    origin: Origin,
    signed_by: Option<PublicKey>,
    since: String,
}

impl Work<'_> {
    fn file(&mut self, file: &Path) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("cannot be read: {error}");
                let fix = "mend `files` in [policies]".into();
                self.mistakes.push(Mistake { file: file.to_owned(), line: None, problem, fix });
                return;
            }
        };
        let unknown = unknown_policy_keys(file, &text);
        if !unknown.is_empty() {
            self.mistakes.extend(unknown);
            return;
        }
        match PolicyFile::parse(file, &text) {
            Err(mistake) => self.mistakes.push(mistake),
            Ok(policies) => {
                self.harmless_functions.extend(policies.harmless_functions);
                for (index, used) in policies.uses.into_iter().enumerate() {
                    if let Err(mistakes) = self.used(used, index, &text) {
                        self.mistakes.extend(mistakes);
                    }
                }
            }
        }
    }

    fn used(&mut self, used: Use, index: usize, text: &str) -> Result<(), Vec<Mistake>> {
        if let Some(candidate) = self.candidate.filter(|it| Some(&it.name) == used.name.as_ref()) {
            return self.try_candidate(candidate, used, index, text);
        }
        let (mut origin, bytes) = source(&used)?;
        let mut signed_by = self.signer(&used, &origin, &bytes)?;
        let mut plugin = self.compile(&used, &bytes)?;
        let name = used.name.clone().unwrap_or_else(|| plugin.manifest().name.clone());
        if let Some(candidate) = self.candidate.filter(|candidate| candidate.name == name) {
            return self.try_candidate(candidate, used, index, text);
        }
        if !history::is_keepable(&name) {
            let problem = format!("`{}` cannot be the name of a policy", name.escape_debug());
            let fix = "give it a `name` of letters, digits, - and _";
            return Err(vec![mistake(&used, problem, fix)]);
        }
        let mut since = clock::rfc3339(clock::now_micros());
        if let Some((loaded, bytes)) = self.loaded(&used, &name)? {
            origin = Origin::Loaded { by: loaded.by };
            signed_by = self.signer(&used, &origin, &bytes)?;
            plugin = self.compile(&used, &bytes)?;
            since = loaded.since;
        }
        let one = Found { name, plugin, origin, signed_by, since };
        self.place(one, used, index, text)
    }

    /// Puts a plugin in the place of a policy's own.
    fn try_candidate(
        &mut self,
        candidate: &Candidate,
        used: Use,
        index: usize,
        text: &str,
    ) -> Result<(), Vec<Mistake>> {
        let found = Found {
            name: candidate.name.clone(),
            plugin: Arc::clone(&candidate.plugin),
            origin: Origin::File(candidate.file.clone()),
            signed_by: None,
            since: clock::rfc3339(clock::now_micros()),
        };
        self.place(found, used, index, text)
    }

    /// A candidate that takes no policy's place comes last.
    fn add_candidate(&mut self) {
        let Some(candidate) = self.candidate else { return };
        if self.in_force.iter().any(|one| one.name == candidate.name) {
            return;
        }
        let used = "[[use]]\nplugin = 'candidate'\n";
        let used = PolicyFile::parse(&candidate.file, used).map(|file| file.uses);
        for used in used.unwrap_or_default() {
            if let Err(mistakes) = self.try_candidate(candidate, used, 0, "") {
                self.mistakes.extend(mistakes);
            }
        }
    }

    fn place(
        &mut self,
        found: Found,
        used: Use,
        index: usize,
        text: &str,
    ) -> Result<(), Vec<Mistake>> {
        let Found { name, plugin, origin, signed_by, since } = found;
        self.look_at_scope(&used, &plugin);
        let mut misfits = schema::misfits(&plugin.manifest().config_schema, &used.config);
        if !self.quotes {
            for misfit in &mut misfits {
                misfit.problem.clone_from(&misfit.unquoted);
            }
        }
        if !misfits.is_empty() {
            let place = |misfit| schema::mistake(misfit, &used.file, text, index, used.config_line);
            return Err(misfits.iter().map(place).collect());
        }
        let limits = call_limits(&self.config.limits, &used);
        let policy = plugin.configure(&name, &used.config.to_string(), limits, &used.grants);
        let policy = policy.map_err(|error| {
            let line = Some(used.config_line);
            vec![Mistake { line, ..mistake(&used, error.to_string(), "mend its configuration") }]
        })?;
        let policy = Arc::new(policy.counting_as(&self.counts_as(&name, used.mode)));
        self.in_force.push(InForce {
            name,
            used,
            plugin,
            policy,
            memory: Arc::default(),
            origin,
            signed_by,
            since,
        });
        Ok(())
    }

    /// Whose counters the next policy of this name and mode has. What is only tried must not move those that bind, nor end
    /// their time, so each mode is numbered by itself.
    fn counts_as(&self, name: &str, mode: Mode) -> String {
        let twins = self.in_force.iter().filter(|one| one.name == name && one.used.mode == mode);
        format!("{name} {mode:?} {}", twins.count())
    }

    fn compile(&mut self, used: &Use, bytes: &[u8]) -> Result<Arc<CompiledPlugin>, Vec<Mistake>> {
        let host = self.host;
        let compiled = self
            .compiled
            .entry(sha256(bytes))
            .or_insert_with(|| host.compile(bytes).map_err(|error| error.to_string()));
        compiled.clone().map_err(|problem| vec![mistake(used, problem, "use another build of it")])
    }

    fn loaded(
        &self,
        used: &Use,
        name: &str,
    ) -> Result<Option<(history::Choice, Vec<u8>)>, Vec<Mistake>> {
        let data_dir = &self.config.data_dir;
        let find = || {
            let choice = history::of(data_dir, name)?.now;
            let file = choice.hash.as_deref().map(|hash| history::file(data_dir, hash));
            Ok(file.transpose()?.map(|file| (choice, file)))
        };
        find().map_err(|error: anyhow::Error| {
            let entry = history::entry(data_dir, name);
            let fix = format!("remove {} to go back to the policy file's plugin", entry.display());
            vec![mistake(used, format!("{error:#}"), &fix)]
        })
    }

    fn signer(
        &self,
        used: &Use,
        origin: &Origin,
        file: &[u8],
    ) -> Result<Option<PublicKey>, Vec<Mistake>> {
        signer(origin, file, &self.config.trusted_keys).map_err(|problem| {
            vec![mistake(used, problem, "sign it, or list the key that signed it")]
        })
    }

    /// A policy file may be shared between gateways: a name that this one does not know is no mistake.
    fn look_at_scope(&mut self, used: &Use, plugin: &CompiledPlugin) {
        let roles: Vec<&str> = self.config.role_names.iter().map(String::as_str).collect();
        let scope = &used.scope;
        self.warnings.extend(unknown(used, "protocol", scope.protocols.as_deref(), PROTOCOLS));
        self.warnings.extend(unknown(used, "role", scope.roles.as_deref(), &roles));
        if used.mode == Mode::Observe && !plugin.hooks().guard && !plugin.hooks().mask {
            let problem = "a plugin that only reviews holds does nothing in the mode `observe`";
            self.warnings.push(mistake(used, problem.into(), "enforce it, or leave it out"));
        }
    }
}

/// Who signed a plugin's file. The bundled ones are as good as the binary that they are part of.
///
/// # Errors
/// Why it may not be put in force by those who trust these keys.
pub(super) fn signer(
    origin: &Origin,
    file: &[u8],
    trusted: &[PublicKey],
) -> Result<Option<PublicKey>, String> {
    if *origin == Origin::Bundled {
        return Ok(None);
    }
    let signature = signature::signature(file);
    signature.check(trusted)?;
    match signature {
        Signature::By(key) => Ok(Some(key)),
        Signature::None | Signature::Wrong(_) => Ok(None),
    }
}

/// The policy files and the plugins' files that they name, as far as they can be read.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    let mut files = config.policies.clone();
    for file in &config.policies {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let uses = PolicyFile::parse(file, &text).map(|policies| policies.uses);
        let uses = uses.unwrap_or_default().into_iter();
        files.extend(uses.filter(|used| bundled::find(&used.plugin).is_none()).map(path_of));
    }
    files
}

/// Paths are relative to the policy file.
fn path_of(used: Use) -> PathBuf {
    used.file.parent().unwrap_or(Path::new("")).join(used.plugin)
}

/// Where a plugin's file is, and what is in it.
pub(super) fn source(
    used: &Use,
) -> Result<(Origin, std::borrow::Cow<'static, [u8]>), Vec<Mistake>> {
    let name = used.plugin.as_str();
    if let Some(file) = bundled::find(name) {
        return Ok((Origin::Bundled, file.into()));
    }
    if !name.ends_with(".wasm") && !name.contains('/') {
        let known: Vec<&str> = bundled::names().collect();
        let fix = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "bundled are {}; another plugin is named by the path of its .wasm file",
                known.join(", ")
            ),
        };
        let problem = format!("there is no plugin `{}`", name.escape_debug());
        return Err(vec![mistake(used, problem, &fix)]);
    }
    let path = path_of(used.clone());
    match std::fs::read(&path) {
        Ok(file) => Ok((Origin::File(path), file.into())),
        Err(error) => {
            let problem = format!("cannot read the plugin {}: {error}", path.display());
            Err(vec![mistake(used, problem, "paths are relative to the policy file's folder")])
        }
    }
}

pub(super) fn mistake(used: &Use, problem: String, fix: &str) -> Mistake {
    Mistake { file: used.file.clone(), line: Some(used.line), problem, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests;
