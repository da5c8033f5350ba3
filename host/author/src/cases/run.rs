//! Runs cases on a plugin, as the gateway would ask it.

use std::path::PathBuf;
use std::sync::Arc;

use palisade_policy::{Hooks, Masking, Policy, PolicyFailure};
use palisade_wasm::{CompiledPlugin, Limits, WasmPolicy};
use serde_json::{Value, json};

use super::expect::Difference;
use super::words::{self, Words};
use super::{Case, CaseFile, Input};

/// What became of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// The file that it is in.
    pub file: PathBuf,
    /// The line of its name.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Where the answer is not the expected one; empty where it passed.
    pub differences: Vec<Difference>,
}

impl CaseFile {
    /// Runs every case, in order.
    ///
    /// Cases with the same configuration and grants share a policy, and with it the counters that it keeps in the gateway;
    /// those of another file begin anew.
    pub fn run(&self, plugin: &Arc<CompiledPlugin>) -> Vec<CaseReport> {
        let mut configured: Vec<(&Case, Configured)> = vec![];
        let mut reports = vec![];
        for case in &self.cases {
            let like = |other: &&Case| other.config == case.config && other.grants == case.grants;
            let place = match configured.iter().position(|(other, _)| like(other)) {
                Some(place) => place,
                None => {
                    // Counters are kept by the policy's name.
                    let name = format!("{}:{}", self.file.display(), case.line);
                    configured.push((case, configure(plugin, &name, case, self.limits)));
                    configured.len() - 1
                }
            };
            let Some((_, policy)) = configured.get(place) else { continue };
            reports.push(CaseReport {
                file: self.file.clone(),
                line: case.line,
                name: case.name.clone(),
                differences: case.expected.differences(&answer(policy, case)),
            });
        }
        reports
    }
}

/// A policy, or why the configuration was refused.
type Configured = Result<WasmPolicy, String>;

/// The schema's word counts before the plugin's own, as in the gateway.
fn configure(plugin: &Arc<CompiledPlugin>, name: &str, case: &Case, limits: Limits) -> Configured {
    check_schema(&plugin.manifest().config_schema, &case.config)?;
    let config = case.config.to_string();
    plugin.configure(name, &config, limits, &case.grants).map_err(|error| error.to_string())
}

fn check_schema(schema: &str, config: &Value) -> Result<(), String> {
    let unusable = |error: String| format!("the plugin's own schema cannot be used: {error}");
    let schema = serde_json::from_str(schema).map_err(|error| unusable(error.to_string()))?;
    let validator =
        jsonschema::validator_for(&schema).map_err(|error| unusable(error.to_string()))?;
    let misfits = validator.iter_errors(config).map(|error| {
        let place = error.instance_path().as_str().replace('/', ".");
        format!("config{place}: {error}")
    });
    let misfits: Vec<String> = misfits.collect();
    if misfits.is_empty() { Ok(()) } else { Err(misfits.join("; ")) }
}

fn answer(policy: &Configured, case: &Case) -> Words {
    let policy = match policy {
        Ok(policy) => policy,
        Err(reason) => {
            return vec![("configuration", json!("refused")), ("reason", json!(reason))];
        }
    };
    let words = missing_hook(policy.hooks(), &case.input).map_or_else(|| ask(policy, case), Err);
    words.unwrap_or_else(|failure| vec![("failure", json!(failure))])
}

fn ask(policy: &WasmPolicy, case: &Case) -> Result<Words, String> {
    let context = policy.looks_at().of(&case.context);
    let failed = |failure: PolicyFailure| failure.to_string();
    match &case.input {
        Input::Command(command) => {
            let seen = policy.judges_by().of(&Arc::new(command.clone()));
            policy.judge(&context, &seen).map(words::verdict).map_err(failed)
        }
        Input::Result(shape) => {
            let plan = policy.plan(&context, shape).map_err(failed)?;
            let fits = Masking::default().add(0, shape, &plan);
            fits.map_err(|why| failed(PolicyFailure::Answer(why)))?;
            Ok(words::plan(&plan))
        }
        Input::Inspect(batch) => {
            let answer = policy.inspect(&context, batch).map_err(failed)?;
            Ok(words::batch(&answer, batch))
        }
        Input::Held(command, hold) => {
            policy.review(&context, command, hold).map(words::review).map_err(failed)
        }
        Input::Configuration => Ok(vec![("configuration", json!("accepted"))]),
    }
}

/// The gateway never calls a hook that a plugin has not; a case that asks for one would always pass, or never.
fn missing_hook(hooks: Hooks, input: &Input) -> Option<String> {
    let (has, name) = match input {
        Input::Command(_) => (hooks.guard, "guard"),
        Input::Result(_) | Input::Inspect(_) => (hooks.mask, "mask"),
        Input::Held(..) => (hooks.reviewer, "reviewer"),
        Input::Configuration => return None,
    };
    (!has).then(|| format!("the plugin does not export the hook `{name}`"))
}
