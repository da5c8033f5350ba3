//! `palisade plugins`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::Value;

use super::archive::{list, path};
use super::args::{Args, PluginsCommand};
use super::client::Client;
use super::{Failure, author, signing};
use crate::config::Config;
use crate::show::text::{cut, visible};
use crate::show::{self, Screen};

pub(super) fn plugins(
    config: &Config,
    command: &PluginsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref())?;
    let change = |name: &str, change: &str| -> Result<Vec<Value>, Failure> {
        list(client.post(&format!("/v1/plugins/{}/{change}", policy(name)?))?)
    };
    match command {
        PluginsCommand::List => {
            let plugins = list(client.get("/v1/plugins")?)?;
            if args.json {
                return Ok(screen.json(&plugins)?);
            }
            Ok(show::plugins(&mut screen, &plugins)?)
        }
        PluginsCommand::Load { file, name } => {
            let loaded = load(&client, file, name.as_deref())?;
            changed(&loaded, args.json, screen)
        }
        PluginsCommand::Unload { name } => changed(&change(name, "unload")?, args.json, screen),
        PluginsCommand::Rollback { name } => changed(&change(name, "rollback")?, args.json, screen),
        PluginsCommand::History { limit } => {
            let changes = list(client.get(&format!("/v1/plugins/history?limit={limit}"))?)?;
            if args.json {
                return Ok(screen.json(&changes)?);
            }
            Ok(show::changes(&mut screen, &changes)?)
        }
        // Done before, without a gateway.
        PluginsCommand::Build { .. }
        | PluginsCommand::Inspect { .. }
        | PluginsCommand::Key { .. }
        | PluginsCommand::New { .. }
        | PluginsCommand::Sign { .. }
        | PluginsCommand::Test { .. } => Ok(()),
    }
}

/// What needs no gateway and no configuration; `None` for what does.
pub(super) fn without_gateway(
    command: &PluginsCommand,
    json: bool,
) -> Option<Result<ExitCode, Failure>> {
    let screen = Screen::new();
    let done = match command {
        PluginsCommand::New { name, lang, dir } => author::new(name, *lang, dir, json),
        PluginsCommand::Build { dir, out } => author::build(dir, out.as_deref(), json),
        PluginsCommand::Test { dir, plugin } => {
            return Some(author::test(dir, plugin.as_deref(), json));
        }
        PluginsCommand::Inspect { file } => author::inspect(file, json),
        PluginsCommand::Key { file } => signing::key(file, json, screen),
        PluginsCommand::Sign { file, key, out } => {
            signing::sign(file, key, out.as_deref(), json, screen)
        }
        _ => return None,
    };
    Some(done.map(|()| ExitCode::SUCCESS))
}

fn load(client: &Client, file: &Path, name: Option<&str>) -> Result<Vec<Value>, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let target = match name {
        Some(name) => format!("/v1/plugins?name={}", policy(name)?),
        None => "/v1/plugins".to_owned(),
    };
    list(client.load(&target, &bytes)?)
}

/// A policy's name as a part of a path.
fn policy(name: &str) -> anyhow::Result<&str> {
    path(&name.replace('_', "-")).map(|_| name)
}

/// Says what runs now.
fn changed(plugins: &[Value], json: bool, mut screen: Screen) -> Result<(), Failure> {
    if json {
        return Ok(screen.json(plugins)?);
    }
    for plugin in plugins {
        let text = |key: &str| visible(plugin[key].as_str().unwrap_or_default());
        let origin = match text("origin").as_str() {
            "loaded" => format!("loaded by {}", text("loaded_by")),
            "file" => text("file"),
            _ => "bundled".to_owned(),
        };
        screen.line(&format!(
            "{} now runs {} {} ({origin}, {}), from the next command of every session on",
            text("name"),
            text("plugin"),
            text("version"),
            cut(&text("hash"), 13),
        ))?;
    }
    Ok(())
}
