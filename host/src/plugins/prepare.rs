//! Reads the policy files, compiles what they name and configures it; finds every mistake on the way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use palisade_policy::{Mistake, Mode, PolicyFile, Use};
use palisade_wasm::{CompiledPlugin, PluginHost};

use super::{InForce, Origin, bundled, call_limits, loaded, schema};
use crate::clock;
use crate::config::{Config, PROTOCOLS, nearest, unknown_policy_keys};

/// Policies that are ready to be put in force.
#[derive(Debug)]
pub struct Prepared {
    /// In the order of the policy files.
    pub in_force: Vec<InForce>,
    /// Functions that the policy files vouch for, as `schema.name`.
    pub harmless_functions: Vec<String>,
    /// What is allowed and still looks wrong.
    pub warnings: Vec<Mistake>,
}

/// Reads, compiles and configures everything that the configuration's policy files name.
///
/// # Errors
/// Every mistake that can be told without the others mended.
pub fn prepare(config: &Config, host: &PluginHost) -> Result<Prepared, Vec<Mistake>> {
    let mut work = Work {
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
    config: &'a Config,
    host: &'a PluginHost,
    /// By the file's hash.
    compiled: HashMap<String, Result<Arc<CompiledPlugin>, String>>,
    in_force: Vec<InForce>,
    harmless_functions: Vec<String>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
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
        let (mut origin, bytes) = source(&used)?;
        let mut plugin = self.compile(&used, &bytes)?;
        let name = used.name.clone().unwrap_or_else(|| plugin.manifest().name.clone());
        if !loaded::is_keepable(&name) {
            let problem = format!("`{}` cannot be the name of a policy", name.escape_debug());
            let fix = "give it a `name` of letters, digits, - and _";
            return Err(vec![mistake(&used, problem, fix)]);
        }
        let mut since = clock::rfc3339(clock::now_micros());
        if let Some((loaded, bytes)) = self.loaded(&used, &name)? {
            plugin = self.compile(&used, &bytes)?;
            origin = Origin::Loaded { by: loaded.by };
            since = loaded.since;
        }
        self.look_at_scope(&used, &plugin);
        let misfits = schema::misfits(&plugin.manifest().config_schema, &used.config);
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
        self.in_force.push(InForce {
            name,
            used,
            plugin,
            policy: Arc::new(policy),
            memory: Arc::default(),
            origin,
            since,
        });
        Ok(())
    }

    fn compile(&mut self, used: &Use, bytes: &[u8]) -> Result<Arc<CompiledPlugin>, Vec<Mistake>> {
        let host = self.host;
        let compiled = self
            .compiled
            .entry(loaded::sha256(bytes))
            .or_insert_with(|| host.compile(bytes).map_err(|error| error.to_string()));
        compiled.clone().map_err(|problem| vec![mistake(used, problem, "use another build of it")])
    }

    fn loaded(
        &self,
        used: &Use,
        name: &str,
    ) -> Result<Option<(loaded::Loaded, Vec<u8>)>, Vec<Mistake>> {
        loaded::find(&self.config.data_dir, name).map_err(|error| {
            let entry = self.config.data_dir.join("plugins").join(format!("{name}.json"));
            let fix = format!("remove {} to go back to the policy file's plugin", entry.display());
            vec![mistake(used, format!("{error:#}"), &fix)]
        })
    }

    /// A policy file may be shared between gateways: a name that this one does not know is no mistake.
    fn look_at_scope(&mut self, used: &Use, plugin: &CompiledPlugin) {
        let config = self.config;
        let connections: Vec<&str> = config.connections.iter().map(|c| c.name.as_str()).collect();
        let roles: Vec<&str> = config.role_names.iter().map(String::as_str).collect();
        let scope = &used.scope;
        self.look_for_unknown(used, "protocol", scope.protocols.as_deref(), PROTOCOLS);
        self.look_for_unknown(used, "connection", scope.connections.as_deref(), &connections);
        self.look_for_unknown(used, "role", scope.roles.as_deref(), &roles);
        if used.mode == Mode::Observe && !plugin.hooks().guard {
            let problem = "a plugin that judges no commands does nothing in the mode `observe`";
            self.warnings.push(mistake(used, problem.into(), "enforce it, or leave it out"));
        }
    }

    fn look_for_unknown(
        &mut self,
        used: &Use,
        what: &str,
        globs: Option<&[String]>,
        known: &[&str],
    ) {
        for glob in globs.into_iter().flatten() {
            if glob.contains(['*', '?']) || known.contains(&glob.as_str()) {
                continue;
            }
            let problem = format!("no {what} is called `{}`", glob.escape_debug());
            let near = nearest(glob, known.iter().copied());
            let fix = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            self.warnings.push(mistake(used, problem, &fix));
        }
    }
}

/// Where a plugin's file is, and what is in it.
fn source(used: &Use) -> Result<(Origin, std::borrow::Cow<'static, [u8]>), Vec<Mistake>> {
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
    let path: PathBuf = used.file.parent().unwrap_or(Path::new("")).join(name);
    match std::fs::read(&path) {
        Ok(file) => Ok((Origin::File(path), file.into())),
        Err(error) => {
            let problem = format!("cannot read the plugin {}: {error}", path.display());
            Err(vec![mistake(used, problem, "paths are relative to the policy file's folder")])
        }
    }
}

fn mistake(used: &Use, problem: String, fix: &str) -> Mistake {
    Mistake { file: used.file.clone(), line: Some(used.line), problem, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests;
