//! `palisade backtest`: what policies would have said of what was recorded.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use palisade_wasm::PluginHost;

use super::Failure;
use super::archive::Archive;
use super::args::{Args, BacktestArgs};
use super::check::plugin_host;
use crate::backtest::{Candidates, run};
use crate::config::Config;
use crate::plugins::{Candidate, prepare_with};
use crate::recorded::Place;
use crate::show::{self, Screen};

/// The exit status where something would differ.
const DIFFERS: u8 = 2;
/// How often a person is told how far it is.
const TELL: Duration = Duration::from_millis(500);

pub(super) fn backtest(
    mut config: Config,
    asked: &BacktestArgs,
    args: &Args,
    mut screen: Screen,
) -> Result<ExitCode, Failure> {
    if !asked.policy.is_empty() {
        config.policies.clone_from(&asked.policy);
    }
    let (host, _throwaway) = plugin_host(&config)?;
    let candidates = candidates(&config, &host, asked)?;
    let archive = Archive::open(&config, args.token.as_deref())?;
    let mut place = Some(asked.since.map_or_else(|| Place::at(0), Place::ago));
    let next = || {
        let Some(from) = &place else { return Ok(None) };
        let (parts, next) = archive.page(from, asked.connection.as_deref())?;
        place = next;
        Ok::<_, Failure>(Some(parts))
    };
    let mut progress = Progress::new(args.json);
    let report = run(&config, &candidates, next, |tried| progress.tell(tried));
    progress.clear();
    let mut report = report?;
    report.since = asked.since.is_some();
    if args.json {
        screen.json(&report.values())?;
    } else {
        show::backtest(&mut screen, &report)?;
    }
    Ok(if report.differs() { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

/// The policies to try: those of the policy files, with a plugin in the place of one of them, or after all of them.
fn candidates(
    config: &Config,
    host: &PluginHost,
    asked: &BacktestArgs,
) -> Result<Candidates, Failure> {
    let candidate = asked.plugin.as_ref().map(|file| candidate(host, file, asked)).transpose()?;
    let prepared = prepare_with(config, host, candidate.as_ref())?;
    Ok(Candidates::new(&prepared.in_force))
}

fn candidate(
    host: &PluginHost,
    file: &PathBuf,
    asked: &BacktestArgs,
) -> Result<Candidate, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let plugin = host.compile(&bytes).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let name = asked.name.clone().unwrap_or_else(|| plugin.manifest().name.clone());
    Ok(Candidate { plugin: Arc::clone(&plugin), name, file: file.clone() })
}

/// How far it is, for whoever looks at a terminal.
struct Progress {
    shown: bool,
    wanted: bool,
    started: Instant,
    last: Instant,
}

impl Progress {
    fn new(json: bool) -> Self {
        let now = Instant::now();
        let wanted = !json && std::io::stderr().is_terminal();
        Self { shown: false, wanted, started: now, last: now }
    }

    fn tell(&mut self, tried: u64) {
        if !self.wanted || self.last.elapsed() < TELL {
            return;
        }
        self.last = Instant::now();
        self.shown = true;
        let seconds = self.started.elapsed().as_secs();
        // Who cannot be told needs no telling.
        let _ = write!(std::io::stderr(), "\r{tried} commands tried in {seconds} s");
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
