//! Runs cases on a plugin, as the gateway would ask it.

use std::path::PathBuf;
use std::sync::Arc;

use palisade_policy::{CommandParts, ContextParts, Hooks, Masking, Policy, PolicyFailure};
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
    ///
    /// Where the plugin says that it looks at some parts only, each case is asked a second time with all of them, of a policy
    /// with counters of its own: another answer then is a difference too, for in the gateway a rule on what is not given
    /// would never bite.
    pub fn run(&self, plugin: &Arc<CompiledPlugin>) -> Vec<CaseReport> {
        let mut configured: Vec<(&Case, Configured, Configured)> = vec![];
        let mut reports = vec![];
        for case in &self.cases {
            let like = |other: &&Case| other.config == case.config && other.grants == case.grants;
            let place = match configured.iter().position(|(other, ..)| like(other)) {
                Some(place) => place,
                None => {
                    // Counters are kept by the policy's name.
                    let name = format!("{}:{}", self.file.display(), case.line);
                    let twin = configure(plugin, &format!("{name}:all"), case, self.limits);
                    configured.push((case, configure(plugin, &name, case, self.limits), twin));
                    configured.len() - 1
                }
            };
            let Some((_, policy, twin)) = configured.get(place) else { continue };
            let got = answer(policy, case, Given::Declared);
            let mut differences = case.expected.differences(&got);
            differences.extend(undeclared(twin, case, &got));
            let (file, line, name) = (self.file.clone(), case.line, case.name.clone());
            reports.push(CaseReport { file, line, name, differences });
        }
        reports
    }
}

/// What of its arguments a plugin is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// What it says that it looks at, as in the gateway.
    Declared,
    /// Everything.
    All,
}

/// What tells that the plugin looks at a part that it says it does not look at: it answers otherwise when it is given it.
fn undeclared(twin: &Configured, case: &Case, got: &Words) -> Option<Difference> {
    let withheld = withheld(twin.as_ref().ok()?, &case.input);
    if withheld.is_empty() || answer(twin, case, Given::All) == *got {
        return None;
    }
    let told = format!(
        "it answers otherwise when it is given {} too, which it does not declare (LOOKS_AT, JUDGES_BY in Rust; looks-at, \
         judges-by in the contract) and never gets in the gateway",
        withheld.join(", ")
    );
    Some(Difference { key: "undeclared", expected: None, got: Some(json!(told)) })
}

/// The parts of what a case asks that are not given to the plugin.
fn withheld(policy: &WasmPolicy, input: &Input) -> Vec<&'static str> {
    let context = policy.looks_at().names();
    let mut withheld = ContextParts::ALL.names();
    withheld.retain(|part| !context.contains(part));
    if matches!(input, Input::Command(_)) {
        let command = policy.judges_by().names();
        let parts = CommandParts::ALL.names();
        withheld.extend(parts.into_iter().filter(|part| !command.contains(part)));
    }
    withheld
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

fn answer(policy: &Configured, case: &Case, given: Given) -> Words {
    let policy = match policy {
        Ok(policy) => policy,
        Err(reason) => {
            return vec![("configuration", json!("refused")), ("reason", json!(reason))];
        }
    };
    let words =
        missing_hook(policy.hooks(), &case.input).map_or_else(|| ask(policy, case, given), Err);
    words.unwrap_or_else(|failure| vec![("failure", json!(failure))])
}

fn ask(policy: &WasmPolicy, case: &Case, given: Given) -> Result<Words, String> {
    let (looks_at, judges_by) = match given {
        Given::Declared => (policy.looks_at(), policy.judges_by()),
        Given::All => (ContextParts::ALL, CommandParts::ALL),
    };
    let context = looks_at.of(&case.context);
    let failed = |failure: PolicyFailure| failure.to_string();
    match &case.input {
        Input::Command(command) => {
            let seen = judges_by.of(&Arc::new(command.clone()));
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
