//! `palisade check`: everything that `serve` would refuse, before it is served.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use palisade_policy::Mistake;
use palisade_wasm::PluginHost;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Failure;
use crate::config::Config;
use crate::data_dir;
use crate::plugins::{prepare, start_host, unknown_connections};
use crate::show::Screen;
use crate::show::text::visible_lines;

/// What was found.
#[derive(Default)]
struct Findings {
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
    ok: String,
}

pub(super) fn check(file: &Path, json: bool) -> Result<ExitCode, Failure> {
    let findings = findings(file)?;
    let code = if findings.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let mut screen = Screen::new();
    if json {
        let mistakes = findings.mistakes.iter().map(|mistake| shown("mistake", mistake));
        let warnings = findings.warnings.iter().map(|warning| shown("warning", warning));
        screen.json(&mistakes.chain(warnings).collect::<Vec<_>>())?;
        return Ok(code);
    }
    let mut err = io::stderr();
    for warning in &findings.warnings {
        writeln!(err, "warning: {}", safe(warning))?;
    }
    for mistake in &findings.mistakes {
        writeln!(err, "{}", safe(mistake))?;
    }
    if findings.mistakes.is_empty() {
        screen.line(&findings.ok)?;
    }
    Ok(code)
}

fn findings(file: &Path) -> Result<Findings, Failure> {
    let mut config = match Config::read(file) {
        Ok(config) => config,
        Err(mistakes) => return Ok(Findings { mistakes, ..Findings::default() }),
    };
    let mut findings =
        Findings { warnings: std::mem::take(&mut config.warnings), ..Findings::default() };
    match prepared(&config)? {
        Ok((policies, warnings)) => {
            findings.warnings.extend(warnings);
            findings.ok = format!(
                "ok: {} connections, {} roles, {policies} policies",
                config.connections.len(),
                config.role_names.len(),
            );
        }
        Err(mistakes) => findings.mistakes = mistakes,
    }
    Ok(findings)
}

type Prepared = Result<(usize, Vec<Mistake>), Vec<Mistake>>;

/// Compiles and configures every plugin. Compiled code is kept where the gateway keeps it, if it has run here before;
/// checking makes no data folder.
fn prepared(config: &Config) -> Result<Prepared, Failure> {
    let (host, _throwaway) = plugin_host(config)?;
    Ok(prepare(config, &host).map(|prepared| {
        let names: Vec<String> = config.connections.iter().map(|it| it.name.clone()).collect();
        let mut warnings = prepared.warnings;
        warnings.extend(unknown_connections(&prepared.in_force, &names));
        (prepared.in_force.len(), warnings)
    }))
}

/// What runs plugins apart from a gateway. The folder lives as long as it is used.
pub(super) fn plugin_host(config: &Config) -> Result<(PluginHost, TempDir), Failure> {
    let key = data_dir::existing_cache_key(&config.data_dir).ok().flatten();
    let throwaway = tempfile::tempdir()?;
    let (dir, key) = match key {
        Some(key) => (config.data_dir.as_path(), key),
        None => (throwaway.path(), [0; 32]),
    };
    Ok((start_host(dir, key, &config.limits)?, throwaway))
}

/// A mistake may quote a plugin, which may be anybody's.
fn safe(mistake: &Mistake) -> String {
    visible_lines(&mistake.to_string()).join("\n")
}

fn shown(severity: &str, mistake: &Mistake) -> Value {
    let file = mistake.file.display().to_string();
    let id = mistake.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
    json!({
        "id": id,
        "severity": severity,
        "file": file,
        "line": mistake.line,
        "problem": mistake.problem,
        "fix": mistake.fix,
    })
}
